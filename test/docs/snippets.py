#!/usr/bin/env python3
"""Runs or compiles what stands between fences in a page of Markdown.

  snippets.py --source S --build B PAGE

  sh       runs, one block after the other in one folder, which has the checkout's files and MODEL, a small
           checkpoint; the tools and the emulator's driver are found
  console  lines that begin with `$ ` run likewise, and print the lines below; `...` stands for any text,
           on a line of its own for any lines
  c, cpp   compiles, alone
  cmake    configures, as the CMakeLists.txt of a project that finds vitc
  mlir     parses and verifies
  tablegen parses as records of the dialect
  json     parses
  python   parses; test/python runs it, with the package
  text     is not a snippet: pictures, output that varies, free text

A comment `<!-- snippet: in FILE -->` before the fence puts the snippet where FILE.in of test/docs/Inputs
has @SNIPPET@; `<!-- snippet: of FILE -->` says that it stands so in FILE of the tree; `<!-- snippet: not run, REASON -->` leaves the tools' flags alone to be checked, against their
help. A fence without one of these languages fails, but in pages that are generated.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^( *)```(.*)$")
DIRECTIVE = re.compile(r"^ *<!-- snippet: (in|of|not run,) (.+) -->$")
INPUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs")


class Snippet:
    def __init__(self, line, language, directive):
        self.line, self.language, self.lines = line, language, []
        self.wrapper = directive[2] if directive and directive[1] == "in" else None
        self.origin = directive[2] if directive and directive[1] == "of" else None
        self.reason = directive[2] if directive and directive[1] == "not run," else None

    def text(self):
        text = "".join(line + "\n" for line in self.lines)
        if not self.wrapper:
            return text
        with open(os.path.join(INPUTS, self.wrapper + ".in")) as file:
            return file.read().replace("@SNIPPET@", text)


def snippets(text):
    """All fenced blocks of a page, in order."""
    found, current, indent, directive = [], None, 0, None
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if current and fence and not fence[2]:
            found.append(current)
            current = None
        elif current:
            current.lines.append(line[indent:] if line[:indent].isspace() else line)
        elif fence:
            current, indent = Snippet(number, fence[2].strip(), directive), len(fence[1])
        if line.strip():
            directive = DIRECTIVE.match(line)
    if current:
        raise SystemExit(f"line {current.line}: expected an end of the fence, found none")
    return found


def matches(expected, found):
    """Whether the lines are those expected, where `...` is any text and alone on a line any lines."""
    pattern = "\n".join(".*" if line.strip() == "..." else
                        "[^\n]*".join(map(re.escape, line.rstrip().split("..."))) for line in expected)
    # Lines that are any lines may be none.
    pattern = re.sub(r"(^|\n)\.\*(?=\n|$)", r"(?:\1.*)?", pattern)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in found), re.S) is not None


class Page:
    def __init__(self, arguments, folder):
        self.source, self.build, self.folder = arguments.source, arguments.build, folder
        self.compilers = {"c": arguments.cc, "cpp": arguments.cxx}
        self.mlir_tblgen = arguments.tablegen
        self.includes = [os.path.join(self.source, name) for name in
                         ("", "frontend/include", "runtime/include")]
        for name in os.listdir(self.source):
            if name not in (".git", "build"):
                os.symlink(os.path.join(self.source, name), os.path.join(folder, name))
        os.symlink(os.path.join(self.source, "test", "golden", "models", "hf-vit"),
                   os.path.join(folder, "MODEL"))
        self.environment = {
            **os.environ, "PATH": os.path.join(self.build, "bin") + os.pathsep + os.environ["PATH"],
            "LD_LIBRARY_PATH": os.path.join(self.build, "lib", "emulator")}

    def call(self, *command, text=None):
        """(exit status, output with errors) of a command in the page's folder."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        return done.returncode, done.stdout

    def check(self, command, text=None):
        status, output = self.call(*command, text=text)
        return output if status else ""

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    # One function for each language: the snippet's problem, or "" ------------------------------

    def sh(self, snippet):
        return self.check(["bash", "-euo", "pipefail", "-c", snippet.text()])

    def console(self, snippet):
        commands = []  # (command, expected lines)
        for line in snippet.lines:
            if line.startswith("$ "):
                commands.append([line[2:], []])
            elif commands and not commands[-1][1] and commands[-1][0].endswith("\\"):
                commands[-1][0] += "\n" + line
            elif commands:
                commands[-1][1].append(line)
            elif line.strip():
                return f"expected a command after '$ ', found '{line}'"
        if not commands:
            return "expected a command after '$ ', found none"
        for command, expected in commands:
            while expected and not expected[-1].strip():
                expected.pop()
            status, output = self.call("bash", "-uo", "pipefail", "-c", command)
            if not matches(expected, output.rstrip("\n").split("\n")):
                return f"$ {command}\nexit {status}, and its output is not that of the page:\n{output}"
        return ""

    def c(self, snippet):
        return self.compile(snippet, [self.compilers["c"], "-std=c11", "-x", "c"])

    def cpp(self, snippet):
        return self.compile(snippet, [self.compilers["cpp"], "-std=c++20", "-x", "c++"])

    def compile(self, snippet, compiler):
        flags = ["-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only", "-"]
        for folder in [self.folder, *self.includes]:
            flags += ["-I", folder]
        if snippet.wrapper:  # code of the compiler itself
            for folder in (self.build, self.llvm_include()):
                flags += ["-isystem", folder]
        return self.check([*compiler, *flags], snippet.text())

    def llvm_include(self):
        return self.call("llvm-config-22", "--includedir")[1].strip()

    def cmake(self, snippet):
        prefix = os.path.join(self.folder, "prefix")
        if not os.path.exists(prefix):
            problem = self.check(["cmake", "--install", self.build, "--prefix", prefix])
            if problem:
                return problem
        project = "cmake_minimum_required(VERSION 3.25)\nproject(page LANGUAGES C CXX)\n"
        self.write("page/CMakeLists.txt", project + snippet.text())
        self.write("page/app.c", "int main(void) { return 0; }\n")
        if not os.path.exists(os.path.join(self.folder, "page", "model")):
            os.symlink(os.path.join(self.folder, "MODEL"), os.path.join(self.folder, "page", "model"))
        self.write("page/app.cpp", "int main() { return 0; }\n")
        shutil.rmtree(os.path.join(self.folder, "page-build"), ignore_errors=True)
        return self.check(["cmake", "-S", "page", "-B", "page-build", f"-DCMAKE_PREFIX_PATH={prefix}"])

    def mlir(self, snippet):
        return self.check(["vitc-opt", "-", "-o", os.devnull], snippet.text())

    def tablegen(self, snippet):
        text = 'include "dialect/VitOps.td"\n' + snippet.text()
        return self.check([self.mlir_tblgen, "-gen-op-decls", "-I", self.source, "-I",
                           os.path.join(self.source, "dialect"), "-I", self.llvm_include(),
                           self.write("page.td", text), "-o", os.devnull])

    def json(self, snippet):
        try:
            json.loads(snippet.text())
        except ValueError as error:
            return str(error)
        return ""

    def python(self, snippet):
        try:
            compile(snippet.text(), "snippet", "exec")
        except SyntaxError as error:
            return str(error)
        return ""

    def text(self, snippet):
        return ""

    def excerpt(self, snippet):
        with open(os.path.join(self.source, snippet.origin)) as file:
            found = [line.strip() for line in file]
        wanted = [line.strip() for line in snippet.lines]
        for i in range(len(found)):
            if found[i:i + len(wanted)] == wanted:
                return ""
        return f"expected these lines in {snippet.origin}, found others"

    def flags(self, snippet):
        """For commands that are not run: their flags, and the shell's grammar."""
        text = snippet.text()
        if snippet.language not in ("sh", "console"):
            return f"expected sh or console where a snippet is not run, found {snippet.language}"
        text = re.sub(r"^\$ ", "", text, flags=re.M)
        for command in re.sub(r"\\\n", " ", text).split("\n"):
            words = re.sub(r"(^|\s)#.*", "", command).split()
            tool = next((i for i, word in enumerate(words) if word in ("vitc", "vit-run")), None)
            if tool is None:
                continue
            verb = words[tool + 1:tool + 2] if words[tool] == "vitc" else []
            known = self.call(words[tool], *verb, "--help")[1]
            for flag in (word.split("=")[0] for word in words[tool + 1:] if word.startswith("--")):
                if not re.search(re.escape(flag) + r"\b", known):
                    return f"{flag} is not in the help of {' '.join([words[tool], *verb])}"
        return self.check(["bash", "-n"], text)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--source", "--build", "--cc", "--cxx", "--tablegen"):
        parser.add_argument(name, required=True)
    parser.add_argument("page", help="path in the source tree")
    arguments = parser.parse_args()
    with open(os.path.join(arguments.source, arguments.page)) as file:
        text = file.read()
    generated = text.startswith("<!-- Autogenerated")
    problems = count = 0
    with tempfile.TemporaryDirectory() as folder:
        page = Page(arguments, folder)
        for snippet in snippets(text):
            count += 1
            if generated and snippet.language in ("", "mlir"):
                continue  # grammar; examples, which test/dialect/examples.test parses
            if snippet.language not in ("sh", "console", "c", "cpp", "cmake", "mlir", "tablegen",
                                        "json", "python", "text"):
                problem = f"expected a language behind the fence, found '{snippet.language}'; see snippets.py"
            elif snippet.origin:
                problem = page.excerpt(snippet)
            elif snippet.reason:
                problem = page.flags(snippet)
            else:
                problem = getattr(page, snippet.language)(snippet)
            print(f"{arguments.page}:{snippet.line}: {snippet.language}"
                  + (f", not run: {snippet.reason}" if snippet.reason else ""))
            if problem:
                problems += 1
                print(problem)
    print(f"{count} blocks, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
