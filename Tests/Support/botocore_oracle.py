"""What botocore makes of requests and regions, for the Swift tests to compare with: a JSON object a line in, one out.

{"sign": {method, url, headers, body (hex), access_key, secret_key, token, region, service, time}}
    -> {"canonical": …, "string_to_sign": …, "authorization": …}
{"endpoint": {service, region, fips, dual_stack}} -> {"url": …} or {"error": …}
{"regions": true} -> {"regions": […]}
"""

import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.endpoint_provider
import botocore.loaders

loader = botocore.loaders.Loader()
partitions = loader.load_data("partitions")
rules = {}


def sign(given):
    headers = {}
    request = botocore.awsrequest.AWSRequest(
        method=given["method"], url=given["url"], data=bytes.fromhex(given["body"]))
    for name, value in given["headers"]:
        request.headers.add_header(name, value)
    # botocore asks for the time itself.
    moment = datetime.datetime.fromtimestamp(given["time"], datetime.timezone.utc).replace(tzinfo=None)
    botocore.auth.get_current_datetime = lambda: moment
    keys = botocore.credentials.Credentials(given["access_key"], given["secret_key"], given.get("token"))
    signer = botocore.auth.SigV4Auth(keys, given["service"], given["region"])
    seen = {}
    of_request, of_text = signer.canonical_request, signer.string_to_sign

    def canonical_request(request):
        seen["canonical"] = of_request(request)
        return seen["canonical"]

    def string_to_sign(request, canonical):
        seen["string_to_sign"] = of_text(request, canonical)
        return seen["string_to_sign"]

    signer.canonical_request, signer.string_to_sign = canonical_request, string_to_sign
    signer.add_auth(request)
    seen["authorization"] = request.headers["Authorization"]
    return seen


def endpoint(given):
    name = given["service"]
    if name not in rules:
        model = {"logs": "logs", "monitoring": "cloudwatch", "sts": "sts"}[name]
        rules[name] = botocore.endpoint_provider.EndpointProvider(
            loader.load_service_model(model, "endpoint-rule-set-1"), partitions)
    try:
        found = rules[name].resolve_endpoint(
            Region=given["region"], UseFIPS=given["fips"], UseDualStack=given["dual_stack"])
    except Exception as error:  # botocore has many, and all of them mean: none
        return {"error": str(error)}
    return {"url": found.url}


for line in sys.stdin:
    given = json.loads(line)
    if "sign" in given:
        answer = sign(given["sign"])
    elif "endpoint" in given:
        answer = endpoint(given["endpoint"])
    else:
        answer = {"regions": [region for part in partitions["partitions"] for region in part["regions"]]}
    print(json.dumps(answer), flush=True)
