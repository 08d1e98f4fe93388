#!/usr/bin/env python3
"""What the tree looks like in numbers, for the working tree or for a commit.

  structure.py [COMMIT]

Prints the files outside dialect/ that name an op of a model, the largest file and the largest function of
C++, and the lines of code of each folder, without blank lines and comments. Naming an op is its class
(LinearOp), its place in the graph's enum (Op::Linear) or its name in text ("vit.linear"); kernel, launch,
yield, weight and prepared, of which all IR is made, do not count.
"""
import collections
import re
import subprocess
import sys

STRUCTURE = {"KernelOp", "LaunchOp", "YieldOp", "WeightOp", "PreparedOp"}
CODE = (".cpp", ".h", ".hpp", ".c", ".td", ".py", ".js")
CPP = (".cpp", ".h", ".hpp", ".c")
CONTROL = re.compile(r"^\s*(?:\}\s*)?(?:if|for|while|switch|else|do|catch|try|namespace|struct|class|enum|"
                     r"union|extern|return|case|default)\b")


def git(*command):
    return subprocess.run(["git", *command], check=True, capture_output=True, text=True,
                          errors="replace").stdout


def read(commit, path):
    if commit:
        return git("show", f"{commit}:{path}")
    with open(path, errors="replace") as file:
        return file.read()


def without_comments(text, path):
    """Comments are blank, strings empty, so that lines keep their numbers and braces count."""
    def blank(match):
        return match[0] if match[0][0] not in "/\"'#" else re.sub(r"[^\n]", "", match[0]) + (
            '""' if match[0][0] in "\"'" else "")
    if path.endswith(".py"):
        return re.sub(r'"""(?:.|\n)*?"""|#[^\n]*', lambda m: re.sub(r"[^\n]", "", m[0]), text)
    return re.sub(r'//[^\n]*|/\*(?:.|\n)*?\*/|R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                  r"(?<![\w])'(?:\\.|[^'\\\n])'",
                  lambda m: blank(m) if m[0][0] != "R" else re.sub(r"[^\n]", "", m[0]) + '""', text)


def functions(text):
    """(lines, first line) of every function with a body, lambdas and local functions within theirs."""
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: "\n" * m[0].count("\n"), text, flags=re.M)
    stack, inside, line, start = [], 0, 1, 0
    for at, c in enumerate(text):
        if c == "\n":
            line += 1
        elif c in ";":
            start = at + 1
        elif c == "{":
            header = text[start:at].strip()
            header = re.sub(r"^(?:\s*(?:public|private|protected):)+", "", header).strip()
            function = not inside and "(" in header and ")" in header and not CONTROL.match(
                re.sub(r"^template\s*<[^{;]*?>\s*(?=struct|class)", "", header)) and "=" not in \
                header.split("(")[0].replace("operator==", "").replace("operator=", "")
            stack.append((function, line - header.count("\n")))
            inside += function
            start = at + 1
        elif c == "}" and stack:
            function, first = stack.pop()
            inside -= function
            if function:
                yield line - first + 1, first
            start = at + 1


def main():
    commit = sys.argv[1] if len(sys.argv) > 1 else None
    paths = (git("ls-tree", "-r", "--name-only", commit) if commit else git("ls-files")).split("\n")
    files = {path: read(commit, path) for path in paths if path.endswith(CODE)}
    ops = set(re.findall(r"^def Vit_(\w+Op)\b", "".join(
        text for path, text in files.items() if path.startswith("dialect/") and path.endswith(".td")),
        re.M)) - STRUCTURE
    words = [re.sub(r"(?<!^)(?=[A-Z])", "_", op[:-2]).lower() for op in ops]
    named = re.compile("|".join([rf"(?:(?<!::)|(?<=vit::))\b(?:{'|'.join(sorted(ops))})\b",
                                 rf"\bOp::(?:{'|'.join(sorted(op[:-2] for op in ops))})\b",
                                 rf"\bvit\.(?:{'|'.join(sorted(words))})\b"]))
    naming, code, largest, longest = [], collections.Counter(), (0, ""), (0, "")
    for path, text in files.items():
        folder = "/".join(path.split("/")[:2 if path.startswith(("test/", "codegen/", "passes/")) else 1][
            :max(1, path.count("/"))])
        bare = without_comments(text, path)
        code[folder] += sum(bool(line.strip()) for line in bare.split("\n"))
        # Names in text count, names in comments do not.
        spoken = re.sub(r"//[^\n]*|/\*(?:.|\n)*?\*/", "", text)
        if path.endswith(CPP) and not path.startswith(("dialect/", "test/", "docs/", "examples/")):
            if named.search(spoken):
                naming.append((path, len(set(named.findall(spoken)))))
            largest = max(largest, (text.count("\n"), path))
            longest = max([longest, *((n, f"{path}:{line}") for n, line in functions(bare))])
    print(f"{len(naming)} files outside dialect/ name an op of a model:")
    for path, count in sorted(naming, key=lambda entry: (-entry[1], entry[0])):
        print(f"  {count:3} {path}")
    print(f"largest file: {largest[1]}, {largest[0]} lines")
    print(f"largest function: {longest[1]}, {longest[0]} lines")
    print(f"lines of code: {sum(code.values())}")
    for folder, count in sorted(code.items()):
        print(f"  {count:6} {folder}")


if __name__ == "__main__":
    main()
