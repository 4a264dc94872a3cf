"""Real programs that rotate: Debian's logrotate, Python's logging handlers, and rollovers as log4j does them; with the
built agent running, stopped, killed, and with its receiver down. What docs/rotation.md promises.

VITALS_ROTATION_SECONDS in the environment is for how long the file is rotated every second, 15 if not set."""

import os
import pwd
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import BINARY, eventually, require_programs, require_root, start_writer
from test_rotation import GRACE, Rotating

# Writes numbered lines through a handler of Python's logging, with the rollovers that it does by itself.
HANDLER = """
import gzip, logging, logging.handlers, os, shutil, sys, time
kind, path, first, end, pause = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
if kind == "size":
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=200_000, backupCount=60)
elif kind == "window":  # a fixed window of log4j: app-1.log is the newest
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=200_000, backupCount=60)
    handler.namer = lambda name: "{0}-{2}.{1}".format(*name.rsplit(".", 2))
elif kind == "timed":
    handler = logging.handlers.TimedRotatingFileHandler(path, when="S", interval=1, backupCount=60)
else:  # a rollover of log4j: the newest number is the highest, and what was rolled is compressed at once
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=200_000, backupCount=60)
    count = [0]
    def rotator(source, target):
        with open(source, "rb") as read, gzip.open(target, "wb", compresslevel=1) as write:
            shutil.copyfileobj(read, write)
        os.remove(source)
    def roll():
        handler.stream.close()
        count[0] += 1
        rotator(path, path.replace(".log", f"-2026-11-21-{count[0]:03}.log.gz"))
        handler.stream = handler._open()
    handler.doRollover = roll
logger = logging.getLogger()
logger.setLevel("INFO")
logger.addHandler(handler)
for number in range(first, end):
    logger.info("seq=%d a line of the log with some text %s", number, "x" * 120)
    if pause and number % 100 == 99:
        time.sleep(pause / 1000)
"""


def side_by_side(test, method, cases):
    """Each in a directory of its own, with an agent and a receiver of its own: most of their time is waiting."""
    def run(arguments):
        own = type(test)(test._testMethodName)
        own.setUp()
        try:
            getattr(own, method)(*arguments)
        finally:
            own.doCleanups()
    with ThreadPoolExecutor(6) as pool:
        started = [(arguments, pool.submit(run, arguments)) for arguments in cases]
    for arguments, future in started:
        with test.subTest(arguments):
            future.result()


class Logrotate(Rotating):
    """logrotate is run by hand, as its timer would; the program keeps its file open until it is told."""

    def logrotate(self, *options):
        require_programs("logrotate")
        config = self.directory / "logrotate.conf"
        config.write_text(f"{self.log} {{\n  rotate 50\n  missingok\n  " + "\n  ".join(options) + "\n}\n")
        os.chmod(config, 0o644)
        os.chmod(self.logs, 0o755)
        ran = subprocess.run(
            ["/usr/sbin/logrotate", "--force", "--state", self.directory / "logrotate.state", config],
            capture_output=True, text=True, timeout=30)
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def rounds(self, options, glob, running, count=4, lines=3_000):
        """Rotated `count` times, with the agent running all the time or stopped from the first rotation to the last."""
        agent = self.make_agent(glob, output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write(f"0..{lines}")
        self.wait_for(lines)
        if not running:
            # Something is left to read in the first file.
            self.is_down = True
            self.write(f"{lines}..{2 * lines}")
            agent.stop()
            self.come_back()
        first = 1 if running else 2
        for n in range(first, first + count):
            self.logrotate(*options)
            self.write(f"{n * lines}..{(n + 1) * lines}")
            if "dateformat" in " ".join(options):
                time.sleep(1.05)  # its names have seconds
        if not running:
            agent.start()
        self.assert_each_once((first + count) * lines, agent)

    def test_create_copytruncate_compress_delaycompress_dateext(self):
        dated = "dateext\n  dateformat -%Y%m%d-%s"
        # Also where the rotated files match the input's own pattern.
        side_by_side(self, "rounds", [
            (options, glob, running, 2 if dated in options else 4)
            for options in [("create",), ("copytruncate",), ("create", "compress"),
                            ("create", "compress", "delaycompress"), ("copytruncate", "compress"),
                            ("create", "compress", dated)]
            for running in [True, False] for glob in ["app.log", "app.log*"]])

    def test_under_load_every_second(self):
        per_second, seconds = 20_000, int(os.environ.get("VITALS_ROTATION_SECONDS", 15))
        agent = self.make_agent("app.log*").start()
        # The writer goes on in the old file for a while, as a program does that is told a little later.
        starts = range(per_second, seconds * per_second, per_second)
        steps = [step for n in starts for step in (f"{n}:move", f"{n + 3_000}:reopen")]
        writer = start_writer(self, self.log, seconds * per_second, *steps, per_second=per_second)
        # On a machine that is busy the writer is slower than it is asked to be.
        self.assertEqual(writer.wait(60 + 4 * seconds), 0)
        self.wait_for(seconds * per_second, within=60 + 4 * seconds)
        self.assert_each_once(seconds * per_second, agent)


class Handlers(Rotating):
    def log_with(self, kind, first, end, pause=0):
        process = self.program([sys.executable, "-c", HANDLER, kind, str(self.log), str(first), str(end), str(pause)])
        return process

    def running(self, kind, end, pause, glob):
        agent = self.make_agent(glob).start()
        self.assertEqual(self.log_with(kind, 0, end, pause).wait(60), 0)
        # A file that is written, compressed and removed between two looks is found when its `.gz` is whole, and the next
        # one may have been begun by then.
        self.assert_each_once(end, agent, ordered=kind != "log4j")

    def stopped(self, kind, pause=0):
        agent = self.make_agent("app*.log*").start()
        self.assertEqual(self.log_with(kind, 0, 500).wait(30), 0)
        self.wait_for(500)
        agent.stop()
        self.assertEqual(self.log_with(kind, 500, 8_000, pause).wait(60), 0)
        agent.start()
        self.assert_each_once(8_000, agent)

    def test_pythons_handlers_and_log4j_while_running(self):
        # Also where the rotated files match the input's own pattern.
        side_by_side(self, "running", [
            (*kind, glob) for glob in ["app.log", "app*"]
            for kind in [("size", 20_000, 5), ("timed", 12_000, 25), ("log4j", 20_000, 5), ("window", 20_000, 5)]])

    def test_pythons_handlers_and_log4j_while_stopped(self):
        side_by_side(self, "stopped", [("size",), ("timed", 30), ("log4j",), ("window",)])


class Outages(Rotating):
    def test_the_receiver_is_down_while_it_is_rotated_and_compressed(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.is_down = True
        for n in range(1, 4):
            self.write(f"{n * 1000}..{(n + 1) * 1000}", f"{(n + 1) * 1000 - 1}:shift")
            self.let_it_look()
        for n in (2, 3):
            subprocess.run(["gzip", self.logs / f"app.log.{n}"], check=True)
        self.is_down = False
        self.assert_each_once(4_000, agent)

    def test_stopped_in_the_middle_of_an_outage_and_compressed(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 2}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.is_down = True
        self.write("1000..9000", "4000:shift", "6000:shiftcopy")
        self.let_it_look()
        self.assertEqual(agent.stop(), 0)
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        self.come_back()
        agent.start()
        self.assert_each_once(9_000, agent)

    def test_killed_in_the_middle_of_an_outage_and_compressed(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 2}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.let_it_look()  # the cursor is saved within a second
        self.is_down = True
        self.write("1000..9000", "4000:shift", "6000:shiftcopy")
        self.let_it_look()
        agent.kill()
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        self.come_back()
        agent.start()
        self.assert_each_once(9_000, agent)

    def test_a_full_disk_for_the_state_holds_up_no_line(self):
        require_root()
        agent = self.make_agent()
        agent.state.mkdir()
        full = agent.state / "cursors"
        # A mount of the agent's own, which nobody else sees; 64 KiB and no more.
        agent.popen = lambda arguments, **options: subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f'mkdir -p {full} && mount -t tmpfs -o size=64k tmpfs {full} && exec "$@"', "sh",
             *map(str, arguments)], **options)
        agent.start()
        self.write("0..1000")
        self.wait_for(1_000)
        seen = Path(f"/proc/{agent.process.pid}/root{full}")
        eventually(lambda: any(seen.glob("*.json")), 5, "the cursor is saved")
        filler = seen / "filler"
        with filler.open("wb", buffering=0) as out, self.assertRaises(OSError):
            while True:
                out.write(b"x" * 4096)
        self.write("1000..4000", "2000:shift")
        self.wait_for(4_000)
        eventually(lambda: "cursor cannot be saved" in agent.log(), 10, "the full disk is said")
        failures = 'vitals_route_cursor_save_failures_total{input="app",output="central"}'
        eventually(lambda: (agent.metric(failures) or 0) >= 1, 10, "and counted")
        filler.unlink()
        offset = len(self.log.read_bytes())

        def caught_up():
            saved = b"".join(path.read_bytes() for path in seen.glob("*.json"))
            return f'"offset":{offset},'.encode() in saved
        eventually(caught_up, 10, "the cursor is saved as soon as there is room")
        self.assertLess(agent.log().count("cursor cannot be saved"), 20)
        self.assert_each_once(4_000, agent)


class Limits(Rotating):
    def test_a_large_backlog_holds_up_nobody(self):
        agent = self.make_agent("*.log")
        big = self.logs / "big.log"
        line = b"seq=999999 " + b"x" * 988 + b"\n"
        with big.open("wb") as out:
            for _ in range(300):
                out.write(line * 1000)  # 300 MB in all
        seen = []
        self.receive.answer = lambda records: seen.append(
            (time.monotonic(), len(records), any(r["file"].endswith("small.log") for r in records))) or 200
        self.receive.take = self.take_lightly
        agent.start()
        eventually(lambda: len(seen) > 3, 20, "the large one is on its way")
        delays = []
        for n in range(5):
            began, before = time.monotonic(), len(seen)
            with (self.logs / "small.log").open("a") as out:
                out.write(f"seq={n} small\n")
            eventually(lambda: any(small for _, _, small in seen[before:]), 10, "a line of the small file")
            delays.append(time.monotonic() - began)
        self.assertLess(sum(count for _, count, _ in seen), 290_000, "the large one was still on its way")
        self.assertLess(max(delays), 2.0)
        agent.kill()

    def take_lightly(self, body, headers):
        """Counts what a real receiver would parse: Python's JSON would be the slowest part by far."""
        if headers.get("content-encoding") == "gzip":
            import gzip
            body = gzip.decompress(body)
        records = body.count(b"\n")
        rows = [{"file": "small.log" if b"small.log" in body else "big.log"}] * max(1, records)
        time.sleep(0.02)
        return self.receive.answer(rows)

    def test_more_events_than_the_kernel_queues(self):
        agent = self.make_agent("*.log").start()
        self.write("0..100")
        self.wait_for(100)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        agent.process.send_signal(19)  # SIGSTOP
        for n in range(limit // 2 + 500):
            path = self.logs / f"other{n}.tmp"
            path.touch()
            path.unlink()
        self.write("100..200")
        self.write("200..300", path=self.logs / "late.log")
        agent.process.send_signal(18)  # SIGCONT
        self.wait_for(300)
        self.wait_until_counted(agent, "watch_overflow", 1)
        self.assert_each_once(300, agent)

    def test_no_more_watches_than_the_user_may_have(self):
        require_programs("unshare")
        agent = self.make_agent("**/*.log")
        limit = "/proc/sys/user/max_inotify_watches"
        agent.popen = lambda arguments, **options: subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "sh", "-c", f'echo 1 > {limit} && exec "$@"', "sh",
             *map(str, arguments)], **options)
        for name in ["a", "b"]:
            (self.logs / name).mkdir()
        agent.start()
        self.write("0..100", path=self.logs / "a" / "x.log")
        self.write("100..200", path=self.logs / "b" / "x.log")
        self.wait_for(200)
        self.write("200..300", path=self.logs / "b" / "x.log")
        self.wait_for(300)
        self.assertGreaterEqual(self.counted(agent, "watch_failed"), 1)
        self.assertIn("cannot watch a directory", agent.log())
        agent.stop()

    def test_fewer_descriptors_than_files(self):
        require_programs("prlimit")
        agent = self.make_agent("*.log")
        agent.popen = lambda arguments, **options: subprocess.Popen(
            ["prlimit", "--nofile=160:160", *map(str, arguments)], **options)
        for n in range(400):
            (self.logs / f"{n}.log").write_text(f"seq={n} x\n")
        agent.start()
        self.wait_for(400)
        self.assertLess(len(os.listdir(f"/proc/{agent.process.pid}/fd")), 150)
        for n in range(400):
            with (self.logs / f"{n}.log").open("a") as out:
                out.write(f"seq={400 + n} x\n")
        self.wait_for(800)
        self.assertEqual(self.counted(agent, "file_unreadable"), 0)
        agent.stop()
        self.assertEqual(sorted(self.receive.sequences()), list(range(800)))


class Removal(Rotating):
    def test_removes_what_is_acknowledged_and_says_what_it_may_not_remove(self):
        require_root()
        require_programs("setpriv")
        nobody = pwd.getpwnam("nobody")
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        agent = self.make_agent(rescan_interval="300ms", remove_after="acknowledged")
        os.chmod(self.directory, 0o755)
        agent.state.mkdir()
        os.chown(agent.state, nobody.pw_uid, nobody.pw_gid)
        agent.popen = lambda arguments, **options: subprocess.Popen([*prefix, *arguments], **options)
        agent.start()
        self.is_down = True
        self.write("0..2000", "1000:shift")
        rotated = self.logs / "app.log.1"
        time.sleep(GRACE * 1.5)
        self.assertEqual(self.counted(agent, "removal_failed"), 0, "it is not acknowledged yet")
        self.is_down = False
        self.wait_for(2_000)
        self.wait_until_counted(agent, "removal_failed", 1)
        self.assertIn("cannot be removed", agent.command("status"))
        self.assertTrue(rotated.exists())
        os.chown(self.logs, nobody.pw_uid, nobody.pw_gid)
        eventually(lambda: not rotated.exists(), 10, "it is removed")
        self.wait_until_counted(agent, "file_removed", 1)
        self.assertEqual([path.name for path in self.logs.iterdir()], ["app.log"])
        self.assert_each_once(2_000, agent)


class Cursors(Rotating):
    def test_vitals_cursors_shows_each_file(self):
        agent = self.make_agent().start()
        self.write("0..100", "50:shift")
        self.wait_for(100)
        self.let_it_look()
        agent.stop()
        lines = subprocess.run(
            [BINARY, "cursors", "--config", agent.config, "--state-directory", agent.state], capture_output=True,
            text=True, timeout=20).stdout.splitlines()
        self.assertEqual(lines[0].split(), "INPUT OUTPUT SOURCE IDENTITY POSITION SIZE LAG STATE".split())
        status = self.log.stat()
        live = next(line.split() for line in lines if line.endswith("live"))
        self.assertEqual(live[2:6], [str(self.log), f"{status.st_dev}:{status.st_ino}", str(status.st_size),
                                     str(status.st_size)])
        self.assertTrue(any(line.endswith("rotated: app.log.1") for line in lines), lines)
