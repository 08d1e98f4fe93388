#!/usr/bin/env python3
"""What a program includes compiles alone in every standard it may be written in, and the example in N.h survives.

Usage: headers.py SOURCE VITC RUNTIME EMULATOR CC CXX SANITIZED [unittest arguments...]

With gcc, g++ and whatever of clang there is: the C headers from C99 and C++11 on, vit.hpp from C++17, the DSL from
C++20. The example is taken from the comment of a header that vitc wrote, and fails at each of its calls, under
valgrind (or with the sanitizers that the compilers bring).
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, VITC, RUNTIME, EMULATOR, CC, CXX, SANITIZED = sys.argv[1:8]
MODEL = os.path.join(SOURCE, "test", "golden", "models", "hf-vit")
INCLUDE = os.path.join(SOURCE, "runtime", "include")
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", INCLUDE]
C, CPP = ("c99", "c11", "c17"), ("c++11", "c++14", "c++17", "c++20", "c++2b")
PLAIN = ["-fno-exceptions", "-fno-rtti"]

# The stack is not zero where an example begins.
PROGRAM = """#include <stdio.h>
#include <string.h>
#include "mm.h"
static float pixel_values[2 * mm_pixel_values_size], logits[2 * mm_logits_size];
static void __attribute__((noinline)) dirty(void) {
  volatile char junk[4096];
  memset((void *)junk, 0x5a, sizeof junk);
}
static void __attribute__((noinline)) example(int batch) {
%s}
int main(int count, char **arguments) {
  (void)arguments;
  dirty();
  example(count > 1 ? 1000 : 2);
  return 0;
}
"""


def compilers(names):
    found = [shutil.which(name) for name in names]
    return [path for path in found if path]


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vitc-headers-")
        subprocess.run([VITC, "build", MODEL, "--target", "cuda", "-o", cls.folder, "--name", "mm", "--max-batch", "2",
                        "--ptxas", "none", "--quiet"], check=True)
        with open(os.path.join(cls.folder, "mm.h")) as file:
            cls.header = file.read()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def compiles(self, compiler, standard, *arguments):
        done = subprocess.run([compiler, f"-std={standard}", *STRICT, *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{compiler} -std={standard} {arguments}\n{done.stderr}")

    def test_c_headers(self):
        headers = [os.path.join(INCLUDE, "vit", name) for name in ("library.h", "runtime.h")]
        headers.append(os.path.join(self.folder, "mm.h"))
        for header in headers:
            for compiler in compilers([CC, "gcc", "clang-22", "clang"]):
                for standard in C:
                    self.compiles(compiler, standard, "-x", "c", header)
            for compiler in compilers([CXX, "g++", "clang++-22", "clang++"]):
                for standard in CPP:
                    self.compiles(compiler, standard, *PLAIN, "-x", "c++", header)

    def test_cpp_header(self):
        for compiler in compilers([CXX, "g++", "clang++-22", "clang++"]):
            for standard in CPP[2:]:
                self.compiles(compiler, standard, *PLAIN, "-x", "c++", os.path.join(INCLUDE, "vit", "vit.hpp"))

    def test_dsl(self):
        frontend = os.path.join(SOURCE, "frontend", "include")
        headers = glob.glob(os.path.join(frontend, "vitc", "**", "*.h"), recursive=True)
        self.assertGreater(len(headers), 3)
        for compiler in compilers([CXX, "g++", "clang++-22", "clang++"]):
            for standard in CPP[3:]:
                for header in [os.path.join(frontend, "vitc", "dsl.h"),
                               os.path.join(SOURCE, "examples", "dsl", "main.cpp")]:
                    self.compiles(compiler, standard, "-I", frontend, "-x", "c++", header)

    def example(self):
        """The lines of code in the header's first comment."""
        comment = self.header[:self.header.index("*/")]
        return "".join(line + "\n" for line in re.findall(r"(?m)^ \*  ( .*)$", comment))

    def run_example(self, expected, way, *arguments, emulator="threads=1"):
        environment = {**os.environ, "LD_LIBRARY_PATH": EMULATOR, "VITC_EMULATOR": emulator}
        done = subprocess.run([*way, os.path.join(self.folder, "example"), *arguments], cwd=self.folder, text=True,
                              env=environment, capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, expected)
        return done.stderr

    def test_example(self):
        source = os.path.join(self.folder, "example.c")
        with open(source, "w") as file:
            file.write(PROGRAM % self.example())
        for standard in C:
            self.compiles(CC, standard, "-I", self.folder, source)
        for standard in CPP:
            self.compiles(CXX, standard, "-I", self.folder, "-x", "c++", source)
        done = subprocess.run([CC, "-g", "-O0", "-I", self.folder, "-I", INCLUDE, source,
                               os.path.join(self.folder, "libmm.a"), RUNTIME, "-lstdc++", "-lm", "-ldl", "-pthread",
                               "-o", os.path.join(self.folder, "example")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        way = [] if SANITIZED == "1" else ["valgrind", "-q", "--error-exitcode=9"]
        self.run_example(r"\Avit: weights 'model.safetensors': No such file or directory\n\Z", way)
        shutil.copy(os.path.join(MODEL, "model.safetensors"), self.folder)
        self.run_example(r"\Avit: max_batch is 1000, expected 1 to the library's 2\n\Z", way, "too many")
        self.run_example(r"\A\Z", [])
        # Each call of the driver may fail, up to those after the run.
        failed, call = 0, 1
        while self.run_example(r"\A(vit: .*\n)?\Z", way if call == 2 else [], emulator=f"threads=1,fail-call={call}"):
            failed, call = failed + 1, call + 9
        self.assertGreater(failed, 5)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[8:]])
