"""The CloudWatch vocabulary against arithmetic of its own over /proc, on this machine and on a host of files that change."""

import json
import os
import resource
import signal
import socket
import sys
import threading
import time
import unittest
from pathlib import Path
from support import Scratch, eventually

try:
    import jsonschema
except ImportError:  # only the tests' own environment has it
    jsonschema = None

import emf

TICKS = os.sysconf("SC_CLK_TCK")
CPU_COLUMNS = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"]
NET_COLUMNS = {"bytes_recv": 0, "packets_recv": 1, "err_in": 2, "drop_in": 3, "bytes_sent": 8, "packets_sent": 9,
               "err_out": 10, "drop_out": 11}
DISK_COLUMNS = {"reads": (0, 1), "read_bytes": (2, 512), "read_time": (3, 1), "writes": (4, 1),
                "write_bytes": (6, 512), "write_time": (7, 1), "io_time": (9, 1)}
TCP_STATES = ["established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait",
              "last_ack", "listen", "closing"]


def lines(path):
    return Path(path).read_text().splitlines()


def read_counters(proc="/proc"):
    """Everything that only grows, under the metric that is made of it: `cpu cpu0 user`, `net eth0 bytes_recv` …"""
    counters = {}
    for row in lines(f"{proc}/stat"):
        name, *values = row.split()
        if name.startswith("cpu"):
            cpu = "cpu-total" if name == "cpu" else name
            ticks = dict(zip(CPU_COLUMNS, map(int, values)))
            ticks["active"] = sum(ticks[part] for part in CPU_COLUMNS[:8]) - ticks["idle"]
            counters.update({("cpu", cpu, part): value / TICKS for part, value in ticks.items()})
    for row in lines(f"{proc}/net/dev")[2:]:
        name, values = row.split(":")
        values = values.split()
        if name.strip() != "lo":
            counters.update({("net", name.strip(), part): int(values[at]) for part, at in NET_COLUMNS.items()})
    for row in lines(f"{proc}/diskstats"):
        _, _, name, *values = row.split()
        if not name.startswith(("loop", "ram", "fd")):
            counters.update({("diskio", name, part): int(values[at]) * unit
                             for part, (at, unit) in DISK_COLUMNS.items()})
    return counters


def read_gauges():
    memory = {row.split(":")[0]: int(row.split()[1]) * 1024 for row in lines("/proc/meminfo") if row.endswith("kB")}
    gauges = {
        "mem_total": memory["MemTotal"], "mem_free": memory["MemFree"], "mem_available": memory["MemAvailable"],
        "mem_buffered": memory["Buffers"], "mem_cached": memory["Cached"] + memory["SReclaimable"],
        "mem_active": memory["Active"], "mem_inactive": memory["Inactive"], "mem_shared": memory["Shmem"],
        "swap_free": memory["SwapFree"], "swap_used": memory["SwapTotal"] - memory["SwapFree"],
        "processes_total": sum(name.isdecimal() for name in os.listdir("/proc")),
    }
    states = [int(row.split()[3], 16) for name in ("tcp", "tcp6") if os.path.exists(f"/proc/net/{name}")
              for row in lines(f"/proc/net/{name}")[1:]]
    gauges.update({f"netstat_tcp_{state}": states.count(number + 1) for number, state in enumerate(TCP_STATES)})
    gauges["netstat_udp_socket"] = sum(
        len(lines(f"/proc/net/{name}")) - 1 for name in ("udp", "udp6") if os.path.exists(f"/proc/net/{name}"))
    return gauges


class Watch(threading.Thread):
    """Reads the same files over and over, so that what somebody read meanwhile has bounds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.readings = []
        self.is_stopped = threading.Event()

    def run(self):
        while not self.is_stopped.wait(0.05):
            began = time.time()
            counters, gauges = read_counters(), read_gauges()
            self.readings.append((began, time.time(), counters, gauges))

    def counters_around(self, begin, end):
        """The last reading that was over at `begin`, and the first that began after `end`."""
        below = [reading for reading in self.readings if reading[1] <= begin][-1]
        above = next(reading for reading in self.readings if reading[0] >= end)
        return below[2], above[2]

    def gauges_around(self, begin, end):
        around = [reading[3] for reading in self.readings if reading[1] >= begin - 1.5 and reading[0] <= end + 0.5]
        return {name: ([gauges[name] for gauges in around]) for name in around[0]}


def subject_of(document):
    """`("cpu", "cpu0")`, `("net", "eth0")`, `("diskio", "vda")`; None for other documents."""
    for subject, dimension in (("cpu", "cpu"), ("net", "interface"), ("diskio", "name")):
        if dimension in document:
            return subject, document[dimension]
    return None


def time_of(document):
    return document["_aws"]["Timestamp"] / 1000


class Vocabulary(Scratch):
    def start(self, **options):
        self.path = self.directory / "documents.ndjson"
        self.running = self.agent({
            **({"host": options.pop("host")} if "host" in options else {}),
            "inputs": {"host": {"type": "host_metrics", "interval": "1s", "dimensions": {"stage": "test"}, **options}},
            "outputs": {"out": {"type": "file", "path": str(self.path)}},
            "routes": [{"from": "host", "to": "out"}],
        }).start()

    def documents(self):
        """Those that are there, each checked against the format."""
        if not self.path.exists():
            return []
        validator = jsonschema.Draft7Validator(emf.SCHEMA) if jsonschema else None
        found = []
        for line in self.path.read_text().split("\n")[:-1]:
            self.assertEqual(emf.problems_of(line, time.time(), validator), [], line)
            found.append(json.loads(line))
        return found

    def wait_for_times(self, count, within=60):
        return eventually(
            lambda: (found := self.documents()) and len({time_of(d) for d in found}) > count and found, within,
            f"{count} intervals; the agent said:\n{self.running.log()}")

    @unittest.skipUnless(jsonschema, "needs jsonschema (make test-deps)")
    def test_every_document_holds_to_the_schema(self):
        self.start(
            sample_interval="1s", interval="2s", aggregate=[["stage"], [], ["stage", "cpu"]],
            drop_original=["disk_*", "cpu_time_*"], procstat=[{"exe": "."}, {"pattern": "python"}, {"unit": "ssh"}])
        documents = self.wait_for_times(2)
        metrics = {metric["Name"] for d in documents for directive in d["_aws"]["CloudWatchMetrics"]
                   for metric in directive["Metrics"]}
        self.assertGreater(len([name for name in metrics if name.startswith("procstat_")]), 50)
        for prefix in ("cpu_time_", "cpu_usage_", "mem_", "swap_", "disk_", "net_", "netstat_", "processes_"):
            self.assertTrue(any(name.startswith(prefix) for name in metrics), prefix)
        for document in documents:
            for directive in document["_aws"]["CloudWatchMetrics"]:
                names = {metric["Name"] for metric in directive["Metrics"]}
                self.assertTrue(all(metric["StorageResolution"] == 1 for metric in directive["Metrics"]))
                if "path" in document:
                    self.assertEqual(directive["Dimensions"], [["stage"], []], names)
        arrays = [d["mem_free"] for d in documents if "mem_free" in d]
        self.assertTrue(all(len(values) == 2 for values in arrays), arrays)

    # MARK: This machine

    def test_this_machine(self):
        watch = Watch()
        self.addCleanup(watch.is_stopped.set)
        watch.start()
        eventually(lambda: len(watch.readings) > 2, 30, "the first readings")
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                socket.create_connection(listener.getsockname()), \
                socket.socket(type=socket.SOCK_DGRAM) as datagram:
            datagram.bind(("127.0.0.1", 0))
            self.start()
            documents = self.wait_for_times(4)
            seen = time.time()
            eventually(lambda: watch.readings[-1][0] > seen, 30, "a reading after the last document")
        times = sorted({time_of(d) for d in documents})
        # The file may have a part of the last interval.
        by_time = {at: [d for d in documents if time_of(d) == at] for at in times[:-1]}
        self.check_counters(watch, by_time, times)
        for at, group in by_time.items():
            self.check_gauges(watch, at, times[times.index(at) + 1], group)
        self.check_usage(by_time)

    def check_counters(self, watch, by_time, times):
        """cpu_time_* at each time, and what the differences of all intervals add up to, lie between readings of ours."""
        sums = {}
        first = list(by_time)[0]
        start = watch.counters_around(first, times[1])
        for at, group in by_time.items():
            low, high = watch.counters_around(at, times[times.index(at) + 1])
            for document in group:
                if not (subject := subject_of(document)):
                    continue
                for key in (key for key in low if key[:2] == subject):
                    name = f"{subject[0]}_{'time_' if subject[0] == 'cpu' else ''}{key[2]}"
                    if subject[0] == "cpu":
                        # iowait may go back.
                        slack = 0.05 if key[2] in ("iowait", "idle", "active") else 0.001
                        self.assertGreaterEqual(document[name], low[key] - slack, (key, at))
                        self.assertLessEqual(document[name], high[key] + slack, (key, at))
                    elif name in document:
                        sums[key] = sums.get(key, 0) + document[name]
                        self.assertGreaterEqual(sums[key], low[key] - start[1][key], (key, at))
                        self.assertLessEqual(sums[key], high[key] - start[0][key], (key, at))
        self.assertTrue({key[0] for key in sums} >= {"net"}, sums)
        self.assertFalse(any("net_bytes_recv" in d for d in by_time[first]), "of one reading")

    def check_gauges(self, watch, at, end, group):
        [host] = [d for d in group if "mem_total" in d]
        around = watch.gauges_around(at, end)
        for name, values in around.items():
            # Between two readings of ours there may have been more or less for a moment.
            slack = max(values) - min(values) + (host["mem_total"] / 20 if name.startswith("mem_") else 50)
            if name in ("mem_total", "swap_free", "swap_used") or name.startswith("netstat_tcp_l"):
                slack = max(values) - min(values)
            self.assertGreaterEqual(host[name], min(values) - slack, name)
            self.assertLessEqual(host[name], max(values) + slack, name)
        self.assertGreaterEqual(host["netstat_tcp_listen"], 1)
        self.assertGreaterEqual(host["netstat_tcp_established"], 2)
        self.assertGreaterEqual(host["netstat_udp_socket"], 1)
        parts = [host[f"mem_{part}"] for part in ("used", "free", "buffered", "cached")]
        self.assertAlmostEqual(sum(parts), host["mem_total"], delta=1)
        self.assertAlmostEqual(host["mem_used_percent"], 100 * host["mem_used"] / host["mem_total"], places=6)
        self.assertAlmostEqual(host["mem_available_percent"], 100 * host["mem_available"] / host["mem_total"], places=6)
        swap = host["swap_free"] + host["swap_used"]
        self.assertAlmostEqual(host["swap_used_percent"], 100 * host["swap_used"] / swap if swap else 0, places=6)
        states = ("blocked", "dead", "idle", "paging", "running", "sleeping", "stopped", "wait", "zombies")
        self.assertEqual(sum(host[f"processes_{state}"] for state in states), host["processes_total"])
        self.assertGreater(host["processes_total_threads"], host["processes_total"])
        self.assertEqual(host["netstat_tcp_none"], 0)
        root = os.statvfs("/")
        [disk] = [d for d in group if d.get("path") == "/"]
        self.assertEqual(disk["disk_total"], root.f_blocks * root.f_frsize)
        self.assertEqual(disk["disk_inodes_total"], root.f_files)
        self.assertAlmostEqual(disk["disk_free"], root.f_bavail * root.f_frsize, delta=disk["disk_total"] / 10)
        self.assertAlmostEqual(
            disk["disk_used_percent"], 100 * disk["disk_used"] / (disk["disk_used"] + disk["disk_free"]), places=6)

    def check_usage(self, by_time):
        """cpu_usage_* out of the cpu_time_* of the two documents."""
        earlier = {}
        checked = 0
        for group in by_time.values():
            for document in (d for d in group if "cpu" in d):
                before = earlier.get(document["cpu"])
                earlier[document["cpu"]] = document
                if before is None or "cpu_usage_idle" not in document:
                    continue
                passed = {part: document[f"cpu_time_{part}"] - before[f"cpu_time_{part}"]
                          for part in CPU_COLUMNS + ["active"]}
                total = passed["active"] + passed["idle"]
                passed["user"] -= passed["guest"]
                passed["nice"] -= passed["guest_nice"]
                for part, seconds in passed.items():
                    expected = min(100, max(0, 100 * seconds / total))
                    self.assertAlmostEqual(document[f"cpu_usage_{part}"], expected, places=4, msg=(part, document))
                checked += 1
        self.assertGreater(checked, os.sysconf("SC_NPROCESSORS_ONLN"))

    def test_a_process_of_ours(self):
        pid_file = self.directory / "busy.pid"
        ready = self.directory / "ready"
        program = (
            "import os, resource, sys, time\n"
            "os.nice(3)\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))\n"
            "kept = [open('/dev/null') for _ in range(7)]\n"
            "memory = bytearray(32 << 20)\n"
            f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
            f"open({str(ready)!r}, 'w')\n"
            "while True: sum(range(1000))\n")
        process = self.program([sys.executable, "-c", program, "vitals-vocabulary-mark"])
        eventually(ready.exists, 30, "the process is busy")
        self.start(
            metrics=["procstat_*"], procstat=[
                {"pid_file": str(pid_file)}, {"pattern": "vitals-vocabulary-mark"}, {"exe": "no-such-program"}])
        documents = self.wait_for_times(3)
        # It stands still while it is compared.
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.kill)
        stopped = time.time()
        eventually(
            lambda: any(time_of(d) > stopped + 1 and "procstat_pid" in d for d in self.documents()), 60,
            "a document after the stop")
        documents = self.documents()
        last = [d for d in documents if time_of(d) > stopped and "procstat_pid" in d]
        proc = Path(f"/proc/{process.pid}")
        status = {row.split(":")[0]: row.split(":")[1].split() for row in lines(proc / "status")}
        fields = proc.joinpath("stat").read_text().rsplit(")", 1)[1].split()
        io = dict(row.split(": ") for row in lines(proc / "io"))
        expected = {
            "pid": process.pid, "num_fds": len(os.listdir(proc / "fd")), "num_threads": int(status["Threads"][0]),
            "nice_priority": 20 - int(fields[16]), "realtime_priority": 0,
            "memory_rss": int(status["VmRSS"][0]) * 1024, "memory_vms": int(status["VmSize"][0]) * 1024,
            "memory_data": int(status["VmData"][0]) * 1024, "memory_stack": int(status["VmStk"][0]) * 1024,
            "memory_locked": int(status["VmLck"][0]) * 1024, "memory_swap": int(status["VmSwap"][0]) * 1024,
            "voluntary_context_switches": int(status["voluntary_ctxt_switches"][0]),
            "involuntary_context_switches": int(status["nonvoluntary_ctxt_switches"][0]),
            "cpu_time_user": int(fields[11]) / TICKS, "cpu_time_system": int(fields[12]) / TICKS,
            "cpu_time": (int(fields[11]) + int(fields[12])) / TICKS,
            "read_bytes": int(io["read_bytes"]), "write_bytes": int(io["write_bytes"]),
            "read_count": int(io["syscr"]), "write_count": int(io["syscw"]),
            "rlimit_num_fds_soft": 123, "rlimit_num_fds_hard": 456, "signals_pending": 0,
        }
        for name, limit in (("cpu_time", resource.RLIMIT_CPU), ("memory_data", resource.RLIMIT_DATA),
                            ("memory_stack", resource.RLIMIT_STACK), ("memory_rss", resource.RLIMIT_RSS),
                            ("memory_locked", resource.RLIMIT_MEMLOCK), ("memory_vms", resource.RLIMIT_AS),
                            ("realtime_priority", resource.RLIMIT_RTPRIO), ("nice_priority", resource.RLIMIT_NICE),
                            ("signals_pending", resource.RLIMIT_SIGPENDING)):
            for end, value in zip(("soft", "hard"), resource.prlimit(process.pid, limit)):
                expected[f"rlimit_{name}_{end}"] = 2 ** 64 if value == resource.RLIM_INFINITY else value
        selected = {name for d in last for name in ("pidfile", "pattern") if name in d}
        self.assertEqual(selected, {"pidfile", "pattern"})
        for document in last[-2:]:
            for name, value in expected.items():
                self.assertEqual(document[f"procstat_{name}"], value, name)
        # While it ran: of one CPU, at most all of it, and the seconds of its own count.
        ran = [d for d in documents if "procstat_pid" in d and "pidfile" in d and time_of(d) < stopped]
        for before, after in zip(ran, ran[1:]):
            passed = time_of(after) - time_of(before)
            used = after["procstat_cpu_time"] - before["procstat_cpu_time"]
            self.assertAlmostEqual(after["procstat_cpu_usage"], 100 * used / passed, delta=5)
        counts = {d.get("pidfile") or d.get("pattern") or d.get("exe"): d["procstat_lookup_pid_count"]
                  for d in documents if "procstat_lookup_pid_count" in d}
        self.assertEqual(set(counts.values()), {1, 0})
        self.assertEqual(counts["no-such-program"], 0)

    # MARK: A host of files

    def write_host(self, step):
        """All counters a step further, each by its own width; written in place, as the kernel's files are read."""
        files = {
            "stat": f"cpu  {1000 + 50 * step} 10 {500 + 25 * step} {8000 + 120 * step} {100 + 5 * step} 0 0 0 "
                    f"{20 + 10 * step} 0\ncpu0 {1000 + 50 * step} 10 {500 + 25 * step} {8000 + 120 * step} "
                    f"{100 + 5 * step} 0 0 0 {20 + 10 * step} 0\nbtime 1795228661\n",
            "meminfo": f"MemTotal: 1000000 kB\nMemFree: {200000 + 1000 * step} kB\nBuffers: 1000 kB\n"
                       "Cached: 300000 kB\nSwapTotal: 4000 kB\nSwapFree: 1000 kB\n",
            "diskstats": f" 254 0 vda {100 + 3 * step} 0 {1000 + 16 * step} {50 + 7 * step} {200 + 4 * step} 0 "
                         f"{3000 + 8 * step} {60 + 9 * step} {step} {70 + 11 * step} 90\n"
                         "   7 0 loop0 1 0 1 1 1 0 1 1 0 1 1\n",
            "net/dev": "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                       f"  eth0: {1000 + 1500 * step} {10 + step} 0 {2 * step} 0 0 0 0 {2000 + 700 * step} {20 + step} "
                       f"{3 * step} 0 0 0 0 0\n",
            "net/sockstat": "sockets: used 54\nUDP: inuse 3 mem 1\n", "net/sockstat6": "UDP6: inuse 2\n",
            "net/tcp": "  sl  local rem st tx rx\n" + "".join(
                f"   {number}: 0100007F:8D6A 0100007F:9647 {state} 00000000:00000000 00:00000000 0 0 0 1\n"
                for number, state in enumerate(["0A", "0A", "01", "06", "08"])),
            "1/mountinfo": "", "1/stat": self.process(1, "init", "S", 100),
            "1/cmdline": "/sbin/init\0",
            "7/stat": self.process(7, "worker", "D" if step else "R", 1000 + 50 * step), "7/cmdline": "worker\0--all\0",
            "8/stat": self.process(8, "worker", "Z", 5), "8/cmdline": "",
        }
        for path, text in files.items():
            file = self.directory / "host" / "proc" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            # Of the same length: a reader sees the old text or the new one, and no end between them.
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
            os.pwrite(descriptor, text.encode(), 0)
            os.close(descriptor)

    def process(self, pid, name, state, ticks):
        return f"{pid} ({name}) {state} 1 1 1 0 -1 0 0 0 0 0 {ticks} 10 0 0 20 0 3 0 50 60000000 1200 " + "0 " * 27 + "\n"

    def test_a_host_of_files_between_two_readings(self):
        self.write_host(0)
        self.start(
            host={"proc": str(self.directory / "host/proc"), "sys": str(self.directory / "host/sys"), "root": "/nowhere"},
            procstat=[{"exe": "^worker$"}, {"pattern": "--all"}])
        self.wait_for_times(1)
        self.write_host(1)
        changed = time.time()
        documents = eventually(
            lambda: (found := self.documents()) and max(map(time_of, found)) > changed + 2.5 and found, 60,
            self.running.log())
        eth0 = self.sums(documents, "interface", "eth0")
        self.assertEqual(eth0, {
            "net_bytes_recv": 1500, "net_packets_recv": 1, "net_drop_in": 2, "net_bytes_sent": 700,
            "net_packets_sent": 1, "net_err_out": 3, "net_err_in": 0, "net_drop_out": 0})
        vda = self.sums(documents, "name", "vda")
        vda.pop("diskio_iops_in_progress")
        self.assertEqual(vda, {
            "diskio_reads": 3, "diskio_read_bytes": 16 * 512, "diskio_read_time": 7, "diskio_writes": 4,
            "diskio_write_bytes": 8 * 512, "diskio_write_time": 9, "diskio_io_time": 11})
        self.assertFalse(any(d.get("name") == "loop0" or d.get("interface") == "lo" for d in documents))
        # Time passed once: 50 + 25 + 120 + 5 ticks, of which guests had 10.
        for cpu in ("cpu-total", "cpu0"):
            [used] = [d for d in documents if d.get("cpu") == cpu and "cpu_usage_idle" in d]
            usage = {name.removeprefix("cpu_usage_"): value for name, value in used.items() if "_usage_" in name}
            self.assertEqual(usage, {
                "active": 40, "guest": 5, "guest_nice": 0, "idle": 60, "iowait": 2.5, "irq": 0, "nice": 0,
                "softirq": 0, "steal": 0, "system": 12.5, "user": 20})
            self.assertEqual(used["cpu_time_user"], 1050 / TICKS)
        last = [d for d in documents if time_of(d) == max(map(time_of, documents)) and "mem_total" in d][-1]
        expected = {
            "mem_free": 201000 * 1024, "mem_used": 498000 * 1024, "mem_used_percent": 49.8,
            "mem_available": 502000 * 1024, "mem_available_percent": 50.2, "swap_used": 3000 * 1024,
            "swap_used_percent": 75, "netstat_tcp_listen": 2, "netstat_tcp_established": 1,
            "netstat_tcp_time_wait": 1, "netstat_tcp_close_wait": 1, "netstat_tcp_syn_sent": 0,
            "netstat_udp_socket": 5, "processes_total": 3, "processes_sleeping": 1, "processes_blocked": 1,
            "processes_zombies": 1, "processes_running": 0, "processes_total_threads": 9}
        self.assertEqual({name: last[name] for name in expected}, expected)
        self.check_workers(documents)

    def check_workers(self, documents):
        workers = [d for d in documents if d.get("exe") == "^worker$" and "process_name" in d]
        self.assertEqual({tuple(d["procstat_pid"]) for d in workers}, {(7, 8)})
        self.assertEqual(workers[-1]["procstat_cpu_time"], [1060 / TICKS, 15 / TICKS])
        used = [(before, after) for before, after in zip(workers, workers[1:])
                if after.get("procstat_cpu_usage", [0])[0] > 0]
        self.assertEqual(len(used), 1, "it used time once")
        [(before, after)] = used
        percent = 100 * 50 / TICKS / (time_of(after) - time_of(before))
        self.assertAlmostEqual(after["procstat_cpu_usage"][0], percent, delta=percent / 10)
        self.assertEqual(after["procstat_cpu_usage"][1], 0)
        all_of = [d for d in documents if d.get("pattern") == "--all" and "process_name" in d]
        self.assertEqual({d["procstat_pid"] for d in all_of}, {7})
        counts = {d.get("exe") or d.get("pattern"): d["procstat_lookup_pid_count"]
                  for d in documents if "pid_finder" in d}
        self.assertEqual(counts, {"^worker$": 2, "--all": 1})

    def sums(self, documents, dimension, value):
        """What all intervals add up to."""
        sums = {}
        for document in documents:
            if document.get(dimension) == value:
                for name, number in document.items():
                    if type(number) in (int, float):
                        sums[name] = sums.get(name, 0) + number
        return sums

    # MARK: The vocabulary of node_exporter

    def test_node_names_with_their_labels(self):
        self.start(
            vocabulary="node", collectors=["loadavg", "netdev", "cpu", "meminfo"],
            metrics=["node_load*", "node_network_receive_*", {"name": "node_cpu_seconds_total", "unit": "Seconds"},
                     "node_memory_MemTotal_bytes"], aggregate=[["stage"]])
        documents = self.wait_for_times(3)
        units = {metric["Name"]: metric["Unit"] for d in documents for directive in d["_aws"]["CloudWatchMetrics"]
                 for metric in directive["Metrics"]}
        self.assertEqual(units["node_memory_MemTotal_bytes"], "Bytes")
        self.assertEqual(units["node_network_receive_packets_total"], "Count")
        self.assertFalse(any(name.startswith("node_network_transmit") for name in units))
        total = next(d["node_memory_MemTotal_bytes"] for d in documents if "node_memory_MemTotal_bytes" in d)
        self.assertEqual(total, int(lines("/proc/meminfo")[0].split()[1]) * 1024)
        cpus = [d for d in documents if "node_cpu_seconds_total" in d]
        self.assertEqual({d["cpu"] for d in cpus}, {str(n) for n in range(os.sysconf("SC_NPROCESSORS_ONLN"))})
        idle = [d for d in cpus if d["mode"] == "idle"]
        self.assertTrue(all(0 <= d["node_cpu_seconds_total"] < 30 for d in idle), "differences, not seconds since the boot")

    def test_check_names_mistakes(self):
        agent = self.agent({
            "inputs": {"host": {"type": "host_metrics", "procstat": [{"exe": "("}]}},
            "outputs": {"out": {"type": "stdout"}}, "routes": [{"from": "host", "to": "out"}]})
        self.assertIn("inputs.host.procstat[0].exe", agent.command("check"))
