"""What the agent costs at its start and for each scrape, beside node_exporter."""

import atexit
import http.client
import json
import os
import subprocess
import sys
import time

from common import HERE, Process, answers, cpu_seconds, free_port, memory, report, vitals, wait_for

sys.path.insert(0, str(HERE.parent / "Support"))
from large_tree import make_large_tree

COLLECTORS = ("cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat pressure "
              "filefd").split()


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
               sys.executable, HERE / "bench.py", "--binary", options.binary, "--inside", case]
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
