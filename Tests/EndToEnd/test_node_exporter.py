"""What the built agent serves, held against Debian's own node_exporter on this machine and on a composed host."""

import re
import shutil
import subprocess
from node_exporter import NOT_SERVED, OWN, is_left_out, only, parse, start_node_exporter
from support import ASK_THE_KERNEL, BINARY, ROOT, Scratch, get, require_programs

# Collectors of the peer that are not here, each with its reason.
NO_COLLECTOR = {
    "ntp": "deprecated: it trusts one clock on the word of another; what the kernel thinks of its own is in timex",
    "runit": "deprecated: a textfile can hold it",
    "supervisord": "deprecated: a textfile can hold it",
}

# The peer's defaults are those of 1.5.0, and Debian's; here they are those of 1.12. And what more both have.
OPTIONS = [
    "--collector.cpu.info", "--collector.stat.softirq", "--collector.netdev.address-info",
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

# Series that come and go: states in which some process or connection is just now.
FLEETING = re.compile(r"node_(processes_(threads_)?state|tcp_connection_states)$")

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
    def of_the_peer(self):
        """The names of its collectors, and whether each is on by default."""
        require_programs("prometheus-node-exporter")
        ran = subprocess.run(["prometheus-node-exporter", "--help"], capture_output=True, text=True)
        return {name: default == "enabled" for name, default in re.findall(
            r"--collector\.(\w+)\s+Enable the \S+\s+collector\s+\(default:\s+(enabled|disabled)\)",
            ran.stdout + ran.stderr)}

    def of_the_agent(self):
        ran = subprocess.run([BINARY, "collectors"], capture_output=True, text=True)
        return {row.split()[0]: row.split()[2] == "enabled" for row in ran.stdout.splitlines()[1:]}

    def test_every_series_of_node_exporter_is_served_with_its_type_and_value(self):
        theirs, ours = self.of_the_peer(), self.of_the_agent()
        self.assertGreater(len(theirs), 60)
        self.assertEqual(sorted(theirs.keys() - ours.keys()), sorted(NO_COLLECTOR))
        (self.directory / "jobs.prom").write_text(JOBS)
        port = start_node_exporter(
            self, *[f"--collector.{name}" for name in theirs if not theirs[name] and name not in NO_COLLECTOR],
            *OPTIONS, f"--collector.textfile.directory={self.directory}")
        agent = self.agent({"collectors": {
            "enable": [name for name in theirs if ours.get(name) is False],
            "textfile": {"directory": str(self.directory)}, "cpu": {"info": True}, "netdev": {"address_info": True},
            "stat": {"softirq": True},
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
        self.assertGreater(len(peer), 1000, "the peer was asked for its collectors")

        wanted = {name: kind for name, kind in peer_types.items() if not is_left_out(name)}
        self.assertEqual({name: types.get(name) for name in wanted}, wanted, "names and types")
        total = peer["node_memory_MemTotal_bytes", ()]
        problems = []
        for key, value in peer.items():
            name = key[0]
            if is_left_out(name):
                continue
            if name == "node_exporter_build_info":
                # The labels say which program it is, and of which version.
                if not [other for other in after if other[0] == name and ("goos", "linux") in other[1]]:
                    problems.append(f"missing: {name}")
            elif key not in after:
                if not FLEETING.match(name):
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

        for pattern in NOT_SERVED:
            self.assertTrue([name for name in peer_types if re.fullmatch(pattern, name)], f"{pattern}: nothing is such")
            self.assertEqual([name for name in types if re.fullmatch(pattern, name)], [], f"{pattern} is served")

    def test_hardware_is_served_as_node_exporter_does(self):
        # On a composed host, since few machines have all of it.
        root = self.directory / "host"
        shutil.copytree(ROOT / "Tests/Fixtures/hosts/composed-hardware", root, symlinks=True)
        for path in TOO_MUCH_FOR_THE_PEER:
            (root / path).unlink()
        port = start_node_exporter(self, *only(HARDWARE), f"--path.sysfs={root}/sys")
        agent = self.agent({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "root": str(root)},
            "collectors": {"disable": ASK_THE_KERNEL}}).start()
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
