#!/usr/bin/env python3
"""Files that are none, text that is too deep, and machines with nothing left: one line, exit code 1, no hang.

Usage: limits.py VITC VITC_OPT VIT_RUN MODEL SANITIZED [unittest arguments...]

MODEL is a checkpoint directory with weights. A pipe without a writer, sockets and devices stand in the place of
every file that a tool reads. Limits on threads and memory are those of ulimit; sanitizers (SANITIZED 1) need more
memory than there is then.
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

VITC, VITC_OPT, VIT_RUN, MODEL = sys.argv[1:5]
SANITIZED = sys.argv[5] == "1"
HANG = 120  # seconds
NOBODY = 65534
MLIR = """func.func @forward(%x: tensor<?x16x32xf32> {vit.name = "x"}) -> (tensor<?x16x32xf32> {vit.name = "y"}) {
  %w = vit.weight "w" : tensor<32x32xf32>
  %y = vit.linear %x, %w : tensor<?x16x32xf32>, tensor<32x32xf32> -> tensor<?x16x32xf32> loc("fc")
  return %y : tensor<?x16x32xf32>
}
"""
TUNING = json.dumps({"gpu": "NVIDIA GeForce RTX 4090", "driver": "1", "entries": []})


class Limits(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vitc-limits-")
        os.chmod(self.folder, 0o777)  # for a user with few processes
        self.mlir = self.file("m.mlir", MLIR)
        self.out = os.path.join(self.folder, "out")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def file(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w") as file:
                file.write(content)
        return path

    def fifo(self, name):
        os.mkfifo(self.file(name))
        return self.file(name)

    def socket(self, name):
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(self.file(name))
        return self.file(name)

    def device(self, name):
        os.symlink("/dev/zero", self.file(name))
        return self.file(name)

    def checkpoint(self, replaced, make):
        """A copy of MODEL with something else in the place of one file."""
        folder = self.file("checkpoint")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in ("config.json", "model.safetensors"):
            if name != replaced:
                shutil.copy(os.path.join(MODEL, name), folder)
        make(os.path.join("checkpoint", replaced))
        return folder

    def refused(self, command, text, **options):
        """Runs a command, which has to refuse; returns what it says."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, stdin=subprocess.DEVNULL, **options)
        lines = self.lines(done.stderr)
        tool = os.path.basename(command[0])
        self.assertEqual((done.returncode, len(lines)), (1, 1), f"{command}: {done.stderr[-600:]}")
        self.assertRegex(lines[0], rf"\A{tool}: .*({text})", command)
        self.assertLess(len(lines[0]), 1000)
        self.nothing_left()

    def lines(self, text):
        """Those of stderr but for the warning that --ptxas none brings."""
        return [line for line in text.splitlines() if "warning: no ptxas" not in line]

    def nothing_left(self):
        self.assertFalse(os.path.exists(self.out))
        self.assertEqual([name for name in os.listdir(self.folder) if "tmp" in name], [])

    # Special files

    def text_inputs(self):
        """(name of the file, the command that reads it) of files that may be pipes."""
        out = ["-o", self.out, "--ptxas", "none"]
        yield "x.mlir", lambda path: [VITC, "build", path, *out]
        yield "x.MLIR", lambda path: [VITC, "inspect", path]
        yield "opt.mlir", lambda path: [VITC_OPT, path]
        yield "t.json", lambda path: [VITC, "build", self.mlir, *out, "--tile-policy=tuned", "--tuning", path]
        yield "p.csv", lambda path: [VITC, "build", self.mlir, *out, "--ncu", path]
        yield "d.csv", lambda path: [VITC, "build", self.mlir, "--dry-run", "--ncu", path]
        yield "k.ptx", lambda path: [VITC, "check", MODEL, "--emulate", "--ptx", path]

    def binary_inputs(self):
        """The same of files that others open or that are read in pieces."""
        yield "g.safetensors", lambda path: [VITC, "check", MODEL, "--golden", path]
        yield "i.safetensors", lambda path: [VITC, "run", MODEL, "--emulate", "--input", path]
        yield "w.safetensors", lambda path: [VITC, "check", MODEL, "--emulate", "--weights", path]
        yield "lib.so", lambda path: [VIT_RUN, path, "--random-weights", "--bench"]
        yield "model.safetensors", lambda path: [VITC, "build", os.path.dirname(path), "-o", self.out]
        yield "config.json", lambda path: [VITC, "build", os.path.dirname(path), "-o", self.out]
        yield "named.json", lambda path: [VITC, "build", path, "-o", self.out]

    def make(self, name, kind):
        if name in ("config.json", "model.safetensors"):
            return os.path.join(self.checkpoint(name, kind), name)
        return kind(name)

    def test_devices_and_sockets(self):
        for kind in (self.device, self.socket):
            for name, command in (*self.text_inputs(), *self.binary_inputs()):
                with self.subTest(kind=kind.__name__, name=name):
                    path = self.make(name, kind)
                    self.refused(command(path), "device|socket|regular file|No such device")
                    os.remove(path)

    def test_pipes_where_a_file_is_needed(self):
        for name, command in self.binary_inputs():
            with self.subTest(name=name):
                self.refused(command(self.make(name, self.fifo)), "pipe|regular file")

    def test_a_pipe_without_a_writer_is_left_at_a_signal(self):
        for name, command in self.text_inputs():
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(name=name, signal=number):
                    path = self.fifo(name)
                    process = subprocess.Popen(command(path), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
                    self.await_open(process, path)
                    process.send_signal(number)
                    _, text = process.communicate(timeout=HANG)
                    if command(path)[0] != VITC_OPT:  # which writes nothing that could be left
                        self.assertEqual((process.returncode, self.lines(text)), (1, ["vitc: interrupted, nothing written"]))
                    self.nothing_left()
                    os.remove(path)

    def await_open(self, process, path):
        end = time.monotonic() + HANG
        folder = f"/proc/{process.pid}/fd"
        while time.monotonic() < end and process.poll() is None:
            for number in os.listdir(folder):
                try:
                    if os.readlink(os.path.join(folder, number)) == path:
                        time.sleep(0.1)
                        return
                except OSError:
                    pass
            time.sleep(0.02)
        process.kill()
        self.fail(f"{path} was not opened: {process.communicate()[1]}")

    def test_an_endless_pipe(self):
        if SANITIZED:
            self.skipTest("takes long")
        done = subprocess.run(["bash", "-c", f"exec {VITC} build {self.mlir} -o {self.out} --tile-policy=tuned "
                               "--tuning <(yes)"], capture_output=True, text=True, timeout=HANG)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Avitc: tuning file '/dev/fd/\d+' has more than 1024 MiB, more than is read\n\Z")

    def test_pipes_with_text(self):
        tuning, command = self.file("t.json", TUNING), f"{VITC} build {self.mlir} --ptxas none --tile-policy=tuned"
        for line in (f"{command} -o {self.folder}/a --tuning <(cat {tuning})",
                     f"{command} -o {self.folder}/b --tuning /dev/stdin < {tuning}",
                     f"cat {tuning} | {command} -o {self.folder}/c --tuning /dev/stdin",
                     f"sleep 0.2; {VITC_OPT} < {self.mlir}", f"cat {self.mlir} | {VITC_OPT} -",
                     f"{VITC_OPT} <(cat {self.mlir})"):
            done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=HANG)
            self.assertEqual(done.returncode, 0, f"{line}: {done.stderr}")

    # Text

    def nested(self):
        """(name, text) of what nests 100 000 deep."""
        many = 100000
        for name, begin, level, end in (
                ("arrays", "module attributes {a = ", "[", "]"), ("dictionaries", "module attributes {a = ", "{b = ", "}"),
                ("types", "func.func private @f(", "tuple<", ">"), ("functions", "func.func private @f(", "(", ")"),
                ("regions", "", "module {", "}"), ("locations", "module {} loc(", 'callsite("a" at ', ")"),
                ("minuses", "module attributes {a = affine_map<(d0) -> (", "-", ""),
                ("sums", "module attributes {a = affine_map<(d0) -> (d0", " + d0", "")):
            yield name, begin + level * many + end * many
            yield name + " below a comment", '// "\n' + begin + level * many
        yield "aliases", "#a0 = [1]\n" + "".join(f"#a{i + 1} = [#a{i}]\n" for i in range(many))

    def test_text_that_is_too_deep(self):
        for name, text in self.nested():
            with self.subTest(name=name):
                path = self.file("deep.mlir", text)
                self.refused([VITC, "build", path, "-o", self.out], r"deep.mlir: line \d+: expected .* at most 256 deep")
                self.refused([VITC_OPT, path], r"deep.mlir: line \d+: expected .* at most 256 deep")

    def test_text_that_is_as_deep_as_it_may_be(self):
        for name, text in (("arrays", "func.func private @f() attributes {a = " + "[" * 254 + "]" * 254 + "}"),
                           ("types", "func.func private @f(" + "tuple<" * 254 + "i1" + ">" * 254 + ")"),
                           ("modules", "module {" * 256 + "}" * 256),
                           ("locations", "module {} loc(" + 'callsite("a" at ' * 254 + '"b"' + ")" * 255),
                           ("sums", "func.func private @f() attributes {a = affine_map<(d0) -> (d0" + " + d0" * 250 + ")>}"),
                           ("aliases", "#a0 = [1]\n" + "".join(f"#a{i + 1} = [#a{i}]\n" for i in range(250)) +
                            "func.func private @f() attributes {a = #a250}")):
            with self.subTest(name=name):
                done = subprocess.run([VITC_OPT, self.file("m2.mlir", text), "--mlir-print-debuginfo"],
                                      capture_output=True, text=True, timeout=HANG)
                self.assertEqual(done.returncode, 0, done.stderr[-500:])

    def test_binary_text(self):
        with open(self.file("b.mlir"), "wb") as file:
            file.write(bytes(range(256)) * 16)
        for command in ([VITC, "build", self.file("b.mlir"), "-o", self.out], [VITC_OPT, self.file("b.mlir")]):
            self.refused(command, "line 1: expected text, found the byte 0x00")

    # Machines with nothing left

    def run_limited(self, command, limit, value, user=None):
        def prepare():
            resource.setrlimit(limit, (value, value))
            if user:
                os.setgid(user)
                os.setuid(user)
        return subprocess.run(command, capture_output=True, text=True, timeout=HANG, preexec_fn=prepare)

    @unittest.skipIf(SANITIZED, "sanitizers have threads of their own")
    def test_a_user_without_threads(self):
        user = NOBODY if os.getuid() == 0 else None  # no limit holds for root
        commands = [[VITC, "build", self.mlir, "-o", self.out, "--ptxas", "none", "--quiet"],
                    [VITC, "check", self.mlir, "--random-weights", "--emulate"],
                    [VITC, "check", MODEL, "--golden", os.path.join(MODEL, "io.safetensors"), "--device", "reference"],
                    [VITC_OPT, self.mlir]]
        for most in (1, 2, 3):
            for command in commands:
                with self.subTest(most=most, command=command[1:]):
                    try:
                        done = self.run_limited(command, resource.RLIMIT_NPROC, most, user)
                    except (PermissionError, subprocess.SubprocessError):
                        self.skipTest("the tools cannot be run by another user")
                    self.assertEqual((done.returncode, self.lines(done.stderr)), (0, []), done.stdout)
                    shutil.rmtree(self.out, ignore_errors=True)

    @unittest.skipIf(SANITIZED, "sanitizers need more")
    def test_memory_that_is_used_up(self):
        """Somewhere between too little to start and enough."""
        ended = set()
        for command in ([VITC, "build", MODEL, "-o", self.out, "--ptxas", "none", "--quiet"],
                        [VITC, "check", MODEL, "--emulate"],
                        [VITC_OPT, self.mlir], [VIT_RUN, "--help"]):
            for megabytes in range(20, 1000, 20):
                done = self.run_limited(command, resource.RLIMIT_AS, megabytes << 20)
                if done.returncode == 127 or "error while loading shared" in done.stderr:
                    continue  # of the linker
                with self.subTest(command=command[1:], megabytes=megabytes):
                    self.assertIn(done.returncode, (0, 1), done.stderr[-500:])
                    if done.returncode == 1:
                        ended.add(command[0])
                        self.assertEqual(len(self.lines(done.stderr)), 1, done.stderr[-500:])
                        self.nothing_left()
                if done.returncode == 0:
                    shutil.rmtree(self.out, ignore_errors=True)
                    break
        self.assertIn(VITC, ended)

    # Output

    def test_help_to_a_full_disk(self):
        for command in ([VITC, "--help"], [VITC, "--version"], [VITC, "build", "--help"], [VITC, "--manual", "cli"],
                        [VIT_RUN, "--help"], [VITC_OPT, "--help"], [VITC_OPT, "--version"], [VITC_OPT, "--show-dialects"],
                        [VITC_OPT, self.mlir], [VITC, "build", self.mlir, "--emit=vit"], [VITC, "inspect", self.mlir]):
            with self.subTest(command=command), open("/dev/full", "w") as full:
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=HANG)
                self.assertEqual(done.returncode, 1)
                self.assertIn("No space left on device", done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
