"""Measures the agent beside its peers, in one run: Debian's prometheus-node-exporter and rsyslog.

Prints one JSON line for each figure, then a table with ratios and the goals. Nothing here is asserted: times are printed,
people judge. CPU time is the process's own clock (user and system), read from outside.

Usage: bench.py [--binary PATH] [--lines N] [case …]      cases: size start scrape tail idle
"""

import argparse
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

COLLECTORS = ("cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat pressure "
              "filefd").split()
RESULTS = []


def report(case, who, figure, value, unit, goal=""):
    RESULTS.append((case, who, figure, value, unit, goal))
    print(json.dumps({"case": case, "who": who, "figure": figure, "value": round(value, 4), "unit": unit}), flush=True)


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


def vitals(options, directory, settings):
    port = free_port()
    config = directory / "agent.json"
    config.write_text(json.dumps({"endpoint": {"listen": [f"127.0.0.1:{port}"]}, **settings}))
    process = Process([options.binary, "run", "--config", config, "--state-directory", directory / "state"],
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


def measure_scrapes(who, process, port):
    scrape_many(port, 20)
    began = cpu_seconds(process.pid)
    latencies, length = scrape_many(port, 180)
    report("scrape", who, "CPU a scrape (gzip)", (cpu_seconds(process.pid) - began) / 180 * 1000, "ms")
    report("scrape", who, "latency, median", latencies[90] * 1000, "ms")
    report("scrape", who, "latency, p99", latencies[178] * 1000, "ms")
    report("scrape", who, "bytes, gzip", length, "B")
    report("scrape", who, "resident after 200", memory(process.pid), "MB", "<= 12" if who == "vitals" else "")
    scrape_many(port, 1800)
    report("scrape", who, "resident after 2000", memory(process.pid), "MB", "flat" if who == "vitals" else "")


def scrape(options, directory):
    with vitals(options, directory, {}) as agent:
        wait_for(lambda: answers(agent.port, "/-/ready"), 10, "vitals is ready")
        measure_scrapes("vitals", agent, agent.port)
    port = free_port()
    arguments = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
                 *[f"--collector.{name}" for name in COLLECTORS]]
    with Process(arguments, directory / "node_exporter.log") as peer:
        wait_for(lambda: answers(port), 10, "node_exporter answers")
        measure_scrapes("node_exporter", peer, port)


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
    """Counts lines in a process of its own, so that it does not slow the measuring down."""
    listener = socket.create_server(("127.0.0.1", port))
    ready.set()
    count = 0
    buffer = bytearray(4 << 20)
    while count < expected:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if framing == "http":
            count += receive_http(connection, buffer, expected - count)
        else:
            while count < expected and (read := connection.recv_into(buffer)):
                count += buffer.count(b"\n", 0, read)
        connection.close()
    finished.put((time.monotonic(), count))


def receive_http(connection, buffer, wanted):
    count, held = 0, b""
    while count < wanted:
        while b"\r\n\r\n" not in held:
            chunk = connection.recv(65536)
            if not chunk:
                return count
            held += chunk
        head, held = held.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        count += held.count(b"\n")
        missing = length - len(held)
        held = b""
        while missing > 0:
            read = connection.recv_into(buffer, min(missing, len(buffer)))
            count += buffer.count(b"\n", 0, read)
            missing -= read
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    return count


def measure_drain(who, lines, framing, begin):
    port = free_port()
    finished, ready = multiprocessing.Queue(), multiprocessing.Event()
    receiver = multiprocessing.Process(target=receive, args=(port, lines, framing, finished, ready), daemon=True)
    receiver.start()
    ready.wait(10)
    began = time.monotonic()
    with begin(port) as process:
        try:
            ended, count = finished.get(timeout=120)
        except Exception:
            receiver.kill()
            raise SystemExit(f"bench: {who} did not deliver {lines} lines in 120 s")
        cpu = cpu_seconds(process.pid)
        peak = memory(process.pid, "VmHWM")
    receiver.join(10)
    goals = [">= 400000", "<= 1", "<= 30"] if who == "vitals" else ["", "", ""]
    report("tail", who, "lines a second", count / (ended - began), "lines/s", goals[0])
    report("tail", who, "CPU a line", cpu / count * 1e6, "us", goals[1])
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


# ---- idle


def idle(options, directory):
    logs = directory / "quiet"
    logs.mkdir()
    for n in range(1000):
        (logs / f"{n}.log").write_text(f"a line of file {n}\n")
    settings = {
        "inputs": {"quiet": {"type": "file", "paths": [f"{logs}/*.log"]}},
        "outputs": {"out": {"type": "file", "path": str(directory / "out.ndjson")}},
        "routes": [{"from": "quiet", "to": "out"}]}
    with vitals(options, directory, settings) as agent:
        measure_idle("vitals", agent, directory / "out.ndjson", "<= 0.1")
    other = directory / "other.log"
    with rsyslog(directory, f"{logs}/*.log", f'action(type="omfile" file="{other}" template="line")') as peer:
        measure_idle("rsyslog", peer, other)


def measure_idle(who, process, out, goal=""):
    wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") == 1000, 20, f"{who} has read the files")
    time.sleep(3)  # cursors are written within a second
    before, began = cpu_seconds(process.pid), time.monotonic()
    time.sleep(30)
    used = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    report("idle", who, "CPU with 1000 quiet files", used * 100, "% of a core", goal)
    report("idle", who, "resident", memory(process.pid), "MB")


def table():
    print(f"\n{'case':8} {'figure':28} {'vitals':>12} {'peer':>12} {'ratio':>7}  goal")
    peers = {(case, figure): (who, value) for case, who, figure, value, _, _ in RESULTS if who != "vitals"}
    ratio_goals = {"CPU a scrape (gzip)": "<= 0.5 x"}
    for case, who, figure, value, unit, goal in RESULTS:
        if who != "vitals":
            continue
        peer, ratio = "", ""
        if (case, figure) in peers:
            other = peers[case, figure][1]
            peer, ratio = f"{other:.3f}", f"{value / other:.2f}" if other else ""
        goal = goal or ratio_goals.get(figure, "")
        print(f"{case:8} {figure:28} {value:12.3f} {peer:>12} {ratio:>7}  {goal} {unit}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("--lines", type=int, default=500_000)
    arguments.add_argument("cases", nargs="*", default=[])
    options = arguments.parse_args()
    options.binary = Path(options.binary).resolve()
    cases = {"size": size, "start": start, "scrape": scrape, "tail": tail, "idle": idle}
    for name in options.cases or cases:
        directory = Path(tempfile.mkdtemp(prefix=f"vitals-bench-{name}-"))
        try:
            cases[name](options, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    table()


main()
