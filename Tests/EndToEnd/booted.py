"""A Debian system booted by its own systemd in a container: the place where the package is installed.

debootstrap makes the tree once (`.build/debian-root`); each boot has an overlay over it that is thrown away.
Everything happens in a mount namespace of its own and is ended by process id.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from support import ROOT, eventually, require_programs, require_root

TREE = ROOT / ".build/debian-root"

# Runs in the private mount namespace. The host may have the controllers of cgroup v1 mounted; the guest wants v2.
BOOT = r"""
set -e
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/vitals-test-$$
echo $$ > /sys/fs/cgroup/vitals-test-$$/cgroup.procs
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$TREE,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
cp "$PACKAGE" "$WORK/root/root/vitals.deb"
exec systemd-nspawn --quiet --boot --directory="$WORK/root" --register=no --keep-unit --link-journal=no \
    --console=pipe --private-network --system-call-filter="adjtimex clock_adjtime"
"""


def make_tree():
    if (TREE / "usr/lib/systemd/systemd").exists():
        return
    codename = "bookworm"
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            codename = line.split("=")[1].strip('"')
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.parent.mkdir(exist_ok=True)
    beside = TREE.with_suffix(".new")
    shutil.rmtree(beside, ignore_errors=True)
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,procps,libcurl4", codename, beside],
        capture_output=True, text=True)
    if made.returncode:
        raise AssertionError(f"debootstrap failed:\n{made.stdout[-2000:]}{made.stderr[-2000:]}")
    beside.rename(TREE)


class BootedSystem:
    def __init__(self, directory, package):
        require_root()
        require_programs("debootstrap", "systemd-nspawn", "unshare", "nsenter")
        make_tree()
        self.work = directory / "booted"
        self.work.mkdir()
        self.console = directory / "console.log"
        with self.console.open("wb") as console:
            self.process = subprocess.Popen(
                ["unshare", "-m", "--propagation", "private", "sh", "-c", BOOT],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                env={**os.environ, "WORK": str(self.work), "TREE": str(TREE), "PACKAGE": str(package)})
        self.leader = eventually(self.find_leader, 90, lambda: f"the container's first process\n{self.log()}")
        eventually(
            lambda: self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), 180,
            lambda: f"the booted system is running\n{self.log()}")

    def log(self):
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def find_leader(self):
        """The only child of nspawn that is its own PID 1."""
        if self.process.poll() is not None:
            raise AssertionError(f"nspawn ended with {self.process.returncode}\n{self.log()}")
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:
            return None
        for child in children:
            try:
                status = Path(f"/proc/{child}/status").read_text()
            except OSError:
                continue  # nspawn has children that come and go
            numbers = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
            if numbers and len(numbers[0]) > 1 and numbers[0][-1] == "1":
                return int(child)
        return None

    def run(self, *command, check=False):
        """Runs a command inside."""
        result = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", *command],
            capture_output=True, text=True, timeout=120)
        if check and result.returncode:
            raise AssertionError(f"{command} ended with {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def get(self, url):
        """A GET from within its network; the host's curl does it. Returns the body, None when refused."""
        result = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-n", "--", "curl", "-sf", "-m", "10", url],
            capture_output=True, text=True)
        return result.stdout if result.returncode == 0 else None

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
