"""Rotations that take long, or put files where no pattern looks: a slow compression, one that was killed, `olddir`,
directories of dates, a device that is unmounted. With real programs and the built agent; docs/rotation.md promises it."""

import gzip
import os
import subprocess
import time

from support import eventually, require_programs, require_root
from test_logrotate import WithLogrotate
from test_rotation import GRACE, Rotating

# Compresses as gzip(1) does, in so many pieces with a pause between them. logrotate's `compresscmd`.
SLOW_GZIP = """#!/bin/sh
gzip -c > "$TMPDIR/whole.$$"
size=$(stat -c %s "$TMPDIR/whole.$$")
piece=$((size / {pieces} + 1))
for n in $(seq 0 {last}); do
  dd if="$TMPDIR/whole.$$" bs=$piece skip=$n count=1 status=none
  sleep {pause}
done
rm "$TMPDIR/whole.$$"
"""


class SlowCompression(WithLogrotate):
    PIECES, PAUSE = 12, GRACE / 3

    def slow_gzip(self):
        script = self.directory / "slow-gzip"
        script.write_text(SLOW_GZIP.format(pieces=self.PIECES, last=self.PIECES - 1, pause=self.PAUSE))
        script.chmod(0o755)
        os.environ["TMPDIR"] = str(self.directory)
        self.addCleanup(os.environ.pop, "TMPDIR", None)
        return f"compresscmd {script}"

    def rotated(self, *options, lines=3_000):
        agent = self.make_agent("app.log").start()
        self.write(f"0..{lines}")
        self.wait_for(lines)
        self.logrotate("create", "compress", self.slow_gzip(), *options)
        self.write(f"{lines}..{2 * lines}")
        return agent, 2 * lines

    def test_logrotate_that_compresses_for_longer_than_the_grace(self):
        agent, lines = self.rotated()
        self.assert_each_once(lines, agent)

    def test_the_same_with_delaycompress(self):
        agent, lines = self.rotated("delaycompress")
        self.logrotate("create", "compress", self.slow_gzip(), "delaycompress")
        self.assert_each_once(lines, agent)

    def test_a_compression_by_hand_in_pieces_and_one_that_was_killed(self):
        agent = self.make_agent("app.log").start()
        self.write("0..20000")
        self.wait_for(20_000)
        rotated, compressed = self.logs / "app.log.1", self.logs / "app.log.1.gz"
        self.log.rename(rotated)
        data = gzip.compress(rotated.read_bytes(), 1)
        with compressed.open("wb", buffering=0) as target:
            for piece in range(self.PIECES - 2):
                target.write(data[len(data) * piece // self.PIECES:len(data) * (piece + 1) // self.PIECES])
                time.sleep(self.PAUSE)
        # Killed there; nobody writes it any more.
        self.write("20000..20100")
        self.assert_each_once(20_100, agent)
        # Somebody compresses it once more, to the end.
        agent.start()
        compressed.unlink()
        with compressed.open("wb", buffering=0) as target:
            for piece in range(self.PIECES):
                target.write(data[len(data) * piece // self.PIECES:len(data) * (piece + 1) // self.PIECES])
                time.sleep(self.PAUSE)
        rotated.unlink()
        self.write("20100..20200")
        self.assert_each_once(20_200, agent)


class Elsewhere(WithLogrotate):
    def stopped_with_unread_lines(self, **options):
        """Line 0 to 99 are read, 100 to 299 are written while the agent is down."""
        agent = self.make_agent("app.log", **options).start()
        self.write("0..100")
        self.wait_for(100)
        self.assertEqual(agent.stop(), 0)
        self.write("100..300")
        return agent

    def test_names_that_no_rotation_gives(self):
        for name in ["2026-11-30.app.log", "old-app.log", "@4000000067f0a1b2.s"]:
            with self.subTest(name):
                agent = self.stopped_with_unread_lines()
                self.log.rename(self.logs / name)
                self.write("300..310")
                agent.start()
                self.assert_each_once(310, agent)
                self.tearDown()
                self.doCleanups()
                self.setUp()

    def test_olddir_of_logrotate(self):
        (self.logs / "old").mkdir()
        agent = self.stopped_with_unread_lines(rotated_to=["old"])
        self.logrotate("create", "olddir old", "compress")
        self.write("300..400")
        self.logrotate("create", "olddir old", "compress")
        self.write("400..410")
        agent.start()
        self.assert_each_once(410, agent)

    def test_directories_of_dates_as_log4j2_makes_them(self):
        agent = self.stopped_with_unread_lines(rotated_to=["20*-*"])
        for number, lines in enumerate(["300..350", "350..400"]):
            archive = self.logs / f"2026-1{number}"
            archive.mkdir()
            data = self.log.read_bytes()
            (archive / f"app-1{number}-30-2026-1.log.gz").write_bytes(gzip.compress(data))
            self.log.unlink()
            self.write(lines)
        agent.start()
        self.assert_each_once(400, agent)


class Unmounted(Rotating):
    def run_quietly(self, *arguments):
        return subprocess.run([str(each) for each in arguments], check=True, capture_output=True, timeout=30)

    def test_a_device_of_quiet_files_is_unmounted_and_mounted_again(self):
        require_root()
        require_programs("mkfs.ext4", "losetup", "mount", "umount")
        image = self.directory / "image"
        with image.open("wb") as file:
            file.truncate(8 << 20)
        self.run_quietly("mkfs.ext4", "-q", image)
        attached = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, timeout=30)
        if attached.returncode != 0:
            self.skipTest(f"needs loop devices: {attached.stderr.strip()}")
        device = attached.stdout.strip()
        self.addCleanup(self.run_quietly, "losetup", "--detach", device)
        self.run_quietly("mount", device, self.logs)
        agent = self.make_agent("*.log", idle_close="1s", rescan_interval="1s").start()
        self.write("0..100")
        self.wait_for(100)
        eventually(lambda: self.open_logs(agent) == [], 30, "a quiet file is closed")
        eventually(lambda: subprocess.run(["umount", self.logs], capture_output=True, timeout=30).returncode == 0, 20,
                   "the device can be unmounted")
        self.addCleanup(lambda: subprocess.run(["umount", self.logs], capture_output=True, timeout=30))
        # Longer than what is gone is looked for.
        time.sleep(GRACE * 3)
        self.run_quietly("mount", device, self.logs)
        self.write("100..110")
        self.assert_each_once(110, agent)
