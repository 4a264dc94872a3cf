"""Log files to HTTP, and files in which nothing happens, beside rsyslog."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

from common import HERE, compiled, cpu_seconds, forget_peak, memory, report, rsyslog, vitals, wait_for
from receiving import Receiver, drained

sys.path.insert(0, str(HERE.parent / "Support"))
from log_lines import CHECKS, PIPELINE, json_line, make_corpus

# ---- drain


def drain(options, directory):
    lines = options.lines or 2_000_000
    corpus = directory / "corpus.log"
    make_corpus(corpus, lines)
    report("drain", "corpus", "bytes a line", corpus.stat().st_size / lines, "B")
    kept = lines - (lines + CHECKS - 1) // CHECKS

    def measure(case, who, framing, expected, goals, begin):
        seconds, cpu, peak = drained(directory, who, framing, expected, lines, begin)
        report(case, who, "lines a second", lines / seconds, "lines/s", goals.get("rate", ""))
        report(case, who, "CPU a line", cpu / lines * 1e6, "us", goals.get("cpu", ""))
        report(case, who, "resident at peak", peak, "MB", goals.get("memory", ""))

    def agent(case, goals, compression="none", expected=lines, **keys):
        def begin(port):
            shutil.rmtree(directory / "state", ignore_errors=True)
            return vitals(options, directory, {
                "inputs": {"corpus": {"type": "file", "paths": [str(corpus)], **keys}},
                "outputs": {"sink": {"type": "http", "url": f"http://127.0.0.1:{port}/", "compression": compression}},
                "routes": [{"from": "corpus", "to": "sink"}]})
        measure(case, "vitals", "http", expected, goals, begin)

    agent("drain", {"rate": ">= 800000", "cpu": "<= 0.6", "memory": "<= 25"})
    measure("drain", "rsyslog", "lines", lines, {}, lambda port: rsyslog(
        directory, corpus, f'action(type="omfwd" target="127.0.0.1" protocol="tcp" port="{port}" template="line")'))
    agent("drain gzip", {"cpu": "<= 2"}, compression="gzip")
    agent("drain parse", {"cpu": "<= 1.2"}, expected=kept, **PIPELINE)
    make_corpus(corpus, lines, [json_line])
    agent("drain json", {}, expected=kept, **PIPELINE)


# ---- roundtrip

ROUND_TRIP_MILLISECONDS = 50


def roundtrip(options, directory):
    """A receiver that is far away: what counts is how much is under way."""
    lines = options.lines or 2_000_000
    corpus = directory / "corpus.log"
    make_corpus(corpus, lines)
    for compression, goal in [("none", ">= 40"), ("gzip", ">= 40")]:
        def begin(port, compression=compression):
            shutil.rmtree(directory / "state", ignore_errors=True)
            return vitals(options, directory, {
                "inputs": {"corpus": {"type": "file", "paths": [str(corpus)]}},
                "outputs": {"sink": {"type": "http", "url": f"http://127.0.0.1:{port}/", "compression": compression}},
                "routes": [{"from": "corpus", "to": "sink"}]})
        seconds, cpu, peak = drained(
            directory, "vitals", "http", lines, lines, begin, delay=ROUND_TRIP_MILLISECONDS)
        case = f"roundtrip {compression}"
        body = corpus.stat().st_size + lines * envelope_bytes(corpus)
        report(case, "vitals", "bodies before compression", body / seconds / 1e6, "MB/s", goal)
        report(case, "vitals", "text of the lines", corpus.stat().st_size / seconds / 1e6, "MB/s")
        report(case, "vitals", "CPU a line", cpu / lines * 1e6, "us")
        report(case, "vitals", "resident at peak", peak, "MB")


def envelope_bytes(corpus):
    """What `http` writes around a line, its newline included in the line: fields that all lines have alike."""
    record = {"timestamp": "2026-11-21T02:38:30.123456789Z", "message": "", "host": socket.gethostname(),
              "input": "corpus", "file": str(corpus)}
    return len(json.dumps(record, separators=(",", ":")))


# ---- live

LIVE_RATE = 10_000


def live(options, directory):
    """A program that logs at a steady rate, and how long its lines are on their way."""
    writer = compiled(directory, "writer")

    def measure(who, framing, goals, begin):
        log = directory / f"written-for-{who}.log"
        log.touch()
        expected = LIVE_RATE * options.seconds
        with Receiver(directory, framing, expected, expected) as receiver:
            with begin(receiver.port, log) as process:
                time.sleep(2)  # what it does at its start is not asked for here
                forget_peak(process.pid)
                before, began = cpu_seconds(process.pid), time.monotonic()
                wrote = json.loads(subprocess.run(
                    [writer, log, str(LIVE_RATE), str(options.seconds)], capture_output=True, check=True).stdout)
                ended = receiver.complete(60, who)
                used = (cpu_seconds(process.pid) - before) / (ended - began)
                peak = memory(process.pid, "VmHWM")
            found = receiver.end(who)
        report("live", who, "CPU", used * 100, "% of a core", goals.get("cpu", ""))
        report("live", who, "write to arrival, median", found["median_ms"], "ms")
        report("live", who, "write to arrival, p99", found["p99_ms"], "ms", goals.get("p99", ""))
        report("live", who, "write to arrival, slowest", found["slowest_ms"], "ms")
        report("live", who, "resident at peak", peak, "MB", goals.get("memory", ""))
        report("live", f"writer for {who}", "latest write", wrote["latest_ms"], "ms")

    measure("vitals", "http", {"cpu": "<= 2.5", "p99": "<= 30", "memory": "<= 15"}, lambda port, log: vitals(
        options, directory, {
            "inputs": {"log": {"type": "file", "paths": [str(log)]}},
            "outputs": {"sink": {"type": "http", "url": f"http://127.0.0.1:{port}/", "compression": "none"}},
            "routes": [{"from": "log", "to": "sink"}]}))
    measure("rsyslog", "lines", {}, lambda port, log: rsyslog(
        directory, log, f'action(type="omfwd" target="127.0.0.1" protocol="tcp" port="{port}" template="line")'))


# ---- idle

# How long the CPU time of doing nothing is taken: with the scan that looks at all files once a minute.
IDLE_SECONDS = 65


def idle(options, directory):
    for count, cpu_goal, memory_goal in [(1_000, "0.0", ""), (10_000, "<= 0.1", "<= 40")]:
        place = directory / str(count)
        logs = place / "quiet"
        logs.mkdir(parents=True)
        for n in range(count):
            (logs / f"{n}.log").write_text(f"a line of file {n}\n")
        out = place / "out.ndjson"
        settings = {
            "inputs": {"quiet": {"type": "file", "paths": [f"{logs}/*.log"], "file_limit": 20_000}},
            "outputs": {"out": {"type": "file", "path": str(out)}},
            "routes": [{"from": "quiet", "to": "out"}]}
        began = time.monotonic()
        with vitals(options, place, settings) as agent:
            measure_idle("vitals", agent, count, began, out, cpu_goal, memory_goal)
            measure_new_file("vitals", count, logs, out, "<= 50")
        measure_restart(count, logs, out, lambda: vitals(options, place, settings))
        for new in logs.glob("new*.log"):
            new.unlink()
        other = place / "other.log"
        began = time.monotonic()
        with rsyslog(place, f"{logs}/*.log", f'action(type="omfile" file="{other}" template="line")') as peer:
            try:
                measure_idle("rsyslog", peer, count, began, other)
                measure_new_file("rsyslog", count, logs, other)
            except SystemExit as gave_up:
                print(gave_up, flush=True)


def measure_idle(who, process, count, began, out, cpu_goal="", memory_goal=""):
    size = lines = 0

    def has_all():
        # Counted only when there is more: on a small machine the looking on would be what takes the time.
        nonlocal size, lines
        if out.exists() and out.stat().st_size > size:
            text = out.read_bytes()
            size, lines = len(text), text.count(b"\n")
        return lines >= count

    wait_for(has_all, 60, f"{who} has read the {count} files")
    report("idle", who, f"start to all read, {count} files", time.monotonic() - began, "s", "<= 1" if cpu_goal else "")
    time.sleep(3)  # cursors are written within a second
    before, began = cpu_seconds(process.pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    used = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    report("idle", who, f"CPU, {count} quiet files", used * 100, "% of a core", cpu_goal)
    report("idle", who, f"resident, {count} files", memory(process.pid), "MB", memory_goal)
    report("idle", who, f"descriptors, {count} files", len(os.listdir(f"/proc/{process.pid}/fd")), "")


def measure_restart(count, logs, out, start):
    """What was read is found again, also beside rotated files; a line that came meanwhile tells that all was looked at."""
    for n in range(count):
        (logs / f"{n}.log.1").write_text(f"an older line of file {n}\n")
        os.utime(logs / f"{n}.log.1", (1_600_000_000, 1_600_000_000))
    (logs / "0.log").open("a").write("a line while nobody looked\n")
    size, began = out.stat().st_size, time.monotonic()
    with start() as agent:
        wait_for(lambda: out.stat().st_size > size, 60, "the line that came meanwhile")
        report("idle", "vitals", f"restart, {count} files and rotated ones", time.monotonic() - began, "s",
               "<= 1" if count >= 10_000 else "")
        time.sleep(3)
        report("idle", "vitals", f"resident after it, {count} files", memory(agent.pid), "MB",
               "<= 40" if count >= 10_000 else "")
    for n in range(count):
        (logs / f"{n}.log.1").unlink()


def measure_new_file(who, count, logs, out, goal=""):
    times = []
    for n in range(20):
        size = out.stat().st_size
        began = time.monotonic()
        (logs / f"new{n}.log").write_text("a line of a new file\n")
        wait_for(lambda: out.stat().st_size > size, 10, "the new file is seen")
        times.append(time.monotonic() - began)
        time.sleep(0.1)
    report("idle", who, f"new file to its line, {count}, median", sorted(times)[10] * 1000, "ms", goal)
    report("idle", who, f"new file to its line, {count}, worst", max(times) * 1000, "ms")
