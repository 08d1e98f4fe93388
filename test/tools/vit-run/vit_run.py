"""vit-run on the emulator: exit codes, messages, checks, results, faults.

Usage: vit_run.py VIT_RUN LIBTINY. Needs no module beyond Python's own. The model is tiny.h's:
y = relu(x * (w + one) + b), so every expected value is computed here.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

VIT_RUN, TINY = sys.argv[1:3]


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def write(path, tensors):
    """tensors: name -> (dtype, shape, values)."""
    codes = {"F32": "f", "F64": "d", "I32": "i"}
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        part = struct.pack(f"<{len(values)}{codes[dtype]}", *values)
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, info in json.loads(raw[8:8 + size]).items():
        begin, end = info["data_offsets"]
        values = struct.unpack(f"<{(end - begin) // 4}f", raw[8 + size + begin:8 + size + end])
        tensors[name] = (info["dtype"], info["shape"], list(values))
    return tensors


W = [0.25 * (i % 7) - 0.5 for i in range(32)]
ONE = [1.0 if i % 2 else 0.5 for i in range(8)]
B = [0.125 * (i % 5) - 0.25 for i in range(32)]
WEIGHTS = {"block.weight": ("F32", [4, 8], W), "block.one": ("F32", [8], ONE),
           "block.bias": ("F32", [32], B)}
IMAGES = 19
X = [f32(i * 37 % 101 / 50 - 1) for i in range(IMAGES * 32)]
Y = [max(0.0, x * (W[i % 32] + ONE[i % 8]) + B[i % 32]) for i, x in enumerate(X)]
BEST = [max(range(32), key=lambda j: Y[32 * i + j]) for i in range(IMAGES)]


class VitRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.weights = cls.at("w.safetensors")
        cls.golden = cls.at("g.safetensors")
        write(cls.weights, WEIGHTS)
        write(cls.golden, {"pixel_values": ("F32", [IMAGES, 4, 8], X),
                           "logits": ("F32", [IMAGES, 32], Y)})

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder.name, name)

    def tool(self, *args, code=0, emulate=True, weights=True, env={}, library=None):
        command = [VIT_RUN, library or TINY, *args]
        command += ["--weights", self.weights] * weights + ["--emulate"] * emulate
        # A copy of the runtime's own environment, so that sanitizers keep their options.
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}{done.stderr}")
        if code:
            lines = [line for line in done.stderr.splitlines()
                     if not line.startswith("vitc emulator: ")]
            self.assertLessEqual(len(lines), 1, done.stderr)
        return done.stdout + done.stderr

    def changed(self, name, **tensors):
        path = self.at(name)
        write(path, {"pixel_values": ("F32", [IMAGES, 4, 8], X),
                     "logits": ("F32", [IMAGES, 32], Y), **tensors})
        return path

    def test_check_in_chunks(self):
        out = self.tool("--check", self.golden, "--dtype", "f32")
        self.assertRegex(out, r"(?m)^logits error \S+ tolerance 1e-05 ok$")
        self.assertIn("device: PTX JIT for sm_89", out)

    def test_check_fails_above_the_tolerance(self):
        wrong = list(Y)
        wrong[300] += 1
        path = self.changed("wrong", logits=("F32", [IMAGES, 32], wrong))
        norm = sum(y * y for y in wrong) ** 0.5
        out = self.tool("--check", path, code=1)
        self.assertRegex(out, r"(?m)^logits error \S+ tolerance 0.002 FAIL$")
        error = float(out.split("logits error ")[1].split()[0])
        self.assertAlmostEqual(error, 1 / norm, delta=1e-3 / norm)
        self.tool("--check", path, "--tolerance", "0.5")

    def test_f64_reference_is_preferred_and_f32_ignored(self):
        wrong = [y + 1 for y in Y]
        path = self.changed("pair", logits=("F32", [IMAGES, 32], wrong),
                            **{"logits.f64": ("F64", [IMAGES, 32], Y),
                               "hidden.f32": ("F32", [1, 2], [1, 2])})
        out = self.tool("--check", path)
        self.assertRegex(out, r"(?m)^logits error \S+ tolerance 0.002 ok$")
        self.assertNotIn("hidden", out)

    def test_nan_never_passes(self):
        wrong = list(Y)
        wrong[7] = float("nan")
        path = self.changed("nan", logits=("F32", [IMAGES, 32], wrong))
        self.assertIn("FAIL", self.tool("--check", path, "--tolerance", "1e9", code=1))

    def test_labels_are_counted(self):
        labels = list(BEST)
        labels[3] = (labels[3] + 1) % 32
        path = self.changed("labels", labels=("I32", [IMAGES], labels))
        self.assertIn(f"{IMAGES - 1} of {IMAGES} right\n", self.tool("--check", path))

    def test_labels_alone(self):
        path = self.at("alone")
        def labelled(labels, kind="I32"):
            write(path, {"pixel_values": ("F32", [IMAGES, 4, 8], X), "labels": (kind, [IMAGES], labels)})
            return path
        self.assertIn(f"{IMAGES} of {IMAGES} right\n", self.tool("--check", labelled(list(BEST))))
        wrong = [(label + 1) % 32 for label in BEST]
        self.assertIn(f"0 of {IMAGES} right FAIL\n", self.tool("--check", labelled(wrong), code=1))
        out = self.tool("--check", labelled([*BEST[:-1], 32]), code=1)
        self.assertIn(f"'labels' has 32 for image {IMAGES - 1}, expected a class from 0 to 31", out)
        out = self.tool("--check", labelled([0.5, *BEST[1:]], "F32"), code=1)
        self.assertIn("'labels' has 0.5 for image 0, expected a class", out)

    def test_golden_of_another_shape(self):
        path = self.changed("shape", pixel_values=("F32", [IMAGES, 8, 4], X))
        out = self.tool("--check", path, code=1)
        self.assertIn("'pixel_values' is 19x8x4, the model expects 19x4x8", out)
        path = self.changed("shape", logits=("F32", [IMAGES, 16, 2], Y))
        self.assertIn("'logits' is 19x16x2", self.tool("--check", path, code=1))
        write(path, {"pixel_values": ("F32", [IMAGES, 4, 8], X)})
        self.assertIn("has no reference", self.tool("--check", path, code=1))

    def test_input_to_output(self):
        out = self.at("y.safetensors")
        self.tool("--input", self.golden, "--output", out, "--max-batch", "3")
        dtype, shape, values = read(out)["logits"]
        self.assertEqual((dtype, shape), ("F32", [IMAGES, 32]))
        for value, wanted in zip(values, Y):
            self.assertAlmostEqual(value, wanted, delta=1e-6)
        printed = self.tool("--input", self.golden)
        self.assertIn(f"image 4: class {BEST[4]}, ", printed)

    def test_unwritable_output(self):
        out = self.tool("--input", self.golden, "--output", self.at("no/y"), code=1)
        self.assertIn("no/y': cannot be written", out)
        self.assertEqual([f for f in os.listdir(self.folder.name) if "tmp" in f], [])

    def test_random_weights_follow_the_hash_rule(self):
        # Without pixel_values in the golden file these come from the rule too.
        path = self.at("hash.safetensors")
        write(path, {"logits": ("F32", [2, 32], [0.0] * 64)})
        self.assertIn("error inf", self.tool("--random-weights", "--check", path, weights=False,
                                             code=1))
        mask = (1 << 64) - 1

        def uniform(name, i):
            z = 0xCBF29CE484222325
            for c in name.encode():
                z = (z ^ c) * 0x100000001B3 & mask
            z = z + i * 0x9E3779B97F4A7C15 & mask
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
            z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
            return ((z ^ z >> 31) >> 40) / (1 << 24) * 2 - 1

        def f16(value):
            return struct.unpack("<e", struct.pack("<e", f32(value)))[0]

        scale = f32((3 / 8) ** 0.5)
        w = [f16(f16(f32(scale * f32(uniform("block.weight", i)))) + 8) for i in range(32)]
        one = [f16(f32(f32(0.1) * f32(uniform("block.one", i)))) for i in range(8)]
        b = [f16(f32(f32(0.1) * f32(uniform("block.bias", i)))) for i in range(32)]
        y = [max(0.0, uniform("pixel_values", i) * (w[i % 32] + one[i % 8]) + b[i % 32])
             for i in range(64)]
        folder = self.at("case")
        os.mkdir(folder)
        write(os.path.join(folder, "io.safetensors"), {"logits.f64": ("F64", [2, 32], y)})
        with open(os.path.join(folder, "meta.json"), "w") as meta:
            json.dump({"weights": "tools/hash_weights.py", "add": {"block.weight": 8.0},
                       "shapes": {"x": [1, 2]}}, meta)
        for golden in (folder, os.path.join(folder, "io.safetensors")):
            out = self.tool("--random-weights", "--check", golden, "--dtype", "f32", weights=False)
            self.assertIn("ok\n", out)

    def test_replaced_kernels(self):
        with open(TINY, "rb") as file:
            raw = file.read()
        entry = raw.index(b".entry relu(")
        text = raw[raw.rindex(b".version", 0, entry):raw.index(b"\0", entry)].decode()
        ptx = self.at("relu.ptx")
        with open(ptx, "w") as file:
            file.write(text.replace("max.f32 %f3, %f1, %f2", "sub.f32 %f3, %f2, %f1"))
        first = self.at("one.safetensors")
        write(first, {"pixel_values": ("F32", [1, 4, 8], X[:32]),
                      "logits": ("F32", [1, 32], Y[:32])})
        self.tool("--check", first)
        self.assertIn("FAIL", self.tool("--check", first, "--ptx", ptx, code=1))
        with open(ptx, "w") as file:
            file.write(text.replace("ld.global.f32 %f1, [%rd4]", "frobnicate %f1"))
        out = self.tool("--check", first, "--ptx", ptx, code=1)
        self.assertIn("PTX of kernel 'relu'", out)
        line = text.split("ld.global.f32 %f1, [%rd4]")[0].count("\n") + 1
        self.assertIn(f"line {line}: 'frobnicate': unknown opcode", out)
        for path, why in ("/none", "No such file or directory"), (self.folder.name, "Is a directory"):
            self.assertIn(f"--ptx '{path}' cannot be read: {why}",
                          self.tool("--check", first, "--ptx", path, code=1))

    def test_bench(self):
        out = self.tool("--bench", "--batch", "1,8", "--repetitions", "2")
        line = r"tiny batch 8: median \S+ us \(\S+ to \S+\), \d+ images/s, 2 launches"
        rest = r" a graph; sm_80 PTX, JIT, driver \S+, "
        self.assertRegex(out, line + " in" + rest)
        out = self.tool("--bench", "--batch", "8", "--repetitions", "2", "--no-graph")
        self.assertRegex(out, line + " without" + rest)
        out = self.tool("--bench-kernel", "affine", "--rows", "64", "--repetitions", "2",
                        "--flops", "1e9")
        self.assertRegex(out, r"affine 64x4x8: median \S+ us \(\S+ to \S+\), \S+ TFLOP/s; ")
        self.assertIn("no kernel 'none', the library has affine, relu, relu_wide",
                      self.tool("--bench-kernel", "none", "--rows", "32", code=1))
        self.assertIn("expected a multiple of 32",
                      self.tool("--bench-kernel", "affine", "--rows", "33", code=1))
        self.assertIn("at most 8", self.tool("--bench-kernel", "affine", "--rows", "320", code=1))
        self.assertIn("with 3 to 8",
                      self.tool("--bench-kernel", "relu_wide", "--rows", "64", code=1))
        # The kernel by its own name: the function that serves this batch.
        for rows, function in (("64", "relu"), ("96", "relu_wide")):
            out = self.tool("--bench-kernel", "relu", "--rows", rows, "--repetitions", "2")
            self.assertRegex(out, rf"(?m)^{function} {rows}: median ")

    def test_profile(self):
        out = self.tool("--profile", "--batch", "2,8", "--repetitions", "2")
        for batch in 2, 8:
            self.assertRegex(out, rf"tiny batch {batch}: 2 launches, \S+ us with the clock between them, "
                                  r"\S+ us without; sm_80 PTX, JIT, driver ")
        self.assertEqual(len(re.findall(r"(?m)^affine +1 +[\d.]+ +[\d.]+ +[\d.]+ %$", out)), 2)
        out = json.loads(self.tool("--profile", "--batch", "2,8", "--repetitions", "2", "--json"))
        self.assertEqual([one["batch"] for one in out], [2, 8])
        for one, function in zip(out, ("relu", "relu_wide")):
            self.assertEqual([(step["label"].split()[0], step["function"]) for step in one["steps"]],
                             [("affine", "affine"), (function.split("_")[-1], function)])
            self.assertEqual({kernel["kernel"]: kernel["schedule"] for kernel in one["kernels"]},
                             {"affine": "64", "relu": {"relu": "64", "relu_wide": "128"}[function]})
            self.assertAlmostEqual(sum(kernel["share"] for kernel in one["kernels"]), 1, delta=1e-3)
            times = [kernel["all_us"] for kernel in one["kernels"]]
            self.assertEqual(times, sorted(times, reverse=True))
        report = {"gpu": "h200", "predictions": [{"batch": 1}, {"batch": 8}],
                  "steps": [{"kernel": "affine", "predicted_us": [1, 1.25]},
                            {"kernel": "relu", "predicted_us": [2, 2.5]}]}
        path = self.at("report.json")

        def profile(*args, code=0):
            with open(path, "w") as file:
                json.dump(report, file)
            return self.tool("--profile", "--repetitions", "1", "--report", path, *args, code=code)

        out = profile("--batch", "8")
        self.assertRegex(out, r"(?m)share  predicted for h200$")
        self.assertRegex(out, r"(?m)^affine .* %       1.25$")
        self.assertRegex(out, r"(?m)^relu .* %       2.50$")
        self.assertIn("no prediction of batch 2, only of 1, 8", profile("--batch", "2", code=1))
        report["steps"][1]["kernel"] = "relux"
        self.assertIn("the report has 0 launches of kernel 'relu', the library 1; expected the report of "
                      "this library's build", profile(code=1))
        report["steps"] = []
        self.assertIn(f"report '{path}': has no steps with predictions", profile(code=1))
        self.assertIn("report '/none' cannot be read", self.tool("--profile", "--report", "/none", code=1))

    def test_usage_is_2_and_nothing_else_is(self):
        for args in (["--frob"], [], ["--bench", "--batch", "x"], ["--bench", "--batch", "1,"],
                     ["--check"], ["--bench-kernel", "affine"], ["--device", "tpu", "--bench"],
                     ["--output", "y"], ["--check", "g", "--dtype", "f8"],
                     ["--bench", "--random-weights"], ["--check", "g", "--no-graph"],
                     ["--bench", "--profile"], ["--bench", "--json"], ["--bench", "--report", "r"],
                     ["--check", "a", "--input", "b"]):
            with self.subTest(args=args):
                self.tool(*args, code=2)
        self.assertIn("--batch is 0, expected 1 to",
                      self.tool("--bench", "--batch", "0", code=1))
        self.tool("--device", "cpu", "--bench", code=1)
        self.tool("--bench", code=1, weights=False)
        self.tool("--check", self.at("none"), code=1)
        done = subprocess.run([VIT_RUN, "--help"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn("Example", done.stdout)

    def tune(self, *args, code=0):
        command = [VIT_RUN, "--tune", *args, "--weights", self.weights, "--emulate"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}{done.stderr}")
        if code:
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stdout + done.stderr

    def test_tune(self):
        path = self.at("tuning.json")
        out = self.tune(TINY, TINY, "--batch", "2,4", "--repetitions", "1", "-o", path)
        self.assertIn("times of the emulator say nothing about a GPU", out)
        self.assertRegex(out, r"(?m)^relu batch 4: \d+\.\d\d us with 128$")
        with open(path) as file:
            tuning = json.load(file)
        self.assertIn("emulator", tuning["gpu"])
        self.assertEqual(tuning["driver"], "13.0")
        entries = {(entry["kernel"], entry["batch"]): entry for entry in tuning["entries"]}
        self.assertEqual(len(entries), len(tuning["entries"]))
        self.assertEqual({key: entry["schedule"] for key, entry in entries.items()},
                         {("affine", 2): "64", ("affine", 4): "64", ("relu", 2): "64",
                          ("relu", 4): "128"})
        for (kernel, _), entry in entries.items():
            self.assertEqual(int(entry["kernel_hash"], 16), {"affine": 11, "relu": 12}[kernel])
            self.assertGreater(entry["us"], 0)
            value = 0xcbf29ce484222325
            for byte in entry["schedule"].encode():
                value = (value ^ byte) * 0x100000001b3 % 2**64
            self.assertEqual(entry["schedule_hash"], f"{value:016x}")

    def test_tune_refuses(self):
        path = self.at("none.json")
        out = self.tune(TINY, "--batch", "9", "-o", path, code=1)
        self.assertIn("batch is 9, but the library holds at most 8", out)
        self.assertIn("not a shared library", self.tune(TINY, self.golden, "-o", path, code=1))
        out = self.tune(TINY, "--repetitions", "1", "-o", self.folder.name, code=1)
        self.assertIn("is a directory", out)
        self.assertNotIn(" us with ", out)
        # What is wrong is said before anything is timed.
        for refusal in (self.tune(TINY, self.golden, "-o", path, code=1),
                        self.tune(TINY, "--repetitions", "1", "-o", self.at("no/where.json"), code=1),
                        self.tune(TINY, TINY, "--batch", "2,9", "-o", path, code=1)):
            self.assertNotIn(" us with ", refusal)
        copy = self.at("candidate.so")
        shutil.copy(TINY, copy)
        self.assertIn("is also the input", self.tune(TINY, copy, "-o", copy, code=1))
        with open(TINY, "rb") as first, open(copy, "rb") as second:
            self.assertEqual(first.read(), second.read())
        self.assertIn("is also the input", self.tune(TINY, "-o", self.weights, code=1))
        self.tune(TINY, code=2)
        self.tune(TINY, "-o", path, "--bench", code=2)
        self.assertFalse(os.path.exists(path))

    def test_files_that_are_no_library(self):
        self.assertIn("cannot be read", self.tool("--bench", library="/none.so", code=1))
        self.assertIn("cannot be read: Is a directory",
                      self.tool("--bench", library=self.folder.name, code=1))
        self.assertIn("not a shared library", self.tool("--bench", library=self.golden, code=1))
        self.assertIn("exports 0 functions", self.tool("--bench", library="/lib/x86_64-linux-gnu/"
                                                       "libc.so.6", code=1))
        with open(TINY, "rb") as file:
            raw = file.read()
        for part in (1, 60, 200, len(raw) // 2):
            with open(self.at("cut.so"), "wb") as file:
                file.write(raw[:part])
            self.tool("--bench", library=self.at("cut.so"), code=1)

    def test_wrong_weights(self):
        weights = type(self).weights
        try:
            for name, tensors, text in (
                    ("turned", {**WEIGHTS, "block.weight": ("F32", [8, 4], W)},
                     "'block.weight' is 8x4, the model expects 4x8"),
                    ("missing", {k: v for k, v in WEIGHTS.items() if k != "block.one"},
                     "'block.one' is missing"),
                    ("extra", {**WEIGHTS, "x": ("F32", [1], [0])}, "'x' (1) is not a tensor")):
                type(self).weights = self.at(name)
                write(self.weights, tensors)
                out = self.tool("--bench", code=1)
                self.assertIn(text, out)
                self.assertIn(self.weights, out)
            # Another name and layout of the same tensor, and tensors that may be there.
            turned = [W[8 * (i % 4) + i // 4] for i in range(32)]
            tensors = {**WEIGHTS, "old.weight": ("F32", [8, 4], turned),
                       "pooler.dense": ("F32", [1], [0]), "mask_token": ("F32", [1], [0])}
            del tensors["block.weight"]
            write(self.weights, tensors)
            self.tool("--check", self.golden)
        finally:
            type(self).weights = weights

    def test_without_a_driver(self):
        if os.path.exists("/dev/nvidiactl"):
            return  # a driver is installed: this is another machine's test
        out = self.tool("--bench", emulate=False, code=1)
        self.assertIn("libcuda.so.1", out)

    def test_every_failing_driver_call_is_reported(self):
        n = 1
        while True:
            env = {"VITC_EMULATOR": f"fail-call={n}"}
            done = subprocess.run([VIT_RUN, TINY, "--weights", self.weights, "--emulate", "--input",
                                   self.golden, "--output", self.at("fault")],
                                  capture_output=True, text=True, env={**os.environ, **env})
            if done.returncode == 0:
                break
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"^vit-run: cu\w+.*: CUDA_ERROR_\w+: .*\n$")
            self.assertFalse(os.path.exists(self.at("fault")))
            n += 1
        self.assertGreater(n, 30)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
