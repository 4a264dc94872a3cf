"""A journald of one's own, in a private mount namespace: for tests that follow a live journal.

Needs root and unshare(1). What is on /run and /var/log/journal outside stays as it is and is not seen inside.
`/dev/kmsg` is never read: journald is told ReadKMsg=no.

    with LiveJournald() as journald:
        agent = journald.popen(["vitals", "run", …])        # inside the namespace
        journald.log("hello", tag="demo")
        journald.run(["journalctl", "--rotate"])

or, from a shell, `live_journald.py COMMAND [ARGUMENT …]` runs a command beside it and gives its exit code back; 77
when this machine cannot do it. LIVE_JOURNALD_DIRECTORY is then where the files lie, in its subdirectory `log`.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

DAEMON = "/lib/systemd/systemd-journald"

# SystemMaxFileSize is small so that tests see rotation without writing much.
SETTINGS = """[Journal]
Storage=persistent
SystemMaxFileSize=8M
RateLimitIntervalSec=0
ReadKMsg=no
Audit=no
SyncIntervalSec=1s
"""

# The namespace lives as long as this shell, which waits at its standard input. `$1` is a directory of the test's.
KEEPER = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p "$1/log" /var/log/journal /run/systemd/journal /run/systemd/journald.conf.d
mount --bind "$1/log" /var/log/journal
printf '%s' "$2" > /run/systemd/journald.conf.d/live.conf
touch /run/systemd/journal/flushed
[ -s /etc/machine-id ] || { cat /proc/sys/kernel/random/uuid | tr -d - > "$1/machine-id"
    touch /etc/machine-id; mount --bind "$1/machine-id" /etc/machine-id; }
echo ready
read -r _ || true
"""


def missing():
    """Why this machine cannot do it; None when it can."""
    if os.geteuid() != 0:
        return "needs root, for a mount namespace"
    for program in ("unshare", "nsenter", "logger", "journalctl", DAEMON):
        if not shutil.which(program):
            return f"needs {program}"
    probe = subprocess.run(["unshare", "-m", "--propagation", "private", "true"], capture_output=True)
    return None if probe.returncode == 0 else "mount namespaces are not permitted"


def poll(condition, what, seconds=15):
    """The first true value of `condition()`, which is asked until the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


class LiveJournald:
    def __init__(self, keep_in=None):
        """The journal's files lie in `keep_in`/log, where they can also be seen from outside the namespace."""
        self.keep_in = keep_in
        self.directory = None
        self.keeper = None
        self.daemon = None
        self.namespaces = []

    def __enter__(self):
        reason = missing()
        if reason:
            raise RuntimeError(reason)
        self.directory = self.keep_in or tempfile.mkdtemp(prefix="vitals-journald-")
        try:
            self.keeper = subprocess.Popen(
                ["unshare", "-m", "--propagation", "private", "sh", "-c", KEEPER, "sh", self.directory, SETTINGS],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if self.keeper.stdout.readline().strip() != "ready":
                raise RuntimeError("the mount namespace could not be made")
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        if self.keeper:
            self.keeper.stdin.close()
            self.keeper.wait(10)
            self.keeper.stdout.close()
        if not self.keep_in:
            shutil.rmtree(self.directory, ignore_errors=True)

    # The daemon

    def start(self):
        self.daemon = self.popen([DAEMON], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll(lambda: self.daemon.poll() is None and self.accepts("/run/systemd/journal/socket"), "journald's socket")

    def stop(self, kill=False):
        """By its process number. A daemon that is killed leaves a journal that was not closed."""
        for daemon in [self.daemon, *self.namespaces]:
            if daemon and daemon.poll() is None:
                daemon.kill() if kill else daemon.terminate()
                daemon.wait(10)
        self.daemon = None
        self.namespaces = []

    def start_namespace(self, name):
        """A second daemon, for the journal namespace `name`; it ends with this one."""
        self.run(["sh", "-c", 'mkdir -p "/run/systemd/journal.$1" "/run/systemd/journald@$1.conf.d" && '
                  'touch "/run/systemd/journal.$1/flushed" && printf %s "$2" > "/run/systemd/journald@$1.conf.d/live.conf"',
                  "sh", name, SETTINGS])
        self.namespaces.append(self.popen([DAEMON, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        poll(lambda: self.accepts(f"/run/systemd/journal.{name}/socket"), f"the socket of journald@{name}")

    def accepts(self, path):
        """Whether somebody reads from the socket: a journald that ended has left its own behind."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(f"/proc/{self.keeper.pid}/root{path}")
                return True
            except OSError:
                return False

    # Commands inside

    def inside(self, command):
        return ["nsenter", "-t", str(self.keeper.pid), "-m", "--wd=" + os.getcwd(), "--", *command]

    def popen(self, command, **options):
        """nsenter execs the command, so the process is the command itself: signals reach it."""
        return subprocess.Popen(self.inside(command), **options)

    def run(self, command, **options):
        return subprocess.run(self.inside(command), check=True, **options)

    def log(self, *messages, tag="live"):
        """One journal entry a message, through the socket that syslog(3) uses."""
        text = "".join(f"{message}\n" for message in messages)
        self.run(["logger", "-u", "/run/systemd/journal/dev-log", "-t", tag], input=text, text=True)

    def rotate(self):
        self.run(["journalctl", "--quiet", "--rotate"])

    def vacuum(self, files=1):
        self.run(["journalctl", "--quiet", f"--vacuum-files={files}"], stderr=subprocess.DEVNULL)

    def count(self, *arguments):
        """How many entries journalctl shows."""
        shown = self.run(["journalctl", "--quiet", "--no-pager", "--output=cat", *arguments], capture_output=True)
        return shown.stdout.count(b"\n")


def main():
    reason = missing()
    if reason:
        print(f"SKIPPED live_journald: {reason}")
        return 77
    with LiveJournald(os.environ.get("LIVE_JOURNALD_DIRECTORY")) as journald:
        return journald.popen(sys.argv[1:]).wait()


if __name__ == "__main__":
    sys.exit(main())
