"""Parses the examples of the dialect: every ```mlir block of its .td files.

Usage: examples.py DIALECT_FOLDER

Functions are modules; kernels stand in the module, for all examples to launch; attributes are attributes of a module; every other
example is the body of a function whose arguments are the values that it reads. Their types are those that
vitc-opt asks for.
"""

import glob
import os
import re
import subprocess
import sys

# The records of a class of attributes, by their prefix.
TEMPLATED = re.compile(r'Vit_VectorSchedule<"\w+", "(\w+)"')
BLOCK = re.compile(r"^ *```mlir\n(.*?)^ *```$", re.M | re.S)
UNTYPED = "none"
WANTED = re.compile(r"use of value '(%\w+)' expects different type than prior uses: '(.+)' vs 'none'")


def check(text):
    done = subprocess.run(["vitc-opt", "-"], input=text, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def function(body, types):
    arguments = ", ".join(f"{name}: {type}" for name, type in types.items())
    return f"func.func @example({arguments}) {{\n{body}  return\n}}\n"


def problem_of(example, kernels):
    """What vitc-opt says of an example, or ""."""
    if example in kernels:
        return check("\n".join(kernels))
    if example.lstrip().startswith("func.func"):
        return check(example)
    if example.lstrip().startswith("#"):
        attributes = re.split(r"\n\s*(?=#)", example.strip())
        return "".join(check(f"module attributes {{vit.example = {a}}} {{}}\n") for a in attributes)
    defined = set(re.findall(r"^\s*(%\w+)\s*=", example, re.M))
    types = {name: UNTYPED for name in re.findall(r"%\w+", example) if name not in defined}
    while True:
        problem = check("\n".join(kernels) + function(example, types))
        wanted = WANTED.search(problem)
        if not wanted or types.get(wanted[1]) != UNTYPED:
            return problem
        types[wanted[1]] = wanted[2]


def main():
    examples = []
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.td"))):
        text = open(path).read()
        for block in BLOCK.finditer(text):
            place = f"{path}:{text.count(chr(10), 0, block.start()) + 1}"
            # That of a class is an example of each record made of it.
            names = TEMPLATED.findall(text) if "}] # prefix # [{" in block[1] else [""]
            for name in names:
                examples.append((place, block[1].replace("}] # prefix # [{", name)))
    kernels = [example for _, example in examples if example.lstrip().startswith("vit.kernel")]
    problems = 0
    for place, example in examples:
        problem = problem_of(example, kernels)
        if problem:
            problems += 1
            print(f"{place}: {example}{problem}")
    if len(examples) < 20:
        sys.exit(f"expected at least 20 examples in {sys.argv[1]}, found {len(examples)}")
    print(f"{len(examples)} examples, {problems} problems")
    return 1 if problems else 0


sys.exit(main())
