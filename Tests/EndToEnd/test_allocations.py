"""How often one scrape of the built agent allocates, when it has made some, and a thousand lines of a log, when some have
gone before: budgets, since nobody sees it grow.

VITALS_ALLOCATION_SITES=20 prints the 20 places that allocate most, from the symbols of .build/release/vitals.
"""

import collections
import contextlib
import http.client
import mmap
import os
import struct
import subprocess
import sys
import time
from support import ROOT, Scratch, eventually, get, require_programs

sys.path.insert(0, str(ROOT / "Tests/Support"))
from large_tree import make_large_tree
from log_lines import CHECKS, PIPELINE, make_corpus

SCRAPES = 100
# Calls of malloc for one scrape: what is measured, and some more for hosts with more disks and mounts.
CALL_BUDGET = 150
# The same for 600 samples of hardware: thirteen chips, five supplies of power, as many PCI devices.
HARDWARE_BUDGET = 200
# For 3 500 samples, of nearly all collectors that are on by default.
LARGE_BUDGET = 900
# One reading of the CloudWatch vocabulary.
SAMPLE_BUDGET = 300

# Lines of a log to HTTP, first some that fill the kept buffers.
FIRST_LINES, LINES = 30_000, 120_000
# Calls of malloc for a thousand of them, whatever is done with each: a third of a batch, and of the request with which it
# travels, which is nearly all libcurl's.
LINES_BUDGET = 20

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

    def test_text_files_cost_in_proportion(self):
        """Twice the lines, twice the work: what the first scrape after a change allocates tells what merging costs."""
        shapes = {
            "histograms": lambda n: "# TYPE h histogram\n" + "".join(
                f'h_bucket{{le="1",n="{i}"}} 1\nh_count{{n="{i}"}} 2\nh_sum{{n="{i}"}} 1\n' for i in range(n)),
            "buckets": lambda n: "# TYPE h histogram\n" + "".join(
                f'h_bucket{{le="{i}"}} {i}\n' for i in range(3 * n, 0, -1)),
            "labels": lambda n: "# TYPE h histogram\n# TYPE h_count gauge\n" + "".join(
                f'h_bucket{{le="1",l{i}="1"}} 1\nh_count{{l{i}="1"}} 2\nh_created{{l{i}="1"}} 1\n' for i in range(n)),
            "families": lambda n: "".join(f"# TYPE c{i} counter\nc{i}_total 1\nc{i}_created 2\nc{i}_x NaN\n" for i in range(n)),
        }
        directory = self.directory / "files"
        directory.mkdir()
        agent, counter = self.counted_agent({"collectors": {"textfile": {"directory": str(directory)}}})

        def cost(text):
            path = directory / "a.prom"
            path.write_text(text)
            before = counter.calls()
            for accept in ["text/plain", "application/openmetrics-text"]:
                status, _, body = get(agent.port, "/metrics", {"Accept": accept})
                self.assertEqual(status, 200)
                self.assertGreater(len(body), len(text) / 3)
            spent = [after - before for before, after in zip(before, counter.calls())]
            path.unlink()
            agent.metrics()
            return spent

        for name, make in shapes.items():
            once, twice = cost(make(600)), cost(make(1_200))
            print(f"{name}: {[round(more / less, 2) for less, more in zip(once, twice)]}", end=" ", flush=True)
            for less, more in zip(once, twice):
                self.assertLess(more / less, 2.6, name)

    def test_lines_keep_their_budget(self):
        self.assertLess(self.calls_of_a_thousand_lines({}, LINES), LINES_BUDGET)

    def test_compressed_lines_keep_their_budget(self):
        self.assertLess(self.calls_of_a_thousand_lines({}, LINES, compression="gzip"), LINES_BUDGET)

    def test_parsed_and_filtered_lines_keep_their_budget(self):
        self.assertLess(self.calls_of_a_thousand_lines(PIPELINE, LINES - LINES // CHECKS), LINES_BUDGET)

    def test_a_sample_of_host_metrics_keeps_its_budget(self):
        """Readings of everything that CloudWatch has a name for; documents come after an hour."""
        _, counter = self.counted_agent({
            "inputs": {"host": {"type": "host_metrics", "interval": "1h", "sample_interval": "1s",
                                "procstat": [{"exe": "^vitals$"}, {"pattern": "no such program"}]}},
            "outputs": {"out": {"type": "file", "path": str(self.directory / "out")}},
            "routes": [{"from": "host", "to": "out"}]})
        # The first readings make what is kept. A second is a reading, but for one at the edge.
        time.sleep(5)
        before = counter.calls()
        with counter.taking_sites(10):
            time.sleep(10)
        calls, size = [(after - before) / 10 for before, after in zip(before, counter.calls())]
        print(f"{calls:.0f} allocations a sample, {size / 1000:.0f} kB", end=" ", flush=True)
        self.assertLess(calls, SAMPLE_BUDGET)

    def calls_of_a_scrape(self, settings, path="/metrics"):
        agent, counter = self.counted_agent(settings)
        connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
        self.addCleanup(connection.close)

        def scrape(times):
            for _ in range(times):
                connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
                self.assertEqual(len(connection.getresponse().read()) > 1000, True)

        scrape(20)
        before = counter.calls()
        self.assertGreater(before[0], 1000, "the agent's allocations are counted")
        scrape(SCRAPES)
        calls, size = [(after - before) / SCRAPES for before, after in zip(before, counter.calls())]
        if SITES:
            with counter.taking_sites(10):
                scrape(10)
        print(f"{calls:.0f} allocations a scrape, {size / 1000:.0f} kB", end=" ", flush=True)
        return calls

    def calls_of_a_thousand_lines(self, keys, expected, compression="none"):
        """Of LINES, of which `expected` are sent."""
        receiver = self.receiver()
        log, more = self.directory / "some.log", self.directory / "more"
        make_corpus(log, FIRST_LINES)
        make_corpus(more, LINES, first=FIRST_LINES)
        agent, counter = self.counted_agent({
            "inputs": {"log": {"type": "file", "paths": [str(log)], **keys}},
            "outputs": {"sink": {"type": "http", "url": receiver.url, "compression": compression}},
            "routes": [{"from": "log", "to": "sink"}]})
        done = FIRST_LINES - (FIRST_LINES // CHECKS if keys else 0)
        eventually(lambda: len(receiver.records) >= done, 60, "the first lines are there")
        before = counter.calls()
        with counter.taking_sites(LINES / 1000):
            # In one piece: what a batch costs is shared by as many lines as fit.
            with log.open("ab") as out:
                out.write(more.read_bytes())
            eventually(lambda: len(receiver.records) >= done + expected, 60, "all lines are there")
        calls, size = [(after - before) / (LINES / 1000) for before, after in zip(before, counter.calls())]
        self.assertEqual(len(receiver.records), done + expected)
        print(f"{calls:.1f} allocations for 1000 lines, {size / 1000:.0f} kB", end=" ", flush=True)
        return calls

    def counted_agent(self, settings):
        require_programs("clang")
        library = self.directory / "count_malloc.so"
        subprocess.run(
            ["clang", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Tests/Support/count_malloc.c"], check=True)
        counter = Counter(self)
        return self.agent(settings).start(
            environment={"LD_PRELOAD": str(library), "COUNT_MALLOC": str(counter.path)}), counter


class Counter:
    """The memory in which count_malloc.c counts."""

    def __init__(self, test):
        self.path = test.directory / "counts"
        self.path.write_bytes(bytes(HEADER_BYTES + (SITE_ROOM * SITE_BYTES if SITES else 0)))
        with self.path.open("r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 0)
        test.addCleanup(self.shared.close)

    def calls(self):
        """Calls and bytes."""
        return struct.unpack_from("QQ", self.shared)

    @contextlib.contextmanager
    def taking_sites(self, shares):
        """Prints the places that allocate meanwhile, if that is asked for; of each, how often for one of so many."""
        if SITES:
            struct.pack_into("Q", self.shared, 16, 1)
        yield
        if SITES:
            struct.pack_into("Q", self.shared, 16, 0)
            print_sites(self.shared, shares)


def print_sites(shared, shares):
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
        print(f"\n{total / shares:7.1f}  {name}", end="")
    print(flush=True)


def filtered(command, lines):
    return subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True).stdout.splitlines()
