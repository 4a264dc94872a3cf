"""The host's metrics as EMF documents: what CloudWatch would take, and what /proc says, wherever they are sent."""

import json
import os
import re
import subprocess
import time
from support import Scratch, eventually

# CloudWatch's embedded metric format, "Specification: Embedded metric format" of its user guide, and the limits of its
# API: PutMetricData for units and names, PutLogEvents for sizes and times.
UNITS = {"Bytes", "Count", "Milliseconds", "Percent", "None"}
EVENT_BYTES = 256 << 10


def problems_of(document, now):
    """Why CloudWatch would refuse the document, or take it for another one than was meant; empty when it would not."""
    found = []

    def must(condition, what):
        if not condition:
            found.append(what)

    must(len(json.dumps(document)) <= EVENT_BYTES, "too large for an event")
    aws = document.get("_aws", {})
    must(type(aws.get("Timestamp")) is int, "Timestamp is no integer")
    must(abs(now - aws.get("Timestamp", 0) / 1000) < 120, "Timestamp is not of now, in milliseconds")
    directives = aws.get("CloudWatchMetrics")
    must(isinstance(directives, list) and directives, "no CloudWatchMetrics")
    named = {"_aws"}
    for directive in directives or []:
        must(re.fullmatch(r"[A-Za-z0-9 ._#:/-]{1,255}", directive.get("Namespace", "")), "Namespace")
        sets = directive.get("Dimensions")
        must(isinstance(sets, list) and sets, "no Dimensions")
        for dimensions in sets or []:
            must(len(dimensions) <= 30, "more than 30 dimensions")
            for name in dimensions:
                must(1 <= len(name) <= 250, f"the name of dimension {name!r}")
                value = document.get(name)
                must(isinstance(value, str) and 1 <= len(value) <= 1024, f"dimension {name} is {value!r}")
            named.update(dimensions)
        metrics = directive.get("Metrics")
        must(isinstance(metrics, list) and 1 <= len(metrics or []) <= 100, "1 to 100 Metrics")
        for metric in metrics or []:
            name = metric.get("Name", "")
            value = document.get(name)
            must(isinstance(value, (int, float)) and not isinstance(value, bool), f"metric {name} is {value!r}")
            must(metric.get("Unit") in UNITS, f"the unit of {name}")
            must(metric.get("StorageResolution", 60) in (1, 60), f"the resolution of {name}")
            must(set(metric) <= {"Name", "Unit", "StorageResolution"}, f"more members in {metric}")
            named.add(name)
    must(set(document) == named, f"members that are neither metric nor dimension: {set(document) - named}")
    return found


def meminfo():
    with open("/proc/meminfo") as lines:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.split()[-1] == "kB"}


def time_of(document):
    return document["_aws"]["Timestamp"]


class HostMetrics(Scratch):
    def check_documents(self, documents):
        """Their form, and two intervals or more of what every host has, beside what the host says itself."""
        now = time.time()
        for document in documents:
            self.assertEqual(problems_of(document, now), [], document)
        times = sorted({time_of(document) for document in documents})
        self.assertGreaterEqual(len(times), 2)
        (first, second) = ([d for d in documents if time_of(d) == at] for at in times[:2])
        self.check_memory(first)
        self.check_disk(first)
        self.check_cpu(first, second)
        interfaces = {d["interface"] for d in second if "interface" in d}
        self.assertEqual(interfaces, set(os.listdir("/sys/class/net")) - {"lo", "bonding_masters"})
        for document in second:
            if "interface" in document:
                self.assertLess(document["net_bytes_recv"], 10 << 30)
                self.assertGreaterEqual(document["net_packets_sent"], 0)
        self.assertFalse(any("net_bytes_recv" in d or "cpu_usage_idle" in d for d in first), "of one reading")

    def check_memory(self, documents):
        [memory] = [d for d in documents if "mem_total" in d]
        host = meminfo()
        self.assertEqual(memory["mem_total"], host["MemTotal"])
        # What others on this machine took or gave back meanwhile.
        self.assertAlmostEqual(memory["mem_available"], host["MemAvailable"], delta=host["MemTotal"] / 4)
        parts = [memory[f"mem_{part}"] for part in ("used", "free", "buffered", "cached")]
        self.assertAlmostEqual(sum(parts), memory["mem_total"], delta=1)
        self.assertAlmostEqual(memory["mem_used_percent"], 100 * memory["mem_used"] / memory["mem_total"], places=3)

    def check_disk(self, documents):
        disks = {d["path"]: d for d in documents if "path" in d}
        root = os.statvfs("/")
        self.assertIn("/", disks)
        self.assertEqual(disks["/"]["disk_total"], root.f_blocks * root.f_frsize)
        self.assertEqual(disks["/"]["disk_inodes_total"], root.f_files)
        self.assertAlmostEqual(
            disks["/"]["disk_free"], root.f_bavail * root.f_frsize, delta=root.f_blocks * root.f_frsize / 10)
        for disk in disks.values():
            self.assertTrue(0 <= disk["disk_used_percent"] <= 100, disk)

    def check_cpu(self, first, second):
        count = os.sysconf("SC_NPROCESSORS_ONLN")
        names = {"cpu-total"} | {f"cpu{number}" for number in range(count)}
        self.assertTrue(names <= {d["cpu"] for d in second if "cpu" in d})
        for cpu in (d for d in second if "cpu" in d):
            usage = {name.removeprefix("cpu_usage_"): value for name, value in cpu.items() if "_usage_" in name}
            self.assertAlmostEqual(usage["active"] + usage["idle"], 100, delta=1, msg=cpu)
            self.assertAlmostEqual(sum(usage.values()) - usage["active"], 100, delta=1, msg=cpu)
            [before] = [d for d in first if d.get("cpu") == cpu["cpu"]]
            passed = sum(
                cpu[f"cpu_time_{part}"] - before[f"cpu_time_{part}"] for part in ("active", "idle"))
            seconds = (time_of(cpu) - time_of(before)) / 1000 * (count if cpu["cpu"] == "cpu-total" else 1)
            self.assertAlmostEqual(passed, seconds, delta=0.3 * seconds)

    def settings(self, output, **options):
        return {
            "inputs": {"host": {"type": "host_metrics", "interval": "1s", **options}},
            "outputs": {"out": output},
            "routes": [{"from": "host", "to": "out"}],
        }

    def documents(self, path):
        if not path.exists():
            return []
        # A line that is just being written is none yet.
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]]

    def wait_for_times(self, documents, count, agent):
        """Waits for documents of `count` intervals and all of their interfaces, which come last."""
        eventually(
            lambda: len({time_of(d) for d in documents()}) > count, count + 10,
            f"{count} intervals; the agent said:\n{agent.log()}")
        return documents()

    def test_documents_go_to_a_file(self):
        path = self.directory / "documents.ndjson"
        agent = self.agent(self.settings({"type": "file", "path": str(path)})).start()
        self.check_documents(self.wait_for_times(lambda: self.documents(path), 2, agent))
        self.assertEqual(agent.stop(), 0)

    def test_documents_go_to_standard_output(self):
        path = self.directory / "output"
        with path.open("wb") as output:
            agent = self.agent(
                self.settings({"type": "stdout"}),
                popen=lambda command, **options: subprocess.Popen(command, **{**options, "stdout": output}))
            agent.start()
        self.check_documents(self.wait_for_times(lambda: self.documents(path), 2, agent))
        self.assertEqual(agent.stop(), 0)

    def test_an_outage_and_a_restart_lose_no_document(self):
        receiver = self.receiver()
        agent = self.agent(self.settings(
            {"type": "http", "url": receiver.url}, metrics=["mem_total", "cpu_usage_*", "net_*", "disk_*"],
            namespace="Test/Host", dimensions={"host": "{hostname}", "stage": "test"}))
        agent.start()
        self.wait_for_times(lambda: receiver.records, 1, agent)
        receiver.stop()
        time.sleep(3)  # The outage itself, not a wait for something to be right.
        # What was measured in it is in the cursor after the stop, and is sent after the start.
        self.assertEqual(agent.stop(), 0)
        stopped = time.time() * 1000
        agent.start()
        # It measures while the receiver is away, too.
        read = 'vitals_route_records_read_total{input="host",output="out"}'
        eventually(lambda: (agent.metric(read) or 0) >= 2, 20, agent.log())
        receiver.start()
        eventually(lambda: any(time_of(d) > stopped + 3000 for d in receiver.records), 20, agent.log())
        self.assertEqual(agent.stop(), 0)
        for document in receiver.records:
            self.assertEqual(problems_of(document, time.time()), [], document)
            self.assertEqual(document["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Test/Host")
            self.assertEqual(document["stage"], "test")
        times = sorted(time_of(d) for d in receiver.records if "mem_total" in d)
        self.assertEqual(len(times), len(set(times)), "nothing came twice")
        gaps = [(after - before) / 1000 for before, after in zip(times, times[1:])]
        # No second is missing but where the agent did not run, which is one gap.
        self.assertLess(sorted(gaps)[-2], 1.9, times)
        self.assertLess(sorted(gaps)[-1], 6, times)
        self.assertGreaterEqual(len([at for at in times if at < stopped]), 4, times)
        self.check_documents_agree(receiver.records)

    def check_documents_agree(self, documents):
        """Each has the metrics that were chosen, and no others."""
        names = {name for d in documents for name in d if name.startswith(("mem_", "cpu_", "net_", "disk_"))}
        self.assertEqual({name for name in names if name.startswith(("mem_", "cpu_time_"))}, {"mem_total"})
        self.assertIn("cpu_usage_idle", names)

    def test_what_cannot_be_read_is_said_in_the_log(self):
        """Nobody need scrape for it. Once when it begins, and once when it ends."""
        meminfo = self.directory / "proc" / "meminfo"
        meminfo.parent.mkdir()
        meminfo.write_text("odd\n")
        path = self.directory / "documents.ndjson"
        settings = self.settings({"type": "file", "path": str(path)}, metrics=["mem_total"])
        agent = self.agent({**settings, "host": {"proc": str(meminfo.parent)}}).start()
        began = rf'level=warning msg="host_metrics cannot read .*" reason="{meminfo}: line 1: expected <name>:"'
        ended = rf'level=info msg="host_metrics can read again .*" reason="{meminfo}: line 1: expected <name>:"'
        eventually(lambda: re.search(began, agent.log()), 10, agent.log)
        meminfo.write_text("MemTotal: 100 kB\nMemFree: 50 kB\nMemAvailable: 60 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
        eventually(lambda: re.search(ended, agent.log()), 10, agent.log)
        eventually(lambda: any("mem_total" in d for d in self.documents(path)), 10, agent.log)
        self.assertEqual(len(re.findall(began, agent.log())), 1, agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_a_pattern_that_chooses_nothing_is_an_error_that_names_it(self):
        agent = self.agent(self.settings({"type": "stdout"}, metrics=["cpu_usage_idel"]))
        self.assertIn('"cpu_usage_idel" is no metric of this vocabulary, did you mean "cpu_usage_idle"?',
                      agent.command("check"))
