"""Writes numbered lines to a log file, as a program that is rotated does.

Usage: writer.py PATH LINES LINES_PER_SECOND [LINE:rename | LINE:copytruncate] ...
At the line with that number the file is renamed away (PATH.1, PATH.2, … each a new name) and made anew, or copied to
PATH.copy and truncated. The rotation is the writer's own, so that nothing is written between the copy and the truncation.
LINES_PER_SECOND 0 is as fast as it goes.
"""

import os
import shutil
import sys
import time

path, lines, per_second = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
plan = {int(step.split(":")[0]): step.split(":")[1] for step in sys.argv[4:]}
pad = "x" * 120
rotations = 0


def reopen():
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


out = reopen()
start = time.monotonic()
block = []
for number in range(lines):
    block.append(f"seq={number} a line of the log with some text {pad}\n")
    rotation = plan.get(number)
    if len(block) == 100 or rotation or number == lines - 1:
        os.write(out, "".join(block).encode())
        block = []
        if per_second:
            ahead = number / per_second - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
    if rotation == "rename":
        rotations += 1
        os.rename(path, f"{path}.{rotations}")
        os.close(out)
        out = reopen()
    elif rotation == "copytruncate":
        shutil.copyfile(path, f"{path}.copy")
        os.ftruncate(out, 0)
os.close(out)
