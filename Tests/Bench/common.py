"""What all cases of the benchmarks share: processes, their clocks and their memory, and the figures that are reported."""

import http.client
import json
import os
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = []


def report(case, who, figure, value, unit, goal=""):
    """With the load of the machine in the last minute: times of a busy one say little, CPU time more."""
    load = os.getloadavg()[0]
    RESULTS.append((case, who, figure, value, unit, goal, load))
    line = {"case": case, "who": who, "figure": figure, "value": round(value, 4), "unit": unit, "goal": goal,
            "load": round(load, 1)}
    print(json.dumps({key: value for key, value in line.items() if value != ""}), flush=True)


def table():
    print(f"\n{'case':12} {'figure':32} {'vitals':>12} {'peer':>12} {'ratio':>7} {'load':>5}  goal")
    peers = {(case, figure): value for case, who, figure, value, *_ in RESULTS if who != "vitals"}
    for case, who, figure, value, unit, goal, load in RESULTS:
        if who != "vitals":
            continue
        other = peers.get((case, figure))
        peer = "" if other is None else f"{other:.3f}"
        ratio = f"{value / other:.2f}" if other else ""
        print(f"{case:12} {figure:32} {value:12.3f} {peer:>12} {ratio:>7} {load:5.1f}  {goal} {unit}")


def cpu_seconds(pid):
    """User and system time of a process and all its threads. See clock_getcpuclockid(3): the id is made from the pid."""
    return time.clock_gettime((~pid << 3) | 2)


def memory(pid, field="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1000  # MB
    return 0.0


def forget_peak(pid):
    """VmHWM begins anew from what is resident now. See proc_pid_clear_refs(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


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


def compiled(directory, name, *libraries):
    """One of the C programs beside this file."""
    program = directory / name
    subprocess.run(["clang", "-O2", "-o", program, HERE / f"{name}.c", *libraries], check=True)
    return program
