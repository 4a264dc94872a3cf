"""Measures the agent beside its peers, in one run: Debian's prometheus-node-exporter and rsyslog.

Prints one JSON line for each figure, then a table with ratios, the load of the machine and the goals. Times are not
asserted: they are printed, people judge. CPU time is the process's own clock (user and system), read from outside.

Usage: bench.py [--binary PATH] [--lines N] [--seconds N] [case …]
cases: size start scrape defaults busy scale tree drain roundtrip live journal idle cloudwatch
busy and scale need root: they make interfaces, mounts and processes in namespaces of their own.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from cloudwatch import cloudwatch
from common import table
from journal import journal
from logs import drain, idle, live, roundtrip
from scrapes import busy, defaults, scale, scrape, size, start, tree

CASES = [size, start, scrape, defaults, busy, scale, tree, drain, roundtrip, live, journal, idle, cloudwatch]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("--lines", type=int, help="of drain (2 000 000) and journal (500 000)")
    arguments.add_argument("--seconds", type=int, default=60, help="of live")
    arguments.add_argument("--inside", help=argparse.SUPPRESS)
    arguments.add_argument("cases", nargs="*", default=[])
    options = arguments.parse_args()
    options.binary = Path(options.binary).resolve()
    cases = {case.__name__: case for case in CASES}
    for name in [options.inside] if options.inside else options.cases or cases:
        directory = Path(tempfile.mkdtemp(prefix=f"vitals-bench-{name}-"))
        try:
            cases[name](options, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    if not options.inside:
        table()


main()
