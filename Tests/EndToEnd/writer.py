"""Writes numbered lines to a log file, as a program that is rotated does.

Usage: writer.py PATH LINES LINES_PER_SECOND [LINE:STEP] ...
LINES is how many, from 0, or FIRST..END. Before the line with that number is followed by the next one, a step is taken:
  rename        renamed away (PATH.1, PATH.2, … each a new name) and made anew
  shift         as logrotate does: PATH.2 to PATH.3, PATH.1 to PATH.2, PATH to PATH.1, and made anew
  move          as shift, but the writer goes on in the file that was renamed
  reopen        the new file after a move
  copytruncate  copied to PATH.copy and truncated
  shiftcopy     as logrotate's copytruncate: shift, copied to PATH.1, truncated
  delete        removed and made anew
A rotation is the writer's own, so that nothing is written between the copy and the truncation.
LINES_PER_SECOND 0 is as fast as it goes.
"""

import os
import shutil
import sys
import time

path, per_second = sys.argv[1], int(sys.argv[3])
first, end = (int(part) for part in sys.argv[2].split("..")) if ".." in sys.argv[2] else (0, int(sys.argv[2]))
plan = {int(step.split(":")[0]): step.split(":")[1] for step in sys.argv[4:]}
pad = "x" * 120
rotations = 0


def reopen():
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def shift():
    last = 1
    while os.path.exists(f"{path}.{last}"):
        last += 1
    for number in range(last, 1, -1):
        os.rename(f"{path}.{number - 1}", f"{path}.{number}")


def take(step):
    """Returns true when the writer must open its file anew."""
    global rotations
    if step == "rename":
        rotations += 1
        os.rename(path, f"{path}.{rotations}")
    elif step in ("shift", "move"):
        shift()
        os.rename(path, f"{path}.1")
    elif step in ("copytruncate", "shiftcopy"):
        if step == "shiftcopy":
            shift()
        shutil.copyfile(path, f"{path}.copy" if step == "copytruncate" else f"{path}.1")
        os.ftruncate(out, 0)
    elif step == "delete":
        os.remove(path)
    return step in ("rename", "shift", "reopen", "delete")


out = reopen()
start = time.monotonic()
block = []
for number in range(first, end):
    block.append(f"seq={number} a line of the log with some text {pad}\n")
    step = plan.get(number)
    if len(block) == 100 or step or number == end - 1:
        os.write(out, "".join(block).encode())
        block = []
        if per_second:
            ahead = (number - first) / per_second - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
    if step and take(step):
        os.close(out)
        out = reopen()
os.close(out)
