"""What is remembered of log files: `vitals cursors` in each situation, files whose numbers change, and those that are removed
when they are acknowledged."""

import os
import pwd
import subprocess
import time

from support import BINARY, eventually, require_programs, require_root
from test_rotation import GRACE, Rotating, saved_files


class Removal(Rotating):
    def test_removes_what_is_acknowledged_and_says_what_it_may_not_remove(self):
        require_root()
        require_programs("setpriv")
        nobody = pwd.getpwnam("nobody")
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        agent = self.make_agent(rescan_interval="300ms", remove_after="acknowledged")
        os.chmod(self.directory, 0o755)
        agent.state.mkdir()
        os.chown(agent.state, nobody.pw_uid, nobody.pw_gid)
        agent.popen = lambda arguments, **options: subprocess.Popen([*prefix, *arguments], **options)
        agent.start()
        self.write("0..100")
        self.wait_for(100)  # It is followed before it is rotated: the order is the subject of other tests.
        self.is_down = True
        self.write("100..2000", "1000:shift")
        rotated = self.logs / "app.log.1"
        # In time for the grace to be over, and for what it would do then.
        retries = 'vitals_route_retries_total{input="app",output="central"}'
        later = time.monotonic() + GRACE * 1.5
        eventually(lambda: time.monotonic() > later and agent.metric(retries) >= 2, 30, "it is refused, and the grace over")
        self.assertEqual(self.counted(agent, "removal_failed"), 0, "it is not acknowledged yet")
        self.is_down = False
        self.wait_for(2_000)
        self.wait_until_counted(agent, "removal_failed", 1)
        self.assertIn("cannot be removed", agent.command("status"))
        self.assertTrue(rotated.exists())
        os.chown(self.logs, nobody.pw_uid, nobody.pw_gid)
        eventually(lambda: not rotated.exists(), 10, "it is removed")
        self.wait_until_counted(agent, "file_removed", 1)
        self.assertEqual([path.name for path in self.logs.iterdir()], ["app.log"])
        self.assert_each_once(2_000, agent)


class Cursors(Rotating):
    def cursors(self, agent, *prefix):
        """State by the name of the file, with its cells: source, identity, position, size, lag."""
        ran = subprocess.run(
            [*prefix, BINARY, "cursors", "--config", agent.config, "--state-directory", agent.state], capture_output=True,
            text=True, timeout=20)
        rows = [line.split("  ") for line in ran.stdout.splitlines()]
        cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
        self.assertEqual(
            cells[:1], [["INPUT", "OUTPUT", "SOURCE", "IDENTITY", "POSITION", "SIZE", "LAG", "STATE"]], ran.stderr)
        return [dict(zip(map(str.lower, cells[0]), row)) for row in cells[1:]]

    def state(self, agent, state):
        rows = self.cursors(agent)
        found = [row for row in rows if row["state"] == state]
        self.assertEqual(len(found), 1, f"{state}: {rows}")
        return found[0]

    def test_each_file_in_each_situation(self):
        require_root()
        agent = self.make_agent("*.log", output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..100")
        self.write("100..200", path=self.logs / "gone.log")
        self.wait_for(200)
        self.wait_until_saved(agent, self.log)
        live = self.state_of(agent, self.log, "live")
        status = self.log.stat()
        self.assertEqual(live["identity"], f"{status.st_dev}:{status.st_ino}")
        self.assertEqual((live["position"], live["size"], live["lag"]), (str(status.st_size), str(status.st_size), "0 B"))

        # The receiver is down: two rotations, of which nothing is acknowledged; and a file is deleted before it is read.
        self.is_down = True
        self.write("200..300", "299:shift")
        self.write("300..400", "399:shift")
        self.write("400..500")
        self.write("500..600", path=self.logs / "gone.log")
        self.let_it_look(agent)
        (self.logs / "gone.log").unlink()
        unread = 100 * len(f"seq=500 a line of the log with some text {'x' * 120}\n")

        def held():
            """What a running agent holds of the file that is gone, by the cursor that it saves within a second."""
            return [int(row["size"]) - int(row["position"]) for row in self.cursors(agent) if row["state"] == "gone"]

        eventually(lambda: held() == [unread], 10, lambda: f"{unread} bytes are held: {self.cursors(agent)}")
        self.assertEqual(agent.stop(), 0)
        rotated = {row["state"]: row for row in self.cursors(agent) if row["state"].startswith("rotated")}
        self.assertEqual(set(rotated), {"rotated: app.log.1", "rotated: app.log.2"})
        self.assertEqual(
            int(rotated["rotated: app.log.2"]["size"]) - int(rotated["rotated: app.log.2"]["position"]), unread)
        self.assertEqual(rotated["rotated: app.log.1"]["position"], "0")

        # Compressed, it has another inode, and another size on the disk.
        subprocess.run(["gzip", self.logs / "app.log.2"], check=True)
        compressed = self.state(agent, "rotated: app.log.2.gz")
        self.assertEqual(compressed["lag"], rotated["rotated: app.log.2"]["lag"])

        # Who may not look says so, and does not call it gone.
        require_programs("setpriv")
        nobody = pwd.getpwnam("nobody")
        os.chmod(self.directory, 0o755)
        os.chmod(self.logs, 0o700)
        for path in [agent.state, *agent.state.rglob("*")]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        states = {row["state"] for row in self.cursors(agent, *prefix)}
        self.assertEqual(len(states), 1)
        self.assertTrue(states.pop().startswith("not seen: "), states)
        for path in [agent.state, *agent.state.rglob("*")]:
            os.chown(path, 0, 0)

        # All of it is delivered, but for what was deleted.
        self.is_down = False
        agent.start()
        self.wait_for(600 - 100)
        self.wait_until_counted(agent, "bytes_lost_deleted", unread)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.receive.sequences()), list(range(500)))

    def state_of(self, agent, path, state):
        row = next(row for row in self.cursors(agent) if row["source"] == str(path))
        self.assertEqual(row["state"], state)
        return row


class Saving(Rotating):
    """The cursor log: what is written, and what is left of it."""

    @staticmethod
    def line(number):
        return f"seq={number} a line of the log with some text {'x' * 120}\n"

    def written_bytes(self, agent):
        """What the agent made the kernel write to a disk, in whole pages."""
        for line in open(f"/proc/{agent.process.pid}/io"):
            if line.startswith("write_bytes:"):
                return int(line.split()[1])

    def test_what_is_written_grows_with_what_changes(self):
        """Of many files one grows. (Where the state is on a disk in memory, nothing counts as written at all.)"""
        count = 1_500
        for number in range(count):
            (self.logs / f"{number}.log").write_text(self.line(number))
        agent = self.make_agent("*.log").start()
        self.wait_for(count)
        saved = agent.state / "cursors/app~central.cursor"
        eventually(lambda: len([each for each in saved_files(agent.state) if each["offset"]]) == count, 20, "all are saved")
        # A snapshot, if one is due, and the first sync.
        time.sleep(6)
        (before, size, began) = (self.written_bytes(agent), saved.stat().st_size, time.monotonic())
        for step in range(12):
            with open(self.logs / "7.log", "a") as log:
                log.write(self.line(count + step))
            self.wait_for(count + step + 1)
            time.sleep(0.8)
        seconds = time.monotonic() - began
        self.assertLess(saved.stat().st_size - size, 12 * 300)
        self.assertLessEqual(self.written_bytes(agent) - before, 1_024 * seconds + 4_096)
        self.assertEqual(agent.stop(), 0)

    def test_a_kill_costs_what_was_acknowledged_a_moment_before(self):
        agent = self.make_agent().start()
        twice = 0
        for run in range(6):
            self.write(f"{run * 200}..{run * 200 + 200}")
            self.wait_for(run * 200 + 200 + twice)
            # Ten times what it takes at most.
            self.wait_until_saved(agent, self.log)
            agent.kill()
            agent.start()
        self.assert_each_once(1_200, agent)

    def test_a_torn_or_damaged_log_is_read_on(self):
        agent = self.make_agent("*.log").start()
        for number in range(20):
            (self.logs / f"{number}.log").write_text(self.line(number))
        self.wait_for(20)
        eventually(lambda: len([each for each in saved_files(agent.state) if each["offset"]]) == 20, 10, "all are saved")
        agent.kill()
        saved = agent.state / "cursors/app~central.cursor"
        # As a power cut leaves it: the size was written, and the content was not.
        with open(saved, "ab") as log:
            log.write(b'{"crc":"00000000","key":1,"is":{"pa' + bytes(5_000))
        agent.start()
        self.assertEqual(agent.metric('vitals_route_cursor_lines_damaged_total{input="app",output="central"}'), 0)
        for number in range(20):
            with open(self.logs / f"{number}.log", "a") as log:
                log.write(self.line(20 + number))
        self.wait_for(40)
        self.assertEqual(agent.stop(), 0)
        # A bad block in the middle: files whose line it was are in the log before.
        text = bytearray(saved.read_bytes())
        middle = len(text) // 2
        text[middle:middle + 40] = bytes(40)
        saved.write_bytes(text)
        agent.start()
        damaged = agent.metric('vitals_route_cursor_lines_damaged_total{input="app",output="central"}')
        self.assertTrue(1 <= damaged <= 2, damaged)
        self.assertIn("lines of the cursor file that were damaged at the start", agent.command("status"))
        self.assertEqual(agent.stop(), 0)
        # What came again is no more than what the log before did not know.
        again = len(self.receive.sequences()) - 40
        self.assertLessEqual(again, 4)
        self.assertEqual(set(self.receive.sequences()), set(range(40)))

    def test_a_log_that_is_removed_comes_back(self):
        agent = self.make_agent().start()
        self.write("0..100")
        self.wait_for(100)
        self.wait_until_saved(agent, self.log)
        for path in (agent.state / "cursors").iterdir():
            path.unlink()
        (agent.state / "cursors").rmdir()
        self.write("100..200")
        self.wait_for(200)
        self.wait_until_saved(agent, self.log)
        agent.kill()
        agent.start()
        self.assert_each_once(200, agent)


MOUNT = """
set -e
mkdir -p "$1/lower" "$1/upper" "$1/merged"
mount -t tmpfs tmpfs "$1/lower"
mount -t tmpfs tmpfs "$1/upper"
mkdir -p "$1/lower/lower" "$1/$2/upper" "$1/$2/work"
i=0; while [ $i -lt 100 ]; do echo "seq=$i a line that came with the image" >> "$1/lower/lower/app.log"; i=$((i + 1)); done
echo ready; read -r _
"""
OVERLAY = 'mount -t overlay overlay -o "lowerdir=$1/lower/lower,upperdir=$1/$2/upper,workdir=$1/$2/work" "$1/merged"'


class Overlays(Rotating):
    """A container's file system: a file that came with its image, and is copied up when somebody writes to it; a device
    that has another number each time that it is mounted."""

    def setUp(self):
        super().setUp()
        require_root()
        require_programs("unshare", "nsenter")

    def inside(self, command):
        ran = subprocess.run(
            ["nsenter", "-t", str(self.keeper.pid), "-m", "--", "sh", "-c", command, "sh", str(self.directory), self.where],
            capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def identity(self):
        return self.inside('stat -c %d:%i "$1/merged/app.log"')

    def through_mounts(self, where):
        self.where = where
        self.keeper = self.program(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", MOUNT, "sh", str(self.directory), where],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.keeper.stdin.close)
        self.addCleanup(self.keeper.stdout.close)
        self.assertEqual(self.keeper.stdout.readline().strip(), "ready")
        self.inside(OVERLAY)
        self.logs = self.directory / "merged"
        agent = self.make_agent("*.log")
        agent.popen = lambda arguments, **options: subprocess.Popen(
            ["nsenter", "-t", str(self.keeper.pid), "-m", "--", *map(str, arguments)], **options)
        agent.start()
        self.wait_for(100)
        # Copied up while it is followed.
        for n in range(100, 110):
            self.inside(f'echo "seq={n} new" >> "$1/merged/app.log"')
            self.wait_for(n + 1)
        before = self.identity()
        self.assertEqual(agent.stop(), 0)
        # Another mount takes the number that becomes free.
        self.inside('umount "$1/merged" && mkdir "$1/other" && mount -t tmpfs tmpfs "$1/other"; ' + OVERLAY)
        self.assertNotEqual(self.identity(), before)
        self.inside('echo "seq=110 after the reboot" >> "$1/merged/app.log"')
        agent.start()
        self.assert_each_once(111, agent)

    def test_layers_of_one_file_system(self):
        self.through_mounts("lower")

    def test_layers_of_two_file_systems(self):
        self.through_mounts("upper")
