"""What the built agent serves on the fixture hosts, whose files never change."""

import difflib
import json
import os
import re
import subprocess
from support import ASK_THE_KERNEL, BINARY, ROOT, Scratch, require_programs


class FixtureHosts(Scratch):
    """`UPDATE_GOLDEN=1` writes the files anew: read their diff before you commit it."""

    # Off by default, and in the trees that are about them.
    KERNEL = ("interrupts softirqs swap processes zoneinfo buddyinfo slabinfo ksmd meminfo_numa cgroups "
              "sysctl").split()
    # Beyond node_exporter, each with a tree of its own.
    GROUPS = {"web": {"unit": "nginx.service"}, "db": {"pattern": "^postgres: "}, "odd": {"command": ["a (b) R 1 ) c"]}}
    # What differs from run to run.
    VARYING = re.compile(
        r"(# (HELP|TYPE) )?(process_|vitals_process_|vitals_build_info|node_exporter_build_info"
        r"|node_scrape_collector_duration_seconds"
        r"|node_textfile_mtime_seconds)|vitals_collector_status.*disabled")

    def check_host(self, name, enable=(), **options):
        root = ROOT / "Tests/Fixtures/hosts" / name
        config = self.directory / "agent.json"
        config.write_text(json.dumps({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev", "root": str(root)},
            "collectors": {
                "enable": list(enable), "disable": ASK_THE_KERNEL, "cpu": {"info": True}, "stat": {"softirq": True},
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
