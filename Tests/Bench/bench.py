"""Measures the agent beside its peers, in one run: Debian's prometheus-node-exporter and rsyslog.

Prints one JSON line for each figure, then a table with ratios and the goals. Nothing here is asserted: times are printed,
people judge. CPU time is the process's own clock (user and system), read from outside.

Usage: bench.py [--binary PATH] [--lines N] [case …]
cases: size start scrape defaults busy scale tree tail journal idle
busy and scale need root: they make interfaces, mounts and processes in namespaces of their own.
"""

import argparse
import atexit
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Support"))
from large_tree import make_large_tree

COLLECTORS = ("cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat pressure "
              "filefd").split()
RESULTS = []


def report(case, who, figure, value, unit, goal=""):
    RESULTS.append((case, who, figure, value, unit, goal))
    line = {"case": case, "who": who, "figure": figure, "value": round(value, 4), "unit": unit, "goal": goal}
    print(json.dumps({key: value for key, value in line.items() if value != ""}), flush=True)


def cpu_seconds(pid):
    """User and system time of a process and all its threads. See clock_getcpuclockid(3): the id is made from the pid."""
    return time.clock_gettime((~pid << 3) | 2)


def memory(pid, field="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1000  # MB
    return 0.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, within, what):
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: not within {within} s: {what}")
        time.sleep(0.001)


def answers(port, path="/"):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status == 200
    except OSError:
        return False


class Process:
    def __init__(self, arguments, log):
        self.log = open(log, "wb")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def vitals(options, directory, settings, prefix=()):
    """`prefix`: a program that becomes the agent, such as taskset."""
    port = free_port()
    config = directory / "agent.json"
    config.write_text(json.dumps({"endpoint": {"listen": [f"127.0.0.1:{port}"]}, **settings}))
    process = Process([*prefix, options.binary, "run", "--config", config, "--state-directory", directory / "state"],
                      directory / "vitals.log")
    process.port = port
    return process


def rsyslog(directory, files, action):
    """Follows `files` and does `action` with each line."""
    work = directory / "rsyslog"
    work.mkdir()
    config = directory / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{work}")\nmodule(load="imfile")\n'
        'template(name="line" type="string" string="%msg%\\n")\n'
        f'ruleset(name="out") {{ {action} }}\n'
        f'input(type="imfile" File="{files}" Tag="bench:" ruleset="out")\n')
    return Process(["/usr/sbin/rsyslogd", "-n", "-f", config, "-i", directory / "rsyslog.pid"], directory / "rsyslog.log")


# ---- size and start


def size(options, directory):
    report("size", "vitals", "stripped binary", os.path.getsize(options.binary) / 1e6, "MB", "<= 15")


def start(options, directory):
    times = []
    for _ in range(10):
        began = time.monotonic()
        with vitals(options, directory, {}) as agent:
            wait_for(lambda: answers(agent.port, "/-/ready"), 10, "ready")
            times.append(time.monotonic() - began)
    times.sort()
    report("start", "vitals", "start to ready, median", times[5] * 1000, "ms", "<= 100")


# ---- scrapes


def scrape_many(port, count):
    """Over one kept connection, as Prometheus does; returns latencies in seconds and the size of the last body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    latencies, length = [], 0
    for _ in range(count):
        began = time.monotonic()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        length = len(response.read())
        latencies.append(time.monotonic() - began)
        if response.status != 200 or response.headers["Content-Encoding"] != "gzip":
            raise SystemExit(f"bench: the scrape answered {response.status}, {response.headers}")
    connection.close()
    return sorted(latencies), length


def measure_scrapes(case, who, process, port, goals=(), count=200):
    """`goals`: of CPU, p99 and resident memory; they are the agent's."""
    cpu_goal, latency_goal, memory_goal = goals if who == "vitals" and goals else ("", "", "")
    scrape_many(port, count // 10)
    began = cpu_seconds(process.pid)
    rest = count - count // 10
    latencies, length = scrape_many(port, rest)
    report(case, who, "CPU a scrape (gzip)", (cpu_seconds(process.pid) - began) / rest * 1000, "ms", cpu_goal)
    report(case, who, "latency, median", latencies[rest // 2] * 1000, "ms")
    report(case, who, "latency, p99", latencies[rest * 99 // 100] * 1000, "ms", latency_goal)
    report(case, who, "bytes, gzip", length, "B")
    report(case, who, f"resident after {count}", memory(process.pid), "MB", memory_goal)
    body = http_body(port)
    report(case, who, "samples", sum(1 for line in body.splitlines() if line and not line.startswith(b"#")), "")


def http_body(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    connection.close()
    return body


def node_exporter(directory, *arguments):
    port = free_port()
    process = Process(
        ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", *arguments],
        directory / "node_exporter.log")
    process.port = port
    return process


def beside_node_exporter(case, options, directory, settings, arguments, goals, count=200):
    with vitals(options, directory, settings) as agent:
        wait_for(lambda: answers(agent.port, "/-/ready"), 10, "vitals is ready")
        measure_scrapes(case, "vitals", agent, agent.port, goals, count)
        if case == "scrape":
            scrape_many(agent.port, 1800)
            report(case, "vitals", "resident after 2000", memory(agent.pid), "MB", "flat")
    with node_exporter(directory, *arguments) as peer:
        wait_for(lambda: answers(peer.port), 10, "node_exporter answers")
        measure_scrapes(case, "node_exporter", peer, peer.port, count=count)


def scrape(options, directory):
    """The same collectors in both."""
    settings = {"collectors": {"enable": COLLECTORS, "disable": [
        name for name in default_collectors(options) if name not in COLLECTORS]}}
    beside_node_exporter(
        "scrape", options, directory, settings,
        ["--collector.disable-defaults", *[f"--collector.{name}" for name in COLLECTORS]],
        ("<= 0.5 x", "", "<= 12"))


def default_collectors(options):
    lines = subprocess.run([options.binary, "collectors"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in lines.splitlines() if line.split()[2:3] == ["enabled"]]


def defaults(options, directory):
    """What each has on by itself."""
    beside_node_exporter("defaults", options, directory, {}, [], ("<= 0.4 x", "<= 0.6 x", "<= 0.5 x"))


# ---- hosts that have a lot


def in_namespaces(case, options):
    """Runs `case` in namespaces of its own for mounts, processes and the network, and takes over its results."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private",
               sys.executable, __file__, "--binary", options.binary, "--inside", case]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as inside:
        for line in inside.stdout:
            if line.startswith("{"):
                found = json.loads(line)
                goal = found.pop("goal", "")
                report(*(found.get(key, "") for key in ("case", "who", "figure", "value", "unit")), goal)
        if inside.wait() != 0:
            raise SystemExit(f"bench: {case} ended with {inside.returncode}")


def make_interfaces(count, made=0):
    """Pairs, since not every kernel has dummies; and the view of sysfs that has them."""
    if not made:
        subprocess.run(["mount", "-t", "sysfs", "bench", "/sys"], check=True)
    lines = ["link set lo up"] + [f"link add bench{n} type veth peer name hcneb{n}\nlink set bench{n} up\nlink set hcneb{n} up"
                                  for n in range(made // 2, count // 2)]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def make_mounts(directory, count, made=0):
    for n in range(made, count):
        place = directory / f"mount{n}"
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", f"bench{n}", place], check=True)


def make_processes(count):
    sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(count)]
    atexit.register(lambda: [sleeper.kill() for sleeper in sleepers])


def busy(options, directory):
    if options.inside != "busy":
        return in_namespaces("busy", options)
    make_interfaces(300)
    make_mounts(directory, 200)
    make_processes(1000)
    arguments = ["--collector.filesystem.fs-types-exclude=^$", "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys)($|/)",
                 "--collector.processes"]
    settings = {"collectors": {"enable": ["processes"] if has_collector(options, "processes") else [], "filesystem": {
        "fs_types_exclude": "", "mount_points_exclude": "^/(dev|proc|sys)($|/)"}}}
    if not settings["collectors"]["enable"]:
        arguments.pop()
    beside_node_exporter("busy", options, directory, settings, arguments, ("<= 0.15 x", "<= 0.2 x", "<= 0.5 x"), count=60)


def has_collector(options, name):
    lines = subprocess.run([options.binary, "collectors"], capture_output=True, text=True, check=True).stdout
    return any(line.split()[:1] == [name] for line in lines.splitlines())


def scale(options, directory):
    """Ten times the interfaces and mounts cost ten times as much, not a hundred."""
    if options.inside != "scale":
        return in_namespaces("scale", options)
    made = 0
    settings = {"collectors": {"filesystem": {"fs_types_exclude": "", "mount_points_exclude": "^/(dev|proc|sys)($|/)"}}}
    for count in (10, 100, 1000):
        make_interfaces(count, made)
        make_mounts(directory, count, made)
        made = count
        with vitals(options, directory, settings) as agent:
            wait_for(lambda: answers(agent.port, "/-/ready"), 10, "vitals is ready")
            scrape_many(agent.port, 5)
            began = cpu_seconds(agent.pid)
            scrape_many(agent.port, 30)
            report("scale", "vitals", f"CPU a scrape, {count} of each", (cpu_seconds(agent.pid) - began) / 30 * 1000, "ms")


def tree(options, directory):
    """A large server, of files."""
    root = make_large_tree(directory / "tree")
    paths = {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev"}
    # The peer ends, or gives up a whole collector, at some of the oddities in these.
    odd = "infiniband fibrechannel tapestats nfsd".split()
    beside_node_exporter(
        "tree", options, directory, {"host": {**paths, "root": str(root)}, "collectors": {"disable": odd}},
        [f"--path.procfs={root}/proc", f"--path.sysfs={root}/sys", f"--path.rootfs={root}",
         *[f"--no-collector.{name}" for name in odd]],
        ("<= 0.4 x", "", ""))


# ---- tail


def make_corpus(path, lines):
    """Mixed lines as servers write them, about 170 bytes on average: nginx, JSON, syslog."""
    with path.open("w") as out:
        for n in range(0, lines, 1000):
            block = []
            for i in range(n, min(n + 1000, lines)):
                if i % 3 == 0:
                    block.append(
                        f'192.0.2.{i % 250} - - [21/Nov/2026:03:{i // 60 % 60:02}:{i % 60:02} +0000] "GET /api/v1/items/{i}'
                        f'?page={i % 17} HTTP/1.1" 200 {1000 + i % 9000} "https://example.com/list" '
                        f'"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"\n')
                elif i % 3 == 1:
                    block.append(
                        f'{{"time":"2026-11-21T03:{i // 60 % 60:02}:{i % 60:02}Z","level":"info","msg":"request done",'
                        f'"id":{i},"path":"/cart/{i % 1000}","took_ms":{i % 300},"user":"u{i % 5000}","shard":{i % 12},"host":"web-{i % 9}","version":"2.14.3"}}\n')
                else:
                    block.append(
                        f'Nov 21 03:{i // 60 % 60:02}:{i % 60:02} web-{i % 9} worker[{1000 + i % 30}]: finished job {i} of queue '
                        f'default in {i % 90} ms, {i % 7} retries, result of {i % 40000} bytes stored under /var/spool/results/{i}\n')
            out.write("".join(block))


def receive(port, expected, framing, finished, ready):
    """Counts lines in a process of its own, so that it does not slow the measuring down. Serves all connections at once:
    an agent with several deliveries under way has one for each."""
    listener = socket.create_server(("127.0.0.1", port))
    ready.set()
    count, lock, done = 0, threading.Lock(), threading.Event()

    def add(lines):
        nonlocal count
        with lock:
            count += lines
            if count >= expected:
                done.set()

    def accept():
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve = receive_http if framing == "http" else receive_lines
            threading.Thread(target=serve, args=(connection, add), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    done.wait()
    finished.put((time.monotonic(), count))


def receive_lines(connection, add):
    buffer = bytearray(4 << 20)
    while read := connection.recv_into(buffer):
        add(buffer.count(b"\n", 0, read))


def receive_http(connection, add):
    buffer, held = bytearray(4 << 20), b""
    while True:
        while b"\r\n\r\n" not in held:
            chunk = connection.recv(65536)
            if not chunk:
                return
            held += chunk
        head, held = held.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        lines = held.count(b"\n")
        missing = length - len(held)
        held = b""
        while missing > 0:
            read = connection.recv_into(buffer, min(missing, len(buffer)))
            lines += buffer.count(b"\n", 0, read)
            missing -= read
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        add(lines)


def drain(who, lines, framing, begin):
    """Seconds until `lines` have arrived, CPU seconds of the process until then, and its resident peak in MB."""
    port = free_port()
    finished, ready = multiprocessing.Queue(), multiprocessing.Event()
    receiver = multiprocessing.Process(target=receive, args=(port, lines, framing, finished, ready), daemon=True)
    receiver.start()
    ready.wait(10)
    began = time.monotonic()
    with begin(port) as process:
        try:
            ended, _ = finished.get(timeout=120)
        except Exception:
            receiver.kill()
            raise SystemExit(f"bench: {who} did not deliver {lines} lines in 120 s")
        cpu = cpu_seconds(process.pid)
        peak = memory(process.pid, "VmHWM")
    receiver.join(10)
    return ended - began, cpu, peak


def measure_drain(who, lines, framing, begin):
    seconds, cpu, peak = drain(who, lines, framing, begin)
    goals = [">= 400000", "<= 1", "<= 30"] if who == "vitals" else ["", "", ""]
    report("tail", who, "lines a second", lines / seconds, "lines/s", goals[0])
    report("tail", who, "CPU a line", cpu / lines * 1e6, "us", goals[1])
    report("tail", who, "resident at peak", peak, "MB", goals[2])


def tail(options, directory):
    corpus = directory / "corpus.log"
    make_corpus(corpus, options.lines)
    report("tail", "corpus", "bytes a line", corpus.stat().st_size / options.lines, "B")

    def agent(compression):
        def begin(port):
            shutil.rmtree(directory / "state", ignore_errors=True)
            return vitals(options, directory, {
                "inputs": {"corpus": {"type": "file", "paths": [str(corpus)]}},
                "outputs": {"sink": {"type": "http", "url": f"http://127.0.0.1:{port}/", "compression": compression}},
                "routes": [{"from": "corpus", "to": "sink"}]})
        return begin

    measure_drain("vitals", options.lines, "http", agent("none"))
    measure_drain("rsyslog", options.lines, "tcp", lambda port: rsyslog(
        directory, corpus,
        f'action(type="omfwd" target="127.0.0.1" protocol="tcp" port="{port}" queue.type="LinkedList" template="line")'))


# ---- journal

JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"

# What reading costs without us: every field of every entry is looked at, and nothing is done with it.
LIBSYSTEMD_ALONE = r"""
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>
int main(int count, char **arguments) {
    sd_journal *journal;
    if (count != 2 || sd_journal_open_directory(&journal, arguments[1], 0) < 0) return 1;
    unsigned long entries = 0, fields = 0, bytes = 0;
    while (sd_journal_next(journal) > 0) {
        const void *data;
        size_t size;
        sd_journal_restart_data(journal);
        while (sd_journal_enumerate_data(journal, &data, &size) > 0) fields++, bytes += size;
        entries++;
    }
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    printf("%lu %lu %lu %.6f\n", entries, fields, bytes, used.tv_sec + used.tv_nsec / 1e9);
}
"""


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
                f"MESSAGE=finished job {i} of queue default in {i % 90} ms, {i % 7} retries, result of {i % 40000} bytes\n"
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
    (directory / "alone.c").write_text(LIBSYSTEMD_ALONE)
    subprocess.run(["clang", "-O2", "-o", directory / "alone", directory / "alone.c", "-lsystemd"], check=True)
    best = None
    for _ in range(3):
        said = subprocess.run([directory / "alone", journal], capture_output=True, text=True, check=True).stdout.split()
        entries, fields, size, seconds = int(said[0]), int(said[1]), int(said[2]), float(said[3])
        best = min(best or seconds, seconds)
    report("journal", "corpus", "fields an entry", fields / entries, "")
    report("journal", "corpus", "bytes an entry", size / entries, "B")
    return entries, best / entries * 1e6


def journal(options, directory):
    """The agent on one core, with what it needs beyond reading: JSON, HTTP, cursors."""
    place = directory / "journal"
    place.mkdir()
    make_journal(place / "a.journal", max(200_000, options.lines))
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

        seconds, cpu, peak = drain("vitals", wanted, "http", begin)
        report("journal", "vitals", "entries a second" + suffix, entries / seconds, "entries/s", goal)
        report("journal", "vitals", "CPU an entry" + suffix, cpu / entries * 1e6, "us")
        if not keys:
            report("journal", "vitals", "resident at peak", peak, "MB")


# ---- idle


def idle(options, directory):
    for count, cpu_goal, memory_goal in [(1_000, "0.0", ""), (10_000, "<= 0.1", "<= 40")]:
        place = directory / str(count)
        logs = place / "quiet"
        logs.mkdir(parents=True)
        for n in range(count):
            (logs / f"{n}.log").write_text(f"a line of file {n}\n")
        settings = {
            "inputs": {"quiet": {"type": "file", "paths": [f"{logs}/*.log"], "file_limit": 20_000}},
            "outputs": {"out": {"type": "file", "path": str(place / "out.ndjson")}},
            "routes": [{"from": "quiet", "to": "out"}]}
        began = time.monotonic()
        with vitals(options, place, settings) as agent:
            measure_idle("vitals", agent, count, began, place / "out.ndjson", cpu_goal, memory_goal)
            measure_new_file(count, logs, place / "out.ndjson")
        other = place / "other.log"
        began = time.monotonic()
        with rsyslog(place, f"{logs}/*.log", f'action(type="omfile" file="{other}" template="line")') as peer:
            measure_idle("rsyslog", peer, count, began, other)


def measure_idle(who, process, count, began, out, cpu_goal="", memory_goal=""):
    wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") >= count, 60, f"{who} has read the files")
    report("idle", who, f"start to all read, {count} files", time.monotonic() - began, "s", "<= 1" if cpu_goal else "")
    time.sleep(3)  # cursors are written within a second
    before, began = cpu_seconds(process.pid), time.monotonic()
    time.sleep(65)  # with the scan that looks at all of them once a minute
    used = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    report("idle", who, f"CPU, {count} quiet files", used * 100, "% of a core", cpu_goal)
    report("idle", who, f"resident, {count} files", memory(process.pid), "MB", memory_goal)
    report("idle", who, f"descriptors, {count} files", len(os.listdir(f"/proc/{process.pid}/fd")), "")


def measure_new_file(count, logs, out):
    times = []
    for n in range(20):
        size = out.stat().st_size
        began = time.monotonic()
        (logs / f"new{n}.log").write_text("a line of a new file\n")
        wait_for(lambda: out.stat().st_size > size, 10, "the new file is seen")
        times.append(time.monotonic() - began)
        time.sleep(0.1)
    report("idle", "vitals", f"new file to its line, {count}, median", sorted(times)[10] * 1000, "ms", "<= 50")
    report("idle", "vitals", f"new file to its line, {count}, worst", max(times) * 1000, "ms")


def table():
    print(f"\n{'case':8} {'figure':28} {'vitals':>12} {'peer':>12} {'ratio':>7}  goal")
    peers = {(case, figure): (who, value) for case, who, figure, value, _, _ in RESULTS if who != "vitals"}
    for case, who, figure, value, unit, goal in RESULTS:
        if who != "vitals":
            continue
        peer, ratio = "", ""
        if (case, figure) in peers:
            other = peers[case, figure][1]
            peer, ratio = f"{other:.3f}", f"{value / other:.2f}" if other else ""
        print(f"{case:8} {figure:28} {value:12.3f} {peer:>12} {ratio:>7}  {goal} {unit}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("--lines", type=int, default=500_000)
    arguments.add_argument("--inside", help=argparse.SUPPRESS)
    arguments.add_argument("cases", nargs="*", default=[])
    options = arguments.parse_args()
    options.binary = Path(options.binary).resolve()
    cases = {"size": size, "start": start, "scrape": scrape, "defaults": defaults, "busy": busy, "scale": scale, "tree": tree,
             "tail": tail, "journal": journal, "idle": idle}
    for name in [options.inside] if options.inside else options.cases or cases:
        directory = Path(tempfile.mkdtemp(prefix=f"vitals-bench-{name}-"))
        try:
            cases[name](options, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    if not options.inside:
        table()


main()
