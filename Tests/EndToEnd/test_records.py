"""What docs/records.md and docs/inputs.md promise of a record, one input for each sentence: all of them in one agent, each
with a file of its own, and what must arrive of it, whole and in order."""

import gzip
import os
import time

from support import Scratch, eventually

PATTERNS = {"timeout": "300ms"}

JAVA = ("java.lang.IllegalStateException: closed\n\tat com.example.App.main(App.java:5)\n"
        "Caused by: java.io.IOException: gone\n\tat com.example.App.read(App.java:7)\n\t... 12 more")
PYTHON = ('Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nKeyError: 1\n\n'
          'During handling of the above exception, another exception occurred:\n\n'
          'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    g()\nValueError: 2')
GO = ("panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n"
      "\t/app/main.go:9 +0x1d\n\ngoroutine 7 [select]:\nmain.f()\n\t/app/main.go:20 +0x4b\nexit status 2")
OBJECT = '{\n  "a": { "b": "}" },\n  "c": [1]\n}'

TRACE = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
XRAY_TRACE = {"trace_id": "5759e988bd862e3fe1be46a994272793", "span_id": "53995c3f42cd8ad8"}
AT = "2026-11-21T02:38:30.000000000Z"
AT_MS = "2026-11-21T02:38:30.123000000Z"
UNIX = 1795228710

# What is missing has no such field; READ is the time at which it was read.
READ = object()


def lines(*texts):
    return "".join(text + "\n" for text in texts)


def messages(*texts):
    return [{"message": text} for text in texts]


def at(message, timestamp):
    return [{"message": message, "timestamp": timestamp}]


def stamped(name, value, **options):
    """A record whose time is the field `when`, and what must come of it."""
    return (name, {"parse": "json", "time": {"field": "when", **options}},
            lines(f'{{"when":{value},"msg":"x"}}'))


def pods(name, number):
    return f"pods/shop_web-1_0123-abcd/{name}/{number}.log"


# Name, what the input's section has besides its path, what its file holds, what arrives, what is counted. The name of the
# file is `path` of the options, if it matters.
CASES = [
    # Several lines.
    ("start", {"multiline": {"start": r"^\d{4}-", **PATTERNS}}, lines("2026-1 a", " b", "c", "2026-2 d"),
     messages("2026-1 a\n b\nc", "2026-2 d"), {}),
    ("continue", {"multiline": {"continue": r"^[ +]", **PATTERNS}}, lines("a", "+b", " c", "d"),
     messages("a\n+b\n c", "d"), {}),
    ("end", {"multiline": {"end": ";$", **PATTERNS}}, lines("a", "b;", "c;", "d"), messages("a\nb;", "c;", "d"), {}),
    ("indent", {"multiline": {"indent": True, **PATTERNS}}, lines("a", " b", "\tc", "d"), messages("a\n b\n\tc", "d"), {}),
    ("python", {"multiline": {"preset": "python", **PATTERNS}}, lines("before", *PYTHON.split("\n"), "after"),
     messages("before", PYTHON, "after"), {}),
    ("java", {"multiline": {"preset": "java", **PATTERNS}}, lines("before", JAVA, "after"),
     messages("before", JAVA, "after"), {}),
    ("go", {"multiline": {"preset": "go", **PATTERNS}}, lines("before", GO, "2026 after"), None, {}),
    ("json_object", {"multiline": {"preset": "json", **PATTERNS}}, lines("before", OBJECT, OBJECT, "after"),
     messages("before", OBJECT, OBJECT, "after"), {}),
    ("max_lines", {"multiline": {"indent": True, "max_lines": 3, **PATTERNS}}, lines("a", " b", " c", " d", " e", "f"),
     messages("a\n b\n c", " d\n e", "f"), {"multiline_lines_limit": 1}),
    ("max_bytes", {"multiline": {"indent": True, "max_bytes": "1KiB", **PATTERNS}}, lines("a" * 600, " " + "b" * 600, "c"),
     messages("a" * 600, " " + "b" * 600, "c"), {"multiline_bytes_limit": 1}),

    # Containers.
    ("docker", {"format": "docker", "path": pods("nginx", 0)},
     lines('{"log":"first ","stream":"stdout","time":"2026-11-21T02:38:30.123Z"}',
           '{"log":"other\\n","stream":"stderr","time":"2026-11-21T02:38:30Z"}',
           '{"log":"half\\n","stream":"stdout","time":"2026-11-21T02:38:31Z"}', "no JSON"),
     [{"message": "other", "stream": "stderr", "timestamp": AT, "namespace": "shop", "pod": "web-1", "container": "nginx"},
      {"message": "first half", "stream": "stdout", "timestamp": AT_MS}, {"message": "no JSON", "timestamp": READ}],
     {"format_failed": 1}),
    ("cri", {"format": "cri", "path": "containers/web-1_shop_nginx-" + "0a" * 32 + ".log"},
     lines("2026-11-21T02:38:30.123Z stdout P first ", "2026-11-21T02:38:30Z stderr F other",
           "2026-11-21T02:38:31Z stdout F half"),
     [{"message": "other", "stream": "stderr", "namespace": "shop", "pod": "web-1", "container": "nginx"},
      {"message": "first half", "stream": "stdout", "timestamp": AT_MS}], {}),
    ("plain_of_a_container", {"kubernetes": True, "path": pods("app", 3)}, lines("x"),
     [{"message": "x", "namespace": "shop", "pod": "web-1", "container": "app", "stream": None}], {}),

    # Parsers.
    ("json", {"parse": "json"}, lines('{"time":"2026-11-21T02:38:30.123Z","level":"WARN","msg":"a","n":1.5,"b":{"c":true}}', "no"),
     [{"message": "a", "timestamp": AT_MS, "severity": "warning", "n": 1.5, "b.c": True, "level": None},
      {"message": "no", "timestamp": READ, "severity": None}], {"parse_failed": 1}),
    ("logfmt", {"parse": "logfmt"}, lines('ts=2026-11-21T02:38:30.123Z lvl=err msg="a \\"b\\"" debug took=3ms', "{no"),
     [{"message": 'a "b"', "timestamp": AT_MS, "severity": "error", "debug": "true", "took": "3ms"}, {"message": "{no"}],
     {"parse_failed": 1}),
    ("regex", {"parse": {"regex": r"^(?<level>\w+) (?<user>\w+)? ?- (?<message>.*)"}}, lines("INFO ann - hi", "INFO - ho", "-"),
     [{"message": "hi", "severity": "info", "user": "ann"}, {"message": "ho", "user": None}, {"message": "-"}],
     {"parse_failed": 1}),
    ("rfc5424", {"parse": "syslog"},
     lines("<34>1 2026-11-21T02:38:30.123Z web1 su 12 ID47 [o@1 ip=\"::1\"] gone"),
     [{"message": "gone", "timestamp": AT_MS, "severity": "critical", "facility": "auth", "hostname": "web1", "appname": "su",
       "procid": "12", "msgid": "ID47", "o@1.ip": "::1"}], {}),
    ("rfc3164", {"parse": "syslog"}, lines("<13>Nov 21 02:38:30 web1 cron[7]: ran", ""),
     [{"message": "ran", "severity": "notice", "facility": "user", "appname": "cron", "procid": "7"}, {"message": ""}],
     {"parse_failed": 1}),
    ("combined", {"parse": "apache"},
     lines('::1 - ann [21/Nov/2026:03:38:30 +0100] "GET /a HTTP/1.1" 404 12 "-" "curl/8"', "no"),
     [{"timestamp": AT, "remote_user": "ann", "request_method": "GET", "request_uri": "/a", "status": 404,
       "body_bytes_sent": 12, "http_user_agent": "curl/8"}, {"message": "no"}], {"parse_failed": 1}),
    ("keep_original", {"parse": "json", "keep_original": True}, lines('{"msg":"a"}'),
     [{"message": "a", "original": '{"msg":"a"}'}], {}),

    # Times.
    (*stamped("rfc3339", '"2026-11-21 03:38:30,123+01:00"'), at("x", AT_MS), {}),
    (*stamped("epoch_s", UNIX), at("x", AT), {}),
    (*stamped("epoch_fraction", '"1795228710.123"', format="epoch_s"), at("x", AT_MS), {}),
    (*stamped("epoch_ms", f"{UNIX}123"), at("x", AT_MS), {}),
    (*stamped("epoch_us", f"{UNIX}123000", format="epoch_us"), at("x", AT_MS), {}),
    (*stamped("epoch_ns", f"{UNIX}123000000"), at("x", AT_MS), {}),
    (*stamped("with_a_zone", '"21/Nov/2026 03:38:30.123 +0100"', format="%d/%b/%Y %H:%M:%S.%f %z"), at("x", AT_MS), {}),
    (*stamped("without_a_zone", '"2026-11-21 03:38:30"', format="%Y-%m-%d %H:%M:%S", zone="Europe/Berlin"), at("x", AT), {}),
    (*stamped("offset", '"2026-11-20 21:38:30"', format="%F %T", zone="-05:00"), at("x", AT), {}),
    (*stamped("full_month", '"November 21, 2026 2:38:30 AM"', format="%b %d, %Y %I:%M:%S %p", zone="UTC"), at("x", AT), {}),
    ("without_a_year", {"parse": "json", "time": {"field": "when", "format": "%b %d %H:%M:%S", "zone": "UTC"}},
     lambda: lines(time.strftime('{"when":"%b %d %H:%M:%S","msg":"x"}', time.gmtime(time.time() - 40 * 86_400))),
     lambda: at("x", time.strftime("%Y-%m-%dT", time.gmtime(time.time() - 40 * 86_400))), {}),
    ("unreadable_times", {"parse": "json", "time": {"field": "when"}},
     lines(f'{{"when":{UNIX},"msg":"a"}}', '{"when":"soon","msg":"b"}', '{"msg":"c"}'),
     [{"message": "a", "timestamp": AT}, {"message": "b", "timestamp": READ}, {"message": "c", "timestamp": READ}],
     {"time_unreadable": 2}),

    # Filters by what a parser found, and a pattern that gives up.
    ("filter_by_field", {"parse": "json", "filters": [
        {"include": "^(warning|error)$", "field": "severity"}, {"exclude": "^bot", "field": "user"}]},
     lines('{"level":"warn","msg":"a","user":"ann"}', '{"level":"info","msg":"b"}', '{"level":"error","msg":"c","user":"bot1"}',
           '{"level":"error","msg":"d"}', "no level"), messages("a", "d"), {"parse_failed": 1}),
    ("catastrophic", {"filters": [{"exclude": "^(a+)+$"}, {"include": "^(a|aa)+b?$"}]},
     lines("a" * 60 + "!", "aaaa", "aab"), messages("a" * 60 + "!", "aab"), {"pattern_gave_up": 2}),
    ("catastrophic_and_no_text", {"filters": [{"exclude": "(a+)+$"}]}, b"\xff" + b"a" * 60 + b"!\n",
     messages("\ufffd" + "a" * 60 + "!"), {"pattern_gave_up": 1}),
    ("sample", {"filters": [{"sample": 3}]}, lines(*"abcdefg"), messages("a", "d", "g"), {}),
    ("rate_limit", {"filters": [{"rate_limit": 2, "per": "1h"}]}, lines(*"abcde"), messages("a", "b"), {}),
    ("redact", {"filters": [{"redact": "(pass)=\\S+", "with": "$1=***"}, {"preset": ["email", "ipv4", "aws_key"]}]},
     lines("pass=x a@example.com 10.0.0.1 AKIAIOSFODNN7EXAMPLE"), messages("pass=*** *** *** ***"), {"redacted": 4}),

    # Traces.
    ("traceparent", {"parse": "json"}, lines(f'{{"traceparent":"{PARENT}","msg":"x"}}'), [{"message": "x", **TRACE}], {}),
    ("xray", {"parse": "json"}, lines(f'{{"xray_trace_id":"{XRAY}","msg":"x"}}'), [{"message": "x", **XRAY_TRACE}], {}),
    ("trace_in_logfmt", {"parse": "logfmt"},
     lines(f'msg=x traceId={TRACE["trace_id"]} spanId={TRACE["span_id"]}'), [{"message": "x", **TRACE}], {}),
    ("trace_by_pattern", {"trace": True}, lines(f"a {PARENT} b", f"c {XRAY}", f'd trace_id={TRACE["trace_id"]}', "e"),
     [TRACE, {"trace_id": XRAY_TRACE["trace_id"]}, {"trace_id": TRACE["trace_id"]}, {"trace_id": None}], {}),

    # What the bytes of a file mean.
    ("utf16", {"encoding": "utf-16"}, "größe 漢\nb 😀\n".encode("utf-16"), messages("größe 漢", "b 😀"), {}),
    ("utf16_big", {"encoding": "utf-16"}, b"\xfe\xff" + "größe\nb\n".encode("utf-16-be"), messages("größe", "b"), {}),
    ("latin1", {"encoding": "latin-1"}, "größe\n".encode("latin-1"), messages("größe"), {}),
    ("mark_of_utf8", {}, b"\xef\xbb\xbfa\nb\n", messages("a", "b"), {}),
    ("crlf", {}, b"a\r\nb\n\r\n", messages("a", "b", ""), {}),
    ("cr", {"line_end": "any"}, b"a\rb\r\nc\nd\r", messages("a", "b", "c", "d"), {}),
    ("nul", {}, b"a\0b\n\0\0\0c\n", messages("a\0b", "c"), {"nul_skipped": 3}),
    ("invalid", {}, b"a\xffb\xc3\n\xed\xa0\x80c\n", None, {}),
    ("line_limit", {"line_limit": "1KiB"}, lines("x" * 2000, "y"),
     [{"message": "x" * 1024, "truncated": True}, {"message": "y", "truncated": None}], {"line_cut": 1, "bytes_cut": 976}),
    ("no_end", {"partial_line_timeout": "200ms"}, "a\nb", messages("a", "b"), {}),
]


class Records(Scratch):
    """Cases have nothing to do with each other, and most of their time would be the agent's start."""

    def test_each_sentence(self):
        receiver = self.receiver()
        inputs, expected = {}, {}
        for name, options, content, records, counts in CASES:
            options = dict(options)
            path = self.directory / name / options.pop("path", "app.log")
            path.parent.mkdir(parents=True)
            content, records = (part() if callable(part) else part for part in (content, records))
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            inputs[name] = {"type": "file", "paths": [str(path)], **options}
            expected[name] = (records, counts)
        began = time.time()
        agent = self.agent({
            "inputs": inputs, "outputs": {"central": {"type": "http", "url": receiver.url}},
            "routes": [{"from": name, "to": "central"} for name in inputs]})
        self.assertIn("all is well", agent.command("check"))
        agent.start()

        def arrived(name):
            with receiver.lock:
                return [record for record in receiver.records if record["input"] == name]

        for name, (records, counts) in expected.items():
            with self.subTest(name):
                special = getattr(self, f"check_{name}", None)
                count = 2 if special is None and records is None else len(records or []) or self.COUNTS[name]
                eventually(lambda: len(arrived(name)) >= count, 20, lambda: f"{count} records, not {arrived(name)}")
                if special:
                    special(arrived(name))
                for record, wanted in zip(arrived(name), records or []):
                    for field, value in wanted.items():
                        self.check(record, field, value, began)
                for reason, number in counts.items():
                    series = f'vitals_input_events_total{{input="{name}",output="central",reason="{reason}"}}'
                    eventually(lambda: agent.metric(series) == number, 10, lambda: f"{number} {reason}, not {agent.metric(series)}")
        # None has more than it should.
        self.assertEqual(agent.stop(), 0)
        for name, (records, _) in expected.items():
            if records is not None:
                self.assertEqual(len(arrived(name)), len(records), (name, arrived(name)))

    COUNTS = {"go": 3, "invalid": 2}

    def check(self, record, field, value, began):
        if value is READ:
            read = time.strptime(record[field][:19], "%Y-%m-%dT%H:%M:%S")
            self.assertLess(abs(time.mktime(read) - time.timezone - began), 60, record)
        elif field == "timestamp":
            self.assertTrue(record[field].startswith(value), (value, record))
        else:
            self.assertEqual(record.get(field), value, record)

    def check_go(self, records):
        # With all its goroutines; what stands behind them may be the last line of the panic.
        texts = [record["message"] for record in records]
        self.assertEqual(texts[0], "before")
        self.assertTrue(texts[1].startswith("panic: ") and "goroutine 7 [select]:" in texts[1] and "main.go:20" in texts[1], texts)
        self.assertEqual(texts[-1], "2026 after")

    def check_invalid(self, records):
        self.assertRegex(records[0]["message"], "^a\ufffdb\ufffd$")
        self.assertRegex(records[1]["message"], "^\ufffd+c$")


class Beginnings(Scratch):
    """Which files are begun, and where."""

    def test_start_at_ignore_older_from_rotated_exclude(self):
        receiver = self.receiver()
        old = time.time() - 7200
        names = ["end", "older", "rotated", "not_rotated", "exclude"]
        for name in names:
            (self.directory / name).mkdir()
        at = lambda name, file: self.directory / name / file
        at("end", "a.log").write_text("there before\n")
        at("older", "a.log").write_text("too old\n")
        at("older", "b.log").write_text("new\n")
        os.utime(at("older", "a.log"), (old, old))
        for name in ["rotated", "not_rotated"]:
            with gzip.open(at(name, "a.log.3.gz"), "wt") as out:
                out.write("zeroth\n")
            os.utime(at(name, "a.log.3.gz"), (old - 30, old - 30))
            for number, text in [(2, "first\n"), (1, "second\n")]:
                at(name, f"a.log.{number}").write_text(text)
                os.utime(at(name, f"a.log.{number}"), (old - 10 * number, old - 10 * number))
            at(name, "a.log").write_text("third\n")
        for file in ["a.log", "a.old", "b.log"]:
            at("exclude", file).write_text(file + "\n")
        options = {
            "end": {"start_at": "end"}, "older": {"ignore_older": "1h"}, "rotated": {"from_rotated": True},
            "exclude": {"exclude": ["*.old", str(at("exclude", "b.*"))]}}
        agent = self.agent({
            "inputs": {name: {"type": "file", "paths": [str(at(name, "*.log" if name != "exclude" else "*"))],
                              **options.get(name, {})} for name in names},
            "outputs": {"central": {"type": "http", "url": receiver.url}},
            "routes": [{"from": name, "to": "central"} for name in names]}).start()
        texts = lambda name: [record["message"] for record in receiver.records if record["input"] == name]
        expected = {"end": [], "older": ["new"], "rotated": ["zeroth", "first", "second", "third"], "not_rotated": ["third"],
                    "exclude": ["a.log"]}
        for name in names:
            eventually(lambda: texts(name) == expected[name], 10, lambda: f"{name}: {expected[name]}, not {texts(name)}")
        # What comes later is read from its beginning; what was too old, when it changes.
        at("end", "b.log").write_text("later\n")
        for name in ["end", "older"]:
            with at(name, "a.log").open("a") as out:
                out.write("more\n")
        eventually(lambda: sorted(texts("end")) == ["later", "more"], 10, lambda: texts("end"))
        eventually(lambda: texts("older") == ["new", "too old", "more"], 10, lambda: texts("older"))
        self.assertEqual(agent.stop(), 0)


