#!/usr/bin/env python3
"""The longer suite: real models through `wasinn run`, what each did, and how far the runtimes agree.

    python3 tests/models/run.py [--table FILE] [NAME...]

NAME is one of test_NAME.py here; without one, all. --table writes the table of differences, times and memory, in
Markdown. `make test-models` builds and fetches what this needs, and runs all.
"""

import argparse
import os
import pathlib
import platform
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


class Progress(unittest.TextTestResult):
    """One line when a test begins, those that it prints itself, and how it ended."""

    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        self.began = time.monotonic()
        names = type(test).__name__, test._testMethodName.removeprefix("test_").replace("_", " ")
        print(f"{names[0]}: {names[1]}", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        print(f"    {time.monotonic() - self.began:.1f} s", flush=True)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        print(f"    skipped: {reason}", flush=True)

    def addSubTest(self, test, subtest, err):
        unittest.TestResult.addSubTest(self, test, subtest, err)
        if err:
            print(f"    FAILED {subtest._subDescription()}", flush=True)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        print("    FAILED", flush=True)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        print("    FAILED", flush=True)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    bf16 = [flag for flag in flags if flag in ("avx512_bf16", "amx_bf16", "bf16")]
    return f"{name}, {os.cpu_count()} cores, {'with ' + ' '.join(bf16) if bf16 else 'without bf16'}"


def main():
    names = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
    parser = argparse.ArgumentParser(description="Real models through `wasinn run`.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--table", metavar="FILE", help="write the table to this file")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in names:
            parser.error(f"there is no '{name}'; there are {', '.join(names)}")

    import suite

    if suite.NO_NUMPY:
        print(f"skipped: {suite.NO_NUMPY}\nmodels: 0 passed, 0 failed, 1 skipped")
        return 0
    loader, tests = unittest.TestLoader(), unittest.TestSuite()
    for name in arguments.names or names:
        tests.addTests(loader.loadTestsFromName(f"test_{name}"))
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Progress, verbosity=0)
    result = runner.run(tests)
    table = f"{processor()}\n\n{suite.table()}\n"
    print(f"\n{table}", flush=True)
    if arguments.table:
        pathlib.Path(arguments.table).write_text(table, encoding="utf-8")
    bad = len({test.id().split(" ")[0] for test, _ in [*result.failures, *result.errors]})
    print(f"models: {result.testsRun - bad} passed, {bad} failed, {len(result.skipped)} skipped", flush=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
