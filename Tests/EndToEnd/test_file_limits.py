"""Log files at the limits of a system: descriptors, watches, queued events, ten thousand files, a deep tree, a backlog."""

import gzip
import os
import subprocess
import time
from pathlib import Path

from support import eventually, require_programs
from test_rotation import Rotating


def with_descriptors(limit):
    """Starts a program that may have no more than so many open files, and cannot raise that."""
    return lambda arguments, **options: subprocess.Popen(
        ["prlimit", f"--nofile={limit}:{limit}", *map(str, arguments)], **options)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


class Limits(Rotating):
    def test_a_large_backlog_holds_up_nobody(self):
        agent = self.make_agent("*.log")
        big = self.logs / "big.log"
        line = b"seq=999999 " + b"x" * 988 + b"\n"
        with big.open("wb") as out:
            for _ in range(300):
                out.write(line * 1000)  # 300 MB in all
        seen = []
        self.receive.answer = lambda records: seen.append(
            (time.monotonic(), len(records), any(r["file"].endswith("small.log") for r in records))) or 200
        self.receive.take = self.take_lightly
        agent.start()
        eventually(lambda: len(seen) > 3, 20, "the large one is on its way")
        delays = []
        for n in range(5):
            began, before = time.monotonic(), len(seen)
            with (self.logs / "small.log").open("a") as out:
                out.write(f"seq={n} small\n")
            eventually(lambda: any(small for _, _, small in seen[before:]), 10, "a line of the small file")
            delays.append(time.monotonic() - began)
        self.assertLess(sum(count for _, count, _ in seen), 290_000, "the large one was still on its way")
        self.assertLess(max(delays), 2.0)
        agent.kill()

    def take_lightly(self, body, headers):
        """Counts what a real receiver would parse: Python's JSON would be the slowest part by far."""
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        records = body.count(b"\n")
        rows = [{"file": "small.log" if b"small.log" in body else "big.log"}] * max(1, records)
        time.sleep(0.02)
        return self.receive.answer(rows)

    def test_more_events_than_the_kernel_queues(self):
        agent = self.make_agent("*.log").start()
        self.write("0..100")
        self.wait_for(100)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        agent.process.send_signal(19)  # SIGSTOP
        for n in range(limit // 2 + 500):
            path = self.logs / f"other{n}.tmp"
            path.touch()
            path.unlink()
        self.write("100..200")
        self.write("200..300", path=self.logs / "late.log")
        agent.process.send_signal(18)  # SIGCONT
        self.wait_for(300)
        self.wait_until_counted(agent, "watch_overflow", 1)
        self.assert_each_once(300, agent)

    def test_no_more_watches_than_the_user_may_have(self):
        require_programs("unshare")
        agent = self.make_agent("**/*.log")
        limit = "/proc/sys/user/max_inotify_watches"
        agent.popen = lambda arguments, **options: subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "sh", "-c", f'echo 1 > {limit} && exec "$@"', "sh",
             *map(str, arguments)], **options)
        for name in ["a", "b"]:
            (self.logs / name).mkdir()
        agent.start()
        self.write("0..100", path=self.logs / "a" / "x.log")
        self.write("100..200", path=self.logs / "b" / "x.log")
        self.wait_for(200)
        self.write("200..300", path=self.logs / "b" / "x.log")
        self.wait_for(300)
        self.assertGreaterEqual(self.counted(agent, "watch_failed"), 1)
        self.assertEqual(agent.log().count("cannot be watched"), 1, agent.log())
        self.assertIn("fs.inotify.max_user_watches", agent.log())
        agent.stop()

    def test_fewer_descriptors_than_files(self):
        require_programs("prlimit")
        agent = self.make_agent("*.log")
        agent.popen = with_descriptors(160)
        for n in range(400):
            (self.logs / f"{n}.log").write_text(f"seq={n} x\n")
        agent.start()
        self.wait_for(400)
        self.assertLess(len(os.listdir(f"/proc/{agent.process.pid}/fd")), 150)
        for n in range(400):
            with (self.logs / f"{n}.log").open("a") as out:
                out.write(f"seq={400 + n} x\n")
        self.wait_for(800)
        self.assertEqual(self.counted(agent, "file_unreadable"), 0)
        agent.stop()
        self.assertEqual(sorted(self.receive.sequences()), list(range(800)))


class ManyFiles(Rotating):
    def test_ten_thousand_files_with_256_descriptors(self):
        require_programs("prlimit")
        count = 10_000
        for n in range(count):
            (self.logs / f"{n}.log").write_text(f"seq={n} a line of a file of its own\n")
        agent = self.make_agent("*.log")
        agent.popen = with_descriptors(256)
        began = time.monotonic()
        agent.start(ready_within=30)
        self.wait_for(count, within=60)
        started = time.monotonic() - began
        pid = agent.process.pid
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.assertLess(descriptors, 256)
        # All of them once more: those that were closed are found again.
        for n in range(count):
            with (self.logs / f"{n}.log").open("a") as out:
                out.write(f"seq={count + n} another\n")
        self.wait_for(2 * count, within=60)
        eventually(lambda: agent.metric('vitals_route_lag_bytes{input="app",output="central"}') == 0, 10, "no lag")
        self.wait_until_saved(agent, self.logs / f"{count - 1}.log")
        before = cpu_seconds(pid)
        time.sleep(3)  # At rest: this is what is measured.
        at_rest = cpu_seconds(pid) - before
        print(f"10 000 files: {started:.2f} s to the last line, {resident_megabytes(pid):.1f} MB, {descriptors} descriptors, "
              f"{at_rest * 1000:.0f} ms of CPU in 3 s at rest", end=" ", flush=True)
        self.assertLess(resident_megabytes(pid), 40)
        self.assertLessEqual(at_rest, 0.05)
        self.assertLess(started, 20)
        self.assertEqual(self.counted(agent, "file_unreadable"), 0)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.receive.sequences()), list(range(2 * count)))

    def test_what_changes_in_a_deep_tree_is_all_that_costs(self):
        """Three thousand directories, twenty deep; a look at all of them takes tens of milliseconds."""
        leaves = []
        for branch in range(150):
            leaf = self.logs.joinpath(f"b{branch}", *(f"d{depth}" for depth in range(19)))
            leaf.mkdir(parents=True)
            leaves.append(leaf)
        for n, leaf in enumerate(leaves):
            (leaf / "x.log").write_text(f"seq={n} x\n")
        agent = self.make_agent("**/*.log").start(ready_within=30)
        self.wait_for(150)
        before = cpu_seconds(agent.process.pid)
        for n in range(150):
            (leaves[n] / "new.log").write_text(f"seq={150 + n} x\n")
            self.wait_for(151 + n)  # One after another, so that none shares a look with the next.
        for n in range(150):
            (leaves[n] / "y" / "z").mkdir(parents=True)
            (leaves[n] / "y" / "z" / "new.log").write_text(f"seq={300 + n} x\n")
            self.wait_for(301 + n)
        used = cpu_seconds(agent.process.pid) - before
        print(f"300 new files in 3 000 directories: {used * 1000:.0f} ms of CPU", end=" ", flush=True)
        self.assertLess(used, 1.5)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.receive.sequences()), list(range(450)))
