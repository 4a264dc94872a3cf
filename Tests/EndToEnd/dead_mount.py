"""A small file system that stops to answer, as a dead NFS server does: who asks it waits until it answers again, or is killed.

It speaks the protocol of Linux's fuse(4), see include/uapi/linux/fuse.h, and is mounted in a mount namespace of the program that
is to suffer from it. A request that nobody has read can be interrupted by a kill: so it stops by reading no more."""

import os
import select
import stat
import struct
import subprocess
import sys
import threading
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, INIT = 1, 2, 3, 14, 15, 17, 18, 26
FLUSH, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 27, 28, 29, 36, 42
SILENT = {FORGET, INTERRUPT, BATCH_FORGET}
ENOENT, ENOSYS = 2, 38
# FOPEN_DIRECT_IO and FOPEN_NOFLUSH.
DIRECT_IO, NO_FLUSH = 1, 32

# Mounts, and becomes the program.
MOUNT = """
import ctypes, os, sys
descriptor, directory = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,allow_other"
if libc.mount(b"dead", directory.encode(), b"fuse.dead", 0, options.encode()) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
os.set_inheritable(descriptor, False)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class DeadMount:
    """One directory with files, whose contents are bytes by name."""

    def __init__(self, directory, files):
        self.directory = directory
        self.names = ["", *files]
        self.files = dict(files)
        self.changed = {name: time.time_ns() for name in files}
        self.answers = threading.Event()
        self.answers.set()
        self.stop = threading.Event()
        directory.mkdir(exist_ok=True)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def popen(self, arguments, **options):
        """Starts a program that sees it."""
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", MOUNT, str(self.device),
             str(self.directory), *map(str, arguments)], pass_fds=[self.device], **options)
        self.thread.start()
        return process

    def write(self, name, content):
        self.files[name] = content
        self.changed[name] = time.time_ns()

    def hang(self):
        self.answers.clear()

    def wake(self):
        self.answers.set()

    def close(self):
        if self.stop.is_set():
            return
        self.stop.set()
        self.answers.set()
        if self.thread.is_alive():
            self.thread.join(10)
        # Who still waits is told that there is nobody.
        os.close(self.device)

    def serve(self):
        while not self.stop.is_set():
            self.answers.wait()
            ready, _, _ = select.select([self.device], [], [], 0.05)
            if not ready or not self.answers.is_set():
                continue
            try:
                request = os.read(self.device, 1 << 18)
            except OSError:
                # Not mounted yet, or no more.
                time.sleep(0.01)
                continue
            _, code, unique, node = struct.unpack_from("<IIQQ", request)
            if code in SILENT:
                continue
            answer = self.answer(code, node, request[40:])
            error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)

    def answer(self, code, node, body):
        if code == INIT:
            major, minor, readahead, _ = struct.unpack_from("<IIII", body)
            return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), readahead, 0, 12, 9, 1 << 17, 1, 32, 0, 0)
        if code == LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name not in self.files:
                return ENOENT
            if name not in self.names:
                self.names.append(name)
            found = self.names.index(name) + 1
            # Nothing is remembered: each question comes here.
            return struct.pack("<QQQQII", found, 1, 0, 0, 0, 0) + self.attributes(found)
        if code == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(node)
        if code in (OPEN, OPENDIR):
            # Nothing is kept, and nothing is waited for when a file is closed, which a kill would not interrupt.
            return struct.pack("<QII", 0, DIRECT_IO | NO_FLUSH, 0)
        if code == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.files[self.names[node - 1]][offset:offset + size]
        if code == READDIR:
            _, offset, _ = struct.unpack_from("<QQI", body)
            return b"".join(self.entry(index, name) for index, name in enumerate(sorted(self.files), 1) if index > offset)
        if code == STATFS:
            return struct.pack("<QQQQQIIII24x", 1000, 500, 500, 1000, 500, 4096, 255, 4096, 0)
        if code in (RELEASE, RELEASEDIR, FLUSH):
            return b""
        return ENOSYS

    def attributes(self, node):
        name = self.names[node - 1]
        size = len(self.files[name]) if name else 0
        mode = stat.S_IFREG | 0o644 if name else stat.S_IFDIR | 0o755
        seconds, nanoseconds = divmod(self.changed.get(name, 0), 10**9)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, 1, *3 * [seconds], *3 * [nanoseconds], mode, 1, 0, 0, 0, 4096, 0)

    @staticmethod
    def entry(index, name):
        encoded = name.encode()
        return struct.pack("<QQII", index + 1, index, len(encoded), stat.S_IFREG >> 12) + encoded + b"\0" * (-len(encoded) % 8)
