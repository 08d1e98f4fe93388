#!/usr/bin/env python3
"""No order of ends is a memory error: exits, forks, unloaded plugins, owners that go first, callbacks that throw.

Usage: lifetimes.py SOURCE RUNTIME EMULATOR CC CXX SANITIZED [unittest arguments...]

SOURCE is the repository, RUNTIME the archive, EMULATOR the folder of libcuda.so.1. Programs are compiled here and
run as they are and under valgrind; with SANITIZED 1 the compilers bring sanitizers, which then take its place.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from checkpoint import checkpoint

SOURCE, RUNTIME, EMULATOR, CC, CXX, SANITIZED = sys.argv[1:7]
SANITIZED = SANITIZED == "1"
HERE = os.path.join(SOURCE, "test", "runtime", "lifetimes")
TINY = os.path.join(SOURCE, "test", "tools", "vit-run", "tiny.c")
FORKED = re.compile(r"4 vit: process \d+ was forked after process \d+ had opened the CUDA driver, .*after the fork")
FREED = "1 vit: the workspace's model was freed before the workspace; create a workspace with the model"
MISSING = re.compile(r"2 vit: weights '/[^']*': No such file or directory")


class Lifetimes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vitc-lifetimes-")
        cls.weights = cls.file("model.safetensors")
        checkpoint(cls.weights)
        cls.compile(CC, ["-c", "-fPIC", TINY], "tiny.o", link=False)
        cls.compile(CXX, ["-std=c++17", os.path.join(HERE, "program.cpp"), cls.file("tiny.o")], "program")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def compile(cls, compiler, arguments, out, link=True):
        libraries = [RUNTIME, "-lstdc++", "-lm", "-ldl", "-pthread"] if link else []
        command = [compiler, "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-I", SOURCE,
                   "-I", os.path.join(SOURCE, "runtime", "include"), *arguments, *libraries,
                   "-o", cls.file(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stderr

    def run_program(self, *command, threads=1, valgrind=True):
        """The lines that it prints, the same under valgrind, by what is in front of the colon."""
        environment = {**os.environ, "LD_LIBRARY_PATH": EMULATOR, "VITC_EMULATOR": f"threads={threads}"}
        ways = [[]] if SANITIZED or not valgrind else [[], ["valgrind", "-q", "--error-exitcode=9"]]
        for way in ways:
            done = subprocess.run([*way, *command], capture_output=True, text=True, env=environment,
                                  cwd=self.folder, timeout=300)
            self.assertEqual((done.returncode, done.stderr), (0, ""), f"{way} {command}\n{done.stdout}")
        return [line.split(": ", 1) for line in done.stdout.splitlines()]

    def case(self, name, expected, threads=1):
        lines = self.run_program(self.file("program"), name, self.weights, threads=threads)
        self.assertEqual([line[0] for line in lines], [what for what, _ in expected])
        for (what, text), (_, wanted) in zip([(*line, "")[:2] for line in lines], expected):
            good = wanted.search(text) if hasattr(wanted, "search") else text.strip().startswith(wanted)
            self.assertTrue(good, f"{what}: {text!r}, expected {wanted}")

    MADE = [("load", "0"), ("create", "0"), ("run", "0")]

    def test_a_hundred_loads(self):
        self.case("many-loads", [("good loads", "100")])

    def test_errors_in_exit_handlers(self):
        self.case("error-at-exit", [("in main", MISSING), ("at exit", MISSING)])

    def test_a_driver_that_has_shut_down(self):
        gone = re.compile(r"4 vit: .*CUDA_ERROR_DEINITIALIZED")
        self.case("use-at-exit", self.MADE + [("run at exit", gone), ("load at exit", gone), ("freed", "")])

    def test_runs_in_exit_handlers(self):
        self.case("use-early-at-exit", self.MADE + [("run at exit", "0")])

    def test_static_objects_of_either_order(self):
        self.case("static-objects", [("load", "0"), ("create", "0"), ("create", "0"), ("run", "0")])

    def test_destructors_of_threads(self):
        inside = ("in a destructor of the thread", MISSING)
        self.case("thread-at-end", [("in main", MISSING), ("in a thread", MISSING), inside, inside])

    def test_exit_in_another_thread(self):
        self.case("exit-in-thread", self.MADE)

    def test_a_model_that_is_freed_first(self):
        self.case("model-first", self.MADE + [("run", FREED), ("prepare", FREED)])

    def test_a_model_that_is_loaded_again(self):
        self.case("reload", [
            ("load", "0"), ("create", "0"), ("load again", "0"), ("run", FREED), ("run moved", FREED),
            ("load a missing file", MISSING), ("create without a model", "1 vit: model is NULL"),
            ("run without a workspace", "1 vit: model is NULL"), *self.MADE])

    def test_fork_after_a_load(self):
        self.case("fork-loaded", self.MADE + [
            ("load", "0"), ("child runs", FORKED), ("child prepares", FORKED),
            ("child loads", FORKED), ("child creates", FORKED), ("child ended with 0", ""), ("parent runs", "0")])

    def test_fork_before_the_first_load(self):
        self.case("fork-first", [("parent fails", MISSING), *self.MADE, ("child ended with 0", "")])

    def test_readers_that_misbehave(self):
        about = "2 vit: weights: 'block.weight': "
        self.case("readers", [
            ("throws", about + "the reader threw an exception, expected a vit_status: no such table"),
            ("throws a number", about + "the reader threw something that is no std::exception"),
            ("throws bad_alloc", about + "the reader threw an exception, expected a vit_status: std::bad_alloc"),
            ("returns 77", about + "the reader returned 77, which is no vit_status"),
            ("returns -1", about + "the reader returned -1, which is no vit_status"),
            ("fails silently", about + "the reader failed without vit_set_error"),
            ("fails", about + "the network is down"),
            ("passes on its own error", about + "vit: weights '/a/path"),
            ("sets nothing", "2 vit: weights: 'block.weight'"),
            *self.MADE * 3, ("loads another model", "0"), ("succeeds with an error set", "0"),
            ("a long text has 2047 bytes", "")])

    def test_threads_that_are_cancelled(self):
        self.case("cancelled", self.MADE + [
            ("run of a cancelled thread", "0"), ("run", "cancelled"), ("load and free", "cancelled"),
            ("reader", "cancelled"), ("reader that may not be", "went on"), ("run", "0")], threads=3)

    @unittest.skipIf(SANITIZED, "a sanitizer's library is of one namespace")
    def test_a_plugin_in_a_namespace(self):
        self.compile(CC, ["-shared", "-fPIC", os.path.join(HERE, "plugin.c"), self.file("tiny.o")], "libplugin.so")
        self.compile(CC, [os.path.join(HERE, "host.c"), self.file("tiny.o")], "host")
        self.run_program(self.file("host"), "namespace", self.file("libplugin.so"), self.weights, valgrind=False)

    def test_a_driver_that_cannot_start(self):
        for code, text in ((3, "forked from one that used CUDA"), (34, "stub for linkers"),
                           (100, "does nvidia-smi show a device? CUDA_VISIBLE_DEVICES is '7'"), (803, "reboot")):
            done = subprocess.run([self.file("program"), "model-first", self.weights], capture_output=True, text=True,
                                  env={**os.environ, "LD_LIBRARY_PATH": EMULATOR, "CUDA_VISIBLE_DEVICES": "7",
                                       "VITC_EMULATOR": f"fail-call=1,fail-code={code}"})
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, rf"\Aload: 4 vit: cuInit: .*{re.escape(text)}")

    def test_a_plugin_is_unloaded(self):
        self.compile(CC, ["-shared", "-fPIC", os.path.join(HERE, "plugin.c"), self.file("tiny.o")], "libplugin.so")
        self.compile(CC, [os.path.join(HERE, "host.c"), self.file("tiny.o")], "host")
        lines = self.run_program(self.file("host"), "plugin", self.file("libplugin.so"), self.weights)
        mappings = [line[1] for line in lines if line[0] == "mappings"]
        self.assertEqual(mappings, ["some", "none"] * 2)

    @unittest.skipIf(SANITIZED, "what instruments code adds symbols of its own")
    def test_a_plugin_shows_nothing_of_the_runtime(self):
        self.compile(CC, ["-shared", "-fPIC", os.path.join(HERE, "plugin.c"), self.file("tiny.o")], "libplugin.so")
        shown = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", self.file("libplugin.so")],
                               capture_output=True, text=True, check=True).stdout
        self.assertEqual(sorted(line.split()[0] for line in shown.splitlines()), ["plugin_run", "tiny_library"])
        every = subprocess.run(["nm", "--format=posix", RUNTIME], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(every, r"(?m)^\S+ u ")

    def test_a_library_lives_as_long_as_its_models(self):
        self.compile(CC, ["-shared", "-fPIC", TINY], "libtiny.so")
        self.compile(CC, [os.path.join(HERE, "host.c"), self.file("tiny.o")], "host")
        lines = self.run_program(self.file("host"), "library", self.file("libtiny.so"), self.weights)
        self.assertEqual([line[1].strip() for line in lines], ["0", "0", "0", "some", "none"])

    @unittest.skipIf(SANITIZED, "sanitizers need a dynamic program")
    def test_a_static_program_is_refused(self):
        for flag in ("-static", "-static-pie"):
            warning = self.compile(CXX, ["-std=c++17", "-fPIE", flag, os.path.join(HERE, "program.cpp"),
                                         self.file("tiny.o")], "static")
            del warning  # of the linker, about dlopen
            done = subprocess.run([self.file("static"), "model-first", self.weights], capture_output=True,
                                  text=True, env={**os.environ, "LD_LIBRARY_PATH": EMULATOR})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"load: 4 vit: the program is linked with -static, .*link without -static")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[7:]])
