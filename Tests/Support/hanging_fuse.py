#!/usr/bin/env python3
"""Mounts a FUSE file system that never answers, and runs a command beside it: this is how a dead NFS server looks.

    hanging_fuse.py MOUNTPOINT COMMAND [ARGUMENT ...]

Needs root. Does everything in a mount namespace of its own, which goes with the process: nothing stays mounted. INIT is
answered, so that the mount is complete; every later request is left without an answer. See fuse(4) and
include/uapi/linux/fuse.h. Exits with the command's exit code; the command is killed after 60 seconds.
"""

import ctypes
import os
import struct
import subprocess
import sys

CLONE_NEWNS = 0x00020000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
FUSE_INIT = 26


def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        sys.exit(f"{name}: {os.strerror(ctypes.get_errno())}")


def answer_init(device):
    request = os.read(device, 1 << 17)
    _, opcode, unique = struct.unpack_from("=IIQ", request)
    if opcode != FUSE_INIT:
        sys.exit(f"the first request was {opcode}, not INIT")
    # struct fuse_init_out: version 7.31, 64 bytes.
    body = struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 12, 9, 4096, 1, 1, 0, 0)
    os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    mount_point, command = sys.argv[1], sys.argv[2:]
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    call("mount", b"hanging", mount_point.encode(), b"fuse.hanging", 0, options)
    answer_init(device)
    child = subprocess.Popen(command)
    try:
        code = child.wait(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        code = 124
    # Closing the device ends every request that still waits, and with them the threads that hang.
    os.close(device)
    sys.exit(code)


if __name__ == "__main__":
    main()
