"""A stand-in for CloudWatch Logs that is stricter than moto, and that can fail in every way before and after it has stored.

It enforces what https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html states: the
signature (recomputed by botocore over the bytes as they came, compressed), the clock, 1 048 576 bytes with 26 for each
event, 10 000 events, the size of one, 24 hours, order, no empty message, names, days of retention, groups and streams that
exist. Tests drive it in their own process, and read what is stored from its attributes.

    cloud = CloudWatchStandIn()
    cloud.fail("PutLogEvents", "throttle", "reset_after_commit")     # the next two requests
    cloud.choose_fault = lambda operation, number: …                 # or for each request: a fault, or None
    cloud.messages("/group", "stream")

Run by itself it checks itself with boto3, which must be accepted, and with requests that must not be.
"""

import datetime
import email.utils
import gzip
import http.server
import json
import re
import socket
import struct
import threading
import time
import uuid
import zlib

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# What the service states.
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
BATCH_EVENTS = 10_000
SPAN_MS = 24 * 3600 * 1000
OLDEST_MS = 14 * 24 * 3600 * 1000
NEWEST_MS = 2 * 3600 * 1000
CLOCK_SECONDS = 300
RETENTION_DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
CLASSES = {"STANDARD", "INFREQUENT_ACCESS", "DELIVERY"}
GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}\Z")
STREAM_NAME = re.compile(r"[^:*]{1,512}\Z")
TAGS = 50

ACCESS_KEY, SECRET_KEY = "AKIDSTANDIN", "stand-in/secret+key"

# Faults that answer: status, code, message.
ANSWERS = {
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "too_many_requests": (429, "TooManyRequestsException", "Slow down"),
    "unavailable": (503, "ServiceUnavailableException", "The service cannot complete the request."),
    "internal": (500, "InternalFailure", "Internal failure"),
    "bad_gateway": (502, "", "<html>bad gateway</html>"),
    "gateway_timeout": (504, "", ""),
    "expired_token": (400, "ExpiredTokenException", "The security token included in the request is expired"),
    "unrecognized_client": (400, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "access_denied": (400, "AccessDeniedException", "User is not authorized to perform this operation"),
    "forbidden": (403, "AccessDeniedException", "User is not authorized to perform this operation"),
    "too_large": (413, "", "Request Entity Too Large"),
    "invalid_parameter": (400, "InvalidParameterException", "A parameter is specified incorrectly."),
    "limit_exceeded": (400, "LimitExceededException", "Resource limit exceeded."),
    "operation_aborted": (400, "OperationAbortedException", "Multiple concurrent requests to update the same resource."),
    "already_accepted": (400, "DataAlreadyAcceptedException", "The given batch of log events has already been accepted."),
    "invalid_sequence_token": (400, "InvalidSequenceTokenException", "The given sequenceToken is invalid."),
}
# Answers of somebody else, a captive portal or a proxy, before anything has reached the service: status, headers, body. And
# of the service's own, mangled on the way.
PORTALS = {
    "portal_html": (200, {"Content-Type": "text/html", "Server": "portal/1"}, b"<html><title>Please log in</title></html>"),
    "portal_empty": (200, {}, b""),
    "portal_no_content": (204, {}, b""),
    "portal_json": (200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"),
    "portal_redirect": (302, {"Location": "http://portal.example.test/login?to=x"}, b""),
    "portal_accepted": (202, {"x-amzn-RequestId": "1"}, b"{}"),
    "portal_forbidden": (403, {"Content-Type": "text/html"}, b"<html>Log in first</html>"),
    "cut_json": (200, {"x-amzn-RequestId": "1"}, b'{"rejectedLogEventsInfo":{"tooNewLogEventSta'),
    "array": (200, {"x-amzn-RequestId": "1"}, b"[]"),
    "marked_html": (200, {"x-amzn-RequestId": "1", "Content-Type": "text/html"}, b"<html>ok</html>"),
}
# Faults of the connection, before anything is stored, and after.
BEFORE = {"reset_in_body", "reset_before_commit", "close_before_commit"}
AFTER = {"reset_after_commit", "close_after_commit", "cut_answer_after_commit", "internal_after_commit"}


class Refused(Exception):
    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def invalid(message):
    return Refused(400, "InvalidParameterException", message)


class Group:
    def __init__(self, request):
        self.streams = {}
        self.retention = None
        self.log_class = request.get("logGroupClass", "STANDARD")
        self.kms_key = request.get("kmsKeyId")
        self.tags = request.get("tags", {})


class CloudWatchStandIn:
    def __init__(self, tls=None, region="us-east-1", session_token=None, keep_requests=True):
        self.credentials = Credentials(ACCESS_KEY, SECRET_KEY, session_token)
        self.region = region
        self.lock = threading.RLock()
        self.groups = {}
        self.planned = {}
        self.choose_fault = None
        # Groups with which nothing may be done.
        self.denied = set()
        # A message for which a whole request is refused.
        self.is_bad = None
        self.clock_offset = 0
        self.retry_after = None
        self.delay = 0
        # What every request was: operation, fault, status, code, events, bytes.
        self.requests = []
        self.operations = {}
        # Messages that are stored, and whose answer did not arrive.
        self.unanswered = []
        self.rejected = {"too_old": 0, "expired": 0, "too_new": 0}
        self.under_way = 0
        self.most_under_way = 0
        self.stopping = threading.Event()
        self.tls = tls
        # What the agent is to call it.
        self.name = "127.0.0.1"
        self.server = None
        self.port = 0
        self.start()

    # ---- for tests

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.name}:{self.port}"

    def start(self):
        handler = type("Handler", (Handler,), {"cloud": self})
        self.stopping.clear()
        self.server = Server(("127.0.0.1", self.port), handler)
        if self.tls:
            self.server.socket = self.tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Connections are refused from here on, and those that are open break."""
        self.stopping.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server.break_connections()
            self.server = None

    def fail(self, operation, *faults):
        """The next requests of this operation fail so, one after another; None is one that does not."""
        with self.lock:
            self.planned.setdefault(operation, []).extend(faults)

    def events(self, group, stream):
        """(timestamp, message) in the order in which they were stored."""
        with self.lock:
            return list(self.groups[group].streams.get(stream, [])) if group in self.groups else []

    def messages(self, group=None, stream=None):
        with self.lock:
            return [message for name, found in self.groups.items() if group in (None, name)
                    for other, events in found.streams.items() if stream in (None, other) for _, message in events]

    def count(self, operation, code=None):
        with self.lock:
            return sum(1 for request in self.requests if request["operation"] == operation
                       and (code is None or request["code"] == code))

    @property
    def now(self):
        return time.time() + self.clock_offset

    # ---- one request

    def fault_for(self, operation):
        with self.lock:
            number = self.operations[operation] = self.operations.get(operation, 0) + 1
            planned = self.planned.get(operation)
            if planned:
                return planned.pop(0)
            return self.choose_fault(operation, number) if self.choose_fault else None

    def answer(self, method, path, headers, body):
        """Checks, stores, and returns the answer's JSON; raises Refused."""
        self.check_signature(method, path, headers, body)
        if headers.get("content-type") != "application/x-amz-json-1.1":
            raise Refused(400, "SerializationException", f"content type {headers.get('content-type')}")
        if headers.get("content-encoding", "identity") == "gzip":
            try:
                body = zlib.decompress(body, 31)
            except zlib.error as error:
                raise Refused(400, "SerializationException", f"not gzip: {error}")
        try:
            request = json.loads(body)
        except ValueError as error:
            raise Refused(400, "SerializationException", f"not JSON: {error}")
        operation = headers["x-amz-target"].removeprefix("Logs_20140328.")
        handle = {
            "PutLogEvents": self.put_log_events, "CreateLogGroup": self.create_log_group,
            "CreateLogStream": self.create_log_stream, "PutRetentionPolicy": self.put_retention_policy,
            "DescribeLogGroups": self.describe_log_groups,
        }.get(operation)
        if not handle:
            raise Refused(400, "UnknownOperationException", operation)
        return handle(request)

    def check_signature(self, method, path, headers, body):
        form = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/logs/aws4_request, ?"
                        r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})\Z", headers.get("authorization", ""))
        if not form:
            raise Refused(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
        key, day, region, names, signature = form.groups()
        if key != self.credentials.access_key or headers.get("x-amz-security-token") != self.credentials.token:
            raise Refused(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        signed = names.split(";")
        needed = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        if signed != sorted(signed) or needed - set(signed):
            raise Refused(400, "InvalidSignatureException", f"not signed: {sorted(needed - set(signed))} of {names}")
        stamp = headers.get("x-amz-date", "")
        try:
            date = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            raise Refused(400, "IncompleteSignatureException", f"x-amz-date {stamp!r}")
        if abs(date.timestamp() - self.now) > CLOCK_SECONDS or not stamp.startswith(day):
            raise Refused(400, "InvalidSignatureException", f"Signature expired: {stamp} is now earlier than …")
        if region != self.region:
            raise Refused(400, "InvalidSignatureException", f"Credential should be scoped to a valid region, not {region}")
        request = AWSRequest(method=method, url=f"{self.url}{path}", data=body,
                             headers={name: headers.get(name, "") for name in signed})
        request.context["timestamp"] = stamp
        signer = SigV4Auth(self.credentials, "logs", region)
        wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        if wanted != signature:
            raise Refused(400, "InvalidSignatureException", "The request signature we calculated does not match …")

    def group(self, request):
        name = request.get("logGroupName", "")
        if not isinstance(name, str) or not GROUP_NAME.match(name) or name.startswith("aws/"):
            raise invalid(f"Value {name!r} at 'logGroupName' failed to satisfy constraint")
        if name in self.denied:
            raise Refused(400, "AccessDeniedException", f"User is not authorized to perform this on log-group:{name}")
        return name

    def stream(self, request):
        name = request.get("logStreamName", "")
        if not isinstance(name, str) or not STREAM_NAME.match(name):
            raise invalid(f"Value {name!r} at 'logStreamName' failed to satisfy constraint")
        return name

    def found(self, request):
        group = self.groups.get(self.group(request))
        if not group:
            raise Refused(400, "ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def create_log_group(self, request):
        name, kind, tags = self.group(request), request.get("logGroupClass", "STANDARD"), request.get("tags", {})
        if kind not in CLASSES or len(tags) > TAGS or "tags" in request and not tags:
            raise invalid(f"class {kind!r}, {len(tags)} tags")
        with self.lock:
            if name in self.groups:
                raise Refused(400, "ResourceAlreadyExistsException", "The specified log group already exists")
            self.groups[name] = Group(request)
        return None

    def create_log_stream(self, request):
        name = self.stream(request)
        with self.lock:
            group = self.found(request)
            if name in group.streams:
                raise Refused(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
            group.streams[name] = []
        return None

    def put_retention_policy(self, request):
        with self.lock:
            group = self.found(request)
            if request.get("retentionInDays") not in RETENTION_DAYS:
                raise invalid(f"retentionInDays {request.get('retentionInDays')!r}")
            group.retention = request["retentionInDays"]
        return None

    def describe_log_groups(self, request):
        prefix = request.get("logGroupNamePrefix", "")
        with self.lock:
            return {"logGroups": [
                {"logGroupName": name, **({"retentionInDays": group.retention} if group.retention else {})}
                for name, group in sorted(self.groups.items()) if name.startswith(prefix)]}

    def put_log_events(self, request):
        self.group(request)
        name, events = self.stream(request), request.get("logEvents")
        if not isinstance(events, list) or not 1 <= len(events) <= BATCH_EVENTS:
            raise invalid(f"{len(events or [])} events: 1 to {BATCH_EVENTS} are allowed")
        size, last = 0, -1
        for event in events:
            at, message = event["timestamp"], event["message"]
            if not isinstance(at, int) or at < 0 or not isinstance(message, str) or not message:
                raise invalid("a timestamp below 0 or an empty message")
            if at < last:
                raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
            last = at
            length = len(message) if message.isascii() else len(message.encode())
            size += length + EVENT_OVERHEAD_BYTES
            if length + EVENT_OVERHEAD_BYTES > BATCH_BYTES:
                raise invalid(f"Log event too large: {length} bytes")
            if self.is_bad and self.is_bad(message):
                raise invalid("Log event not liked")
        if size > BATCH_BYTES:
            raise invalid(f"Upload too large: {size} bytes")
        now = int(self.now * 1000)
        with self.lock:
            group = self.found(request)
            if name not in group.streams:
                raise Refused(400, "ResourceNotFoundException", "The specified log stream does not exist.")
            expired = now - (group.retention or 10_000) * 24 * 3600 * 1000
            old = sum(1 for event in events if event["timestamp"] < now - OLDEST_MS)
            gone = sum(1 for event in events if now - OLDEST_MS <= event["timestamp"] < expired)
            new = sum(1 for event in events if event["timestamp"] > now + NEWEST_MS)
            kept = events[old + gone:len(events) - new]
            if kept and kept[-1]["timestamp"] - kept[0]["timestamp"] > SPAN_MS:
                raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
            group.streams[name] += [(event["timestamp"], event["message"]) for event in kept]
            for reason, count in (("too_old", old), ("expired", gone), ("too_new", new)):
                self.rejected[reason] += count
        rejected = {}
        if old:
            rejected["tooOldLogEventEndIndex"] = old
        if gone:
            rejected["expiredLogEventEndIndex"] = old + gone
        if new:
            rejected["tooNewLogEventStartIndex"] = len(events) - new
        return {"nextSequenceToken": "1", **({"rejectedLogEventsInfo": rejected} if rejected else {})}

    def note(self, operation, fault, status, code, body):
        with self.lock:
            self.requests.append({"operation": operation, "fault": fault, "status": status, "code": code,
                                  "bytes": len(body), "at": time.time()})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments):
        self.open = set()
        super().__init__(*arguments)

    def handle_error(self, request, client_address):
        pass  # a client that goes away is what some tests are about

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def break_connections(self):
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    cloud = None

    def log_message(self, *_):
        pass

    def reset(self):
        """RST instead of FIN: what was sent may be lost."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def do_POST(self):
        cloud = self.cloud
        headers = {name.lower(): value for name, value in self.headers.items()}
        operation = headers.get("x-amz-target", "").removeprefix("Logs_20140328.")
        fault = cloud.fault_for(operation)
        length = int(headers.get("content-length", 0))
        if fault == "reset_in_body":
            self.rfile.read(min(length // 2, 1000))
            cloud.note(operation, fault, 0, "", b"")
            return self.reset()
        body = self.rfile.read(length)
        with cloud.lock:
            cloud.under_way += 1
            cloud.most_under_way = max(cloud.most_under_way, cloud.under_way)
        try:
            self.respond(cloud, operation, fault, headers, body)
        finally:
            with cloud.lock:
                cloud.under_way -= 1

    def respond(self, cloud, operation, fault, headers, body):
        if cloud.delay:
            cloud.stopping.wait(cloud.delay)
        if fault == "hang":
            cloud.note(operation, fault, 0, "", body)
            cloud.stopping.wait(120)
            return self.reset()
        if fault in PORTALS:
            cloud.note(operation, fault, PORTALS[fault][0], "", body)
            return self.answer_as_portal(*PORTALS[fault])
        if fault in BEFORE:
            cloud.note(operation, fault, 0, "", body)
            if fault == "close_before_commit":
                self.close_connection = True
                return None
            return self.reset()
        try:
            if fault in ANSWERS:
                status, code, message = ANSWERS[fault]
                extra = [("Retry-After", str(cloud.retry_after))] if cloud.retry_after is not None else []
                raise Refused(status, code, message, extra)
            answer = cloud.answer(self.command, self.path, headers, body)
        except Refused as refused:
            cloud.note(operation, fault, refused.status, refused.code, body)
            return self.refuse(refused)
        cloud.note(operation, fault, 200, "", body)
        text = b"" if answer is None else json.dumps(answer).encode()
        if fault in AFTER:
            if operation == "PutLogEvents":
                plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                with cloud.lock:
                    cloud.unanswered += [event["message"] for event in json.loads(plain)["logEvents"]]
            if fault == "internal_after_commit":
                return self.refuse(Refused(*ANSWERS["internal"]))
            if fault == "close_after_commit":
                self.close_connection = True
                return None
            if fault == "cut_answer_after_commit":
                self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            return self.reset()
        return self.send(200, text, [])

    def refuse(self, refused):
        text = json.dumps({"__type": f"com.amazonaws.logs#{refused.code}", "message": refused.message}).encode()
        if not refused.code:
            text = refused.message.encode()
        named = [("x-amzn-ErrorType", f"{refused.code}:http://internal.amazon.com/")] if refused.code else []
        self.send(refused.status, text, named + list(refused.headers))

    def send(self, status, text, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        # Only what AWS itself answers has it: see `PORTALS`.
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def answer_as_portal(self, status, headers, text):
        """As somebody else does who stands in between."""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(self.cloud.now if timestamp is None else timestamp, usegmt=True)


def check():
    """boto3 is accepted, and what breaks a rule is refused."""
    import boto3
    import botocore.config
    import botocore.exceptions

    cloud = CloudWatchStandIn()
    config = botocore.config.Config(retries={"max_attempts": 0}, parameter_validation=False)

    def client(secret=SECRET_KEY, region="us-east-1"):
        return boto3.client("logs", endpoint_url=cloud.url, region_name=region, aws_access_key_id=ACCESS_KEY,
                            aws_secret_access_key=secret, config=config)

    def refuses(code, call, **arguments):
        try:
            call(**arguments)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == code, error
            return
        raise AssertionError(f"accepted: {str(arguments)[:200]}")

    logs, now = client(), int(time.time() * 1000)
    put = {"logGroupName": "/a", "logStreamName": "s"}

    def events(*pairs):
        return {**put, "logEvents": [{"timestamp": at, "message": message} for at, message in pairs]}

    refuses("ResourceNotFoundException", logs.put_log_events, **events((now, "x")))
    logs.create_log_group(logGroupName="/a", tags={"team": "x"}, logGroupClass="INFREQUENT_ACCESS")
    refuses("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/a")
    refuses("ResourceNotFoundException", logs.put_log_events, **events((now, "x")))
    logs.create_log_stream(**put)
    logs.put_retention_policy(logGroupName="/a", retentionInDays=7)
    refuses("InvalidParameterException", logs.put_retention_policy, logGroupName="/a", retentionInDays=8)
    logs.put_log_events(**events((now - 1, "grüße"), (now, "x" * (BATCH_BYTES - 26 - 33))))
    assert cloud.messages("/a", "s")[0] == "grüße" and len(cloud.messages()) == 2
    for wrong in [events((now, "x"), (now - 1, "y")), events((now, "x" * (BATCH_BYTES - 25))), events(),
                  events(*[(now, "x")] * (BATCH_EVENTS + 1)), events((now - SPAN_MS - 1, "x"), (now, "y")),
                  events(*[(now, "x" * 500_000)] * 3), {**events((now, "x")), "logStreamName": "a:b"},
                  {**events((now, "x")), "logGroupName": "a b"}]:
        refuses("InvalidParameterException", logs.put_log_events, **wrong)
    answer = logs.put_log_events(**events((now - OLDEST_MS - 9000, "old"), (now - 8 * 86_400_000, "gone"), (now, "kept"),
                                          (now + NEWEST_MS + 9000, "new")))
    assert answer["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2, "tooNewLogEventStartIndex": 3}, answer
    assert len(cloud.messages()) == 3
    refuses("InvalidSignatureException", client(secret="another").put_log_events, **events((now, "x")))
    refuses("InvalidSignatureException", client(region="eu-west-1").put_log_events, **events((now, "x")))
    cloud.clock_offset = 400
    refuses("InvalidSignatureException", client().put_log_events, **events((now, "x")))
    cloud.clock_offset = 0
    for fault, (_, code, _) in ANSWERS.items():
        if code:
            cloud.fail("PutLogEvents", fault)
            refuses(code, logs.put_log_events, **events((now, "x")))
    assert len(cloud.messages()) == 3
    stored = ["reset_after_commit", "close_after_commit", "cut_answer_after_commit"]
    for fault in sorted(BEFORE) + stored:
        cloud.fail("PutLogEvents", fault)
        try:
            logs.put_log_events(**events((now, fault)))
        except botocore.exceptions.BotoCoreError:
            continue
        raise AssertionError(f"{fault} was answered")
    assert cloud.messages()[3:] == cloud.unanswered == stored
    # Compressed, as the agent does, and signed over what is sent.
    body = json.dumps(events((now, "gzip"))).encode()
    for spoil in [False, True]:
        packed = gzip.compress(body)
        request = AWSRequest("POST", cloud.url + "/", data=packed, headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.PutLogEvents",
            "Content-Encoding": "gzip"})
        SigV4Auth(cloud.credentials, "logs", "us-east-1").add_auth(request)
        import urllib.error
        import urllib.request
        sent = urllib.request.Request(cloud.url + "/", data=gzip.compress(body, 1) + b"" if spoil else packed,
                                      headers=dict(request.headers))
        try:
            assert urllib.request.urlopen(sent).status == 200 and not spoil
        except urllib.error.HTTPError as error:
            assert spoil and b"InvalidSignatureException" in error.read()
    assert cloud.messages()[-1] == "gzip"
    cloud.stop()
    print("the stand-in accepts boto3 and refuses what breaks a rule")


if __name__ == "__main__":
    check()
