"""Lines as servers write them, hostile ones too, through the agent's parsers to an HTTP receiver: each arrives as valid
JSON, with the fields, the time and the severity that it says, or whole."""

import json
import random
import subprocess
from support import BINARY, Scratch, eventually

COMBINED = (
    '203.0.113.7 - alice [21/Nov/2026:03:38:30 +0100] "GET /cart?id=7 HTTP/2.0" 503 612 '
    '"https://shop.example/" "Mozilla/5.0 (\\xD0\\x9F)" "198.51.100.2"')
SYSLOG = (
    '<34>1 2026-11-21T02:38:30.003Z web1 su 123 ID47 [origin@1 ip="10.0.0.1"] \'su root\' failed',
    "<13>Nov 21 02:38:30 web1 cron[77]: (root) CMD (true)",
    "2026-11-21T02:38:30.5+00:00 web1 kernel: eth0: link is up",
)


def unique(pairs):
    """For json.loads: an object in which a key stands twice is no record."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise AssertionError(f"a key stands twice: {pairs}")
    return dict(pairs)


class Parsing(Scratch):
    def arrive(self, lines, count=None, **keys):
        """The records that an input with these keys makes of the lines, and the agent."""
        bodies = []
        receiver = self.receiver()
        take = receiver.take

        def check(body, headers):
            bodies.append(body)
            return take(body, headers)

        receiver.take = check
        path = self.directory / "app.log"
        path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(path)], "fields": {"app": "shop"}, **keys}},
            "outputs": {"central": {"type": "http", "url": receiver.url, "compression": "none"}},
            "routes": [{"from": "app", "to": "central"}],
        }).start()
        count = count or len(lines)
        eventually(lambda: len(receiver.records) >= count, 20, f"{count} records; the agent said:\n{agent.log()}")
        self.assertEqual(len(receiver.records), count)
        for body in bodies:
            for line in body.splitlines():
                json.loads(line, object_pairs_hook=unique)
        for record in receiver.records:
            self.assertEqual((record["app"], record["input"], record["file"]), ("shop", "app", str(path)))
        return receiver.records, agent

    def event(self, agent, reason):
        return agent.metric(f'vitals_input_events_total{{input="app",output="central",reason="{reason}"}}')

    def assertHas(self, record, **fields):
        self.assertEqual({name: record.get(name) for name in fields}, fields)

    def test_forms_of_access_logs(self):
        shop = f"shop.example.test:443 {COMBINED}"
        odd = f"203.0.113.7 10.0.0.1 {COMBINED}"
        records, agent = self.arrive([COMBINED, shop, odd], parse="apache")
        found = {record["message"]: record for record in records}
        self.assertHas(found[COMBINED], remote_addr="203.0.113.7", remote_user="alice", status=503, server_name=None)
        self.assertHas(
            found[shop], server_name="shop.example.test", server_port=443, remote_addr="203.0.113.7",
            remote_user="alice", status=503, http_user_agent="Mozilla/5.0 (\u041f)", timestamp=found[COMBINED]["timestamp"])
        self.assertHas(found[odd], remote_addr=None, status=None, http_referer=None)
        self.assertEqual(self.event(agent, "parse_failed"), 1)

    def test_what_json_says_stays(self):
        line = ('{"n":18446744073709551615,"id":1234567890123456789,"pid":7,"pod":"p","unit":"u","stream":"s","host":"evil",'
                '"input":"evil","file":"/evil","msg":"hi"}')
        records, _ = self.arrive([line], parse="json")
        self.assertHas(
            records[0], n=18446744073709551615, id=1234567890123456789, pid=7, pod="p", unit="u", stream="s", message="hi",
            host_="evil", input_="evil", file_="/evil")

    def test_lines_that_look_like_documents(self):
        directives = b'{"_aws":{"CloudWatchMetrics":['
        lines = [
            directives + b"\xff\xfe\n", directives + b"\xff]}}\n", directives + b"nothing]}}\n",
            directives + b']},"m":"\xc3"}\n',
            directives + b']},"host":"evil","input":"evil","file":"/evil","app":"evil","message":"m"}\n',
        ]
        # `arrive` sees that each is JSON, and whose.
        records, _ = self.arrive(lines)
        self.assertEqual([record["message"] for record in records],
                         [line[:-1].decode(errors="replace") for line in lines])
        self.assertFalse([record for record in records if record["host"] == "evil"])

    def test_devices_keep_their_severity(self):
        lines = ["<187>45: Nov 20 12:00:00: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down", "<13>text"]
        records, _ = self.arrive(lines, parse="syslog", time={"zone": "UTC"})
        found = {record["message"]: record for record in records}
        self.assertHas(found["Interface Gi0/1, changed state to down"], severity="error", facility="local7")
        self.assertHas(found["text"], severity="notice", facility="user")

    def test_json(self):
        lines = [
            '{"time":"2026-11-21T02:38:30.123Z","level":"warn","msg":"disk \\"a\\" is full","free":0.25,"tries":3,'
            '"final":false,"http":{"status":503},"tags":["a"],"host":"other","app":"evil","file":1,'
            '"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}',
            '{"level":30,"time":1795228710123,"msg":"pino"}',
            "not json",
            '{"ts":"soon","msg":"x"}',
        ]
        records, agent = self.arrive(lines, parse="json")
        self.assertHas(
            records[0], message='disk "a" is full', timestamp="2026-11-21T02:38:30.123000000Z", severity="warning",
            free=0.25, tries=3, final=False, tags='["a"]', host_="other", app_="evil", file_=1, level=None, time=None,
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7")
        self.assertEqual(records[0]["http.status"], 503)
        self.assertHas(
            records[1], message="pino", timestamp="2026-11-21T02:38:30.123000000Z", severity="info")
        self.assertHas(records[2], message="not json", severity=None)
        self.assertHas(records[3], message="x", ts="soon")
        # Neither has the time of the record before it.
        for record in records[2:]:
            self.assertNotIn("2026-11-21T02:38:30.123", record["timestamp"])
        eventually(lambda: self.event(agent, "parse_failed") == 1, 10, "the line that was no JSON is counted")
        eventually(lambda: self.event(agent, "time_unreadable") == 1, 10, "the time that was none is counted")

    def test_access_log(self):
        records, _ = self.arrive([COMBINED, "garbage"], parse="nginx")
        self.assertHas(
            records[0], message=COMBINED, timestamp="2026-11-21T02:38:30.000000000Z", remote_addr="203.0.113.7",
            remote_user="alice", request_method="GET", request_uri="/cart?id=7", server_protocol="HTTP/2.0", status=503,
            body_bytes_sent=612, http_referer="https://shop.example/", http_user_agent="Mozilla/5.0 (П)",
            http_x_forwarded_for="198.51.100.2")
        self.assertEqual(records[1]["message"], "garbage")

    def test_syslog_in_a_zone(self):
        records, _ = self.arrive(SYSLOG, parse="syslog", time={"zone": "-05:00"})
        self.assertHas(
            records[0], message="'su root' failed", timestamp="2026-11-21T02:38:30.003000000Z", severity="critical",
            facility="auth", hostname="web1", appname="su", procid="123", msgid="ID47")
        self.assertEqual(records[0]["origin@1.ip"], "10.0.0.1")
        self.assertHas(
            records[1], message="(root) CMD (true)", severity="notice", facility="user", appname="cron", procid="77")
        self.assertTrue(records[1]["timestamp"].endswith("-11-21T07:38:30.000000000Z"), records[1])
        self.assertHas(
            records[2], message="eth0: link is up", appname="kernel", timestamp="2026-11-21T02:38:30.500000000Z")

    def test_logfmt_keeps_the_original(self):
        records, _ = self.arrive(['level=error msg="it broke" took=12ms'], parse="logfmt", keep_original=True)
        self.assertHas(
            records[0], message="it broke", severity="error", took="12ms",
            original='level=error msg="it broke" took=12ms')

    def test_regex_then_filter(self):
        lines = ["21.11.2026 03:38 [pay] it broke", "21.11.2026 03:39 [pay] healthcheck"]
        records, _ = self.arrive(
            lines, 1, parse={"regex": r"^(?<when>\S+ \S+) \[(?<unit>\w+)\] (?<message>.*)"},
            time={"field": "when", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}, trace=True,
            filters=[{"exclude": "^healthcheck"}])
        self.assertHas(
            records[0], message="it broke", unit="pay", timestamp="2026-11-21T02:38:00.000000000Z", when=None)

    def test_hostile_lines_are_valid_records(self):
        chance = random.Random(4)
        pieces = [b'{"', b'"', b'":', b'"a":1,', b'"a":', b'{', b'}', b'[', b']', b'\\', b'\\u00', b'\\ud800', b'\xff',
                  b'\x00', b'\xc3', b'"host":"x",', b'"message":', b'"severity":"info"', b',', b'1e999', b'"\xe9":1,',
                  b'"a_":2,', b'"trace_id":"0"', b'\xe2\x80\xa8']
        lines = []
        for _ in range(3000):
            body = b"".join(chance.choice(pieces) for _ in range(chance.randrange(12)))
            lines.append(b'{"b":1,' + body + b'"m":2}\n' if chance.random() < 0.7 else body + b"x\n")
        for parse in ["json", "logfmt", "syslog", "apache"]:
            with self.subTest(parse):
                self.arrive(lines, parse=parse, trace=True)
                self.doCleanups()
                self.setUp()

    def test_check_names_the_key(self):
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": ["/var/log/x.log"], "parse": "json",
                               "time": {"zone": "Europe/Berlyn"}}},
            "outputs": {"out": {"type": "stdout"}}, "routes": [{"from": "app", "to": "out"}]})
        ran = subprocess.run(
            [BINARY, "check", "--config", agent.config], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("inputs.app.time.zone: no zone \"Europe/Berlyn\"", ran.stdout + ran.stderr)
