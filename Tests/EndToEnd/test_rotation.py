"""What happens to lines when their file is rotated, truncated, deleted or odd: every row of the table in docs/design.md,
section 7, with a writer process and the built agent. See docs/rotation.md for what is promised."""

import json
import os
import pwd
import subprocess
import time
from glob import glob as names_of
from pathlib import Path

from support import BINARY, Scratch, eventually, require_programs, require_root, start_writer

GRACE = 1.0


def saved_files(state):
    """What is saved of each file of a state directory, by whatever route."""
    ran = subprocess.run([BINARY, "cursors", "--json", "--state-directory", state], capture_output=True, text=True, timeout=20)
    return [file for each in json.loads(ran.stdout or "[]") for file in each["cursor"].get("files", [])]


class Rotating(Scratch):
    """One file input, one HTTP receiver that can be told to refuse."""

    def setUp(self):
        super().setUp()
        self.logs = self.directory / "logs"
        self.logs.mkdir()
        self.log = self.logs / "app.log"
        self.is_down = False
        self.receive = self.receiver(answer=lambda records: 503 if self.is_down else 200)

    def make_agent(self, *paths, output=None, **options):
        """One delivery at a time: several of them keep no order, and what became of a file shows in the order."""
        return self.agent({
            "inputs": {"app": {"type": "file", "paths": [f"{self.logs}/{path}" for path in paths or ["app.log"]],
                               "rotation_grace": f"{GRACE * 1000:.0f}ms", **options}},
            "outputs": {"central": {"type": "http", "url": self.receive.url, "in_flight": 1, **(output or {})}},
            "routes": [{"from": "app", "to": "central"}], "drain_timeout": "300ms"})

    def write(self, lines, *plan, path=None):
        """A writer that has done its work when this returns."""
        self.assertEqual(start_writer(self, path or self.log, lines, *plan).wait(30), 0)

    def wait_for(self, count, within=30):
        eventually(lambda: len(set(self.receive.sequences())) >= count, within, f"{count} different lines")

    def wait_until_settled(self, agent, kept=()):
        """What comes twice comes from a file that was rotated: until the agent has let go of all that no pattern names,
        which it does when the grace is over, but for those `kept`, and has delivered all it knows of."""
        patterns = json.loads(agent.config.read_text())["inputs"]["app"]["paths"]
        root = f"/proc/{agent.process.pid}/root"

        def is_settled():
            live = {os.path.realpath(path).removeprefix(root)
                    for pattern in patterns for path in names_of(root + pattern, recursive=True)}
            held = [path for path in self.open_logs(agent) if path not in live and Path(path).name not in kept]
            return not held and self.value(agent, "lag_bytes") == self.value(agent, "batches_in_flight") == 0

        eventually(is_settled, GRACE * 1.5 + 20, lambda: f"rotated files are let go of: {self.open_logs(agent)}")

    def open_logs(self, agent):
        """The agent's open files in the directory of the logs, those that are deleted with that behind their names."""
        found = []
        for descriptor in Path(f"/proc/{agent.process.pid}/fd").iterdir():
            try:
                path = os.readlink(descriptor)
            except FileNotFoundError:
                continue  # Closed meanwhile.
            if path.startswith(f"{self.logs}/"):
                found.append(path)
        return found

    def value(self, agent, name):
        """Of a metric of the route, 0 without it."""
        return agent.metric(f'vitals_route_{name}{{input="app",output="central"}}') or 0

    def assert_each_once(self, count, agent, ordered=True, kept=()):
        """All of them arrive, and when all is settled none has come twice."""
        self.wait_for(count)
        self.wait_until_settled(agent, kept)
        self.assertEqual(agent.stop(), 0)
        if not ordered:
            self.assertEqual(sorted(self.receive.sequences()), list(range(count)), self.runs(by_file=True))
            return
        # Also in the order in which the writer wrote them, whatever became of their file.
        self.assertEqual(self.runs(), [f"0-{count - 1}"], f"{agent.log()}\n{self.runs(by_file=True)}")

    def come_back(self):
        """The receiver is well again. What an agent that is gone by now has sent it must not be taken by it then: that
        agent did not hear of it, and the next one sends it again."""
        self.receive.stop()
        eventually(lambda: not self.receive.connections, 10, "requests that are still being refused")
        self.is_down = False
        self.receive.start()

    def runs(self, by_file=False):
        """What arrived, as ranges of consecutive numbers."""
        runs = []
        for record in self.receive.records:
            number = self.receive.sequence(record)
            file = Path(record["file"]).name if by_file else ""
            if runs and runs[-1][1] == number - 1 and runs[-1][2] == file:
                runs[-1][1] = number
            else:
                runs.append([number, number, file])
        return [f"{first}-{last} {file}".strip() for first, last, file in runs]

    def let_it_look(self, agent):
        """An agent that is held back looks around once a second: until every byte of what lies there is behind it, or is
        lag that it knows of."""
        there = sum(path.stat().st_size for path in self.logs.iterdir() if path.suffix != ".gz")

        def known():
            # The line ends are not counted among the bytes of text.
            return sum(self.value(agent, name) for name in
                       ["lag_bytes", "bytes_acknowledged_total", "records_acknowledged_total"])

        eventually(lambda: known() >= there, 10, lambda: f"the agent knows of {known()} of {there} bytes")

    def wait_until_saved(self, agent, path, acknowledged=True):
        """Until a cursor file knows that file in its size of now, and, with `acknowledged`, all of it as acknowledged."""
        size = path.stat().st_size

        def cursors():
            return [entry for entry in saved_files(agent.state) if entry["path"] == str(path)]

        def is_saved():
            return any(entry["size"] == size and (not acknowledged or entry["offset"] == size) for entry in cursors())

        eventually(is_saved, 10, lambda: f"the cursor of {path}, which has {size} bytes: {cursors()}")

    def messages(self):
        return [record["message"] for record in self.receive.records]

    def counted(self, agent, reason):
        return agent.metric(f'vitals_input_events_total{{input="app",output="central",reason="{reason}"}}') or 0

    def wait_until_counted(self, agent, reason, least):
        """What an input says of itself is up to a second old in the metrics."""
        return eventually(
            lambda: (count := self.counted(agent, reason)) >= least and count, 5, f"{least} counted as {reason}")


class WhileRunning(Rotating):
    def test_renamed_with_a_writer_that_goes_on_in_the_old_file(self):
        agent = self.make_agent().start()
        self.write("0..30000", "5000:move", "9000:reopen", "15000:move", "15500:reopen")
        self.wait_for(30_000)
        self.assertEqual(self.counted(agent, "bytes_lost_deleted"), 0)
        self.wait_until_settled(agent)
        agent.stop()
        self.assertEqual(sorted(self.receive.sequences()), list(range(30_000)))

    def test_renamed_every_half_second_with_the_receiver_down(self):
        agent = self.make_agent("app.log*").start()
        writer = start_writer(
            self, self.log, 60_000, *[f"{n}:shift" for n in range(10_000, 60_000, 10_000)], per_second=20_000)
        self.wait_for(5_000)
        self.is_down = True
        self.assertEqual(writer.wait(30), 0)
        self.is_down = False
        self.assert_each_once(60_000, agent)

    def test_copied_and_truncated_under_load(self):
        for glob in ["app.log", "app.log*"]:
            with self.subTest(glob):
                self.receive.records.clear()
                for file in self.logs.iterdir():
                    file.unlink()
                agent = self.agent_for(glob).start()
                start_writer(
                    self, self.log, 60_000, *[f"{n}:shiftcopy" for n in range(10_000, 60_000, 10_000)],
                    per_second=40_000)
                self.assert_each_once(60_000, agent)

    def agent_for(self, glob):
        self.agent_count = getattr(self, "agent_count", 0) + 1
        agent = self.make_agent(glob)
        agent.state = self.directory / f"state-{self.agent_count}"
        return agent

    def test_copied_and_truncated_with_the_receiver_down(self):
        agent = self.make_agent().start()
        writer = start_writer(
            self, self.log, 40_000, *[f"{n}:shiftcopy" for n in range(10_000, 40_000, 5_000)], per_second=40_000)
        self.wait_for(1_000)
        self.is_down = True
        self.assertEqual(writer.wait(30), 0)
        self.is_down = False
        self.assert_each_once(40_000, agent)
    def test_deleted_while_unread(self):
        # Far more than what is read ahead while the receiver is down.
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1})
        agent.start()
        self.write("0..100")
        self.wait_for(100)
        self.is_down = True
        self.write("100..20000")
        self.log.unlink()
        self.write("20000..40000")
        self.let_it_look(agent)
        self.log.unlink()
        self.is_down = False
        self.assert_each_once(40_000, agent)

    def test_three_files_at_once_share_the_way(self):
        agent = self.make_agent("*.log", output={"batch_bytes": "64KiB"})
        for n in range(3):
            self.write(f"{n * 40_000}..{(n + 1) * 40_000}", path=self.logs / f"{n}.log")
        agent.start()
        self.wait_for(120_000)
        agent.stop()
        sequences = self.receive.sequences()
        self.assertEqual(sorted(sequences), list(range(120_000)))
        # No file is at its end before each of the others had its turn.
        firsts = [sequences.index(n * 40_000) for n in range(3)]
        self.assertLess(max(firsts), 40_000)

    def test_a_last_line_without_its_end_is_sent_after_a_while(self):
        agent = self.make_agent(partial_line_timeout="400ms").start()
        with self.log.open("w") as log:
            log.write("whole\nhalf")
            log.flush()
            eventually(lambda: self.messages() == ["whole", "half"], 10, "the half line")
            log.write("\nnext\n")
        eventually(lambda: self.messages() == ["whole", "half", "next"], 10, "no empty line between")
        agent.stop()


class Emptied(Rotating):
    """Truncated or replaced without a copy: what was not read is lost and counted, the new content is read whole."""

    def test_truncated_and_written_anew_smaller_as_large_and_larger(self):
        agent = self.make_agent().start()
        begin = 0
        for count in [500, 100, 100, 2_000]:
            # In place, so that the inode stays and the size may be the same in the end.
            with self.log.open("w") as log:
                log.write("".join(f"seq={n:06} {n * 7919:060}\n" for n in range(begin, begin + count)))
            begin += count
            self.wait_for(begin)
        self.assertEqual(self.counted(agent, "bytes_lost_truncation"), 0)
        self.assert_each_once(begin, agent)

    def test_truncated_while_unread_is_counted(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..100")
        self.wait_for(100)
        self.is_down = True
        self.write("100..40000")
        self.let_it_look(agent)
        os.truncate(self.log, 0)
        self.is_down = False
        self.write("40000..40100")
        eventually(lambda: self.receive.sequences()[-1:] == [40_099], 20, "the new content")
        missing = 40_100 - len(set(self.receive.sequences()))
        self.assertGreater(missing, 0)
        line = len(f"seq=20000 a line of the log with some text {'x' * 120}\n")
        # But for the first and the last lines, which have shorter numbers, all are equally long.
        lost = self.wait_until_counted(agent, "bytes_lost_truncation", 1)
        self.assertAlmostEqual(lost / (missing * line), 1, delta=0.02)

    def test_a_new_file_with_the_same_inode(self):
        agent = self.make_agent().start()
        self.write("0..1000")
        self.wait_for(1_000)
        agent.stop()
        inode = self.log.stat().st_ino
        # A file system gives an inode again at once, or this test tells nothing.
        for attempt in range(200):
            self.log.unlink()
            self.log.write_text("")
            if self.log.stat().st_ino == inode:
                break
        self.write("1000..2500")
        agent.start()
        self.assert_each_once(2_500, agent)


class WhileStopped(Rotating):
    def rotated(self, glob, *plan, end=False):
        agent = self.make_agent(glob, output={"batch_bytes": "16KiB", "in_flight": 1}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        # Something must be left to read in the first file.
        self.is_down = True
        self.write("1000..5000")
        (agent.kill if end else agent.stop)()
        self.come_back()
        self.write("5000..12000", *plan)
        agent.start()
        if not end:
            return self.assert_each_once(12_000, agent)
        self.wait_for(12_000)
        self.wait_until_settled(agent)
        agent.stop()
        sequences = self.receive.sequences()
        self.assertEqual(set(sequences), set(range(12_000)))
        # Acknowledged within the last second before the kill, and not saved: at most the first 1000.
        self.assertLessEqual(len(sequences) - 12_000, 1_000)

    def test_rotated_once(self):
        for glob in ["app.log", "app.log*"]:
            with self.subTest(glob):
                self.reset()
                self.rotated(glob, "6000:shift")

    def test_rotated_three_times(self):
        for glob in ["app.log", "app.log*"]:
            with self.subTest(glob):
                self.reset()
                self.rotated(glob, "6000:shift", "8000:shift", "10000:shift")

    def test_copied_and_truncated_three_times(self):
        for glob in ["app.log", "app.log*"]:
            with self.subTest(glob):
                self.reset()
                self.rotated(glob, "6000:shiftcopy", "8000:shiftcopy", "10000:shiftcopy")

    def test_killed_in_an_outage_and_rotated(self):
        self.rotated("app.log", "6000:shift", "8000:shiftcopy", "10000:shift", end=True)

    def reset(self):
        """Between two cases of one test."""
        self.doCleanups()
        self.setUp()


class Killed(Rotating):
    def test_kills_in_the_middle_of_an_outage(self):
        per_second, kills = 20_000, 2
        agent = self.make_agent("app.log*", output={"batch_records": 1000, "in_flight": 2}).start()
        writer = start_writer(
            self, self.log, 80_000, *[f"{n}:shift" for n in range(7_000, 80_000, 7_000)], per_second=per_second)
        for _ in range(kills):
            before = len(self.receive.records)
            eventually(lambda: len(self.receive.records) > before + 5_000, 20, "progress")
            self.is_down = True
            time.sleep(0.7)  # The outage itself, not a wait for something to be right.
            agent.kill()
            time.sleep(0.7)  # The same.
            self.is_down = False
            agent.start()
        self.assertEqual(writer.wait(30), 0)
        self.wait_for(80_000)
        self.wait_until_settled(agent)
        agent.stop()
        sequences = self.receive.sequences()
        self.assertEqual(set(sequences), set(range(80_000)))
        # What was acknowledged in the last second (here also what was read up until then), and the batches in flight.
        self.assertLessEqual(len(sequences) - 80_000, kills * (3 * per_second + 2 * 1000))


class OddContent(Rotating):
    def test_what_is_no_text_arrives_as_json(self):
        agent = self.make_agent(line_limit="1KiB").start()
        self.log.write_bytes(
            b"crlf\r\nnul \0 in it\nbroken \xff\xfe utf-8\n\n" + b"y" * 3000 + b"\nafter\ntab\t\"quoted\" \\ \x1b[0m\n")
        eventually(lambda: len(self.messages()) >= 7, 10, f"seven records, not {self.messages()}")
        messages = self.messages()
        self.assertEqual(messages[0], "crlf")
        self.assertEqual(messages[1], "nul \0 in it")
        self.assertRegex(messages[2], "^broken \ufffd+ utf-8$")
        self.assertEqual(messages[3], "")
        self.assertEqual(messages[4], "y" * 1024)
        self.assertEqual(messages[5:], ["after", "tab\t\"quoted\" \\ \x1b[0m"])
        self.assertEqual(self.wait_until_counted(agent, "line_cut", 1), 1)
        self.assertEqual(self.counted(agent, "bytes_cut"), 3000 - 1024)
        self.assertGreaterEqual(
            agent.metric('vitals_route_invalid_sequences_replaced_total{input="app",output="central"}') or 0, 1)
        agent.stop()

    def test_half_a_line_at_each_of_two_rotations(self):
        agent = self.make_agent().start()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, b"one\ntw")
        eventually(lambda: self.messages() == ["one"], 10, "the whole line")
        os.rename(self.log, self.logs / "app.log.1")
        new = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, b"o\n")
        os.write(new, b"three\n")
        eventually(lambda: sorted(self.messages()) == ["one", "three", "two"], 10, "a line in two writes")
        os.close(descriptor)
        os.close(new)
        agent.stop()


class Places(Rotating):
    def test_a_symbolic_link_that_is_set_anew(self):
        self.write("0..1000", path=self.logs / "app-1.real")
        self.log.symlink_to("app-1.real")
        agent = self.make_agent().start()
        self.wait_for(1_000)
        self.write("1000..2000", path=self.logs / "app-1.real")
        self.wait_for(2_000)
        self.write("2000..3000", path=self.logs / "app-2.real")
        beside = self.logs / "app.log.new"
        beside.symlink_to("app-2.real")
        beside.rename(self.log)
        self.wait_for(3_000)
        self.write("3000..3500", path=self.logs / "app-2.real")
        # The file that the link led to before is still there under its name, and may be written to.
        self.assert_each_once(3_500, agent, kept=["app-1.real"])

    def test_directories_that_come_later(self):
        deep = self.logs / "later" / "a" / "b"
        agent = self.make_agent("**/x.{log,txt}", "*.only/?.l[o]g", exclude=[f"{self.logs}/**/not/*"])
        self.write("500..510", path=self.logs / "x.log")
        agent.start()
        # What was there at the start has come: the directories are watched.
        self.wait_for(10)
        deep.mkdir(parents=True)
        self.write("0..100", path=deep / "x.log")
        self.write("100..200", path=deep / "x.txt")
        self.write("5000..5100", path=deep / "x.csv")
        (self.logs / "z.only").mkdir()
        self.write("200..300", path=self.logs / "z.only" / "q.log")
        (deep / "not").mkdir()
        self.write("6000..6100", path=deep / "not" / "x.log")
        self.wait_for(310)
        # What comes after it in the same directories comes: so those before it were looked at.
        self.write("300..400", path=deep / "x.log")
        self.write("400..500", path=self.logs / "z.only" / "q.log")
        self.wait_for(510)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.receive.sequences()), list(range(510)))

    def test_what_cannot_be_read_is_said_and_holds_up_nobody(self):
        require_root()
        require_programs("setpriv")
        nobody = pwd.getpwnam("nobody")
        agent = self.make_agent("*.log", rescan_interval="300ms")
        os.chmod(self.directory, 0o755)
        agent.state.mkdir()
        os.chown(agent.state, nobody.pw_uid, nobody.pw_gid)
        secret = self.logs / "secret.log"
        self.write("0..100", path=secret)
        os.chmod(secret, 0o600)
        self.write("100..300")
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        agent.popen = lambda arguments, **options: subprocess.Popen([*prefix, *arguments], **options)
        agent.start()
        self.wait_for(200)
        status = subprocess.run(
            [BINARY, "status", "--config", agent.config, "--json"], capture_output=True, text=True, timeout=10)
        self.assertIn("secret.log: ", status.stdout, status.stderr)
        self.assertEqual(self.counted(agent, "file_unreadable"), 1)
        os.chmod(secret, 0o644)
        self.wait_for(300)
        agent.stop()
        self.assertEqual(sorted(self.receive.sequences()), list(range(300)))


class BeginningAlike(Rotating):
    """Programs that write the same banner, longer than a KiB, at the beginning of each of their logs."""

    BANNER = "= the same banner in each of them\n" * 60

    def write_log(self, path, name, count=100, mode="a"):
        lines = [f"{name} {n}" for n in range(count)]
        with open(path, mode) as file:
            file.write(self.BANNER + "".join(line + "\n" for line in lines))
        return lines

    def own(self):
        return [text for text in self.messages() if not text.startswith("=")]

    def test_rotated_twice_and_compressed_while_stopped(self):
        agent = self.make_agent().start()
        expected = self.write_log(self.log, "first")
        eventually(lambda: len(self.own()) == 100, 10, "the first log")
        agent.stop()
        with open(self.log, "a") as file:
            file.write("first, late\n")
        self.log.rename(self.logs / "app.log.2")
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        expected += ["first, late"] + self.write_log(self.logs / "app.log.1", "second", 200)
        expected += self.write_log(self.log, "third", 300)
        agent.start()
        eventually(lambda: len(self.own()) >= len(expected), 20, "all lines")
        self.wait_until_settled(agent)
        self.assertEqual(self.own(), expected)
        self.assertEqual(self.counted(agent, "bytes_lost_deleted"), 0)

    def test_written_anew_in_place_while_stopped_and_while_running(self):
        agent = self.make_agent().start()
        expected = self.write_log(self.log, "first")
        eventually(lambda: len(self.own()) == 100, 10, "the first log")
        agent.stop()
        expected += self.write_log(self.log, "second", 200, mode="w")
        agent.start()
        eventually(lambda: len(self.own()) >= 300, 10, "the log that was begun anew")
        expected += self.write_log(self.log, "third", 300, mode="w")
        eventually(lambda: len(self.own()) >= 600, 10, "the log that was begun anew once more")
        self.wait_until_settled(agent)
        self.assertEqual(self.own(), expected)
