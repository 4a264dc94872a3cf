"""Records of several lines and lines of containers, with the built agent: see docs/records.md."""

import datetime
import json
import sys
from pathlib import Path

from support import Scratch, eventually

SEED = 20260102


def trace(number):
    return (f"java.lang.IllegalStateException: seq={number}\n"
            "\tat com.example.App.main(App.java:5)\n\t\tSuppressed: java.io.IOException: closed\n"
            f"Caused by: java.io.IOException: gone\n\tat com.example.App.read(App.java:{number})\n\t... 12 more")


def records(first, end):
    """Every third is a stack trace."""
    return [trace(n) if n % 3 == 0 else f"2026-01-02 INFO seq={n} a line" for n in range(first, end)]


class Lines(Scratch):
    def setUp(self):
        super().setUp()
        self.log = self.directory / "app.log"
        self.receive = self.receiver()

    def make_agent(self, log=None, **options):
        return self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(log or self.log)], **options}},
            "outputs": {"central": {"type": "http", "url": self.receive.url}},
            "routes": [{"from": "app", "to": "central"}], "drain_timeout": "300ms"})

    def append(self, text):
        with self.log.open("a") as log:
            log.write(text)

    def messages(self):
        with self.receive.lock:
            return [record["message"] for record in self.receive.records]

    def start_writer(self, text, pieces_per_second):
        content = self.directory / "content"
        content.write_text(text)
        return self.program([
            sys.executable, Path(__file__).with_name("piece_writer.py"), content, self.log, str(SEED),
            str(pieces_per_second)])

    def wait_until_read(self, agent, lines):
        """Also those that are held."""
        series = 'vitals_route_records_read_total{input="app",output="central"}'
        eventually(lambda: agent.metric(series) == lines, 20, f"{lines} lines are read")

    def counted(self, agent, reason):
        return agent.metric(f'vitals_input_events_total{{input="app",output="central",reason="{reason}"}}') or 0


class Multiline(Lines):
    # The time must split nothing here, however slow the machine is.
    settings = {"multiline": {"preset": "java", "timeout": "10m"}, "partial_line_timeout": "10m"}

    def test_a_kill_in_the_middle_of_a_stack_trace(self):
        agent = self.make_agent(**self.settings).start()
        expected = records(0, 30)
        # The last record but two is a stack trace: its first line, and half of its second.
        first, rest = trace(27).split("\n", 1)
        text = "\n".join(expected[:27]) + "\n"
        self.append(text + first + "\n" + rest[:10])
        eventually(lambda: len(self.messages()) == 27, 20, "27 records, and not the one that is begun")
        self.wait_until_read(agent, text.count("\n") + 1)
        agent.kill()
        self.append(rest[10:] + "\n" + "\n".join(expected[28:]) + "\n")
        agent.start()
        eventually(lambda: set(self.messages()) >= set(expected), 20, "all records")
        self.assertEqual(set(self.messages()), set(expected), "none is split")
        # Those before the kill may come again: the cursor is saved once a second.
        self.assertEqual(self.messages()[-3:], expected[27:])
        self.assertEqual(agent.stop(), 0)

    def test_kills_while_somebody_writes_in_pieces(self):
        expected = records(0, 1_500)
        agent = self.make_agent(**self.settings).start()
        writer = self.start_writer("\n".join(expected) + "\n", 400)
        for count in [150, 400, 700, 1_100]:
            eventually(lambda: len(set(self.messages())) >= count, 60, f"{count} records")
            agent.kill()
            agent.start()
        self.assertEqual(writer.wait(60), 0)
        # The last one is a line: nothing is held when all is there.
        eventually(lambda: len(set(self.messages())) >= len(expected), 60, "all records")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(set(self.messages()), set(expected), "none is lost, none is split")

    def test_what_is_held_is_not_sent_at_a_stop_and_comes_once(self):
        agent = self.make_agent(**self.settings).start()
        lines = trace(0).split("\n")
        self.append("one\n" + "\n".join(lines[:3]) + "\n")
        self.wait_until_read(agent, 4)
        eventually(lambda: self.messages() == ["one"], 20, "the line before the trace")
        self.assertEqual(agent.stop(), 0)
        self.append("\n".join(lines[3:]) + "\ntwo\n")
        agent.start()
        eventually(lambda: self.messages() == ["one", trace(0), "two"], 20, f"each once: {self.messages()}")
        self.assertEqual(agent.stop(), 0)

    def test_a_trace_whose_file_is_gone_goes_when_its_time_is_over(self):
        agent = self.make_agent(multiline={"preset": "java", "timeout": "500ms"}).start()
        self.append(trace(0) + "\n")
        self.wait_until_read(agent, 6)
        self.log.rename(self.log.with_suffix(".gone"))
        eventually(lambda: self.messages() == [trace(0)], 20, "the trace")
        eventually(lambda: self.counted(agent, "multiline_timeout") == 1, 5, "it is counted")
        self.assertEqual(agent.stop(), 0)


class Containers(Lines):
    def pod_log(self):
        folder = self.directory / "pods/shop_web-5d4f_0a1b2c/app"
        folder.mkdir(parents=True)
        return folder / "0.log"

    def check(self, agent, time):
        eventually(lambda: len(self.receive.records) == 4, 20, f"four records: {self.receive.records}")
        found = {record["message"]: record for record in self.receive.records}
        self.assertEqual(set(found), {"GET /", trace(1), "long line", "odd"})
        for message, stream in [("GET /", "stdout"), (trace(1), "stderr"), ("long line", "stdout")]:
            record = found[message]
            self.assertEqual(
                [record[name] for name in ("stream", "namespace", "pod", "container", "file")],
                [stream, "shop", "web-5d4f", "app", str(self.log)])
            moment = datetime.datetime.fromisoformat(record["timestamp"][:26] + "+00:00")
            self.assertEqual(moment.isoformat(timespec="milliseconds"), time[message])
        eventually(lambda: self.counted(agent, "format_failed") == 1, 5, "the odd line is counted")

    def test_cri(self):
        self.log = self.pod_log()
        agent = self.make_agent(format="cri", multiline={"preset": "java", "timeout": "500ms"}).start()
        entries = ["2026-01-02T03:04:05.006Z stdout F GET /", "odd", "2026-01-02T05:04:05.007+02:00 stdout P long "]
        entries += [f"2026-01-02T03:04:05.{8 + n:03}Z stderr F {line}" for n, line in enumerate(trace(1).split("\n"))]
        entries += ["2026-01-02T03:04:06Z stdout F line"]
        self.append("\n".join(entries) + "\n")
        self.check(agent, {
            "GET /": "2026-01-02T03:04:05.006+00:00", "long line": "2026-01-02T03:04:05.007+00:00",
            trace(1): "2026-01-02T03:04:05.008+00:00"})
        self.assertEqual(agent.stop(), 0)

    def test_a_line_that_goes_on_after_a_rotation(self):
        self.log = self.pod_log()
        agent = self.make_agent(format="cri").start()
        self.append("2026-01-02T03:04:05Z stdout F before\n2026-01-02T03:04:05.1Z stdout P one \n")
        self.wait_until_read(agent, 2)
        self.log.rename(self.log.with_name("0.log.20260102-030405"))
        self.append("2026-01-02T03:04:05.2Z stdout P two \n2026-01-02T03:04:05.3Z stdout F three\n"
                    "2026-01-02T03:04:05.4Z stdout F after\n")
        expected = ["before", "one two three", "after"]
        eventually(lambda: len(self.messages()) >= 3, 20, "three records")
        self.assertEqual(self.messages(), expected)
        self.assertEqual(self.counted(agent, "container_line_timeout"), 0)
        # Both files are acknowledged: nothing comes again.
        self.assertEqual(agent.stop(), 0)
        self.append("2026-01-02T03:04:06Z stdout F last\n")
        agent.start()
        eventually(lambda: self.messages()[-1:] == ["last"], 20, "the last record")
        self.assertEqual(self.messages(), [*expected, "last"])
        self.assertEqual(agent.stop(), 0)

    def test_a_stop_while_a_rotated_line_waits_for_its_record(self):
        self.log = self.pod_log()
        agent = self.make_agent(format="cri", multiline={"preset": "java", "timeout": "1m"}).start()
        self.append("2026-01-02T03:04:05Z stdout P java.lang.Error\n2026-01-02T03:04:05Z stderr F one\n")
        eventually(lambda: self.messages() == ["one"], 20, "what is not held")
        rotated = self.log.with_name("0.log.20260102-030405")
        self.log.rename(rotated)
        self.append("2026-01-02T03:04:05Z stdout F : it failed\n")
        self.wait_until_read(agent, 3)
        # The writer has not reopened its file yet. What it writes there is acknowledged, and what is held is not.
        with rotated.open("a") as out:
            out.write("2026-01-02T03:04:05Z stderr F two\n")
        eventually(lambda: self.messages() == ["one", "two"], 20, "what is not held either")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.messages(), ["one", "two"])
        agent.start()
        self.append("2026-01-02T03:04:06Z stdout F \tat a.B(C)\n2026-01-02T03:04:06Z stdout F end\n")
        eventually(lambda: "end" in self.messages(), 20, lambda: f"the end: {self.messages()}")
        self.assertIn("java.lang.Error: it failed\n\tat a.B(C)", self.messages())
        self.assertEqual(agent.stop(), 0)

    def test_a_line_goes_on_over_several_rotations_and_a_kill(self):
        """The runtime rotates its file within a line, again and again; the agent is killed before the line is over."""
        def line(number, text, tags="stdout P"):
            return f"2026-12-01T11:00:0{number}.000000000Z {tags} {text}\n"

        def rotate(number):
            self.log.rename(self.log.with_name(f"0.log.2026120{number}-110000"))

        self.log = self.pod_log()
        self.append(line(1, "before", "stdout F") + line(1, "one "))
        agent = self.make_agent(format="cri").start()
        self.wait_until_read(agent, 2)
        rotate(1)
        self.append(line(2, "two ") + line(2, "aside", "stderr F"))
        self.wait_until_read(agent, 4)
        rotate(2)
        self.append(line(3, "three "))
        self.wait_until_read(agent, 5)
        eventually(lambda: self.messages() == ["before", "aside"], 20, self.messages)
        agent.kill()
        rotate(3)
        self.append(line(4, "four", "stdout F") + line(5, "after", "stdout F"))
        agent.start()
        eventually(lambda: "after" in self.messages(), 20, self.messages)
        messages = self.messages()
        self.assertEqual(messages.count("one two three four"), 1, messages)
        # What stood between its pieces may come twice, parts of it never.
        self.assertEqual(set(messages), {"before", "aside", "one two three four", "after"})
        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.append(line(6, "last", "stdout F"))
        eventually(lambda: "last" in self.messages(), 20, self.messages)
        self.assertEqual(self.messages(), messages + ["last"])

    def test_docker(self):
        self.log = self.pod_log()
        agent = self.make_agent(format="docker", multiline={"preset": "java", "timeout": "500ms"}).start()

        def entry(log, stream, milliseconds):
            return json.dumps({"log": log, "stream": stream, "time": f"2026-01-02T03:04:05.{milliseconds:03}123456Z"})

        entries = [entry("GET /\n", "stdout", 6), "odd", entry("long ", "stdout", 7)]
        entries += [entry(line + "\n", "stderr", 8 + n) for n, line in enumerate(trace(1).split("\n"))]
        entries += [entry("line\n", "stdout", 900)]
        self.append("\n".join(entries) + "\n")
        self.check(agent, {
            "GET /": "2026-01-02T03:04:05.006+00:00", "long line": "2026-01-02T03:04:05.007+00:00",
            trace(1): "2026-01-02T03:04:05.008+00:00"})
        self.assertEqual(agent.stop(), 0)
