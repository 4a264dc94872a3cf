"""What the built agent serves, held against Debian's own node_exporter on this machine, and against files that never
change: the fixture hosts."""

import difflib
import json
import os
import re
import shutil
import subprocess
from support import BINARY, ROOT, Scratch, eventually, free_port, get, require_programs

COLLECTORS = ("cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat pressure "
              "filefd textfile netclass arp softnet conntrack udp_queues lnstat mountstats timex os entropy schedstat selinux interrupts "
              "processes zoneinfo buddyinfo slabinfo ksmd meminfo_numa cgroups sysctl").split()

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
    "node_network_info": ["adminstate"],
}

# The peer's defaults are those of 1.5.0, and Debian's; here they are those of 1.12. And what both have and is off.
OPTIONS = [
    "--collector.cpu.info", "--collector.netdev.address-info",
    "--collector.sysctl.include=fs.file-nr:total,current,max", "--collector.sysctl.include=kernel.threads-max",
    "--collector.sysctl.include=net.ipv4.tcp_rmem", "--collector.sysctl.include-info=kernel.seccomp.actions_avail",
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
    r"|network_(up|info|carrier|flags|mtu_bytes|speed_bytes|iface_id|iface_link|device_id|protocol_type)"
    r"|time_zone_offset_seconds|time_clocksource_.*|filesystem_(size_bytes|files|readonly|device_error)"
    r"|memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|HugePages_Total|Hugepagesize|HardwareCorrupted)(_bytes)?"
    r"|textfile_.*|job_.*|scrape_collector_success|netstat_Ip_Forwarding|os_info|os_version|selinux_.*|entropy_.*|timex_(tick_seconds|tai.*)"
    r"|timex_(loop_time_constant|status|sync_status)|processes_max_.*|ksmd_.*|cgroups_enabled|memory_numa_MemTotal"
    r"|sysctl_(info|kernel_threads_max|net_ipv4_tcp_rmem|fs_file_nr_max)|slabinfo_(object_size_bytes|.*_per_slab)"
    r"|zoneinfo_(min|low|high|spanned|present|managed)_pages|zoneinfo_protection_.)$")

# Untyped, and goes up and down.
UNTYPED_GAUGES = {"node_netstat_Tcp_CurrEstab", "node_sysctl_fs_file_nr_total"}

# Series that come and go: states in which some process is just now.
FLEETING = re.compile(r"node_processes_(threads_)?state$")

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


# Collectors of hardware that the peer has, and what is newer than it.
HARDWARE = "dmi cpufreq edac hwmon powersupplyclass rapl thermal_zone".split()
NEWER_HARDWARE = re.compile(
    r"node_(cpu_frequency_avg_hertz|cpu_scaling_governor|edac_channel_.*|hwmon_freq_freq_mhz)|.*sensor=freq")
# Files of the fixture host at which the peer gives up the whole collector.
TOO_MUCH_FOR_THE_PEER = [
    "sys/devices/system/cpu/cpufreq/policy2/cpuinfo_cur_freq", "sys/class/thermal/thermal_zone3",
    "sys/devices/platform/cros-ec/power_supply/BAT1/time_to_empty_now",
    "sys/devices/platform/cros-ec/power_supply/BAT1/manufacturer", "sys/devices/system/cpu/cpu3/cpufreq"]

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
    def peer(self, collectors=COLLECTORS, options=OPTIONS):
        require_programs("prometheus-node-exporter")
        port = free_port()
        with (self.directory / "node_exporter.log").open("wb") as log:
            self.program(
                ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
                 *[f"--collector.{name}" for name in collectors], *options], stdout=log, stderr=log)

        def answers():
            try:
                return get(port, "/")[0] == 200
            except OSError:
                return False

        eventually(answers, 20, "node_exporter answers")
        return port

    def test_every_series_of_node_exporter_is_served_with_its_type_and_value(self):
        (self.directory / "jobs.prom").write_text(JOBS)
        port = self.peer(options=[*OPTIONS, f"--collector.textfile.directory={self.directory}"])
        agent = self.agent({"collectors": {
            "enable": COLLECTORS, "textfile": {"directory": str(self.directory)}, "cpu": {"info": True}, "netdev": {"address_info": True},
            "sysctl": {"include": ["fs.file-nr:total,current,max", "kernel.threads-max", "net.ipv4.tcp_rmem"],
                       "include_info": ["kernel.seccomp.actions_avail"]}}}).start()
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
            if key not in after and FLEETING.match(name):
                continue
            elif key not in after:
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

    def test_hardware_is_served_as_node_exporter_does(self):
        # On a composed host, since few machines have all of it.
        root = self.directory / "host"
        shutil.copytree(ROOT / "Tests/Fixtures/hosts/composed-hardware", root, symlinks=True)
        for path in TOO_MUCH_FOR_THE_PEER:
            (root / path).unlink()
        port = self.peer(HARDWARE, [f"--path.sysfs={root}/sys"])
        agent = self.agent({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "root": str(root)},
            "collectors": {"disable": FixtureHosts.LIVE}}).start()
        status, _, body = get(port, "/metrics")
        self.assertEqual(status, 200)
        peer_types, peer = parse(body.decode())
        types, ours = parse(agent.metrics())
        # For Prometheus, a label without a value is none.
        peer, ours = [
            {(name, tuple(label for label in labels if label[1])): value
             for (name, labels), value in series.items()
             if re.match("node_(?!exporter|scrape|watchdog|selinux|textfile)", name)} for series in (peer, ours)]
        newer = {key: value for key, value in ours.items()
                 if NEWER_HARDWARE.match(f"{key[0]} {','.join('='.join(label) for label in key[1])}")}
        self.assertGreater(len(peer), 250, "the peer was asked for its collectors")
        ours = {key: value for key, value in ours.items() if key not in newer}
        self.assertEqual(sorted(ours.items() ^ peer.items()), [], "in one of them alone")
        self.assertEqual({name: types[name] for name, _ in peer}, {name: peer_types[name] for name, _ in peer})

    def test_the_list_of_what_is_left_out_has_nothing_that_is_served(self):
        agent = self.agent({}).start()
        types, _ = parse(agent.metrics())
        self.assertEqual([name for name in types if is_left_out(name)], [])


class FixtureHosts(Scratch):
    """`UPDATE_GOLDEN=1` writes the files anew: read their diff before you commit it."""

    # What the machine is asked for by system calls, whatever `host` says, or what differs from run to run.
    LIVE = ["filesystem", "time", "timex", "uname"]
    # Off by default, and in the trees that are about them.
    KERNEL = ("interrupts softirqs swap processes zoneinfo buddyinfo slabinfo ksmd meminfo_numa cgroups "
              "sysctl").split()
    # Beyond node_exporter, each with a tree of its own.
    GROUPS = {"web": {"unit": "nginx.service"}, "db": {"pattern": "^postgres: "}, "odd": {"command": ["a (b) R 1 ) c"]}}
    VARYING = re.compile(
        r"(# (HELP|TYPE) )?(process_|vitals_process_|vitals_build_info|node_scrape_collector_duration_seconds"
        r"|node_textfile_mtime_seconds)|vitals_collector_status.*disabled")

    def check_host(self, name, enable=(), **options):
        root = ROOT / "Tests/Fixtures/hosts" / name
        config = self.directory / "agent.json"
        config.write_text(json.dumps({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev", "root": str(root)},
            "collectors": {
                "enable": list(enable), "disable": self.LIVE, "cpu": {"info": True}, "stat": {"softirq": True},
                "sysctl": {"include": ["fs.file-nr"], "include_info": ["kernel.seccomp.actions_avail"]}, **options}}))
        result = subprocess.run(
            [BINARY, "once", "--config", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)
        # Some series have paths of sysfs in their labels.
        output = result.stdout.replace(str(root), "")
        lines = [line for line in output.split("\n") if not self.VARYING.match(line)]
        lines = [line + "\n" for line in lines[:-1]]
        golden = ROOT / f"Tests/Fixtures/golden/{name}.once.txt"
        if os.environ.get("UPDATE_GOLDEN") == "1":
            golden.write_text("".join(lines))
        expected = [line + "\n" for line in golden.read_text().split("\n")[:-1]]
        self.assertEqual("".join(difflib.unified_diff(expected, lines, "golden", "served")), "")

    def test_a_virtual_machine(self):
        self.check_host("debian12-6.18-vm")

    def test_two_packages_with_a_cpu_offline(self):
        self.check_host("composed-x86-8cpu")

    def test_many_kinds_of_disks_and_interfaces(self):
        self.check_host("composed-devices")

    def test_many_kinds_of_hardware(self):
        self.check_host("composed-hardware", enable=["cpu_vulnerabilities", "drm", "pcidevice"])

    def test_all_kinds_of_storage(self):
        self.check_host("composed-storage", enable=["nvmesubsystem"], bcache={"priorityStats": True})

    def test_many_kinds_of_network_interfaces(self):
        self.check_host("composed-network")

    def test_files_of_other_programs_good_and_bad(self):
        root = ROOT / "Tests/Fixtures/hosts/composed-textfile"
        self.check_host("composed-textfile", textfile={"directory": [f"{root}/textfile", f"{root}/textfile/apps/*"]})
        require_programs("promtool")
        served = (ROOT / "Tests/Fixtures/golden/composed-textfile.once.txt").read_bytes()
        result = subprocess.run(["promtool", "check", "metrics"], input=served, capture_output=True)
        # 3 is for findings of style, which are the files' own.
        self.assertIn(result.returncode, (0, 3), result.stderr.decode())
        self.assertNotIn(b"error while linting", result.stderr)

    def test_a_kernel_of_2010(self):
        self.check_host("old-kernel")

    def test_a_router_and_file_server(self):
        self.check_host("composed-network-server", enable=["drbd", "lnstat", "mountstats", "xfrm"])

    def test_tapes_infiniband_and_fibre_channel(self):
        self.check_host("composed-storage-fabric")

    def test_the_kernel_of_a_virtual_machine(self):
        self.check_host("captured-kernel", self.KERNEL)

    def test_a_server_with_two_memory_nodes(self):
        self.check_host("composed-numa-server", self.KERNEL)

    def test_control_groups(self):
        self.check_host("composed-cgroups", ["cgroup"], cgroup={"depth": 4, "limit": 12})

    def test_groups_of_processes_and_the_largest(self):
        # Without a reading before there are no averages: the top by memory only.
        self.check_host("composed-processes", ["process_groups", "top"],
                        process_groups={"groups": self.GROUPS}, top={"count": 4, "by": ["cpu", "memory", "io"]})
