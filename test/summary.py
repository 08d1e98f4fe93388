#!/usr/bin/env python3
"""Counts single tests in the logs of `ctest -V`.

ctest knows suites: a lit folder, a Catch2 executable, a script. This adds up what each ran, so that
a skipped lit test or a Catch2 test case counts by itself.

  summary.py --name NAME LOG          prints "NAME: passed failed skipped"; exit 1 if any failed
  summary.py --name NAME --junit XML  the same of what pytest wrote with --junitxml
  summary.py --failures LOG           prints the output of the suites that failed
  summary.py --total SUMMARY          prints the table and the closing line; exit 1 if any failed
"""
import argparse
import re
import sys
import xml.etree.ElementTree

OUTCOME = re.compile(r"^ *\d+/\d+ Test +#(\d+): (\S+) \.* *(Passed|\*\*\*\S+|\*\*\*Not Run.*)")
LIT = {
    "passed": r"^ *(?:Passed|Expectedly Failed) *: *(\d+)",
    "failed": r"^ *(?:Failed|Unexpectedly Passed|Timed Out|Unresolved) *: *(\d+)",
    "skipped": r"^ *(?:Unsupported|Skipped|Excluded) *: *(\d+)",
}
CATCH_PASSED = re.compile(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)")
CATCH_COUNTS = re.compile(r"^test cases: +(\d+)(?: \| +(\d+) passed)?(?: \| +(\d+) failed)?")


def read(path):
    """Output lines and outcome of every suite: {number: (name, outcome, lines)}."""
    suites, lines = {}, {}
    for line in open(path, encoding="utf-8", errors="replace"):
        line = line.rstrip("\n")
        prefix = re.match(r"^(\d+): ?(.*)$", line)
        if prefix:
            lines.setdefault(prefix[1], []).append(prefix[2])
            continue
        outcome = OUTCOME.match(line)
        if outcome:
            suites[outcome[1]] = (outcome[2], outcome[3] == "Passed")
    return {n: (name, ok, lines.get(n, [])) for n, (name, ok) in suites.items()}


def count(name, ok, lines):
    """(passed, failed, skipped) of one suite."""
    passed = failed = skipped = 0
    for line in lines:
        for what, pattern in LIT.items():
            match = re.match(pattern, line)
            if match and name.startswith("lit."):
                n = int(match[1])
                passed += n * (what == "passed")
                failed += n * (what == "failed")
                skipped += n * (what == "skipped")
        match = CATCH_PASSED.search(line)
        if match:
            passed += int(match[1])
        match = CATCH_COUNTS.match(line)
        if match:
            passed += int(match[2] or 0)
            failed += int(match[3] or 0)
    if passed + failed + skipped == 0:
        passed = 1 if ok else 0
    if not ok and failed == 0:
        failed = 1
    return passed, failed, skipped


def count_junit(path):
    """(passed, failed, skipped) of a file of pytest's; a failure where it is not there or has no tests."""
    passed = failed = skipped = 0
    try:
        suites = list(xml.etree.ElementTree.parse(path).getroot().iter("testsuite"))
    except (OSError, xml.etree.ElementTree.ParseError):
        suites = []
    for suite in suites:
        bad, left_out = (sum(int(suite.get(key, 0)) for key in keys)
                         for keys in (("failures", "errors"), ("skipped",)))
        passed += int(suite.get("tests", 0)) - bad - left_out
        failed += bad
        skipped += left_out
    return (passed, failed, skipped) if passed + failed + skipped else (0, 1, 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    parser.add_argument("--failures", action="store_true")
    parser.add_argument("--total", action="store_true")
    parser.add_argument("--junit", action="store_true")
    parser.add_argument("--build-failures", type=int, default=0)
    parser.add_argument("file")
    arguments = parser.parse_args()
    if arguments.total:
        total = [0, arguments.build_failures, 0]
        for line in open(arguments.file, encoding="utf-8"):
            name, numbers = line.rsplit(":", 1)
            row = [int(n) for n in numbers.split()]
            print(f"{name:8} {row[0]} passed, {row[1]} failed, {row[2]} skipped")
            total = [a + b for a, b in zip(total, row)]
        print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
        return 1 if total[1] or total[2] or not total[0] else 0
    if arguments.junit:
        row = count_junit(arguments.file)
        print(f"{arguments.name}: {row[0]} {row[1]} {row[2]}")
        return 1 if row[1] else 0
    suites = read(arguments.file)
    if arguments.failures:
        for name, ok, lines in suites.values():
            if not ok:
                print(f"---- {name}")
                print("\n".join(lines[-120:]))
        return 0
    rows = [count(*suite) for suite in suites.values()]
    total = [sum(column) for column in zip(*rows)] if rows else [0, 1, 0]
    print(f"{arguments.name}: {total[0]} {total[1]} {total[2]}")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
