"""Compares the constraint labels of the dialect, "(C1)" in a description, with its tests.

Usage: labels.py DIALECT_FOLDER TEST_FOLDER

- Every op has a test <op>.mlir.
- Constraint (Cn) of <op> has a section named @<op>_c<n> (or @<op>_c<n>_<variant> beside it) in
  <op>-invalid.mlir, and no section names a constraint that is not there.
- Every section expects an error, and the tests are strict: without the expected-error lines
  vitc-opt reports each of these errors as unexpected.
"""

import glob
import os
import re
import subprocess
import sys

RUN = "// RUN: vitc-opt %s -split-input-file -verify-diagnostics\n"
EXPECTED = re.compile(r"expected-error\s*(@\S+)?\s*\{\{")
problems = []


def definitions(folder):
    """(mnemonic, labels, is an op) for every op and attribute."""
    for path in glob.glob(os.path.join(folder, "*.td")):
        text = open(path).read()
        for block in re.split(r"^(?=def |class )", text, flags=re.M):
            head = re.match(r'def \w+ ?: (Vit_\w+)<(?:"[A-Z]\w*", )?"(\w+)"', block)
            if head and re.search(r"Op$|Attr$", head[1]):
                yield head[2], re.findall(r"\((C\d+)\)", block), head[1].endswith("Op")


def check_labels(tests, mnemonic, labels):
    path = os.path.join(tests, mnemonic + "-invalid.mlir")
    if not os.path.exists(path):
        if labels:
            problems.append(f"{mnemonic}: has {', '.join(labels)}, but there is no {path}")
        return
    text = open(path).read()
    if not text.startswith(RUN):
        problems.append(f"{path}: expected the first line {RUN.strip()}")
    named = set()
    for number, section in enumerate(text.split("// -----"), 1):
        if not EXPECTED.search(section):
            problems.append(f"{path}: section {number} expects no error")
        named |= set(re.findall(rf"[@#]{mnemonic}_(c\d+)\b", section))
        for label in re.findall(rf"[@#]{mnemonic}_(c\d+)", section):
            if label.upper() not in labels:
                problems.append(f"{path}: section {number} is named {label}, which is no label")
    for label in labels:
        if label.lower() not in named:
            problems.append(f"{path}: no section is named {mnemonic}_{label.lower()}")


def target(line, index):
    """The line, from 1, that the directive in lines[index] speaks of."""
    at = re.search(r"@(above|below|[+-]\d+)", line)
    if not at:
        return index + 1
    return index + 1 + {"above": -1, "below": 1}.get(at[1], int(at[1]) if at[1][0] in "+-" else 0)


def check_strict(path):
    lines = open(path).read().split("\n")
    wanted = []
    for index, line in enumerate(lines):
        if not EXPECTED.search(line):
            continue
        where = target(line, index)
        if "@below" in line:  # below all directives that stand together
            while EXPECTED.search(lines[where - 1]):
                where += 1
        wanted.append(where)
    blank = "\n".join("" if EXPECTED.search(line) else line for line in lines)
    result = subprocess.run(
        ["vitc-opt", "-", "-split-input-file", "-verify-diagnostics"],
        input=blank, capture_output=True, text=True)
    unexpected = re.findall(r":(\d+):\d+: error: unexpected error", result.stderr)
    found = sorted(int(line) for line in unexpected)
    if result.returncode == 0 or found != sorted(wanted):
        problems.append(f"{path}: without its expected-error lines, errors at {sorted(wanted)} "
                        f"should be unexpected, but they are at {found}")


def main():
    dialect, tests = sys.argv[1:]
    count = constraints = 0
    for mnemonic, labels, is_op in definitions(dialect):
        count += 1
        constraints += len(labels)
        if is_op and not os.path.exists(os.path.join(tests, mnemonic + ".mlir")):
            problems.append(f"{mnemonic}: no test {mnemonic}.mlir")
        check_labels(tests, mnemonic, labels)
    if count < 20:
        problems.append(f"found only {count} ops and attributes in {dialect}")
    for path in sorted(glob.glob(os.path.join(tests, "*-invalid.mlir"))):
        check_strict(path)
    for problem in problems:
        print(problem)
    print(f"{count} ops and attributes, {constraints} constraints, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
