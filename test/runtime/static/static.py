#!/usr/bin/env python3
"""A program with a model for CPUs alone needs no file of a system, and nothing of it is for CUDA.

Usage: static.py SOURCE VITC RUNTIME CC [unittest arguments...]

SOURCE is the repository, RUNTIME the archive. The program runs in a folder that holds it, its weights and its images:
as root, of whom the folder becomes the whole file system, else with an empty environment.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, VITC, RUNTIME, CC = sys.argv[1:5]
HERE = os.path.join(SOURCE, "test", "runtime", "static")
MODEL = os.path.join(SOURCE, "examples", "classify-digits", "model")
sys.path.insert(0, os.path.join(SOURCE, "test", "golden"))
import safetensors  # noqa: E402

MOST_BYTES = 2_000_000


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Static(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vitc-static-")
        cls.build("digits", "cpu")
        cls.build("both", "cuda,cpu")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def file(cls, *names):
        return os.path.join(cls.folder, *names)

    @classmethod
    def build(cls, name, target):
        run(VITC, "build", MODEL, "-o", cls.file(name), "--name", name, "--target", target, "--ptxas", "none",
            "--max-batch", "1", "--quiet", "--shared")

    def link(self, source, out, *flags, libraries=("digits",)):
        includes = [f"-I{self.file(name)}" for name in libraries]
        archives = [self.file(name, f"lib{name}.a") for name in libraries]
        run(CC, "-O2", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(SOURCE, "runtime", "include"), *includes,
            source, *archives, RUNTIME, "-lstdc++", "-lm", "-pthread", *flags, "-o", out)
        return out

    def cuda_symbols(self, program):
        """What a program has of runtime/cuda; the one that says whether there is any is no part of it."""
        lines = run("nm", "--demangle", program).splitlines()
        return [line for line in lines if ("uda" in line or "Driver" in line) and "vit_cuda_backend" not in line]

    def test_classes_in_an_empty_file_system(self):
        tensors = safetensors.read(os.path.join(MODEL, "test.safetensors"))
        place = self.file("root")
        os.mkdir(place)
        program = self.link(os.path.join(HERE, "classes.c"), os.path.join(place, "classes"), "-static", "-s",
                            "-Wl,--gc-sections")
        self.assertLess(os.path.getsize(program), MOST_BYTES)
        self.assertNotIn("NEEDED", run("readelf", "--dynamic", program))
        shutil.copy(os.path.join(MODEL, "model.safetensors"), place)
        with open(os.path.join(place, "pixels"), "wb") as file:
            file.write(tensors["pixel_values"].values.tobytes())
        as_root = os.geteuid() == 0
        done = subprocess.run(
            ["/classes" if as_root else program, "model.safetensors", "pixels"], cwd=place, env={}, capture_output=True,
            text=True, preexec_fn=(lambda: os.chroot(place)) if as_root else None)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        logits = tensors["logits"]
        rows = [list(logits.values[logits.row(i)]) for i in range(logits.shape[0])]
        self.assertEqual([int(line) for line in done.stdout.split()], [row.index(max(row)) for row in rows])

    def test_what_is_for_cuda_comes_with_libraries_that_have_it(self):
        source = self.file("two.c")
        for libraries in (("digits",), ("both",), ("digits", "both"), ("both", "digits")):
            with open(source, "w", encoding="utf-8") as file:
                file.writelines(f'#include "{name}.h"\n' for name in libraries)
                loads = " | ".join(f'vit_model_load({name}_library(VIT_ABI), "none", 0, &m)' for name in libraries)
                file.write(f"int main(void) {{ vit_model *m; return {loads}; }}\n")
            program = self.link(source, self.file("two"), libraries=libraries)
            self.assertEqual(bool(self.cuda_symbols(program)), "both" in libraries, libraries)

    def test_a_plugin_that_has_it_is_told_what_the_program_lacks(self):
        source = self.file("plugin.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("""#include "digits.h"
#include <dlfcn.h>
#include <stdio.h>
typedef const vit_library *entry(uint32_t);
int main(int argc, char **argv) {
  vit_model *first, *second;
  entry *both = (entry *)dlsym(dlopen(argv[argc - 1], RTLD_NOW), "both_library");
  if (vit_model_load(digits_library(VIT_ABI), argv[1], "cpu", &first) != VIT_OK ||
      vit_model_load(both(VIT_ABI), argv[1], "cuda", &second) != VIT_OK)
    puts(vit_last_error());
}
""")
        for flags, lacks in ((), True), (("-Wl,--undefined=vit_needs_cuda",), False):
            program = self.link(source, self.file("plugin"), *flags)
            told = run(program, os.path.join(MODEL, "model.safetensors"), self.file("both", "libboth.so"))
            self.assertEqual("link it with -Wl,--undefined=vit_needs_cuda" in told, lacks, told)


unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
