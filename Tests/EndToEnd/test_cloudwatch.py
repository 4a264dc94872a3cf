"""The output cloudwatch_logs against a stand-in that is stricter than moto, and against moto itself, read back with boto3."""

import datetime
import ipaddress
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter

import boto3
import cloudwatch_stand_in
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cloudwatch_stand_in import ACCESS_KEY, SECRET_KEY, CloudWatchStandIn
from faulty_receiver import Proxy
from support import BINARY, Scratch, eventually, free_port, start_writer


class CloudWatch(Scratch):
    def cloud(self, **options):
        cloud = CloudWatchStandIn(**options)
        self.addCleanup(cloud.stop)
        return cloud

    def settings(self, url, paths=("app.log",), **output):
        inputs = {"app": {"type": "file", "paths": [str(self.directory / path) for path in paths]}}
        return {
            "inputs": inputs,
            "outputs": {"aws": {
                "type": "cloudwatch_logs", "region": "us-east-1", "endpoint": url, "access_key_id": ACCESS_KEY,
                "secret_access_key": SECRET_KEY, "log_group": "/test/{input}", "log_stream": "{file_name}", **output}},
            "routes": [{"from": "app", "to": "aws"}]}

    def start(self, cloud, **output):
        # Nothing of this machine's own settings for AWS, and no question to an instance's metadata.
        environment = {name: "" for name in os.environ if name.startswith("AWS_")}
        environment["AWS_EC2_METADATA_DISABLED"] = "true"
        return self.agent(self.settings(cloud.url, **output)).start(environment=environment)

    def write(self, lines, name="app.log"):
        with (self.directory / name).open("a") as log:
            log.write("".join(f"{line}\n" for line in lines))

    def wait_for(self, cloud, count, agent, within=60, **place):
        eventually(lambda: len(set(cloud.messages(**place))) >= count, within,
                   f"{count} messages; there are {len(cloud.messages())}; the agent said:\n{agent.log()[-4000:]}")

    def dropped(self, agent, reason):
        return agent.metric(f'vitals_route_records_dropped_total{{input="app",output="aws",reason="{reason}"}}')

    def certificate(self, address, days=2):
        """One that signs itself: its files, and that of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {address} {days}")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=3))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256()))
        self.certificates = getattr(self, "certificates", 0) + 1
        files = [self.directory / f"{self.certificates}.{end}" for end in ("pem", "key")]
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return files


class StandIn(CloudWatch):
    def test_the_stand_in_accepts_boto3_and_refuses_what_breaks_a_rule(self):
        cloudwatch_stand_in.check()

    def test_from_nothing_to_the_first_events(self):
        cloud = self.cloud()
        agent = self.start(cloud, retention_days=30, tags={"team": "ops"}, log_group_class="INFREQUENT_ACCESS",
                           kms_key="arn:aws:kms:us-east-1:1:key/1")
        self.write(["one", "grüße \t\"x\"", "", "three"])
        eventually(lambda: len(cloud.messages()) == 4, 20, f"four messages\n{agent.log()}")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(cloud.messages("/test/app", "app.log"), ["one", "grüße \t\"x\"", " ", "three"])
        group = cloud.groups["/test/app"]
        self.assertEqual((group.retention, group.log_class, group.tags, group.kms_key),
                         (30, "INFREQUENT_ACCESS", {"team": "ops"}, "arn:aws:kms:us-east-1:1:key/1"))
        self.assertEqual((cloud.count("CreateLogGroup"), cloud.count("PutRetentionPolicy")), (1, 1))

    def test_the_whole_record_as_json(self):
        cloud = self.cloud()
        agent = self.start(cloud, format="json", compression="none")
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        record = json.loads(cloud.messages()[0])
        self.assertEqual((record["message"], record["input"], record["file"]),
                         ("one", "app", str(self.directory / "app.log")))

    def test_two_hundred_thousand_records_through_a_run_of_faults(self):
        cloud = self.cloud()
        seed = int(os.environ.get("VITALS_SEED", random.randrange(1 << 32)))
        print(f"VITALS_SEED={seed}", file=sys.stderr)
        chance = random.Random(seed)
        faults = ["throttle", "too_many_requests", "unavailable", "internal", "bad_gateway", "gateway_timeout",
                  "reset_in_body", "reset_before_commit", "close_before_commit", "reset_after_commit",
                  "cut_answer_after_commit", "internal_after_commit", "expired_token", "too_large", "limit_exceeded",
                  "operation_aborted", "invalid_sequence_token"]
        cloud.choose_fault = lambda operation, number: chance.choice(faults) if chance.random() < 0.25 else None
        lines = 200_000
        agent = self.start(cloud, batch_bytes="64KiB", in_flight=4)
        writer = start_writer(self, self.directory / "app.log", lines, "60000:rename", "120000:rename")
        # Every line has its number in front.
        def numbers(messages):
            return Counter(int(message.split(" ", 1)[0].removeprefix("seq=")) for message in messages)
        eventually(lambda: len(cloud.messages()) >= lines and len(numbers(cloud.messages())) == lines, 150,
                   f"all lines\n{agent.log()[-4000:]}")
        self.assertEqual(writer.wait(), 0)
        self.assertEqual(agent.stop(), 0)
        stored, unanswered = numbers(cloud.messages()), numbers(cloud.unanswered)
        self.assertEqual(set(stored), set(range(lines)))
        twice = {number for number, count in stored.items() if count > 1}
        self.assertLessEqual(twice, set(unanswered), "doubled although the answer came")
        self.assertTrue(all(stored[number] <= 1 + unanswered[number] for number in twice))
        self.assertGreater(len({request["fault"] for request in cloud.requests}), 12, "few of the faults happened")

    def test_each_fault_alone_loses_nothing(self):
        cloud = self.cloud()
        agent = self.start(cloud)
        self.write(["first"])
        self.wait_for(cloud, 1, agent)
        wanted = ["first"]
        never_stored_twice = [*cloudwatch_stand_in.ANSWERS, *sorted(cloudwatch_stand_in.BEFORE)]
        # What may be one record's fault puts a lone record aside, as it should; see below.
        for fault in [fault for fault in never_stored_twice if fault not in ("invalid_parameter", "too_large")]:
            if fault == "already_accepted":
                continue  # says that it is stored: the record is not sent again
            with self.subTest(fault):
                cloud.fail("PutLogEvents", fault)
                wanted.append(f"after {fault}")
                self.write([wanted[-1]])
                eventually(lambda: cloud.messages() == wanted, 30, f"{fault}\n{agent.log()[-2000:]}")
        for fault in sorted(cloudwatch_stand_in.AFTER):
            with self.subTest(fault):
                cloud.fail("PutLogEvents", fault)
                wanted += [f"after {fault}"] * 2
                self.write([wanted[-1]])
                eventually(lambda: cloud.messages() == wanted, 30, f"{fault}\n{agent.log()[-2000:]}")
        self.assertEqual(agent.metric('vitals_route_records_rejected_total{input="app",output="aws"}'), 0)

    def test_a_bad_event_is_found_and_set_aside(self):
        cloud = self.cloud()
        cloud.is_bad = lambda message: message == "bad 333"
        agent = self.start(cloud)
        self.write([f"{'bad' if n == 333 else 'good'} {n}" for n in range(1000)])
        self.wait_for(cloud, 999, agent)
        eventually(lambda: agent.metric('vitals_route_records_rejected_total{input="app",output="aws"}') == 1, 20,
                   "one is rejected")
        agent.stop()
        self.assertEqual(cloud.messages(), [f"good {n}" for n in range(1000) if n != 333])
        rejected = "".join(path.read_text() for path in (agent.state / "rejected").rglob("*") if path.is_file())
        self.assertEqual(json.loads(rejected)["record"]["message"], "bad 333")

    def test_too_large_is_halved(self):
        cloud = self.cloud()
        cloud.fail("PutLogEvents", None, "too_large", "too_large")
        agent = self.start(cloud)
        self.write([f"line {n}" for n in range(100)])
        self.wait_for(cloud, 100, agent)
        self.assertEqual(cloud.messages(), [f"line {n}" for n in range(100)])

    def test_limits_of_bytes_and_events_hold_with_batches_that_are_larger(self):
        cloud = self.cloud()
        self.write([f"{n}" for n in range(30_000)] + [f"{n} " + "ü" * 1000 for n in range(2000)])
        agent = self.start(cloud, batch_bytes="8MiB", batch_records=100_000)
        self.wait_for(cloud, 32_000, agent)
        self.assertEqual(cloud.count("PutLogEvents", "InvalidParameterException"), 0)
        self.assertEqual(len(cloud.messages()), 32_000)

    def test_a_long_event_arrives_in_parts_that_can_be_put_together(self):
        cloud = self.cloud()
        text = "".join(chr(0x20AC if n % 3 else 0x1F600) for n in range(900_000))
        settings = self.settings(cloud.url)
        settings["inputs"]["app"]["line_limit"] = "16MiB"
        self.write([text])
        agent = self.agent(settings).start()
        eventually(lambda: len(cloud.messages()) >= 3, 60, f"the parts\n{agent.log()}")
        agent.stop()
        parts = {}
        for message in cloud.messages():
            index, count, mark, part = re.match(r"\[part (\d+)/(\d+) of ([0-9a-f]+)\] (.*)\Z", message, re.S).groups()
            parts[int(index)] = part
        self.assertEqual(sorted(parts), list(range(1, int(count) + 1)))
        self.assertEqual("".join(parts[index] for index in sorted(parts)), text)

    def test_old_and_new_times_and_spans(self):
        """In order within 24 hours a request, and what is too old is counted as dropped."""
        cloud = self.cloud()
        now = int(time.time())
        ages = [n * 7200 for n in range(180)]  # 15 days back, every two hours
        self.write([json.dumps({"t": now - age, "m": age}) for age in random.Random(1).sample(ages, len(ages))])
        settings = self.settings(cloud.url)
        settings["inputs"]["app"] |= {"parse": "json", "time": {"field": "t", "format": "epoch_s"}}
        agent = self.agent(settings).start()
        wanted = [age for age in ages if age < 14 * 86_400]
        self.wait_for(cloud, len(wanted), agent)
        eventually(lambda: self.dropped(agent, "too_old") == len(ages) - len(wanted), 20, "the rest is counted")
        self.assertEqual(cloud.count("PutLogEvents", "InvalidParameterException"), 0)
        self.assertEqual(len(cloud.messages()), len(wanted))

    def test_missing_groups_are_made_also_when_making_fails(self):
        cloud = self.cloud()
        cloud.fail("CreateLogStream", "throttle", None, "operation_aborted")
        cloud.fail("CreateLogGroup", "limit_exceeded", "reset_after_commit")
        cloud.fail("PutRetentionPolicy", "access_denied")
        agent = self.start(cloud, retention_days=7)
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        self.assertEqual(cloud.messages(), ["one"])
        # Somebody removes all of it.
        cloud.groups.clear()
        self.write(["two"])
        self.wait_for(cloud, 1, agent)
        self.assertEqual(cloud.messages("/test/app", "app.log"), ["two"])

    def test_a_clock_that_is_off_is_learnt(self):
        for offset in (-3600, 3600):
            with self.subTest(offset):
                cloud = self.cloud()
                cloud.clock_offset = offset
                agent = self.start(cloud)
                self.write([f"{offset}"])
                self.wait_for(cloud, 1, agent)
                agent.stop()
                self.assertLessEqual(cloud.count("PutLogEvents", "InvalidSignatureException"), 2)

    def test_what_is_not_allowed_is_said_and_goes_on_when_it_is(self):
        cloud = self.cloud()
        denied = threading.Event()
        denied.set()
        cloud.choose_fault = lambda operation, number: "access_denied" if denied.is_set() else None
        agent = self.start(cloud)
        self.write(["one"])
        eventually(lambda: "AccessDeniedException" in agent.log(), 20, "it is said")
        denied.clear()
        self.wait_for(cloud, 1, agent, within=90)

    def test_names_are_mended_visibly(self):
        cloud = self.cloud()
        agent = self.start(cloud, paths=["a:b*c.log"], log_group="/{file_name}/x")
        self.write(["one"], name="a:b*c.log")
        self.wait_for(cloud, 1, agent)
        self.assertEqual(cloud.messages("/a_b_c.log/x", "a_b_c.log"), ["one"])
        self.assertIn("a:b*c.log", agent.log())

    def test_a_thousand_streams(self):
        cloud = self.cloud()
        count = 1000
        for n in range(count):
            self.write([f"file {n} line {line}" for line in range(20)], name=f"{n}.app")
        agent = self.start(cloud, paths=["*.app"], in_flight=8)
        eventually(lambda: len(cloud.messages()) >= 20 * count, 60, f"all\n{agent.log()[-3000:]}")
        agent.stop()
        streams = cloud.groups["/test/app"].streams
        self.assertEqual(len(streams), count)
        for n in range(count):
            self.assertEqual([message for _, message in streams[f"{n}.app"]], [f"file {n} line {i}" for i in range(20)])

    def test_connections_that_fail_lose_and_double_nothing(self):
        cloud = self.cloud()
        agent = self.start(cloud, timeout="2s")
        self.write(["first"])
        self.wait_for(cloud, 1, agent)
        # Refused, for a while; on the same port again.
        cloud.stop()
        self.write(["in an outage"])
        eventually(lambda: "refused" in agent.log() or "reset" in agent.log(), 20, f"it is said\n{agent.log()}")
        cloud.start()
        self.wait_for(cloud, 2, agent)
        # One that never answers: it did not store anything.
        cloud.fail("PutLogEvents", "hang")
        self.write(["after a hang"])
        self.wait_for(cloud, 3, agent)
        # A slow one.
        cloud.delay = 1
        self.write(["slow"])
        self.wait_for(cloud, 4, agent)
        self.assertEqual(cloud.messages(), ["first", "in an outage", "after a hang", "slow"])

    def test_certificates_that_must_not_be_believed(self):
        good, key = self.certificate("127.0.0.1")
        bad = {"a wrong name": self.certificate("192.0.2.1"), "expired": self.certificate("127.0.0.1", days=-1),
               "unknown": self.certificate("127.0.0.1")}
        for name, (file, file_key) in bad.items():
            with self.subTest(name):
                self.shake(file, file_key, good if name == "unknown" else file, good, key)

    def shake(self, bad, bad_key, believed, good, good_key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bad, bad_key)
        cloud = self.cloud(tls=context)
        both = self.directory / "both.pem"
        both.write_bytes(believed.read_bytes() + good.read_bytes())
        agent = self.start(cloud, ca_file=str(both))
        self.write(["one"])
        eventually(lambda: re.search("(?i)certificate|SSL", agent.log()), 20, f"it is said\n{agent.log()}")
        self.assertEqual((cloud.requests, cloud.messages()), ([], []))
        # Somebody mends it: the same context takes another certificate.
        context.load_cert_chain(good, good_key)
        self.wait_for(cloud, 1, agent)
        agent.stop()
        (self.directory / "app.log").unlink()
        shutil.rmtree(agent.state)

    def test_a_name_that_does_not_resolve_is_said_and_holds_up_nothing_else(self):
        cloud, receiver = self.cloud(), self.receiver()
        settings = self.settings("http://no-such-host.invalid:1")
        settings["outputs"]["central"] = {"type": "http", "url": receiver.url}
        settings["routes"].append({"from": "app", "to": "central"})
        self.write(["one"])
        agent = self.agent(settings).start()
        eventually(lambda: len(receiver.records) == 1, 20, "the other output has it")
        eventually(lambda: "resolve" in agent.log(), 20, f"it is said\n{agent.log()}")
        self.assertEqual(cloud.messages(), [])
        self.assertEqual(agent.stop(), 0)

    def test_through_a_proxy(self):
        cloud = self.cloud()
        proxy = OneRequestProxy()
        self.addCleanup(proxy.stop)
        settings = self.settings(cloud.url, proxy=proxy.url)
        agent = self.agent(settings).start()
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        self.assertGreater(len(proxy.requests), 0)

    def test_check_names_a_variable_that_is_not_known(self):
        config = self.directory / "bad.json"
        config.write_text('{\n  "outputs": { "aws": { "type": "cloudwatch_logs", "region": "eu-west-1",\n'
                          '    "log_group": "/v/{hostnme}" } }\n}')
        ran = subprocess.run([BINARY, "check", "--config", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("bad.json:3:18: outputs.aws.log_group: unknown variable {hostnme}, did you mean {hostname}?",
                      ran.stdout)


class OneRequestProxy(Proxy):
    """Passes requests for whole addresses on, a connection for each."""

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            method, address, _ = stream.readline().decode().split()
            head = b""
            while (line := stream.readline()).strip():
                head += line
            body = stream.read(int(re.search(rb"(?i)content-length: *(\d+)", head)[1]))
            place, path = address.removeprefix("http://").split("/", 1)
            self.requests.append((method, address))
            with socket.create_connection(place.split(":")) as server:
                server.sendall(f"POST /{path} HTTP/1.1\r\nConnection: close\r\n".encode() + head + b"\r\n" + body)
                while data := server.recv(65536):
                    connection.sendall(data)


class Moto(CloudWatch):
    """Signatures are checked; it cannot take gzip together with that."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.program([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        eventually(self.is_up, 60, "moto answers")
        iam = boto3.client("iam", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="x",
                           aws_secret_access_key="x")
        iam.create_user(UserName="agent")
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="agent", PolicyName="all", PolicyDocument=json.dumps(allow))
        key = iam.create_access_key(UserName="agent")["AccessKey"]
        self.key, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        urllib.request.urlopen(urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}))
        self.logs = boto3.client("logs", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.key,
                                 aws_secret_access_key=self.secret)

    def is_up(self):
        try:
            return urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).status == 200
        except OSError:
            return False

    def stored(self, group, stream):
        try:
            found = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, limit=10_000)
            return [event["message"] for event in found["events"]]
        except self.logs.exceptions.ResourceNotFoundException:
            return []

    def test_events_are_read_back_with_boto3(self):
        settings = self.settings(self.url, compression="none", access_key_id=self.key, secret_access_key=self.secret,
                                 retention_days=14, tags={"team": "ops"})
        agent = self.agent(settings).start()
        lines = [f"line {n} grüße \"x\"" for n in range(5000)]
        self.write(lines)
        eventually(lambda: len(self.stored("/test/app", "app.log")) == len(lines), 60, f"all lines\n{agent.log()}")
        self.assertEqual(self.stored("/test/app", "app.log"), lines)
        group = self.logs.describe_log_groups(logGroupNamePrefix="/test")["logGroups"][0]
        self.assertEqual(group["retentionInDays"], 14)
        self.assertEqual(self.logs.list_tags_log_group(logGroupName="/test/app")["tags"], {"team": "ops"})

    def test_a_wrong_secret_is_refused_and_said(self):
        settings = self.settings(self.url, compression="none", access_key_id=self.key, secret_access_key="wrong")
        agent = self.agent(settings).start()
        self.write(["one"])
        eventually(lambda: "SignatureDoesNotMatch" in agent.log(), 30, f"it is said\n{agent.log()}")
        self.assertNotIn("wrong", agent.log().replace("secret wrong", ""))
