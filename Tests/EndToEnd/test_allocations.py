"""How often one scrape of the built agent allocates, when it has made some: a budget, since nobody sees it grow."""

import http.client
import mmap
import struct
import subprocess
from support import ROOT, Scratch, require_programs

SCRAPES = 100
# Calls of malloc for one scrape: what is measured, and some more for hosts with more disks and mounts.
CALL_BUDGET = 300
# The same for 600 samples of hardware: thirteen chips, five supplies of power, as many PCI devices.
HARDWARE_BUDGET = 600


class Allocations(Scratch):
    def test_a_scrape_keeps_its_budget(self):
        self.assertLess(self.calls_of_a_scrape({}), CALL_BUDGET)

    def test_a_scrape_of_hardware_keeps_its_budget(self):
        root = ROOT / "Tests/Fixtures/hosts/composed-hardware"
        self.assertLess(self.calls_of_a_scrape({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys"},
            "collectors": {"enable": ["pcidevice", "drm", "cpu_vulnerabilities"]}}), HARDWARE_BUDGET)

    def test_processes_and_control_groups_cost_no_allocation_each(self):
        """Hundreds of files, each of them read through the same buffer."""
        self.assertLess(self.calls_of_a_scrape({
            "host": {"sys": str(ROOT / "Tests/Fixtures/hosts/composed-cgroups/sys")},
            "collectors": {
                "enable": ["cgroup", "process_groups", "processes", "top"], "cgroup": {"depth": 4},
                "process_groups": {"groups": {"some": {"pattern": "vitals"}, "none": {"unit": "nothing.service"}}}}},
            "/metrics?collect[]=cgroup&collect[]=process_groups&collect[]=processes&collect[]=top"), CALL_BUDGET)

    def calls_of_a_scrape(self, settings, path="/metrics"):
        require_programs("clang")
        library = self.directory / "count_malloc.so"
        subprocess.run(
            ["clang", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Tests/Support/count_malloc.c"], check=True)
        counts = self.directory / "counts"
        counts.write_bytes(bytes(4096))
        agent = self.agent(settings).start(environment={"LD_PRELOAD": str(library), "COUNT_MALLOC": str(counts)})
        with counts.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
            def counted():
                return struct.unpack_from("QQ", shared)

            connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
            self.addCleanup(connection.close)

            def scrape(times):
                for _ in range(times):
                    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
                    self.assertEqual(len(connection.getresponse().read()) > 1000, True)

            scrape(20)
            calls, size = counted()
            self.assertGreater(calls, 1000, "the agent's allocations are counted")
            scrape(SCRAPES)
            calls, size = [(after - before) / SCRAPES for before, after in zip((calls, size), counted())]
        print(f"{calls:.0f} allocations a scrape, {size / 1000:.0f} kB", end=" ", flush=True)
        return calls
