"""The places that give credentials, as strict as the real ones, all on one port of loopback, and an STS and a logs service
that check signatures with botocore. Prints its port, and ends when its standard input does.

Usage: aws_stub.py [SECONDS that its clock is ahead]
"""

import datetime
import http.server
import json
import sys
import threading
import time
import urllib.parse
import uuid

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AHEAD = int(sys.argv[1]) if len(sys.argv) > 1 else 0
SECRETS = {
    "AKIASTATIC": ("static-secret", None), "ASIAHOST": ("host-secret", "host/token+=="),
    "ASIAPOD": ("pod-secret", "pod/token=="), "ASIAROLE": ("role-secret", "role/token=="),
    "ASIAWEB": ("web-secret", "web/token=="),
}


def now():
    return time.time() + AHEAD


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def credentials(key):
    secret, token = SECRETS[key]
    return {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": stamp(now() + 3600)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(now())

    def reply(self, status, body="", headers=()):
        body = body if isinstance(body, bytes) else (json.dumps(body) if isinstance(body, dict) else body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.urlsplit(self.path).path
        if path.startswith("/latest/"):
            return self.instance(path[len("/latest"):])
        if path == "/pod":
            known = self.headers.get("Authorization") == "pod-token"
            return self.reply(200, credentials("ASIAPOD")) if known else self.reply(403)
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return self.sts(dict(urllib.parse.parse_qsl(body.decode())), body)
        if error := self.signature_error(body, "logs"):
            return self.reply(400, {"__type": error, "message": "no"})
        return self.reply(200, {"caller": self.caller(), "length": len(body)})

    do_GET = do_POST = do_PUT = answer

    def instance(self, path):
        if path == "/api/token":
            if self.command == "PUT" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600":
                return self.reply(200, "imds-token==")
            return self.reply(400)
        if self.headers.get("X-aws-ec2-metadata-token") != "imds-token==":
            return self.reply(401)
        found = {
            "/meta-data/iam/security-credentials/": "host-role",
            "/meta-data/iam/security-credentials/host-role": {"Code": "Success", **credentials("ASIAHOST")},
            "/meta-data/placement/region": "eu-west-1",
            "/dynamic/instance-identity/document": {"instanceId": "i-stub", "accountId": "123456789012"},
        }.get(path)
        return self.reply(404) if found is None else self.reply(200, found)

    def sts(self, form, body):
        action = form.get("Action", "")
        if action == "AssumeRoleWithWebIdentity":
            if form.get("WebIdentityToken") != "eyJ.web.token" or "Authorization" in self.headers:
                return self.refuse("InvalidIdentityToken")
            key = "ASIAWEB"
        else:
            if error := self.signature_error(body, "sts"):
                return self.refuse(error)
            if form.get("ExternalId", "ext") != "ext":
                return self.refuse("AccessDenied")
            key = "ASIAROLE"
        secret, token = SECRETS[key]
        self.reply(200, f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
            <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
            <SessionToken>{token}</SessionToken><Expiration>{stamp(now() + 3600)}</Expiration></Credentials>
            </{action}Result></{action}Response>""")

    def refuse(self, code):
        self.reply(403, f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")

    def caller(self):
        return self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]

    def signature_error(self, body, service):
        """None, or what AWS calls what is wrong."""
        given = self.headers.get("Authorization", "")
        date = self.headers.get("X-Amz-Date", "")
        if self.caller() not in SECRETS:
            return "UnrecognizedClientException"
        moment = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(moment.timestamp() - now()) > 300:
            return "InvalidSignatureException"
        secret, token = SECRETS[self.caller()]
        if self.headers.get("X-Amz-Security-Token") != token:
            return "InvalidClientTokenId"
        scope = given.partition("Credential=")[2].partition(",")[0].split("/")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        request = AWSRequest(method=self.command, url=f"http://{self.headers['Host']}{self.path}", data=body)
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = date
        signer = SigV4Auth(Credentials(self.caller(), secret), service, scope[2])
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        wanted = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
        whole = wanted <= set(names) and scope[3] == service
        return None if whole and given.endswith(f"Signature={signature}") else "SignatureDoesNotMatch"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
