"""The journal to HTTP, beside what libsystemd alone needs to read it."""

import os
import shutil
import subprocess

from common import compiled, report, vitals
from receiving import drained

JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"


def make_journal(path, entries):
    """By systemd-journal-remote from the export format, with the fields that journald gives a service's line:
    https://systemd.io/JOURNAL_EXPORT_FORMATS/"""
    writer = subprocess.Popen([JOURNAL_REMOTE, "--split-mode=none", f"--output={path}", "-"], stdin=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    boot, machine = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    for n in range(0, entries, 1000):
        block = []
        for i in range(n, min(n + 1000, entries)):
            unit, microseconds = f"worker-{i % 20}.service", 1_700_000_000_000_000 + i * 100
            block.append(
                f"__REALTIME_TIMESTAMP={microseconds}\n__MONOTONIC_TIMESTAMP={1_000_000 + i * 100}\n_BOOT_ID={boot}\n"
                f"MESSAGE=finished job ~{i} of queue default in {i % 90} ms, {i % 7} retries, result of {i % 40000} bytes\n"
                f"PRIORITY={6 if i % 50 else 3}\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=worker\n_TRANSPORT=stdout\n"
                f"_PID={1000 + i % 30}\n_UID=997\n_GID=997\n_COMM=worker\n_EXE=/usr/bin/worker\n_CAP_EFFECTIVE=0\n"
                f"_CMDLINE=/usr/bin/worker --queue default --slot {i % 20}\n_SYSTEMD_CGROUP=/system.slice/{unit}\n"
                f"_SYSTEMD_UNIT={unit}\n_SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID={i % 20:032x}\n"
                f"_MACHINE_ID={machine}\n_HOSTNAME=web-1\n_STREAM_ID={i % 20:032x}\n\n")
        writer.stdin.write("".join(block))
    writer.stdin.close()
    if writer.wait() != 0:
        raise SystemExit("bench: systemd-journal-remote failed")


def libsystemd_alone(directory, journal):
    """Microseconds of CPU for an entry, the better of three readings."""
    program = compiled(directory, "libsystemd_alone", "-lsystemd")
    best = None
    for _ in range(3):
        said = subprocess.run([program, journal], capture_output=True, text=True, check=True).stdout.split()
        entries, fields, size, seconds = int(said[0]), int(said[1]), int(said[2]), float(said[3])
        best = min(best or seconds, seconds)
    report("journal", "corpus", "fields an entry", fields / entries, "")
    report("journal", "corpus", "bytes an entry", size / entries, "B")
    return entries, best / entries * 1e6


def journal(options, directory):
    """The agent on one core, with what it needs beyond reading: JSON, HTTP, cursors."""
    place = directory / "journal"
    place.mkdir()
    make_journal(place / "a.journal", options.lines or 500_000)
    entries, alone = libsystemd_alone(directory, place)
    report("journal", "libsystemd", "CPU an entry", alone, "us")
    report("journal", "libsystemd", "entries a second", 1e6 / alone, "entries/s")
    goal = min(200_000, 0.8 * 1e6 / alone)
    core = sorted(os.sched_getaffinity(0))[-1]
    wholes = [("", {}, f">= {goal:.0f}"), (", whole entry", {"journal_fields": "all"}, ""),
              (", one unit by pattern", {"units": ["worker-7.*"]}, ""), (", one unit by name", {"units": ["worker-7"]}, "")]
    for suffix, keys, goal in wholes:
        wanted = entries // 20 if "units" in keys else entries

        def begin(port):
            shutil.rmtree(directory / "state", ignore_errors=True)
            return vitals(options, directory, {
                "inputs": {"journal": {"type": "journald", "directory": str(place), **keys}},
                "outputs": {"sink": {"type": "http", "url": f"http://127.0.0.1:{port}/", "compression": "none"}},
                "routes": [{"from": "journal", "to": "sink"}]}, prefix=["taskset", "-c", str(core)])

        seconds, cpu, peak = drained(directory, "vitals", "http", wanted, entries, begin)
        report("journal", "vitals", "entries a second" + suffix, entries / seconds, "entries/s", goal)
        report("journal", "vitals", "CPU an entry" + suffix, cpu / entries * 1e6, "us")
        if not keys:
            report("journal", "vitals", "resident at peak", peak, "MB")
