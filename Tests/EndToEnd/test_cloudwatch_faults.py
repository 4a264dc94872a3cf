"""What the service and the network do to deliveries to CloudWatch Logs, with several requests at once and with one: nothing is
lost, an event is stored twice only where the answer was lost, and what is sent again is counted."""

import json
import os
import ssl
import subprocess
from collections import Counter

from botocore.credentials import Credentials
from cloudwatch_stand_in import ACCESS_KEY, SECRET_KEY, Group
from faulty_receiver import Proxy
from support import BINARY, eventually, require_root, start_writer
from test_cloudwatch import CloudWatch
from test_faults import number

LINES = 3_000
ACKNOWLEDGED = 'vitals_route_records_acknowledged_total{input="app",output="aws"}'
REJECTED = 'vitals_route_records_rejected_total{input="app",output="aws"}'
RETRIES = 'vitals_route_retries_total{input="app",output="aws"}'
NO_METADATA = {"AWS_EC2_METADATA_DISABLED": "true"}


def numbers(messages):
    return [int(message.split(" ", 1)[0].removeprefix("seq=")) for message in messages]


class CloudWatchFaults(CloudWatch):
    """Four deliveries at once; a class below has one."""

    in_flight = 4

    def failing(self, *faults, every=2, **options):
        """A service that makes these faults, one at every second request."""
        cloud = self.cloud(**options)
        # So that the faults meet requests that would be taken.
        cloud.groups["/test/app"] = Group({})
        cloud.groups["/test/app"].streams["app.log"] = []
        plan = {(index + 1) * every: fault for index, fault in enumerate(faults)}
        cloud.choose_fault = lambda operation, number: plan.get(number) if operation == "PutLogEvents" else None
        return cloud

    def ship(self, cloud, url=None, popen=subprocess.Popen, **output):
        """An agent, and lines that are there when it starts."""
        self.assertEqual(start_writer(self, self.directory / "app.log", LINES).wait(), 0)
        settings = self.settings(url or cloud.url, batch_records=200, in_flight=self.in_flight, timeout="2s",
                                 connect_timeout="2s", **output)
        return self.agent(settings, popen=popen).start(environment=NO_METADATA)

    def check(self, cloud, agent, retries=0, lines=LINES):
        eventually(lambda: len(set(numbers(cloud.messages()))) == lines, 90,
                   lambda: f"{lines} events, not {len(set(numbers(cloud.messages())))}\n{agent.log()[-4000:]}")
        eventually(lambda: agent.metric(ACKNOWLEDGED) == lines, 20, "all is acknowledged")
        stored = numbers(cloud.messages())
        twice = Counter(stored) - Counter(set(stored))
        self.assertEqual(twice, Counter(numbers(cloud.unanswered)))
        if self.in_flight == 1:
            firsts = list(dict.fromkeys(stored))
            self.assertEqual(firsts, sorted(firsts), "the order within a stream")
        self.assertGreaterEqual(agent.metric(RETRIES), retries)
        self.assertEqual(agent.stop(), 0)

    def faults(self, *faults, **output):
        cloud = self.failing(*faults)
        agent = self.ship(cloud, **output)
        self.check(cloud, agent, retries=len(faults))
        self.assertEqual(sum(1 for request in cloud.requests if request["fault"]), len(faults), "not all were made")
        return cloud

    def test_resets_in_and_before_the_answer(self):
        self.assertEqual(self.faults("reset_in_body", "reset_before_commit", "close_before_commit").unanswered, [])

    def test_answers_that_are_lost_double_what_was_stored_and_are_counted(self):
        cloud = self.faults("reset_after_commit", "cut_answer_after_commit", "internal_after_commit")
        self.assertEqual(len(cloud.unanswered), 600)

    def test_statuses_that_pass(self):
        self.faults("internal", "unavailable", "bad_gateway", "gateway_timeout", "throttle")

    def test_429_with_retry_after_is_heeded(self):
        cloud = self.failing("too_many_requests", every=3)
        cloud.retry_after = 2
        self.check(cloud, self.ship(cloud), retries=1)
        if self.in_flight == 1:
            puts = [request for request in cloud.requests if request["operation"] == "PutLogEvents"]
            at = [request["fault"] for request in puts].index("too_many_requests")
            self.assertGreaterEqual(puts[at + 1]["at"] - puts[at]["at"], 2)

    def test_too_large_is_halved(self):
        cloud = self.failing("too_large", "too_large")
        self.check(cloud, self.ship(cloud))

    def test_one_that_never_answers(self):
        cloud = self.failing("hang", every=3)
        self.check(cloud, self.ship(cloud), retries=1)

    def test_a_slow_service(self):
        cloud = self.cloud()
        cloud.delay = 0.3
        agent = self.ship(cloud)
        self.check(cloud, agent)
        self.assertEqual(cloud.most_under_way, self.in_flight)

    def test_keys_that_are_renewed_in_their_files(self):
        """As the SSM agent writes the shared file, and as secrets are mounted: elastic/beats#17189, moby/moby#52823,
        aws-observability/aws-otel-collector#408."""
        def shared(secret):
            return f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n"

        path, secret_path = self.directory / "credentials", self.directory / "secret"
        for name, output, environment, path, text in [
                ("shared", {"access_key_id": None, "secret_access_key": None},
                 {"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_CONFIG_FILE": "/dev/null"}, path, shared),
                ("settings", {"secret_access_key": "${file:%s}" % secret_path}, {}, secret_path, lambda secret: secret + "\n")]:
            with self.subTest(name):
                cloud = self.cloud()
                path.write_text(text(SECRET_KEY))
                settings = self.settings(cloud.url, paths=[f"of-{name}.log"], **output)
                options = settings["outputs"]["aws"]
                settings["outputs"]["aws"] = {key: value for key, value in options.items() if value is not None}
                (self.directory / f"of-{name}.log").write_text("seq=0 x\n")
                agent = self.agent(settings, name=name).start(environment={
                    **{key: "" for key in os.environ if key.startswith("AWS_")}, **NO_METADATA, **environment})
                eventually(lambda: len(cloud.messages()) == 1, 20, agent.log)
                # The service knows the new one only, from now on.
                cloud.credentials = Credentials(ACCESS_KEY, "another/secret")
                with (self.directory / f"of-{name}.log").open("a") as log:
                    log.write("seq=1 x\n")
                eventually(lambda: cloud.count("PutLogEvents", "InvalidSignatureException") >= 1, 20, agent.log)
                path.write_text(text("another/secret"))
                eventually(lambda: len(cloud.messages()) == 2, 60, agent.log)
                self.assertEqual(numbers(cloud.messages()), [0, 1])
                self.assertNotIn("another/secret", agent.log())
                self.assertEqual(agent.stop(), 0)

    def test_refused_connections(self):
        cloud = self.cloud()
        cloud.stop()
        agent = self.ship(cloud)
        eventually(lambda: agent.metric(RETRIES), 30, "it has tried")
        self.assertIn("refused", agent.log())
        cloud.start()
        self.check(cloud, agent)

    def test_certificates_that_are_wrong_hold_the_events_back(self):
        good, key = self.certificate("127.0.0.1")
        wrong = [self.certificate("192.0.2.1"), self.certificate("127.0.0.1", days=-1), self.certificate("127.0.0.1")]
        believed = self.directory / "believed.pem"
        # All but the last.
        believed.write_bytes(b"".join(file.read_bytes() for file, _ in [(good, key), *wrong[:2]]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*wrong[0])
        cloud = self.cloud(tls=context)
        agent = self.ship(cloud, ca_file=str(believed))
        for certificate in wrong:
            context.load_cert_chain(*certificate)
            before = agent.metric(RETRIES) or 0
            eventually(lambda: (agent.metric(RETRIES) or 0) >= before + 2, 60, f"it tries with {certificate}")
            self.assertEqual((cloud.requests, cloud.messages()), ([], []))
        self.assertIn("certificate", agent.log())
        context.load_cert_chain(good, key)
        self.check(cloud, agent)

    def test_a_name_that_cannot_be_resolved_for_a_while(self):
        require_root()
        hosts, popen = self.own_hosts()
        cloud = self.cloud()
        cloud.name = "logs.invalid"
        agent = self.ship(cloud, url=cloud.url, popen=popen)
        eventually(lambda: agent.metric(RETRIES), 30, "it has tried")
        self.assertIn("logs.invalid", agent.log())
        hosts.write_text("127.0.0.1 localhost logs.invalid\n")
        self.check(cloud, agent)

    def test_a_proxy_that_fails_for_a_while(self):
        good, key = self.certificate("127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(good, key)
        cloud, proxy = self.cloud(tls=context), Proxy()
        self.addCleanup(proxy.stop)
        proxy.answer = "502 Bad Gateway"
        agent = self.ship(cloud, proxy=proxy.url, ca_file=str(good))
        eventually(lambda: agent.metric(RETRIES), 30, "it has tried")
        self.assertIn("502", agent.log())
        before = agent.metric(RETRIES)
        # Nobody is there at all.
        proxy.stop()
        eventually(lambda: agent.metric(RETRIES) > before, 60, "it has tried")
        self.assertEqual(cloud.messages(), [])
        proxy.answer = None
        proxy.start()
        self.check(cloud, agent)

    def test_refused_events_are_put_aside_and_replayed_to_where_they_belong(self):
        bad = {777, 778, 2_000}
        cloud = self.cloud()
        cloud.is_bad = lambda message: numbers([message])[0] in bad
        agent = self.ship(cloud)
        self.check_without(cloud, agent, bad)
        directory = agent.state / "rejected/aws"
        self.assertEqual({number(line["record"]) for line in rejected(directory)}, bad)
        # Beside the running agent; the service has changed its mind about one of them.
        bad.discard(2_000)
        before = len(cloud.messages())
        self.assertEqual(self.replay(agent), (1, "aws: 1 sent, 2 refused again\n"))
        self.assertEqual(numbers(cloud.messages("/test/app", "app.log"))[before:], [2_000])
        # A kill while the answer is on its way: what was sent stays in its file, and is sent again.
        bad.clear()
        cloud.delay = 1
        killed = self.program(self.replaying(agent))
        eventually(lambda: cloud.under_way, 20, "it sends")
        killed.kill()
        killed.wait()
        eventually(lambda: len(cloud.messages()) == LINES, 20, "the service has them")
        cloud.delay = 0
        self.assertEqual({number(line["record"]) for line in rejected(directory)}, {777, 778})
        self.assertEqual(self.replay(agent, "--output", "aws"), (0, "aws: 2 sent\n"))
        self.assertEqual(list(directory.iterdir()), [])
        stored = Counter(numbers(cloud.messages("/test/app", "app.log")))
        self.assertEqual(stored, Counter([*range(LINES), 777, 778]))
        self.assertEqual(agent.stop(), 0)

    def test_replay_beside_an_agent_that_puts_more_aside(self):
        """Of every ten lines one is refused, until the service likes all that are below a number that grows."""
        cloud, liked = self.cloud(), 0
        cloud.is_bad = lambda message: not (n := numbers([message])[0]) % 10 and n >= liked
        agent = self.agent(self.settings(cloud.url, batch_records=200, in_flight=self.in_flight))
        agent.start(environment=NO_METADATA)
        writer = start_writer(self, self.directory / "app.log", 4 * LINES, per_second=LINES)
        codes = Counter()
        while writer.poll() is None:
            liked = max(numbers(cloud.messages()), default=0) // 2
            codes[self.replay(agent)[0]] += 1
        eventually(lambda: agent.metric(ACKNOWLEDGED) + agent.metric(REJECTED) == 4 * LINES, 60, "all is decided")
        self.assertEqual(agent.metric(REJECTED) + agent.metric(ACKNOWLEDGED), 4 * LINES)
        self.assertGreater(codes.total(), 3)
        liked = 4 * LINES
        # The agent may be writing the newest file just then.
        eventually(lambda: self.replay(agent)[0] == 0, 20, "all is replayed")
        self.assertEqual(sorted(numbers(cloud.messages())), list(range(4 * LINES)))
        self.assertEqual(list((agent.state / "rejected/aws").iterdir()), [])
        self.assertEqual(agent.stop(), 0)

    def check_without(self, cloud, agent, bad):
        eventually(lambda: agent.metric(ACKNOWLEDGED) == LINES - len(bad), 60,
                   lambda: f"the rest is acknowledged: {agent.metric(ACKNOWLEDGED)}\n{agent.log()[-3000:]}")
        self.assertEqual(sorted(numbers(cloud.messages())), sorted(set(range(LINES)) - bad))
        self.assertEqual(agent.metric(REJECTED), len(bad))

    def replaying(self, agent, *words):
        return [BINARY, "replay", "--config", agent.config, "--state-directory", agent.state, *words]

    def replay(self, agent, *words):
        ran = subprocess.run(
            self.replaying(agent, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return ran.returncode, ran.stdout


class OneAtATime(CloudWatchFaults):
    """The same with one request at once: the order of the events is kept besides."""

    in_flight = 1

    def test_what_libcurl_sends_again_by_itself_is_counted(self):
        """A kept connection that the service closes just as a request comes: libcurl opens another without asking anybody,
        whether the service has stored the events or not."""
        cloud = self.cloud()
        agent = self.start(cloud, in_flight=1, batch_spacing="0s")
        wanted = ["first"]
        self.write(wanted)
        self.wait_for(cloud, 1, agent)
        for count, (fault, copies) in enumerate([("close_before_commit", 1), ("close_after_commit", 2)], start=1):
            before = cloud.count("PutLogEvents")
            cloud.fail("PutLogEvents", fault)
            self.write([fault])
            wanted += [fault] * copies
            eventually(lambda: cloud.messages() == wanted, 20, lambda: f"{cloud.messages()}\n{agent.log()}")
            eventually(lambda: agent.metric(ACKNOWLEDGED) == 1 + count, 20, agent.log)
            self.assertEqual((cloud.count("PutLogEvents") - before, agent.metric(RETRIES)), (2, count))
        # Else it would have been the agent that sent them again.
        self.assertNotIn("delivery failed", agent.log())
        self.assertEqual(agent.stop(), 0)


def rejected(directory):
    return [json.loads(line) for path in sorted(directory.iterdir()) for line in path.read_text().splitlines()]
