"""`scripts/deps` on machines that lack something, and interrupted in the middle: with programs of the test's own in its path,
and a /usr/sbin that nobody else sees."""

import os
import signal
import subprocess
import unittest

from support import ROOT, Scratch, eventually, require_programs, require_root

SWIFT = 'echo "Swift version {} (swift-{}-RELEASE)"'


class Deps(Scratch):
    def setUp(self):
        super().setUp()
        self.programs = self.directory / "bin"
        self.programs.mkdir()
        for name in "sh sed head sort printf id tee chmod rm sleep cat touch cmp env ls".split():
            (self.programs / name).symlink_to(f"/bin/{name}")
        self.swift("6.3.1")

    def swift(self, version):
        self.program_of("swift", SWIFT.format(version, version))

    def program_of(self, name, script):
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run_deps(self, *groups):
        return subprocess.run(
            ["sh", ROOT / "scripts/deps", *groups], cwd=ROOT, env={"PATH": str(self.programs)}, text=True,
            capture_output=True, timeout=30)

    def test_without_dpkg_it_says_what_to_install_by_hand(self):
        ran = self.run_deps("build")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("by hand", ran.stderr)
        self.assertIn("    libpcre2-dev\n", ran.stderr)
        self.assertNotIn("    prometheus\n", ran.stderr)

    def test_a_toolchain_that_is_too_old_or_missing_is_said_before_anything_is_installed(self):
        self.program_of("dpkg-query", "echo installed")
        self.assertEqual(self.run_deps("build").returncode, 0)
        for version in ["6.2.9", "5.10", "6.2"]:
            self.swift(version)
            ran = self.run_deps("build")
            self.assertEqual(ran.returncode, 1, version)
            self.assertIn(f"Swift {version} is in the path; Vitals needs 6.3", ran.stderr)
        for version in ["6.3", "6.10", "7.0"]:
            self.swift(version)
            self.assertEqual(self.run_deps("build").returncode, 0, version)
        (self.programs / "swift").unlink()
        self.assertIn("no Swift toolchain", self.run_deps("build").stderr)

    def test_an_interrupt_leaves_no_policy_behind(self):
        require_root()
        require_programs("unshare")
        self.program_of("dpkg-query", "echo not-installed")
        begun = self.directory / "begun"
        # As apt-get does: it is in the middle of something when the signal comes, and ends by it.
        self.program_of("apt-get", f"ls -l /usr/sbin/policy-rc.d && touch {begun} && exec sleep 60")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            begun.unlink(missing_ok=True)
            script = 'mount -t tmpfs tmpfs /usr/sbin && PATH="$1" sh "$2" build; echo "left: $(/bin/ls /usr/sbin)."'
            process = self.program(
                # Also when these tests are run by `nohup`: a shell cannot trap what it was told to ignore.
                ["env", "--default-signal", "unshare", "-m", "setsid", "sh", "-c", f"trap : {int(number)}; {script}", "sh",
                 self.programs, ROOT / "scripts/deps"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            eventually(begun.exists, 20, "packages are being installed")
            os.killpg(process.pid, number)
            said = process.communicate(timeout=20)[0]
            self.assertIn("/usr/sbin/policy-rc.d", said)
            self.assertIn("left: .", said, signal.Signals(number).name)


if __name__ == "__main__":
    unittest.main()
