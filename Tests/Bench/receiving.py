"""receiver.c, and how long a shipper takes until all lines are there."""

import json
import select
import subprocess
import time

from common import compiled, cpu_seconds, free_port, memory


class Receiver:
    """Takes lines on a port in a process of its own, and finds each that is missing or came twice."""

    def __init__(self, directory, framing, expected, numbers, delay=0):
        self.port = free_port()
        self.expected = expected
        program = compiled(directory, "receiver", "-lz")
        self.process = subprocess.Popen(
            [program, framing, str(self.port), str(expected), str(numbers), str(delay)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said(10, "the receiver listens")

    def said(self, within, what):
        if not select.select([self.process.stdout], [], [], within)[0]:
            raise SystemExit(f"bench: not within {within} s: {what}")
        return json.loads(self.process.stdout.readline())

    def complete(self, within, who):
        """When the last line arrived, as time.monotonic() counts."""
        return self.said(within, f"{who} delivered {self.expected} lines")["complete"] / 1e9

    def end(self, who):
        """What arrived, of a shipper that has ended. That all came, and once, is no question of speed."""
        self.process.stdin.close()
        found = self.said(10, "the receiver ends")
        if found["arrived"] != self.expected or found["repeated"] or found["strange"]:
            raise SystemExit(f"bench: {who} delivered other than {self.expected} lines once each: {found}")
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def drained(directory, who, framing, expected, numbers, begin, within=180, delay=0):
    """Seconds until `expected` lines have arrived, CPU seconds of the process until then, and its resident peak in MB.
    `begin` starts it, and is given the port; each answer comes after `delay` milliseconds."""
    with Receiver(directory, framing, expected, numbers, delay) as receiver:
        began = time.monotonic()
        with begin(receiver.port) as process:
            ended = receiver.complete(within, who)
            cpu = cpu_seconds(process.pid)
            peak = memory(process.pid, "VmHWM")
        receiver.end(who)
    return ended - began, cpu, peak
