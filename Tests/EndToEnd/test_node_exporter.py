"""What the built agent serves, held against Debian's own node_exporter on this machine, and against files that never
change: the fixture hosts."""

import difflib
import json
import os
import re
import subprocess
from support import BINARY, ROOT, Scratch, eventually, free_port, get, require_programs

COLLECTORS = ("cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat pressure "
              "filefd textfile").split()

# Names of the peer that are not served here, each with its reason.
NOT_SERVED = {
    r"go_.*": "the peer's own language runtime",
    r"promhttp_.*": "the peer's own HTTP library",
    r"node_exporter_build_info": "the peer's own version; here vitals_build_info",
}

# Labels that are newer than the peer (1.5.0): series are compared without them.
NEWER_LABELS = {
    "node_filesystem_": ["device_error"],
    "node_disk_info": ["rotational"],
}

# The peer's defaults are those of 1.5.0, and Debian's; here they are those of 1.12. And what both have and is off.
OPTIONS = [
    "--collector.cpu.info", "--collector.netdev.address-info",
    "--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$",
    "--collector.netdev.device-exclude=^$",
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+"
    "|var/lib/containers/storage/.+)($|/)",
    "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl"
    "|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs"
    "|tracefs)$",
]

# What does not change while the two are asked: equal to the last digit.
STATIC = re.compile(
    r"node_(boot_time_seconds|uname_info|cpu_info|network_address_info|disk_info|disk_filesystem_info|filefd_maximum"
    r"|time_zone_offset_seconds|time_clocksource_.*|filesystem_(size_bytes|files|readonly|device_error)"
    r"|memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|HugePages_Total|Hugepagesize|HardwareCorrupted)(_bytes)?"
    r"|textfile_.*|job_.*|scrape_collector_success|netstat_Ip_Forwarding)$")

# Untyped, and goes up and down.
UNTYPED_GAUGES = {"node_netstat_Tcp_CurrEstab"}

# Each process's own figures: only the names can be the same.
OWN = re.compile(r"process_.*|node_scrape_collector_duration_seconds")

SERIES = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')


def parse(text):
    """The types by family, and the values by (name, labels without those that are newer than the peer)."""
    types, series = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = SERIES.match(line).groups()
            newer = {label for start, list in NEWER_LABELS.items() if name.startswith(start) for label in list}
            key = (name, tuple(sorted(pair for pair in LABEL.findall(labels or "") if pair[0] not in newer)))
            if key in series:
                raise AssertionError(f"served twice: {line}")
            series[key] = float(value)
    return types, series


def is_left_out(name):
    return any(re.fullmatch(pattern, name) for pattern in NOT_SERVED)


# A file that another program leaves, in the form that the peer takes too.
JOBS = """# HELP node_job_runs_total Runs.
# TYPE node_job_runs_total counter
node_job_runs_total{job="backup",result="ok"} 12
node_job_runs_total{job="with \\"quotes\\" and \\\\",result="é"} 1.5e-07
# HELP node_job_seconds How long.
# TYPE node_job_seconds histogram
node_job_seconds_bucket{job="backup",le="0.5"} 1
node_job_seconds_bucket{job="backup",le="+Inf"} 4
node_job_seconds_sum{job="backup"} 2.25
node_job_seconds_count{job="backup"} 4
# HELP node_job_sizes Sizes.
# TYPE node_job_sizes summary
node_job_sizes{quantile="0.9"} 17
node_job_sizes_sum 42
node_job_sizes_count 3
node_job_untyped -3
"""


class NodeExporter(Scratch):
    def peer(self):
        require_programs("prometheus-node-exporter")
        port = free_port()
        with (self.directory / "node_exporter.log").open("wb") as log:
            self.program(
                ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
                 *[f"--collector.{name}" for name in COLLECTORS], *OPTIONS,
                 f"--collector.textfile.directory={self.directory}"], stdout=log, stderr=log)

        def answers():
            try:
                return get(port, "/")[0] == 200
            except OSError:
                return False

        eventually(answers, 20, "node_exporter answers")
        return port

    def test_every_series_of_node_exporter_is_served_with_its_type_and_value(self):
        (self.directory / "jobs.prom").write_text(JOBS)
        port = self.peer()
        agent = self.agent({"collectors": {
            "enable": COLLECTORS, "textfile": {"directory": str(self.directory)}, "cpu": {"info": True}, "netdev": {"address_info": True}}}).start()
        # Twice, so that both have seen everything; then the peer between two answers of the agent.
        for _ in range(2):
            get(port, "/metrics")
            _, before = parse(agent.metrics())
            status, _, body = get(port, "/metrics")
            self.assertEqual(status, 200)
            types, after = parse(agent.metrics())
        peer_types, peer = parse(body.decode())
        self.assertGreater(len(peer), 200, "the peer was asked for its collectors")

        wanted = {name: kind for name, kind in peer_types.items() if not is_left_out(name)}
        self.assertEqual({name: types.get(name) for name in wanted}, wanted, "names and types")
        problems = []
        total = peer["node_memory_MemTotal_bytes", ()]
        for key, value in peer.items():
            name = key[0]
            if is_left_out(name):
                continue
            if key not in after:
                problems.append(f"missing: {key}")
            elif OWN.fullmatch(name) or key not in before:
                continue
            elif STATIC.match(name):
                if after[key] != value:
                    problems.append(f"{key}: {after[key]}, the peer has {value}")
            elif types[name] == "counter" or types[name] == "untyped" and name not in UNTYPED_GAUGES:
                # Read before and after the peer; the kernel's idle time may run back by some ticks.
                if not before[key] - 0.1 <= value <= after[key] + 0.1:
                    problems.append(f"{key}: {before[key]} and {after[key]}, the peer between them has {value}")
            elif name.startswith("node_memory_") and name.endswith("_bytes"):
                if abs(after[key] - value) > total / 4:
                    problems.append(f"{key}: {after[key]}, the peer has {value}")
        self.assertEqual(problems, [])

    def test_the_list_of_what_is_left_out_has_nothing_that_is_served(self):
        agent = self.agent({}).start()
        types, _ = parse(agent.metrics())
        self.assertEqual([name for name in types if is_left_out(name)], [])


class FixtureHosts(Scratch):
    """`UPDATE_GOLDEN=1` writes the files anew: read their diff before you commit it."""

    # What the machine is asked for by system calls, whatever `host` says, or what differs from run to run.
    LIVE = ["filesystem", "time", "uname"]
    VARYING = re.compile(
        r"(# (HELP|TYPE) )?(process_|vitals_process_|vitals_build_info|node_scrape_collector_duration_seconds"
        r"|node_textfile_mtime_seconds)|vitals_collector_status.*disabled")

    def check_host(self, name, collectors=None):
        root = ROOT / "Tests/Fixtures/hosts" / name
        config = self.directory / "agent.json"
        config.write_text(json.dumps({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev"},
            "collectors": {"disable": self.LIVE, "cpu": {"info": True}, "stat": {"softirq": True},
                           **(collectors(root) if collectors else {})}}))
        result = subprocess.run(
            [BINARY, "once", "--config", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)
        served = result.stdout.replace(str(root), "")
        lines = [line for line in served.splitlines(keepends=True) if not self.VARYING.match(line)]
        golden = ROOT / f"Tests/Fixtures/golden/{name}.once.txt"
        if os.environ.get("UPDATE_GOLDEN") == "1":
            golden.write_text("".join(lines))
        expected = golden.read_text().splitlines(keepends=True)
        self.assertEqual("".join(difflib.unified_diff(expected, lines, "golden", "served")), "")

    def test_a_virtual_machine(self):
        self.check_host("debian12-6.18-vm")

    def test_two_packages_with_a_cpu_offline(self):
        self.check_host("composed-x86-8cpu")

    def test_many_kinds_of_disks_and_interfaces(self):
        self.check_host("composed-devices")

    def test_files_of_other_programs_good_and_bad(self):
        self.check_host("composed-textfile", lambda root: {
            "textfile": {"directory": [f"{root}/textfile", f"{root}/textfile/apps/*"]}})
        require_programs("promtool")
        served = (ROOT / "Tests/Fixtures/golden/composed-textfile.once.txt").read_bytes()
        result = subprocess.run(["promtool", "check", "metrics"], input=served, capture_output=True)
        # 3 is for findings of style, which are the files' own.
        self.assertIn(result.returncode, (0, 3), result.stderr.decode())
        self.assertNotIn(b"error while linting", result.stderr)

    def test_a_kernel_of_2010(self):
        self.check_host("old-kernel")
