"""A live journald, followed by the built agent: none of its entries lost, and none twice unless the agent was killed."""

import shutil
import socket
import struct
import threading
import time
import unittest

import live_journald
from support import Scratch, eventually, require_programs

EVENTS = 'vitals_input_events_total{input="journal",output="central",reason="%s"}'

RECORDS_ACKNOWLEDGED = 'vitals_route_records_acknowledged_total{input="journal",output="central"}'
RECORDS_READ = 'vitals_route_records_read_total{input="journal",output="central"}'


class Sender:
    """Writes to a journald by its native protocol, from outside its namespace: systemd.io/JOURNAL_NATIVE_PROTOCOL."""

    def __init__(self, journald, directory="journal"):
        self.path = f"/proc/{journald.keeper.pid}/root/run/systemd/{directory}/socket"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, message, **fields):
        if isinstance(message, str):
            message = message.encode()
        parts = [b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n"]
        parts += [f"{name}={value}\n".encode() for name, value in fields.items()]
        self.socket.sendto(b"".join(parts), self.path)

    def send_numbers(self, numbers, per_second=None):
        start = time.monotonic()
        for sent, number in enumerate(numbers):
            self.send(f"seq={number} an entry of the journal", SYSLOG_IDENTIFIER="numbered", PRIORITY=6)
            if per_second and sent % 100 == 0:
                time.sleep(max(0, sent / per_second - (time.monotonic() - start)))


class Journald(Scratch):
    def setUp(self):
        super().setUp()
        if reason := live_journald.missing():
            raise unittest.SkipTest(reason)
        require_programs("journalctl")
        self.journald = live_journald.LiveJournald(str(self.directory)).__enter__()
        self.addCleanup(self.journald.__exit__, None, None, None)
        self.sender = Sender(self.journald)
        self.addCleanup(self.sender.socket.close)
        self.central = self.receiver()

    def follow(self, output=None, **options):
        options = {"type": "journald", "matches": ["SYSLOG_IDENTIFIER=numbered"], **options}
        return self.agent({
            "inputs": {"journal": options},
            "outputs": {"central": {"type": "http", "url": self.central.url, **(output or {})}},
            "routes": [{"from": "journal", "to": "central"}],
        }, popen=self.journald.popen)

    def wait_for(self, count, agent, within=30):
        eventually(
            lambda: len(self.central.records) >= count and len(set(self.central.sequences())) == count, within,
            f"{count} entries, not {len(self.central.records)}; the agent said:\n{agent.log()}")

    def test_rotations_lose_and_double_nothing(self):
        agent = self.follow().start()
        for part in range(4):
            self.sender.send_numbers(range(part * 5000, (part + 1) * 5000))
            self.journald.rotate()
        self.sender.send_numbers(range(20_000, 20_100))
        self.wait_for(20_100, agent)
        self.assertEqual(agent.stop(), 0)
        # The order is the journal's, over all its files.
        self.assertEqual(self.central.sequences(), list(range(20_100)))
        self.assertGreaterEqual(len(list((self.directory / "log").rglob("*@*.journal"))), 4)

    def test_a_stop_and_a_start_double_nothing(self):
        agent = self.follow().start()
        self.sender.send_numbers(range(1000))
        self.wait_for(1000, agent)
        self.assertEqual(agent.stop(), 0)
        # Written and rotated away while nobody reads.
        self.sender.send_numbers(range(1000, 4000))
        self.journald.rotate()
        self.sender.send_numbers(range(4000, 5000))
        agent.start()
        self.sender.send_numbers(range(5000, 6000))
        self.wait_for(6000, agent)
        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.sender.send_numbers([6000])
        self.wait_for(6001, agent)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.central.sequences(), list(range(6001)))

    def test_two_kills_lose_nothing(self):
        agent = self.follow().start()
        (per_second, count) = (4000, 24_000)
        writer = threading.Thread(target=self.sender.send_numbers, args=(range(count), per_second))
        writer.start()
        self.addCleanup(writer.join)
        for threshold in [count // 4, count // 2]:
            eventually(lambda: len(self.central.records) > threshold, 30, f"{threshold} entries before the kill")
            agent.kill()
            self.journald.rotate()
            agent.start()
        self.wait_for(count, agent)
        agent.stop()
        # Cursors are saved once a second; two seconds allow for a machine that is busy.
        self.assertLess(len(self.central.records) - count, 2 * 2 * per_second)

    def test_a_receiver_that_is_down_loses_and_doubles_nothing(self):
        agent = self.follow().start()
        self.sender.send_numbers(range(1000))
        self.wait_for(1000, agent)
        # An answer that is broken off is none: its batch would come again.
        eventually(lambda: agent.metric(RECORDS_ACKNOWLEDGED) == 1000, 5, "1000 acknowledged")
        self.central.stop()
        self.sender.send_numbers(range(1000, 3000))
        self.journald.rotate()
        eventually(
            lambda: agent.metric('vitals_route_retrying{input="journal",output="central"}') == 1, 10, "a retry")
        self.central.start()
        self.wait_for(3000, agent)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.central.sequences(), list(range(3000)))

    def test_what_a_vacuum_takes_before_it_was_read_is_said(self):
        agent = self.follow(output={"batch_records": 100, "in_flight": 1}).start()
        self.sender.send_numbers(range(1000))
        self.wait_for(1000, agent)
        self.journald.rotate()
        self.journald.vacuum()
        self.sender.send_numbers(range(1000, 1010))
        self.wait_for(1010, agent)
        self.assertEqual(agent.metric(EVENTS % "cursor_lost"), 0, "all had been read")
        self.central.stop()
        self.sender.send_numbers(range(1010, 3000))
        eventually(lambda: agent.metric(RECORDS_READ) >= 1110, 10, "a full batch")
        self.journald.rotate()
        self.journald.vacuum()
        self.central.start()
        self.sender.send_numbers(range(3000, 3010))
        eventually(lambda: self.central.sequences()[-1:] == [3009], 20, agent.log())
        self.assertLess(len(self.central.records), 3010, "the vacuum took nothing")
        eventually(lambda: agent.metric(EVENTS % "cursor_lost") == 1, 5, "a word about it")
        self.assertIn("entries went from the journal before they were read", agent.log())
        # journald numbers its own messages too.
        lost = agent.metric(EVENTS % "entry_lost")
        self.assertIn(lost - (3010 - len(self.central.records)), range(20))
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.central.sequences(), sorted(set(self.central.sequences())))

    def messages_with(self, last, **options):
        """What arrives up to the message `last`, of what a few programs wrote."""
        agent = self.follow(matches=options.pop("matches", []), **options).start()
        # A unit is known by the sender's cgroup; root may also say of which unit it speaks.
        self.sender.send("ssh info", PRIORITY=6, SYSLOG_IDENTIFIER="sshd", OBJECT_SYSTEMD_UNIT="ssh.service")
        self.sender.send("ssh error", PRIORITY=3, SYSLOG_IDENTIFIER="sshd", OBJECT_SYSTEMD_UNIT="ssh.service")
        self.sender.send("cron error", PRIORITY=3, SYSLOG_IDENTIFIER="cron", OBJECT_SYSTEMD_UNIT="cron.service")
        self.sender.send("cron debug", PRIORITY=7, SYSLOG_IDENTIFIER="cron", OBJECT_SYSTEMD_UNIT="cron.service")
        self.sender.send("plain warning", PRIORITY=4, SYSLOG_IDENTIFIER="other")
        self.sender.send("ssh critical", PRIORITY=2, SYSLOG_IDENTIFIER="sshd", OBJECT_SYSTEMD_UNIT="ssh.service")
        texts = lambda: [record["message"] for record in self.central.records]
        eventually(lambda: last in texts(), 10, f"{last!r}, not {texts()}\n{agent.log()}")
        self.assertEqual(agent.stop(), 0)
        # journald speaks in its own journal too.
        return [text for text in texts() if text.startswith(("ssh", "cron", "plain"))]

    def test_units_are_selected(self):
        # The first with its ending left out, as for systemctl.
        self.assertEqual(
            self.messages_with("ssh critical", units=["ssh"]), ["ssh info", "ssh error", "ssh critical"])

    def test_priority_is_it_and_more_urgent(self):
        self.assertEqual(
            self.messages_with("ssh critical", priority="err"), ["ssh error", "cron error", "ssh critical"])

    def test_matches_and_units_and_priority_must_all_hold(self):
        self.assertEqual(
            self.messages_with(
                "ssh critical", units=["ssh.service", "cron.service"], priority=4,
                matches=["SYSLOG_IDENTIFIER=sshd", "+", "SYSLOG_IDENTIFIER=nobody"]),
            ["ssh error", "ssh critical"])

    def test_what_an_entry_may_hold(self):
        agent = self.follow(line_limit=2000).start()
        odd = [
            b"two\nlines", b"\x00\xff binary \x1b[0m", b"", b"x" * 5000, "größe 漢".encode(), b"y" * 100_000,
        ]
        for message in odd:
            self.sender.send(message, SYSLOG_IDENTIFIER="numbered", PRIORITY=5)
        # An entry without a message, as some programs write: counted, and no record.
        self.sender.socket.sendto(b"SYSLOG_IDENTIFIER=numbered\nOTHER=field\n", self.sender.path)
        self.sender.send("last", SYSLOG_IDENTIFIER="numbered", PRIORITY="bad")
        records = eventually(
            lambda: self.central.records[-1:] and self.central.records[-1]["message"] == "last"
            and self.central.records, 10, f"the last entry, not {self.central.records}\n{agent.log()}")
        texts = [record["message"] for record in records]
        self.assertEqual(texts, [
            "two\nlines", "\0\ufffd binary \x1b[0m", "", "x" * 2000, "größe 漢", "y" * 2000, "last"])
        self.assertEqual([record.get("truncated") for record in records], [None, None, None, True, None, True, None])
        self.assertEqual({record["identifier"] for record in records}, {"numbered"})
        self.assertEqual([record.get("priority") for record in records], [5] * 6 + [None])
        eventually(lambda: agent.metric(EVENTS % "entry_without_message") == 1, 5, "an entry without a message")
        self.assertEqual(agent.metric(EVENTS % "line_cut"), 2)
        replaced = 'vitals_route_invalid_sequences_replaced_total{input="journal",output="central"}'
        self.assertEqual(agent.metric(replaced), 1)

    def test_units_by_pattern_and_without_some(self):
        self.assertEqual(
            self.messages_with("cron debug", units=["ssh*", "c?on.service"], exclude_units=["ss*"]),
            ["cron error", "cron debug"])

    def test_units_that_are_excluded(self):
        self.assertEqual(
            self.messages_with("plain warning", exclude_units=["{ssh,cron}.*"]), ["plain warning"])

    def test_identifiers(self):
        self.assertEqual(
            self.messages_with("ssh critical", identifiers=["sshd", "other"]),
            ["ssh info", "ssh error", "plain warning", "ssh critical"])

    def test_a_unit_that_is_new_is_taken_by_its_pattern(self):
        agent = self.follow(matches=[], units=["web-*"]).start()
        for number in range(3):
            self.sender.send(f"seq={number}", SYSLOG_IDENTIFIER="n", OBJECT_SYSTEMD_UNIT=f"web-{number}.service")
            self.sender.send("seq=99", SYSLOG_IDENTIFIER="n", OBJECT_SYSTEMD_UNIT=f"db-{number}.service")
            self.wait_for(number + 1, agent)
        self.assertIn("no unit in the journal is like web-*", agent.command("check"))
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.central.sequences(), [0, 1, 2])

    def test_the_whole_entry(self):
        agent = self.follow(journal_fields="all").start()
        self.sender.send("with more", SYSLOG_IDENTIFIER="numbered", PRIORITY=5, CODE_FILE="a.c", TEXT='a "quoted" one')
        self.sender.socket.sendto(
            b"SYSLOG_IDENTIFIER=numbered\nBINARY\n" + struct.pack("<Q", 4) + b"\xff\0\n\x80\n", self.sender.path)
        first, second = eventually(
            lambda: len(self.central.records) == 2 and self.central.records, 10, agent.log())
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(first["message"], "with more")
        self.assertEqual((first["priority"], first["PRIORITY"]), (5, "5"))
        self.assertEqual((first["CODE_FILE"], first["TEXT"]), ("a.c", 'a "quoted" one'))
        # What journald adds by itself.
        self.assertEqual(first["_UID"], "0")
        self.assertEqual(first["_TRANSPORT"], "journal")
        self.assertIn("python3", first["_CMDLINE"])
        self.assertEqual((second["message"], second["BINARY"]), ("", "\ufffd\0\n\ufffd"))

    def test_lines_that_journald_cuts_are_whole(self):
        """At LineMax=, 48 KiB by default, in what programs write to their output."""
        agent = self.follow(matches=["SYSLOG_IDENTIFIER=cut"]).start()
        lines = ["first", "a" * 200_000, "between", "b" * 49_151, "c" * 49_153, "d" * 100_000 + " \u6f22", "last"]
        self.journald.run(["systemd-cat", "--identifier=cut", "--level-prefix=no", "cat"],
                          input="".join(f"{line}\n" for line in lines).encode())
        texts = lambda: [record["message"] for record in self.central.records]
        eventually(lambda: texts()[-1:] == ["last"], 20, lambda: f"the last line: {[text[:9] for text in texts()]}")
        self.assertEqual(texts(), lines)
        self.assertEqual(agent.stop(), 0)

    def test_namespaces(self):
        for name in ["web", "db"]:
            self.journald.start_namespace(name)
        senders = {"own": self.sender}
        for name in ["web", "db"]:
            senders[name] = Sender(self.journald, f"journal.{name}")
            self.addCleanup(senders[name].socket.close)
        choices = {
            "own": ["default"], "web": ["web"], "own web": ["web", "default"], "web db": ["web", "db"],
            "own web db": ["*"], "db own web": ["db", "default", "web"],
        }
        for name, sender in senders.items():
            sender.send(f"of {name}", SYSLOG_IDENTIFIER="numbered")
        for wanted, namespaces in choices.items():
            with self.subTest(namespaces=namespaces):
                shutil.rmtree(self.directory / "agent-state", ignore_errors=True)
                expected = {f"of {name}" for name in wanted.split()}
                self.central.records = []
                agent = self.follow(namespaces=namespaces).start()
                texts = lambda: {record["message"] for record in self.central.records}
                eventually(lambda: texts() >= expected, 10, f"{expected}, not {texts()}\n{agent.log()}")
                # A stop comes after all that was there was read.
                self.assertEqual(agent.stop(), 0)
                self.assertEqual(texts(), expected)
                self.assertEqual(agent.command("check").count("no entry of the namespace"), 0)

    def test_a_file_that_is_cut_short_while_it_is_read(self):
        """Its pages are gone, and reading them would end the process (SIGBUS)."""
        self.sender.send_numbers(range(20_000))
        self.journald.rotate()
        self.sender.send_numbers(range(20_000, 20_100))
        self.central.stop()
        agent = self.follow(output={"batch_records": 100, "in_flight": 1}, directory=str(self.directory / "log")).start()
        eventually(lambda: agent.metric(RECORDS_READ) >= 100, 10, "a first batch")
        # Named by the number of their first entry: the one that is being read.
        oldest = sorted((self.directory / "log").rglob("system@*.journal"))[0]
        with oldest.open("r+b") as file:
            file.truncate(256 << 10)
        self.central.start()
        eventually(lambda: 20_099 in self.central.sequences(), 20, agent.log())
        self.assertEqual(sorted(set(self.central.sequences()))[-100:], list(range(20_000, 20_100)))
        self.assertLess(len(self.central.sequences()), 20_000, "the cut took nothing")
        eventually(
            lambda: agent.metric(EVENTS % "file_corrupt") + agent.metric(EVENTS % "entry_corrupt") >= 1, 20, "a word about it")
        self.assertEqual(agent.stop(), 0)

    def test_a_journal_that_is_not_there_is_said_and_read_when_it_appears(self):
        self.journald.stop()
        for entry in (self.directory / "log").iterdir():
            shutil.rmtree(entry)
        self.journald.run(["rm", "-rf", "/run/log/journal"])
        (self.directory / "app.log").write_text("seq=0 of a file\n")
        agent = self.agent({
            "inputs": {
                "journal": {"type": "journald", "matches": ["SYSLOG_IDENTIFIER=numbered"]},
                "app": {"type": "file", "paths": [str(self.directory / "app.log")]},
            },
            "outputs": {"central": {"type": "http", "url": self.central.url}},
            "routes": [{"from": "journal", "to": "central"}, {"from": "app", "to": "central"}],
        }, popen=self.journald.popen)
        self.assertIn("there is no journal in /var/log/journal", agent.command("check"))
        agent.start()
        self.wait_for(1, agent)
        problem = "journal -> central: problem: there is no journal in /var/log/journal"
        eventually(lambda: problem in agent.command("status"), 5, f"{problem}\n{agent.command('status')}")
        self.journald.start()
        self.sender.send_numbers(range(1, 101))
        self.wait_for(101, agent)
        eventually(lambda: "problem" not in agent.command("status"), 5, "a status without a problem")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.central.sequences()), list(range(101)))
