"""Runs the end-to-end tests with the built program. Usage: run.py [--binary PATH] [NAME …]

What this machine cannot do is skipped by name and listed; with CI set in the environment, a skipped test is a failure.
"""

import argparse
import os
import sys
import time
import unittest
from pathlib import Path


class Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.stream.writeln(f"  {time.monotonic() - self.began:.1f} s")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("names", nargs="*", help="test modules, classes or methods; all when none is given")
    options = arguments.parse_args()
    os.environ["VITALS_BINARY"] = str(Path(options.binary).resolve())
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(options.names) if options.names else loader.discover(here, "test_*.py")
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result, stream=sys.stdout).run(suite)

    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id()}: {reason}")
    for test, trace in [*result.failures, *result.errors]:
        # Once more at the end: of what CI printed the last lines are kept.
        print(f"FAILED {test.id()}: {trace.strip().splitlines()[-1]}")
    if os.environ.get("CI") and result.skipped:
        print("In CI nothing may be skipped.")
        failed += len(result.skipped)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or result.testsRun == 0 else 0


sys.exit(main())
