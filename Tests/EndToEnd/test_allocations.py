"""How often one scrape of the built agent allocates, when it has made some: a budget, since nobody sees it grow.

VITALS_ALLOCATION_SITES=20 prints the 20 places that allocate most, from the symbols of .build/release/vitals.
"""

import collections
import http.client
import mmap
import os
import struct
import subprocess
import sys
import time
from support import ROOT, Scratch, require_programs

sys.path.insert(0, str(ROOT / "Tests/Support"))
from large_tree import make_large_tree

SCRAPES = 100
# Calls of malloc for one scrape: what is measured, and some more for hosts with more disks and mounts.
CALL_BUDGET = 150
# The same for 600 samples of hardware: thirteen chips, five supplies of power, as many PCI devices.
HARDWARE_BUDGET = 200
# For 3 500 samples, of nearly all collectors that are on by default.
LARGE_BUDGET = 900
# One reading of the CloudWatch vocabulary.
SAMPLE_BUDGET = 300

SITES = int(os.environ.get("VITALS_ALLOCATION_SITES", 0))
# struct counts and struct site in count_malloc.c.
HEADER_BYTES, SITE_BYTES = 40, 32 * 8
SITE_ROOM = 100_000


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

    def test_a_scrape_of_a_large_host_keeps_its_budget(self):
        root = make_large_tree(self.directory / "tree")
        self.assertLess(self.calls_of_a_scrape({
            "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev", "root": str(root)}}), LARGE_BUDGET)

    def test_a_sample_of_host_metrics_keeps_its_budget(self):
        """Readings of everything that CloudWatch has a name for; documents come after an hour."""
        agent, shared = self.counted({
            "inputs": {"host": {"type": "host_metrics", "interval": "1h", "sample_interval": "1s",
                                "procstat": [{"exe": "^vitals$"}, {"pattern": "no such program"}]}},
            "outputs": {"out": {"type": "file", "path": str(self.directory / "out")}},
            "routes": [{"from": "host", "to": "out"}]})
        counts = []
        # The first readings make what is kept. A second is a reading, but for one at the edge.
        for wait in (5, 10):
            time.sleep(wait)
            counts.append(struct.unpack_from("QQ", shared))
        calls, size = [(after - before) / 10 for before, after in zip(*counts)]
        print(f"{calls:.0f} allocations a sample, {size / 1000:.0f} kB", end=" ", flush=True)
        if SITES:
            struct.pack_into("Q", shared, 16, 1)
            time.sleep(10)
            struct.pack_into("Q", shared, 16, 0)
            print_sites(shared, scrapes=10)
        self.assertLess(calls, SAMPLE_BUDGET)

    def counted(self, settings):
        """An agent whose allocations are counted, and the counts."""
        require_programs("clang")
        library = self.directory / "count_malloc.so"
        subprocess.run(
            ["clang", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Tests/Support/count_malloc.c"], check=True)
        counts = self.directory / "counts"
        counts.write_bytes(bytes(HEADER_BYTES + (SITE_ROOM * SITE_BYTES if SITES else 0)))
        agent = self.agent(settings).start(environment={"LD_PRELOAD": str(library), "COUNT_MALLOC": str(counts)})
        file = counts.open("r+b")
        self.addCleanup(file.close)
        shared = mmap.mmap(file.fileno(), 0)
        self.addCleanup(shared.close)
        return agent, shared

    def calls_of_a_scrape(self, settings, path="/metrics"):
        agent, shared = self.counted(settings)

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
        if SITES:
            struct.pack_into("Q", shared, 16, 1)
            scrape(10)
            struct.pack_into("Q", shared, 16, 0)
            print_sites(shared, scrapes=10)
        print(f"{calls:.0f} allocations a scrape, {size / 1000:.0f} kB", end=" ", flush=True)
        return calls


def print_sites(shared, scrapes):
    """The functions of the agent that are nearest to each allocation, those of the runtime left out."""
    count, base = struct.unpack_from("QQ", shared, 24)
    stacks = []
    for index in range(min(count, SITE_ROOM)):
        _, depth, *stack = struct.unpack_from("32Q", shared, HEADER_BYTES + index * SITE_BYTES)
        stacks.append([address - base for address in stack[:depth] if 0 <= address - base < 1 << 28])
    addresses = sorted({address for stack in stacks for address in stack})
    symbols = filtered(["llvm-symbolizer", f"--obj={ROOT / '.build/release/vitals'}", "--no-inlines",
                        "--functions=linkage", "--output-style=GNU"], [hex(address - 1) for address in addresses])
    names = dict(zip(addresses, filtered(["swift", "demangle", "-compact", "-simplified"], symbols[::2])))
    runtime = ("swift_", "_swift", "malloc", "??", "specialized _Contiguous", "_allocate")
    totals = collections.Counter(
        " < ".join([names[at] for at in stack if not names[at].startswith(runtime)][:3]) for stack in stacks)
    for name, total in totals.most_common(SITES):
        print(f"\n{total / scrapes:7.1f}  {name}", end="")
    print(flush=True)


def filtered(command, lines):
    return subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True).stdout.splitlines()
