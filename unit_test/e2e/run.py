#!/usr/bin/python3
"""Runs end-to-end test modules against a real broker.

run.py [--broker warren|rabbitmq] [--build DIR] [--long] [-k PATTERN] [MODULE...]     (a MODULE is a test_*.py of this folder)

Debian's interpreter on purpose: python3-pika is installed for it. Exit 0: every test passed or was skipped by name.
"""
import argparse
import faulthandler
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness.options import options  # noqa: E402


SLOW_S = 1.0  # tests that take longer are listed at the end


class TimedResult(unittest.TextTestResult):
    """Also says which tests took long, with the setUp of their class when it is theirs to wait for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.taken, self.since = [], time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.taken.append((time.monotonic() - self.since, test.id()))
        self.since = time.monotonic()

    def slowest(self):
        return "\n".join(f"  {taken:5.1f} s {name}" for taken, name in sorted(self.taken, reverse=True) if taken > SLOW_S)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=["warren", "rabbitmq"], default="warren")
    parser.add_argument("--build", default=options.build)
    parser.add_argument("--memory-scale", type=float, default=1.0, help="factor on memory bounds, for sanitizer builds")
    parser.add_argument("--long", action="store_true", help="more rounds and longer faults, where a test offers them")
    parser.add_argument("-k", action="append", dest="patterns", metavar="PATTERN")
    parser.add_argument("modules", nargs="*")
    chosen = parser.parse_args()
    options.broker, options.build = chosen.broker, os.path.abspath(chosen.build)
    options.memory_scale, options.long = chosen.memory_scale, chosen.long
    faulthandler.enable()
    modules = chosen.modules or sorted(name[:-3] for name in os.listdir(here) if name.startswith("test_"))
    loader = unittest.TestLoader()
    if chosen.patterns:
        loader.testNamePatterns = [p if "*" in p else f"*{p}*" for p in chosen.patterns]
    suite = unittest.TestSuite(loader.loadTestsFromName(module.removesuffix(".py")) for module in modules)
    if suite.countTestCases() == 0:
        print("run.py: no test matches", file=sys.stderr)
        return 2
    result = unittest.TextTestRunner(verbosity=2, resultclass=TimedResult).run(suite)
    print(result.slowest(), flush=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
