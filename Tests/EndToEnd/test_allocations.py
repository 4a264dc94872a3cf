"""How often one scrape of the built agent allocates, when it has made some: a budget, since nobody sees it grow."""

import http.client
import mmap
import struct
import subprocess
from support import ROOT, Scratch, require_programs

SCRAPES = 100
# Calls of malloc for one scrape: what is measured, and some more for hosts with more disks and mounts.
CALL_BUDGET = 300


class Allocations(Scratch):
    def test_a_scrape_keeps_its_budget(self):
        require_programs("clang")
        library = self.directory / "count_malloc.so"
        subprocess.run(
            ["clang", "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Tests/Support/count_malloc.c"], check=True)
        counts = self.directory / "counts"
        counts.write_bytes(bytes(4096))
        # Off by default; the cheapest of those that list a directory of devices at each scrape.
        agent = self.agent({"collectors": {"enable": ["meminfo_numa"]}}).start(environment={"LD_PRELOAD": str(library), "COUNT_MALLOC": str(counts)})
        with counts.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
            def counted():
                return struct.unpack_from("QQ", shared)

            connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
            self.addCleanup(connection.close)

            def scrape(times):
                for _ in range(times):
                    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                    self.assertEqual(len(connection.getresponse().read()) > 1000, True)

            scrape(20)
            calls, size = counted()
            self.assertGreater(calls, 1000, "the agent's allocations are counted")
            scrape(SCRAPES)
            calls, size = [(after - before) / SCRAPES for before, after in zip((calls, size), counted())]
        print(f"{calls:.0f} allocations a scrape, {size / 1000:.0f} kB", end=" ", flush=True)
        self.assertLess(calls, CALL_BUDGET)
