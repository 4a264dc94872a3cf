"""Which file is which, with the built agent: inodes that are used again, logs whose size is set before they are written, and
disks that fail while a file is looked at. What a receiver got is counted: lost 0, twice 0."""

import errno
import os
import subprocess
import time

from support import ROOT, Scratch, eventually, require_programs

GRACE = 1.0


class Identities(Scratch):
    def setUp(self):
        super().setUp()
        self.logs = self.directory / "logs"
        self.logs.mkdir()
        self.receive = self.receiver()

    def make_agent(self, *paths, **options):
        return self.agent({
            "inputs": {"app": {"type": "file", "paths": [f"{self.logs}/{path}" for path in paths],
                               "rotation_grace": f"{GRACE * 1000:.0f}ms", **options}},
            "outputs": {"central": {"type": "http", "url": self.receive.url}},
            "routes": [{"from": "app", "to": "central"}], "drain_timeout": "300ms"})

    def messages(self):
        with self.receive.lock:
            return [record["message"] for record in self.receive.records]

    def wait_for(self, count, within=20):
        eventually(lambda: len(self.messages()) >= count, within, lambda: f"{count} lines: {self.messages()}")

    def counted(self, agent, reason):
        return agent.metric(f'vitals_input_events_total{{input="app",output="central",reason="{reason}"}}')

    def assert_settled(self, agent, expected):
        """Each of them came once, and when the grace is over nothing has been added to that."""
        self.wait_for(len(expected))
        eventually(lambda: agent.metric('vitals_route_lag_bytes{input="app",output="central"}') == 0, 20, "no lag")
        end = time.monotonic() + 2 * GRACE
        eventually(lambda: time.monotonic() > end, 20, "the grace is over")
        self.assertEqual(sorted(self.messages()), sorted(expected))
        self.assertEqual(self.counted(agent, "bytes_lost_deleted"), 0)

    def replace(self, old, new, text):
        """Removed, and another made: most file systems use the inode again. Not within one tick of the kernel's clock."""
        was = os.stat(old)
        os.remove(old)
        probe = self.directory / "probe"

        def is_later():
            probe.write_text("")
            return os.stat(probe).st_ctime_ns > was.st_ctime_ns + 20_000_000

        eventually(is_later, 10, "the clock goes on")
        new.write_text(text)

    def test_a_new_file_with_the_inode_and_the_text_of_an_old_one(self):
        agent = self.make_agent("bulk*").start()
        (self.logs / "bulk1").write_text("1\n")
        self.wait_for(1)
        self.assertEqual(agent.stop(), 0)
        self.replace(self.logs / "bulk1", self.logs / "bulk2", "1\n")
        agent.start()
        self.assert_settled(agent, ["1", "1"])

    def test_a_table_with_the_header_of_the_last_one(self):
        header = [f"column {number}" for number in range(40)]
        table = self.logs / "table.csv"
        table.write_text("".join(f"{line}\n" for line in header))
        agent = self.make_agent("*.csv").start()
        self.wait_for(40)
        self.assertEqual(agent.stop(), 0)
        self.replace(table, table, "".join(f"{line}\n" for line in header) + "a row\n")
        agent.start()
        self.assert_settled(agent, header + header + ["a row"])

    def test_a_log_whose_size_is_set_before_it_is_written(self):
        """One of NULs, and one of blocks without content; the agent is stopped and started in between."""
        zeros, blocks = self.logs / "zeros.log", self.logs / "blocks.log"
        zeros.write_bytes(bytes(1 << 20))
        with blocks.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 1 << 20)
        agent = self.make_agent("*.log").start()
        expected = []
        with zeros.open("r+b", buffering=0) as one, blocks.open("r+b", buffering=0) as other:
            for number in range(40):
                for file in (one, other):
                    expected.append(f"{file.name} {number} {'x' * number * 20}")
                    file.write(f"{expected[-1]}\n".encode())
                self.wait_for(len(expected))
                if number % 10 == 5:
                    self.assertEqual(agent.stop(), 0)
                    agent.start()
        self.assert_settled(agent, expected)
        self.assertEqual(self.counted(agent, "nul_skipped"), 0)

    def test_a_hole_beside_a_busy_log(self):
        """Nothing of it is read: lines come at once, and so does the end."""
        with (self.logs / "lastlog").open("wb") as file:
            file.write(b"first\n")
            file.truncate(500 << 30)
        agent = self.make_agent("*").start()
        self.wait_for(1)
        with (self.logs / "busy.log").open("a", buffering=1) as log:
            for number in range(20):
                log.write(f"{number}\n")
                self.wait_for(2 + number, within=2)
        self.assert_settled(agent, ["first", *map(str, range(20))])
        began = time.monotonic()
        self.assertEqual(agent.stop(), 0)
        self.assertLess(time.monotonic() - began, 3)

    def test_a_disk_that_fails_while_a_file_is_looked_at(self):
        """At a start, of a file that went on and of one that was renamed. Also for a while, until it is well again."""
        require_programs("clang")
        library = self.directory / "fail_reads.so"
        subprocess.run(
            ["clang", "-shared", "-fPIC", "-o", library, ROOT / "Tests/Support/fail_reads.c"], check=True)
        banner = "".join(f"= line {number} of a banner\n" for number in range(60))
        expected = [line for line in banner.splitlines() for _ in range(2)]
        live, renamed = self.logs / "live.log", self.logs / "renamed.log"
        for log in (live, renamed):
            log.write_text(f"{banner}{log.name} 0\n")
            expected.append(f"{log.name} 0")
        agent = self.make_agent("*.log").start()
        self.wait_for(len(expected))
        for number, (failed, name) in enumerate([(errno.EIO, "live.log"), (errno.ESTALE, "live.log"),
                                                 (errno.EIO, "renamed.log.1")], 1):
            for count in (1, 2, 7):
                self.assertEqual(agent.stop(), 0)
                for log in (live, renamed):
                    with log.open("a") as file:
                        file.write(f"{log.name} {number} {count}\n")
                    expected.append(f"{log.name} {number} {count}")
                if name == "renamed.log.1":
                    os.replace(renamed, self.logs / name)
                    renamed.write_text(f"{banner}new {number} {count}\n")
                    expected += [*banner.splitlines(), f"new {number} {count}"]
                agent.start(environment={
                    "LD_PRELOAD": str(library), "VITALS_FAIL_NAME": name, "VITALS_FAIL_COUNT": str(count),
                    "VITALS_FAIL_ERRNO": str(failed)})
                self.wait_for(len(expected), within=60)
                self.assertGreater(self.counted(agent, "file_unreadable"), 0)
        self.assert_settled(agent, expected)
