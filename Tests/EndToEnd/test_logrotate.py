"""Real programs that rotate: Debian's logrotate, Python's logging handlers, and rollovers as log4j does them; with the
built agent running, stopped, killed, and with its receiver down. What docs/rotation.md promises.

VITALS_ROTATION_SECONDS in the environment is for how long the file is rotated every second, 15 if not set."""

import os
import subprocess
import sys
import time

from support import require_programs, side_by_side, start_writer
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


class WithLogrotate(Rotating):
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


class Logrotate(WithLogrotate):
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
            self.let_it_look(agent)
        for n in (2, 3):
            subprocess.run(["gzip", self.logs / f"app.log.{n}"], check=True)
        self.is_down = False
        self.assert_each_once(4_000, agent)

    def test_stopped_in_the_middle_of_an_outage_and_compressed(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.is_down = True
        self.write("1000..9000", "4000:shift", "6000:shiftcopy")
        self.let_it_look(agent)
        self.assertEqual(agent.stop(), 0)
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        self.come_back()
        agent.start()
        self.assert_each_once(9_000, agent)

    def test_killed_in_the_middle_of_an_outage_and_compressed(self):
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.wait_until_saved(agent, self.log)
        self.is_down = True
        self.write("1000..9000", "4000:shift", "6000:shiftcopy")
        self.let_it_look(agent)
        agent.kill()
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        self.come_back()
        agent.start()
        self.assert_each_once(9_000, agent)
