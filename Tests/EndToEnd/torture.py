"""Real programs that rotate logs, side by side, with one agent that is killed, stopped, held, cut off from its receiver, out of
disk and out of time while they do. Nothing may be lost, and nothing may come twice but after a kill.

Usage: torture.py [--binary PATH] [--seconds N] [--seed N] [--house NAME …]; `make torture` runs it for half an hour.

A house is a way to rotate: a directory of logs with its own writer and its own rotator, and an input of the agent. Each line has the
house's name and a number; the receiver knows in which run of the agent it came. It runs in a mount namespace of its own (root), since
the state directory gets a small disk that can be filled. The clock of the agent jumps by libfaketime, without which none jumps, which
is said.
"""

import argparse
import gzip
import json
import logging
import logging.handlers
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PAD = "x" * 100
# A round of a house: so many lines a second, and a rotation after so many seconds.
LINES_PER_SECOND = 300
ROTATION_SECONDS = (1.0, 3.0)
# `rotation_grace` of the inputs: longer than any of the rotators below needs for one rotation.
GRACE = "4s"
STATE_DISK = "24m"
# Debian's, for whatever machine; empty where it is not installed.
FAKETIME = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


class House:
    """A writer of numbered lines and what rotates them. `paths` are the patterns of its input."""

    paths = ["app.log"]
    # Settings of its input besides.
    settings = {}
    # What writes or rotates, besides Python.
    programs = []

    def __init__(self, name, directory, chance):
        self.name, self.directory, self.chance = name, directory, chance
        self.directory.mkdir()
        self.log = directory / "app.log"
        self.count = 0
        self.lock = threading.Lock()
        self.out = None
        self.failures = []

    def line(self, number):
        return f"house={self.name} seq={number} a line of the log with some text {PAD}\n"

    def patterns(self):
        return [str(self.directory / pattern) for pattern in self.paths]

    # The writer, a few lines at a time.

    def write(self, count):
        """As a program does that looks before each block whether its file was taken away (Python's WatchedFileHandler)."""
        text = "".join(self.line(number) for number in range(self.count, self.count + count)).encode()
        with self.lock:
            try:
                gone = self.out is None or os.stat(self.log).st_ino != os.fstat(self.out).st_ino
            except FileNotFoundError:
                gone = True
            if gone:
                if self.out is not None:
                    os.close(self.out)
                self.out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(self.out, text)
            self.count += count

    def rotate(self):
        raise NotImplementedError

    def run(self, *arguments):
        ran = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=60)
        if ran.returncode:
            raise RuntimeError(f"{arguments[0]} ended with {ran.returncode}: {ran.stderr}")

    def close(self):
        if self.out is not None:
            os.close(self.out)


class Logrotate(House):
    programs = ["logrotate"]
    options = ["create"]
    copies = False

    def rotate(self):
        config = self.directory.with_suffix(".conf")
        options = "\n  ".join(["rotate 400", "missingok", *self.options])
        config.write_text(f"{self.log} {{\n  {options}\n}}\n")
        config.chmod(0o644)
        state = self.directory.with_suffix(".state")
        if self.copies:
            # What is written between the copy and the truncation is in no file, so that nothing is.
            with self.lock:
                self.run("/usr/sbin/logrotate", "--force", "--state", state, config)
        else:
            self.run("/usr/sbin/logrotate", "--force", "--state", state, config)


class LogrotateCompress(Logrotate):
    options = ["create", "compress"]


class LogrotateDelayed(Logrotate):
    options = ["create", "compress", "delaycompress"]
    paths = ["app.log*"]


class LogrotateCopy(Logrotate):
    options, copies = ["copytruncate"], True


class LogrotateCopyCompress(Logrotate):
    options, copies = ["copytruncate", "compress"], True


class LogrotateDated(Logrotate):
    options = ["create", "compress", "dateext", "dateformat -%Y%m%d-%s"]

    def rotate(self):
        super().rotate()
        time.sleep(1.1)  # its names have seconds


class Handler(House):
    """A handler of Python's logging, which rotates by itself."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.handler = self.make()
        self.handler.setFormatter(logging.Formatter("%(message)s"))

    def write(self, count):
        with self.lock:
            for number in range(self.count, self.count + count):
                text = self.line(number).rstrip("\n")
                self.handler.emit(logging.LogRecord("house", logging.INFO, "", 0, text, None, None))
            self.count += count

    def rotate(self):
        pass

    def close(self):
        self.handler.close()


class HandlerBySize(Handler):
    def make(self):
        return logging.handlers.RotatingFileHandler(self.log, maxBytes=80_000, backupCount=400)


class HandlerByTime(Handler):
    def make(self):
        return logging.handlers.TimedRotatingFileHandler(self.log, when="S", interval=2, backupCount=400)


class Log4j(House):
    """A rollover by size of log4j2 with `%d{yyyy-MM-dd}-%i.log.gz`: compressed by the program itself, then removed."""

    paths = ["app*.log*"]

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.rolled = 0

    def rotate(self):
        with self.lock:
            if not self.log.exists():
                return
            self.rolled += 1
            target = self.directory / f"app-2026-11-30-{self.rolled}.log.gz"
            with open(self.log, "rb") as source, gzip.open(target, "wb", compresslevel=1) as packed:
                shutil.copyfileobj(source, packed)
            os.remove(self.log)


class Docker(House):
    """The json-file driver with `max-size`, `max-file` and `compress`."""

    settings = {"format": "docker"}
    keep = 60

    def line(self, number):
        return json.dumps({"log": super().line(number), "stream": "stdout", "time": "2026-11-30T10:00:00.000000001Z"}) + "\n"

    def rotate(self):
        with self.lock:
            if not self.log.exists():
                return
            for number in range(self.keep, 1, -1):
                for ending in ["", ".gz"]:
                    older = self.directory / f"app.log.{number - 1}{ending}"
                    if older.exists():
                        older.rename(self.directory / f"app.log.{number}{ending}")
            self.log.rename(self.directory / "app.log.1")
        # The one before is compressed beside the writer.
        last = self.directory / "app.log.2"
        if last.exists():
            part = self.directory / "app.log.2.gz.tmp"
            with open(last, "rb") as source, gzip.open(part, "wb", compresslevel=1) as packed:
                shutil.copyfileobj(source, packed)
            part.rename(self.directory / "app.log.2.gz")
            last.unlink()


class Kubelet(House):
    """A pod's log in the CRI form, reached by a link; kubelet renames it with a time, and compresses the older ones."""

    settings = {"format": "cri"}
    paths = ["containers/*.log"]

    def __init__(self, *arguments):
        super().__init__(*arguments)
        pod = self.directory / "pods" / "default_web_1" / "app"
        pod.mkdir(parents=True)
        (self.directory / "containers").mkdir()
        self.log = pod / "0.log"
        self.log.touch()
        (self.directory / "containers" / "web_default_app-1.log").symlink_to(self.log)
        self.rolled = 0

    def line(self, number):
        return f"2026-11-30T10:00:00.000000001Z stdout F {super().line(number)}"

    def rotate(self):
        self.rolled += 1
        rotated = self.log.with_name(f"0.log.20261130-{100000 + self.rolled}")
        self.log.rename(rotated)
        for older in sorted(self.log.parent.glob("0.log.*"))[:-1]:
            if older.suffix != ".gz":
                part = older.with_name(older.name + ".tmp")
                with open(older, "rb") as source, gzip.open(part, "wb", compresslevel=1) as packed:
                    shutil.copyfileobj(source, packed)
                part.rename(older.with_name(older.name + ".gz"))
                older.unlink()


class Savelog(House):
    programs = ["savelog"]

    def rotate(self):
        if self.log.exists():
            self.run("savelog", "-q", "-n", "-c", 200, self.log)


class Piped(House):
    """A program that is given the lines on its standard input, and rotates by itself."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def write(self, count):
        text = "".join(self.line(number) for number in range(self.count, self.count + count)).encode()
        self.process.stdin.write(text)
        self.process.stdin.flush()
        self.count += count

    def rotate(self):
        pass

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Svlogd(Piped):
    programs = ["svlogd"]
    paths = ["current", "@*"]

    def command(self):
        (self.directory / "config").write_text("s80000\nn400\n")
        return ["svlogd", self.directory]


class Multilog(Piped):
    programs = ["multilog"]
    paths = ["current", "@*"]

    def command(self):
        return ["multilog", "s80000", "n400", self.directory]


class Cronolog(Piped):
    programs = ["cronolog"]
    paths = ["*/app.*.log"]

    def command(self):
        return ["cronolog", self.directory / "%H" / "app.%M%S.log"]


HOUSES = {
    "create": Logrotate, "compress": LogrotateCompress, "delaycompress": LogrotateDelayed, "copytruncate": LogrotateCopy,
    "copycompress": LogrotateCopyCompress, "dateext": LogrotateDated, "by-size": HandlerBySize, "by-time": HandlerByTime,
    "log4j": Log4j, "docker": Docker, "kubelet": Kubelet, "savelog": Savelog, "svlogd": Svlogd, "multilog": Multilog,
    "cronolog": Cronolog,
}


class Arrivals:
    """For each house, in which run of the agent each number came last; and what came twice though nothing had been killed."""

    def __init__(self, houses):
        self.runs = {name: {} for name in houses}
        self.run = 0
        # Runs that ended by a kill.
        self.killed = set()
        # How many records of a house had no answer yet when a run was stopped and its time was over, as the agent said: on a
        # machine that is slow enough, the receiver had them all the same.
        self.unanswered = {}
        self.doubled = {name: 0 for name in houses}
        self.unexplained = {name: [] for name in houses}
        self.strange = []
        self.is_down = False

    def explains(self, house, runs):
        if any(run in self.killed for run in runs):
            return True
        for run in runs:
            if self.unanswered.get((run, house), 0) > 0:
                self.unanswered[run, house] -= 1
                return True
        return False

    def answer(self, records):
        if self.is_down:
            return 503
        for record in records:
            try:
                fields = record["message"].split(" ", 2)
                house, number = fields[0].removeprefix("house="), int(fields[1].removeprefix("seq="))
                seen = self.runs[house]
            except (KeyError, ValueError, IndexError):
                self.strange.append(record)
                continue
            before = seen.get(number)
            if before is not None:
                self.doubled[house] += 1
                if not self.explains(house, range(before, self.run)):
                    self.unexplained[house].append((number, record.get("file"), before, self.run))
            seen[number] = self.run
        return 200


class Torture:
    def __init__(self, directory, houses, seed, jumps=True):
        from support import Agent, Receiver
        self.chance = random.Random(seed)
        self.directory = directory
        logs = directory / "logs"
        logs.mkdir()
        self.houses = {name: HOUSES[name](name, logs / name, random.Random(seed * 1000 + at))
                       for at, name in enumerate(houses)}
        self.arrivals = Arrivals(houses)
        self.receiver = Receiver(answer=self.arrivals.answer)
        # The records themselves are not kept: only what `answer` makes of them.
        self.receiver.records = Forgetful()
        self.clock = directory / "clock"
        self.environment = None
        if FAKETIME and jumps:
            self.set_clock("+0")
            self.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1"}
        self.agent = Agent(directory, {
            "log": {"level": "info"},
            "inputs": {name: {"type": "file", "paths": house.patterns(), "rotation_grace": GRACE, **house.settings}
                       for name, house in self.houses.items()},
            "outputs": {"central": {"type": "http", "url": self.receiver.url, "batch_bytes": "64KiB",
                                    "compression": "none"}},
            "routes": [{"from": name, "to": "central"} for name in houses]})
        self.agent.state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={STATE_DISK}", "tmpfs", self.agent.state], check=True)
        self.ending = threading.Event()
        self.events = []
        self.began = time.monotonic()

    def set_clock(self, offset):
        part = self.clock.with_suffix(".new")
        part.write_text(offset + "\n")
        part.rename(self.clock)

    # Houses: a writer and a rotator each.

    def writer(self, house):
        while not self.ending.is_set():
            try:
                house.write(LINES_PER_SECOND // 10)
            except Exception as error:  # what fails here is the test's fault, and said as such
                house.failures.append(f"writer: {error!r}")
                return
            self.ending.wait(0.1)

    def rotator(self, house):
        while not self.ending.wait(house.chance.uniform(*ROTATION_SECONDS)):
            try:
                house.rotate()
            except Exception as error:
                house.failures.append(f"rotator: {error!r}")
                return

    # What happens to the agent.

    def start(self):
        self.arrivals.run += 1
        self.agent.start(ready_within=30, environment=self.environment)

    def kill(self):
        self.arrivals.killed.add(self.arrivals.run)
        self.agent.kill()
        self.start()

    def stop(self):
        code = self.agent.stop(within=30)
        if code != 0:
            raise AssertionError(f"SIGTERM ended with {code}")
        last_run = self.agent.log().rpartition("msg=ready")[2]
        for house, count in re.findall(r"records that are not acknowledged.*? input=(\S+) .*?records=(\d+)", last_run):
            self.arrivals.unanswered[self.arrivals.run, house] = int(count)
        self.ending.wait(self.chance.uniform(0, 2))
        self.start()

    def stay_down(self):
        self.arrivals.killed.add(self.arrivals.run)
        self.agent.kill()
        self.ending.wait(self.chance.uniform(1, 6))
        self.start()

    def outage(self):
        self.arrivals.is_down = True
        self.ending.wait(self.chance.uniform(0.5, 6))
        if self.chance.random() < 0.3:
            self.kill()
        elif self.chance.random() < 0.3:
            self.stop()
        self.arrivals.is_down = False

    def hold(self):
        self.agent.process.send_signal(signal.SIGSTOP)
        self.ending.wait(self.chance.uniform(0.5, 5))
        self.agent.process.send_signal(signal.SIGCONT)

    def stutter(self):
        """As on a machine that is far too busy: each look of the agent lasts as long as a rotation."""
        deadline = time.monotonic() + self.chance.uniform(2, 6)
        while time.monotonic() < deadline:
            self.agent.process.send_signal(signal.SIGSTOP)
            self.ending.wait(self.chance.uniform(0.02, 0.5))
            self.agent.process.send_signal(signal.SIGCONT)
            time.sleep(self.chance.uniform(0.002, 0.03))

    def full_disk(self):
        from support import fill
        filler = fill(self.agent.state)
        self.ending.wait(self.chance.uniform(0.5, 4))
        filler.unlink()
        # What was acknowledged while nothing could be saved is saved by now, so that a kill after this doubles no more than else.
        self.ending.wait(2.5)

    def jump(self):
        if not self.environment:
            return
        self.set_clock(self.chance.choice(["+2d", "-2d", "+0", "+3600", "-40"]))
        self.ending.wait(2)
        self.set_clock("+0")

    def run(self, seconds):
        self.start()
        threads = [threading.Thread(target=work, args=(house,))
                   for house in self.houses.values() for work in (self.writer, self.rotator)]
        for thread in threads:
            thread.start()
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.ending.wait(self.chance.uniform(1, 5))
                event = self.chance.choice([self.kill, self.stop, self.stay_down, self.outage, self.outage, self.hold,
                                            self.stutter, self.full_disk, self.jump])
                self.events.append(f"{time.monotonic() - self.began:.1f} {event.__name__} (run {self.arrivals.run})")
                event()
        finally:
            self.arrivals.is_down = False
            self.ending.set()
            for thread in threads:
                thread.join(90)
            for house in self.houses.values():
                house.close()

    def missing(self):
        return {name: sorted(set(range(house.count)) - set(self.arrivals.runs[name]))
                for name, house in self.houses.items() if len(self.arrivals.runs[name]) < house.count}

    def faults(self):
        """In words; empty when all is as docs/rotation.md promises."""
        from support import ranges
        deadline = time.monotonic() + 90
        while self.missing() and time.monotonic() < deadline:
            time.sleep(0.5)
        # A file that is taken for a new one is sent when the grace is over.
        time.sleep(2 * float(GRACE[:-1]) + 1)
        faults = [f"{name}: lost {len(numbers)}: {ranges(numbers)}" for name, numbers in self.missing().items()]
        for name, doubled in self.arrivals.unexplained.items():
            if doubled:
                faults.append(f"{name}: {len(doubled)} twice, and nothing was killed: {ranges([d[0] for d in doubled])}, "
                              f"such as {doubled[0]}")
        faults += [f"{name}: {failure}" for name, house in self.houses.items() for failure in house.failures]
        if self.arrivals.strange:
            faults.append(f"{len(self.arrivals.strange)} strange records, such as {self.arrivals.strange[0]}")
        if not faults:
            text = self.agent.metrics()
            faults += [f"the agent says {line}" for line in text.splitlines()
                       if line.startswith("vitals_input_events_total") and "bytes_lost" in line and not line.endswith(" 0")]
            faults += [f"lag is left: {line}" for line in text.splitlines()
                       if line.startswith("vitals_route_lag_bytes") and not line.endswith(" 0")]
        return faults

    def summary(self):
        lines = sum(house.count for house in self.houses.values())
        return (f"{len(self.houses)} houses, {lines} lines, {self.arrivals.run} runs, {len(self.arrivals.killed)} kills; "
                f"{sum(self.arrivals.doubled.values())} came twice after them, "
                f"{sum(self.arrivals.doubled.values()) / max(1, len(self.arrivals.killed)):.0f} a kill"
                + ("" if self.environment else "; no clock jumped"))

    def close(self):
        self.agent.end()
        self.receiver.stop()
        subprocess.run(["umount", "-l", self.agent.state], check=False)


class Forgetful(list):
    def __iadd__(self, other):
        return self


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("--seconds", type=float, default=1800)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments.add_argument("--steady-clock", action="store_true", help="no clock jumps")
    arguments.add_argument("--house", action="append", choices=list(HOUSES))
    options = arguments.parse_args()
    if "VITALS_TORTURE_INSIDE" not in os.environ:
        os.environ["VITALS_TORTURE_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    os.environ["VITALS_BINARY"] = str(Path(options.binary).resolve())
    sys.path.insert(0, str(Path(__file__).parent))
    houses = options.house or list(HOUSES)
    for name in houses:
        for program in HOUSES[name].programs:
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
                raise SystemExit(f"torture: needs the program {program} (make test-deps)")
    directory = Path(tempfile.mkdtemp(prefix="vitals-torture-"))
    directory.chmod(0o755)
    torture = Torture(directory, houses, options.seed, jumps=not options.steady_clock)
    try:
        torture.run(options.seconds)
        faults = torture.faults()
        if faults:
            (directory / "metrics").write_text(torture.agent.metrics())
            (directory / "status").write_text(torture.agent.command("status"))
    except BaseException:
        print(f"seed {options.seed}, {directory}\n" + "\n".join(torture.events), flush=True)
        raise
    finally:
        torture.close()
    print(f"seed {options.seed}: {torture.summary()}", flush=True)
    if faults:
        print("\n".join(["events:", *torture.events, "faults:", *faults, f"the directory is kept: {directory}"]), flush=True)
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
