"""Appends a file to a log in pieces that end anywhere, as a program does that writes through a pipe.

Usage: piece_writer.py CONTENT LOG SEED PIECES_PER_SECOND
"""

import os
import random
import sys
import time

content = open(sys.argv[1], "rb").read()
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
chance = random.Random(int(sys.argv[3]))
start = time.monotonic()
done = pieces = 0
while done < len(content):
    size = chance.choice([1, 7, 60, 400])
    os.write(out, content[done:done + size])
    done += size
    pieces += 1
    time.sleep(max(0, pieces / float(sys.argv[4]) - (time.monotonic() - start)))
