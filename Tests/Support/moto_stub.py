"""moto, a stand-in for AWS that others have written, in one process with a user who may do everything. Prints its port,
the user's key and secret, and the ARN of a role; ends when its standard input does.

Usage: moto_stub.py [signed]; with it signatures are checked from then on (and moto fails for what it has no signature of).
"""

import json
import os
import sys
import threading
import urllib.request

os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="us-east-1")

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


server = make_server(
    "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

iam = boto3.client("iam", endpoint_url=url)
user = iam.create_user(UserName="vitals")["User"]["Arn"]
iam.put_user_policy(UserName="vitals", PolicyName="all", PolicyDocument=ALL)
key = iam.create_access_key(UserName="vitals")["AccessKey"]
trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="logs", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="logs", PolicyName="all", PolicyDocument=ALL)
if "signed" in sys.argv:
    urllib.request.urlopen(urllib.request.Request(
        f"{url}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"})).read()
print(server.server_port, key["AccessKeyId"], key["SecretAccessKey"], role, flush=True)
sys.stdin.read()
