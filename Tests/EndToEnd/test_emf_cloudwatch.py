"""Documents with metrics all the way: from programs, from log files and from the host itself to CloudWatch Logs."""

import http.server
import json
import os
import socket
import threading
import time
from contextlib import closing

import emf
import jsonschema
from cloudwatch_stand_in import ACCESS_KEY, SECRET_KEY, CloudWatchStandIn
from support import Scratch, eventually, free_port
from test_emf import connected, document

VALIDATOR = jsonschema.Draft7Validator(emf.SCHEMA)


def text(number, more=None, **metadata):
    """Spaces and the order of members are the sender's, and stay."""
    return json.dumps(document(number, more, **metadata), ensure_ascii=False, separators=(",  ", " : "))


class Documents(Scratch):
    def setUp(self):
        super().setUp()
        self.cloud = CloudWatchStandIn()
        self.addCleanup(self.cloud.stop)

    def start(self, inputs, environment=None, **output):
        settings = {
            "inputs": inputs,
            "outputs": {"aws": {
                "type": "cloudwatch_logs", "region": "us-east-1", "endpoint": self.cloud.url,
                "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY,
                "log_group": "/metrics/{input}", "log_stream": "of-{input}", **output}},
            "routes": [{"from": name, "to": "aws"} for name in inputs]}
        # Nothing of this machine's own settings for AWS, and no question to an instance's metadata.
        self.environment = {name: "" for name in os.environ if name.startswith("AWS_")}
        self.environment["AWS_EC2_METADATA_DISABLED"] = "true"
        self.environment.update(environment or {})
        return self.agent(settings).start(environment=self.environment)

    def stored(self):
        """By group and stream, the messages in the order of their times."""
        with self.cloud.lock:
            return {(group, stream): [message for _, message in sorted(events, key=lambda event: event[0])]
                    for group, value in self.cloud.groups.items() for stream, events in value.streams.items()}

    def wait_for(self, count, agent, within=40):
        eventually(lambda: len(self.cloud.messages()) >= count, within,
                   f"{count} documents; there are {self.stored()}; the agent said:\n{agent.log()[-4000:]}")

    def event_count(self, agent, source, reason):
        series = f'vitals_input_events_total{{input="{source}",output="aws",reason="{reason}"}}'
        return int(agent.metric(series) or 0)


class Routing(Documents):
    def test_the_very_documents_are_in_the_groups_and_streams_that_they_name(self):
        port = free_port()
        address = f"127.0.0.1:{port}"
        agent = self.start({"app": {"type": "emf", "tcp": address, "udp": address}})
        both = {"LogGroupName": "/shop", "LogStreamName": "till 1"}
        sent = {
            ("/metrics/app", "of-app"): [text(1, {"word": "grüße \t\"x\""}), text(11)],
            ("/shop", "till 1"): [text(2, **both), text(12, **both)],
            ("/shop", "of-app"): [text(3, LogGroupName="/shop")],
            ("/metrics/app", "till 1"): [text(4, LogStreamName="till 1")],
            ("/a_shop", "till_2"): [text(5, LogGroupName="/a shop", LogStreamName="till:2")],
            # No name at all.
            ("/metrics/app", "empty"): [text(6, LogGroupName="", LogStreamName="empty")],
        }
        with closing(connected(port)) as stream, \
                closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
            for place in sent.values():
                stream.sendall(place[0].encode() + b"\n")
            for place in sent.values():
                for line in place[1:]:
                    datagrams.sendto(line.encode(), ("127.0.0.1", port))
            self.wait_for(sum(len(place) for place in sent.values()), agent)
        self.assertEqual({place: sorted(found) for place, found in self.stored().items()},
                         {place: sorted(wanted) for place, wanted in sent.items()})
        # Each request that the service refused would show here.
        self.assertEqual({request["code"] for request in self.cloud.requests} -
                         {"", "ResourceNotFoundException", "ResourceAlreadyExistsException"}, set())
        eventually(lambda: self.event_count(agent, "app", "group_name_mended") == 1
                   and self.event_count(agent, "app", "stream_name_mended") == 1, 20, "mended names are counted")
        self.assertIn("/a shop", agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_documents_in_a_log_go_as_they_are_among_its_lines(self):
        path = self.directory / "app.log"
        named, plain = text(1, LogGroupName="/shop", LogStreamName="till"), text(2)
        path.write_text(f"one\n{named}\ntwo\n{plain}\n" + '{"log_group": "/no", "message": "three"}\n')
        source = {"type": "file", "paths": [str(path)]}
        agent = self.start({"log": source, "parsed": {**source, "parse": "json"}}, format="json")
        self.wait_for(10, agent)
        stored = self.stored()
        self.assertEqual(stored.pop(("/shop", "till")), [named, named])
        for name in ("log", "parsed"):
            messages = stored.pop((f"/metrics/{name}", f"of-{name}"))
            self.assertIn(plain, messages)
            self.assertEqual(len(messages), 4)
            self.assertEqual(sum("_aws" not in json.loads(message) for message in messages), 3)
        self.assertEqual(stored, {})
        self.assertEqual(agent.stop(), 0)

    def test_events_have_the_time_of_their_documents(self):
        port = free_port()
        path = self.directory / "app.log"
        agent = self.start({"app": {"type": "emf", "tcp": f"127.0.0.1:{port}", "udp": ""},
                            "log": {"type": "file", "paths": [str(path)]}})
        now = int(time.time() * 1000)
        hour, day = 3_600_000, 86_400_000
        times = [now - 3 * hour, now - 13 * day, now + hour, now]
        lines = [text(number, Timestamp=at) for number, at in enumerate(times)]
        # Lines of a log are kept whatever time their documents have; the service would drop these two for it.
        odd = [text(10, Timestamp=now - 15 * day), text(11, Timestamp=now + 3 * hour)]
        with closing(connected(port)) as stream:
            stream.sendall("".join(f"{line}\n" for line in lines).encode())
            path.write_text("".join(f"{line}\n" for line in [*lines, *odd]))
            self.wait_for(10, agent)
        for name in ("app", "log"):
            with self.cloud.lock:
                stored = {json.loads(message)["number"]: at for at, message in
                          self.cloud.events(f"/metrics/{name}", f"of-{name}")}
            self.assertEqual([stored[number] for number in range(4)], times)
        for number in (10, 11):
            self.assertLess(abs(stored[number] - now), 60_000)
        eventually(lambda: self.event_count(agent, "log", "document_time") == 2, 20, agent.log)
        self.assertEqual(self.cloud.rejected, {"too_old": 0, "expired": 0, "too_new": 0})
        self.assertEqual(agent.stop(), 0)

    def test_a_group_that_takes_nothing_holds_nothing_up(self):
        """One that the policy forbids, and one that nobody has made: their documents go to the output's own group."""
        self.cloud.denied = {"/forbidden"}
        for create in (True, False):
            with self.subTest(create=create):
                with self.cloud.lock:
                    self.cloud.groups.clear()
                    self.cloud.requests.clear()
                if not create:
                    for group, stream in (("/metrics/app", "of-app"), ("/shop", "of-app")):
                        self.cloud.create_log_group({"logGroupName": group})
                        self.cloud.create_log_stream({"logGroupName": group, "logStreamName": stream})
                port = free_port()
                agent = self.start({"app": {"type": "emf", "tcp": f"127.0.0.1:{port}", "udp": ""}}, create=create)
                refused = ["/forbidden"] if create else ["/forbidden", "/absent"]
                began = time.monotonic()
                with closing(connected(port)) as stream:
                    for number in range(300):
                        group = [*refused, "/shop"][number % (len(refused) + 1)]
                        stream.sendall(text(number, LogGroupName=group).encode() + b"\n")
                    if not create:
                        stream.sendall(text(300, LogStreamName="absent").encode() + b"\n")
                    self.wait_for(300 if create else 301, agent)
                self.assertLess(time.monotonic() - began, 30)
                stored = self.stored()
                self.assertEqual({place: len(found) for place, found in stored.items()}, {
                    ("/shop", "of-app"): 300 // (len(refused) + 1),
                    ("/metrics/app", "of-app"): 150 if create else 201})
                eventually(lambda: self.event_count(agent, "app", "log_group_refused") == (150 if create else 201), 20,
                           agent.log)
                for group in refused:
                    self.assertIn(f'group={group} stream=of-app instead="/metrics/app, of-app"', agent.log())
                # Each lane has asked once.
                asked = self.cloud.count("PutLogEvents", "AccessDeniedException")
                self.assertTrue(1 <= asked <= 2, asked)
                self.assertEqual(agent.stop(), 0)

    def test_documents_go_only_to_groups_that_the_settings_allow(self):
        port = free_port()
        path = self.directory / "app.log"
        named = [text(1, LogGroupName="/shop/a"), text(2, LogGroupName="/bank", LogStreamName="x")]
        path.write_text("".join(f"{line}\n" for line in named))
        agent = self.start({
            "app": {"type": "emf", "tcp": f"127.0.0.1:{port}", "udp": "", "log_groups": ["/shop/*"]},
            "log": {"type": "file", "paths": [str(path)], "log_groups": ["/shop/*"]}})
        with closing(connected(port)) as stream:
            stream.sendall("".join(f"{line}\n" for line in named).encode())
            self.wait_for(4, agent)
        self.assertEqual(self.stored(), {
            ("/shop/a", "of-app"): [named[0]], ("/shop/a", "of-log"): [named[0]],
            ("/metrics/app", "of-app"): [named[1]], ("/metrics/log", "of-log"): [named[1]]})
        for name in ("app", "log"):
            eventually(lambda: self.event_count(agent, name, "log_group_not_allowed") == 1, 20, agent.log)
        self.assertIn("group=/bank", agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_documents_that_grew_too_old_in_an_outage_are_counted_once(self):
        port = free_port()
        agent = self.start({"app": {"type": "emf", "tcp": f"127.0.0.1:{port}", "udp": ""}})
        self.cloud.stop()
        count = 300
        with closing(connected(port)) as stream:
            for number in range(count):
                stream.sendall(text(number).encode() + b"\n")
            eventually(lambda: self.event_count(agent, "app", "document_received") == count, 20, agent.log())
        # Fifteen days later, for the service.
        self.cloud.clock_offset = 15 * 86_400
        # An answer that is lost is no reason to count twice.
        self.cloud.fail("PutLogEvents", None, "reset_after_commit")
        self.cloud.start()

        def dropped():
            return agent.metric('vitals_route_records_dropped_total{input="app",output="aws",reason="too_old"}') or 0

        eventually(lambda: dropped() >= count, 60, agent.log()[-4000:])
        eventually(lambda: agent.metric('vitals_route_lag_seconds{input="app",output="aws"}') == 0, 20, "all is done")
        self.assertEqual(dropped(), count)
        self.assertEqual(self.cloud.messages(), [])
        self.assertIn("reset_after_commit", [request["fault"] for request in self.cloud.requests])
        self.assertEqual(agent.stop(), 0)


class HostMetrics(Documents):
    METRICS = ["cpu_usage_*", "mem_*", "swap_*", "disk_*", "diskio_*", "net_*", "netstat_*", "processes_*"]

    def documents(self):
        found = []
        for message in self.cloud.messages():
            self.assertEqual(emf.problems_of(message, time.time(), VALIDATOR), [], message)
            found.append(json.loads(message))
        return found

    def times(self):
        """Of the intervals, in milliseconds; each has one document with the memory."""
        return sorted(d["_aws"]["Timestamp"] for d in self.documents() if "mem_used_percent" in d)

    def test_an_outage_and_a_kill_in_it_lose_nothing_that_was_stored_a_second_before(self):
        agent = self.start(
            {"host": {"type": "host_metrics", "interval": "1s", "metrics": self.METRICS,
                      "dimensions": {"host": "{hostname}", "id": "{instance_id:-none}", "at": "{region}"}}})
        eventually(lambda: len(self.times()) >= 3, 40, agent.log())
        self.cloud.stop()
        time.sleep(4)  # The outage itself, not a wait for something to be right.
        killed = time.time() * 1000
        agent.kill()
        agent.start(environment=self.environment)
        time.sleep(1)  # Measured while the service is still away.
        restarted = time.time() * 1000
        self.cloud.start()
        eventually(lambda: self.times()[-1] > restarted + 1000, 60, agent.log()[-4000:])
        self.assertEqual(agent.stop(), 0)
        times = sorted(set(self.times()))
        before = [at for at in times if at < killed]
        gaps = [(after - one) / 1000 for one, after in zip(before, before[1:])]
        self.assertLess(max(gaps), 1.9, times)
        # All but what was measured in the last second, and what comes late on a busy machine.
        self.assertGreater(before[-1], killed - 3000, times)
        for each in self.documents():
            self.assertEqual((each["id"], each["at"]), ("none", "unknown"))
        self.assertEqual(set(self.cloud.groups), {"/metrics/host"})

    def instance(self):
        instance = Instance({
            "instanceId": "i-0123456789abcdef0", "instanceType": "m7g.large", "region": "eu-west-1",
            "accountId": "123456789012", "imageId": "ami-1", "availabilityZone": "eu-west-1a"})
        self.addCleanup(instance.close)
        return instance

    def test_the_first_lines_after_a_start_are_in_the_group_that_the_instance_says(self):
        """It is asked at the start, not by the first line."""
        instance = self.instance()
        instance.answers.set()
        log = self.directory / "app.log"
        agent = self.start(
            {"app": {"type": "file", "paths": [str(log)]}}, log_group="/{instance_type}/{account_id}",
            environment={"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url})
        eventually(lambda: instance.asked, 20, agent.log())
        log.write_text("the first line\n")
        self.wait_for(1, agent)
        self.assertEqual(set(self.cloud.groups), {"/m7g.large/123456789012"})
        self.assertEqual(agent.stop(), 0)

    def test_dimensions_become_what_the_instance_says(self):
        instance = self.instance()
        agent = self.start(
            {"host": {"type": "host_metrics", "interval": "1s", "metrics": ["mem_used_percent"],
                      "dimensions": {"InstanceId": "{instance_id}", "InstanceType": "{instance_type}",
                                     "where": "{account_id}/{availability_zone}"}}},
            environment={"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url})
        # It has not answered, and nobody waits for it.
        eventually(lambda: self.documents(), 40, agent.log())
        self.assertEqual({(d["InstanceType"], d["where"]) for d in self.documents()}, {("unknown", "unknown/unknown")})
        instance.answers.set()
        eventually(
            lambda: {(d["InstanceId"], d["InstanceType"], d["where"]) for d in self.documents()[-1:]} == {
                ("i-0123456789abcdef0", "m7g.large", "123456789012/eu-west-1a")}, 60, agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_a_misspelt_variable_is_said_where_it_stands(self):
        agent = self.agent({
            "inputs": {"host": {"type": "host_metrics", "dimensions": {"id": "{instance_idd}"}}},
            "outputs": {"out": {"type": "stdout"}}, "routes": [{"from": "host", "to": "out"}]})
        said = agent.command("check")
        self.assertRegex(said, r":\d+:\d+: inputs\.host\.dimensions\.id: "
                               r"unknown variable \{instance_idd\}, did you mean \{instance_id\}\?")


class Instance:
    """The metadata of an instance, version 2, that does not answer until it may."""

    def __init__(self, identity):
        self.answers = threading.Event()
        self.asked = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_PUT(self):
                outer.asked = True
                outer.answers.wait(60)
                self.send(b"token")

            def do_GET(self):
                outer.answers.wait(60)
                self.send(json.dumps(identity).encode())

            def send(self, body):
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # it has waited for long enough

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()
