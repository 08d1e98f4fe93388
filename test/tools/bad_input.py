#!/usr/bin/env python3
"""What strangers send: every refusal is one line with file and tensor, exit code 1, without a hang.

Usage: bad_input.py VITC VIT_RUN MODEL [unittest arguments...]

MODEL is a checkpoint directory with weights and golden values. Its files are cut, bent and replaced, and go
through `vitc check`, `run` and `build` and through `vit-run` with a library built from the good model. A
sanitizer's report or a leak changes the exit code, so this is the test to run under them.
"""
import json
import os
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

VITC, VIT_RUN, MODEL = sys.argv[1:4]
HANG = 120  # seconds; how long a refusal takes is printed, not judged
WEIGHTS = os.path.join(MODEL, "model.safetensors")
GOLDEN = os.path.join(MODEL, "io.safetensors")
BROKEN_MLIR = ("func.func @forward(%x: tensor<?x16xf32> {vit.name = \"x\"}) -> tensor<?x8xf32> {\n"
               "  %w = vit.weight \"w\" : tensor<8x24xf32>\n"
               "  %y = vit.linear %x, %w : tensor<?x16xf32>, tensor<8x24xf32> -> tensor<?x8xf32>\n"
               "  return %y : tensor<?x8xf32>\n}\n")


def slurp(path):
    with open(path, "rb") as file:
        return file.read()


def split(path):
    """(header text, header as an object, data) of a safetensors file."""
    raw = slurp(path)
    size = struct.unpack("<Q", raw[:8])[0]
    return raw[8:8 + size], json.loads(raw[8:8 + size]), raw[8 + size:]


def join(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


TEXT, HEADER, DATA = split(WEIGHTS)
CONFIG = json.loads(slurp(os.path.join(MODEL, "config.json")))
NAMES = sorted((n for n in HEADER if n != "__metadata__"), key=lambda n: HEADER[n]["data_offsets"])
FC1 = next(n for n in NAMES if n.endswith("layers.0.mlp.fc1.weight"))


def bent(name, **changes):
    """The header with other fields in one tensor."""
    return {**HEADER, name: {**HEADER[name], **changes}}


def without(name):
    return pack({n: HEADER[n] for n in NAMES if n != name})


def pack(entries):
    """A whole file of these tensors, each with the data that its entry's range has in MODEL."""
    header, data = {}, b""
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        part = DATA[slice(*entry["data_offsets"])]
        header[name] = {**entry, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    return join(header, data)


def twice(name):
    entry = json.dumps({name: HEADER[name]})[1:-1]
    return join((json.dumps(HEADER)[:-1] + ", " + entry + "}").encode(), DATA)


def weight_files():
    """(label, bytes, a text that the message must have) of weight files that are wrong."""
    first, second = NAMES[:2]
    begin, end = HEADER[first]["data_offsets"]
    shape = HEADER[FC1]["shape"]
    integers = {**HEADER[FC1], "dtype": "I32"}
    yield "header length 2^63", join(TEXT, DATA, 1 << 63), "9223372036854775808"
    yield "header length 2^64-1", join(TEXT, DATA, (1 << 64) - 1), "18446744073709551615"
    yield "header length 0", join(TEXT, DATA, 0), "header"
    yield "header one short", join(TEXT, DATA, len(TEXT.rstrip()) - 1), "header"
    yield "begins in its neighbour", join(bent(second, data_offsets=[
        HEADER[second]["data_offsets"][0] - 4, HEADER[second]["data_offsets"][1] - 4]), DATA), second
    yield "same range twice", join(bent(second, shape=HEADER[first]["shape"],
                                        data_offsets=[begin, end]), DATA), first
    yield "negative begin", join(bent(FC1, data_offsets=[-4, 0]), DATA), FC1
    yield "negative end", join(bent(FC1, data_offsets=[0, -1]), DATA), FC1
    yield "end before begin", join(bent(FC1, data_offsets=[end, begin]), DATA), FC1
    yield "beyond the file", join(bent(FC1, data_offsets=[len(DATA), len(DATA) + end - begin]),
                                  DATA), FC1
    yield "beyond 2^64", join(bent(FC1, data_offsets=[1 << 64, (1 << 64) + 4]), DATA), FC1
    yield "wrapping range", join(bent(FC1, data_offsets=[(1 << 64) - 4, 4]), DATA), FC1
    yield "a fraction", join(bent(FC1, data_offsets=[0.5, 4]), DATA), FC1
    yield "a word for a range", join(bent(FC1, data_offsets="all"), DATA), FC1
    yield "three offsets", join(bent(FC1, data_offsets=[0, 4, 8]), DATA), FC1
    yield "negative extent", join(bent(FC1, shape=[-shape[0], -shape[1]]), DATA), FC1
    yield "huge shape", join(bent(FC1, shape=[1 << 40, 1 << 40]), DATA), FC1
    yield "wrapping shape", join(bent(FC1, shape=[1 << 32, 1 << 32, 4]), DATA), FC1
    yield "unknown dtype", join(bent(FC1, dtype="F12"), DATA), FC1
    yield "no dtype", join({**HEADER, FC1: {"shape": shape, "data_offsets": [begin, end]}},
                           DATA), FC1
    yield "an array for a tensor", join({**HEADER, FC1: [1, 2]}, DATA), FC1
    yield "a gap", join(HEADER, b"\0" * 8 + DATA), "end at byte"
    yield "integers", pack({**HEADER, FC1: integers}), FC1
    yield "missing", without(FC1), f"'{FC1}' is missing"
    yield "last missing", without(NAMES[-1]), f"'{NAMES[-1]}' is missing"
    yield "no tensor at all", join({}, b""), "is missing"
    yield "extra", pack({**HEADER, "vit.extra": HEADER[first]}), "'vit.extra'"
    yield "transposed", pack({**HEADER, FC1: {**HEADER[FC1], "shape": shape[::-1]}}), \
        f"'{FC1}' is {shape[1]}x{shape[0]}, the model expects {shape[0]}x{shape[1]}"
    yield "flat", pack({**HEADER, FC1: {**HEADER[FC1], "shape": [shape[0] * shape[1]]}}), \
        f"'{FC1}' is {shape[0] * shape[1]}, the model expects {shape[0]}x{shape[1]}"
    yield "one more dimension", pack({**HEADER, FC1: {**HEADER[FC1], "shape": [1, *shape]}}), FC1
    yield "doubled", twice(FC1), f"'{FC1}' stands twice"
    yield "under both names", pack({**HEADER, FC1.replace("layers.0.mlp.fc1", "encoder.layer.0."
                                    "intermediate.dense"): HEADER[FC1]}), FC1
    yield "deep arrays", join(b'{"deep":{"a":' + b"[" * 100000 + b"]" * 100000 + b"}}", b""), "nested"
    yield "deep objects", join(b'{"deep":' + b'{"a":' * 100000, b""), "nested"
    yield "very deep", join(b'{"deep":[' + b"[" * 10000000, b""), "deep"
    yield "deep metadata", join(b'{"__metadata__":' + b'{"a":' * 100000, b""), "metadata"
    yield "a name of two lines", join({**HEADER, "two\nlines": {"dtype": "F99"}}, DATA), "two"
    yield "no text", join(bytes(range(256)) * 8, DATA), "header"
    yield "a pickle", b"\x80\x02}q\0(X\6\0\0\0tensorq\1" + DATA[:400], "is a pickle"
    yield "a zip of no name", b"PK\3\4" + DATA[:400], "is a pickle"
    yield "nothing", b"", "is empty"
    for label, content, what in foreign_files():
        yield label, content, "is a pickle" if what == "a pickle" else f"expected a safetensors file, found {what}"
    yield "JSON", json.dumps(CONFIG).encode(), "found JSON text; give the file with the tensors"
    yield "a server's answer", b"Entry not found", "found text that begins 'Entry not found'"


def zipped(member):
    """The first bytes of an archive whose first file has this name."""
    return b"PK\3\4" + bytes(22) + struct.pack("<HH", len(member), 0) + member + bytes(100)


def foreign_files():
    """(label, bytes, what they are called) of files that other programs made, whoever reads them."""
    yield "git-lfs", (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 +
                      b"\nsize 346293852\n"), "a git-lfs pointer; run git lfs pull"
    yield "HTML", b"\n<!DOCTYPE html>\n<html><head><title>Sign in", "an HTML page; download the file itself"
    yield "HTML without a type", b"<HTML lang=en>", "an HTML page"
    yield "XML", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"
    yield "npy", b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, }" + bytes(80), \
        "a NumPy array (.npy); save it with safetensors.numpy.save_file()"
    yield "npz", zipped(b"arr_0.npy"), "NumPy arrays (.npz); "
    yield "torch.save", zipped(b"archive/data.pkl"), "a pickle"
    yield "an old pickle", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a pickle"
    yield "zip", zipped(b"config.json"), "a zip archive; unpack it"
    yield "gzip", b"\x1f\x8b\x08\0" + bytes(60), "a gzip archive; unpack it"
    yield "xz", b"\xfd7zXZ\0\0\4" + bytes(60), "an xz archive"
    yield "zstd", b"\x28\xb5\x2f\xfd" + bytes(60), "a zstd archive"
    yield "tar", b"vit/config.json".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"
    yield "GGUF", b"GGUF\3\0\0\0" + bytes(60), "a GGUF model; take the checkpoint"
    yield "ONNX", b"\x08\x08\x12\x07pytorch\x1a\x052.5.0:" + bytes(range(60)), "an ONNX model"
    yield "TFLite", b"\x1c\0\0\0TFL3\x14\0 \0" + bytes(60), "a TFLite model"
    yield "HDF5", b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file, as Keras writes"
    yield "PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60), "a PNG picture; "
    yield "JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(60), "a JPEG picture; "
    yield "PDF", b"%PDF-1.7\n" + bytes(60), "a PDF document"
    yield "UTF-16", "\ufeff{\"a\": 1}".encode("utf-16-le"), "text in UTF-16; save it in UTF-8"
    yield "UTF-16 without a mark", "{\"a\": 1}".encode("utf-16-be"), "text in UTF-16; save it in UTF-8"
    yield "zeros", bytes(4096), "zeros; it may be a download that was not finished"


def configs():
    """(label, text of config.json, a text that the message must have)."""
    def change(**changes):
        return json.dumps({**CONFIG, **changes})
    yield "activation", change(hidden_act="mish"), "'hidden_act'"
    yield "model type", change(model_type="unet"), "'model_type'"
    yield "model type of another class", change(model_type="swin"), "'architectures'"
    yield "class", change(architectures=["ViTForMaskedImageModeling"]), "'architectures'"
    yield "unknown setting", change(use_mean_pooling=True), "'use_mean_pooling'"
    yield "heads", change(num_attention_heads=7), "'num_attention_heads'"
    yield "negative", change(hidden_size=-96), "'hidden_size'"
    yield "huge", change(hidden_size=10**30), "'hidden_size'"
    yield "a string", change(hidden_size="96"), "'hidden_size'"
    yield "null", change(num_attention_heads=None), "'num_attention_heads': expected a number, found null"
    yield "three unknown settings", change(use_mean_pooling=True, swiglu=1, norm="rms"), \
        "'norm': expected no such settings, because their effect is not known, found \"rms\", 'swiglu' 1, " \
        "'use_mean_pooling' true"
    for label, content, what in foreign_files():
        yield label, content, f"config.json': expected JSON text, found {what}"
    yield "a safetensors", slurp(WEIGHTS), "expected JSON text, found a safetensors file"
    yield "image", change(image_size=5), "'image_size'"
    yield "more tokens than the file", change(image_size=200), "position_embeddings"
    yield "many layers", change(num_hidden_layers=10**9), "'num_hidden_layers'"
    yield "eps", change(layer_norm_eps=-1), "'layer_norm_eps'"
    yield "deep", '{"a":' + "[" * 100000 + "]" * 100000 + "}", "100001 levels"
    yield "deep and open", "[" * 100000, "100000 levels"
    yield "cut", json.dumps(CONFIG)[:100], "is not JSON"
    yield "empty", "", "empty"
    yield "a list", "[1, 2]", "object"
    yield "words", "\x7fELF\x02\x01", "expected JSON text, found an ELF file"


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = cls.holder.name
        cls.slowest, cls.runs = (0, ""), 0
        done = subprocess.run([VITC, "build", MODEL, "-o", cls.at("library"), "--name", "model",
                               "--shared", "--max-batch", "4", "--ptxas", "none"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        cls.library = cls.at("library", "libmodel.so")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()
        print(f"{cls.runs} refusals, the slowest {cls.slowest[0]:.2f} s: {cls.slowest[1]}",
              file=sys.stderr)

    @classmethod
    def at(cls, *names):
        return os.path.join(cls.folder, *names)

    def write(self, name, content):
        path = self.at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def model(self, name, weights=None, config=None):
        """A copy of MODEL with another file in it."""
        directory = self.at(name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.write(name + "/config.json", config if config is not None else json.dumps(CONFIG))
        if weights is None:
            os.symlink(os.path.abspath(WEIGHTS), os.path.join(directory, "model.safetensors"))
        else:
            self.write(name + "/model.safetensors", weights)
        return directory

    def refuse(self, *command, names=(), lines=1, **more):
        """Runs a command that must fail: one line, exit code 1; returns the line."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=HANG, **more)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cls = type(self)
        cls.slowest = max(cls.slowest, (seconds, " ".join(command)))
        cls.runs += 1
        what = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        self.assertEqual(done.returncode, 1, what)
        if lines:
            self.assertEqual(done.stderr.count("\n"), lines, what)
            self.assertRegex(done.stderr, r"\A(vitc|vit-run): ", what)
        for name in names:
            self.assertIn(name, done.stderr, what)
        return done.stderr

    def refuse_checkpoint(self, directory, names):
        """By every verb that reads weights; nothing appears where a library was to be written."""
        out = self.at("refused")
        self.refuse(VITC, "check", directory, "--golden", GOLDEN, "--emulate", names=names)
        self.refuse(VITC, "check", directory, "--golden", GOLDEN, "--device", "reference", names=names)
        self.refuse(VITC, "run", directory, "--input", GOLDEN, "--emulate", "--output", out, names=names)
        self.refuse(VITC, "build", directory, "-o", out, names=names)
        self.assertFalse(os.path.exists(out))

    def refuse_weights(self, file, names):
        """By the verbs that get a file beside a good model, and by vit-run."""
        for device in (["--emulate"], ["--device", "reference"]):
            self.refuse(VITC, "run", MODEL, "--weights", file, "--input", GOLDEN, *device, names=names)
        self.refuse(VITC, "build", MODEL, "--embed-weights", "--weights", file, "-o", self.at("refused"),
                    names=names)
        self.assertFalse(os.path.exists(self.at("refused")))
        self.refuse(VIT_RUN, self.library, "--weights", file, "--check", GOLDEN, "--emulate",
                    names=names)

    def test_good_files_are_taken(self):
        directory = self.model("good", pack({n: HEADER[n] for n in reversed(NAMES)}))
        for command in ([VITC, "check", directory, "--golden", GOLDEN, "--device", "reference"],
                        [VIT_RUN, self.library, "--weights", directory + "/model.safetensors",
                         "--check", GOLDEN, "--emulate"]):
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_fifty_truncations(self):
        raw = join(TEXT, DATA)
        start = 8 + len(TEXT)
        cuts = [0, 1, 7, 8, 9] + [8 + len(TEXT) * i // 20 for i in range(1, 20)]
        cuts += [start + len(DATA) * i // 25 for i in range(25)] + [len(raw) - 1]
        self.assertEqual(len(set(cuts)), 50)
        for cut in cuts:
            with self.subTest(cut=cut):
                directory = self.model("cut", raw[:cut])
                file = os.path.join(directory, "model.safetensors")
                last = next(n for n in NAMES if HEADER[n]["data_offsets"][1] > max(0, cut - start))
                # The first tensor in the header that reaches over the end need not be the first
                # in the data.
                names = [file] + ["tensor '"] * (cut >= start)
                self.refuse_checkpoint(directory, names)
                self.refuse_weights(file, names)
                if cut == len(raw) - 1:
                    self.assertIn(last, self.refuse(VITC, "build", directory, "-o", self.at("x")))

    def test_wrong_weight_files(self):
        for label, content, text in weight_files():
            with self.subTest(label):
                directory = self.model("wrong", content)
                file = os.path.join(directory, "model.safetensors")
                self.refuse_checkpoint(directory, [file, text])
                self.refuse_weights(file, [file, text])

    def test_no_file_at_all(self):
        os.mkdir(self.at("folder.safetensors"))
        os.mkfifo(self.at("pipe.safetensors"))
        for file in (self.at("folder.safetensors"), self.at("pipe.safetensors"), self.at("nowhere"),
                     "/dev/null", "/dev/zero"):
            with self.subTest(file):
                self.refuse_weights(file, [file])
        directory = self.model("directory", b"")
        os.remove(directory + "/model.safetensors")
        os.mkdir(directory + "/model.safetensors")
        self.refuse_checkpoint(directory, [directory + "/model.safetensors", "directory"])
        os.rmdir(directory + "/model.safetensors")
        self.write("directory/pytorch_model.bin", "PK\3\4")
        self.refuse_checkpoint(directory, [directory + "/pytorch_model.bin", "pickle", "python3 -c"])
        os.remove(directory + "/pytorch_model.bin")
        self.write("directory/model.safetensors.index.json", "{}")
        self.refuse_checkpoint(directory, [directory + "/model.safetensors.index.json", "expected a weight_map"])

    def test_wrong_configs(self):
        for label, text, names in configs():
            with self.subTest(label):
                directory = self.model("config", config=text)
                file = directory + ("/model.safetensors" if "file" in label else "/config.json")
                self.refuse_checkpoint(directory, [file, names])
                self.refuse(VITC, "inspect", directory, names=[file, names])
                self.refuse(VITC, "explain", directory, names=[file, names])
        directory = self.model("config", config=json.dumps({**CONFIG, "image_size": 2048}))
        os.remove(directory + "/model.safetensors")  # kernels for so many images of this size there are not
        self.refuse(VITC, "build", directory, "-o", self.at("x"), names=[directory, "max-batch can be at most 42"])
        os.remove(directory + "/config.json")
        self.refuse_checkpoint(directory, [directory, "config.json"])
        os.mkdir(directory + "/config.json")
        self.refuse_checkpoint(directory, [directory + "/config.json", "directory"])

    def test_wrong_images(self):
        size, channels = CONFIG["image_size"], CONFIG["num_channels"]
        right = [2, channels, size, size]

        def images(dtype, shape, name="pixel_values", width=4):
            count = width
            for extent in shape:
                count *= extent
            return join({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, count]}},
                        b"\0" * count)
        expects = f"batchx{channels}x{size}x{size}"
        for label, content, names in (
                ("no image", images("F32", [0, *right[1:]]), ["'pixel_values'", expects]),
                ("channels", images("F32", [2, channels + 1, size, size]), ["'pixel_values'", expects]),
                ("one image without batch", images("F32", right[1:]), ["'pixel_values'", expects]),
                ("channels last", images("F32", [2, size, size, channels]), ["'pixel_values'", expects]),
                ("another name", images("F32", right, "images"), ["'pixel_values'"]),
                ("8-bit floats", images("F8_E4M3", right, width=1), ["'pixel_values'", "F8_E4M3"]),
                ("empty", b"", ["empty"]),
                ("cut", images("F32", right)[:-4], ["'pixel_values'"]),
                *((label, content, [f"found {what}"]) for label, content, what in foreign_files()
                  if what != "a pickle")):
            with self.subTest(label):
                file = self.write("images.safetensors", content)
                names = [file, *names]
                for device in (["--emulate"], ["--device", "reference"]):
                    self.refuse(VITC, "run", MODEL, "--input", file, *device, names=names)
                self.refuse(VIT_RUN, self.library, "--weights", WEIGHTS, "--input", file, "--emulate",
                            names=names)
        file = self.write("images.safetensors", images("F32", [2, channels, size, size + 8]))
        self.refuse(VIT_RUN, self.library, "--weights", WEIGHTS, "--input", file, "--emulate",
                    names=[file, "'pixel_values'", expects])
        self.refuse(VITC, "build", MODEL, "-o", self.at("x"), "--image-size", f"{size}x1",
                    names=["'image_size'", f"{size}x1 as --image-size"])

    def test_wrong_golden_files(self):
        text, header, data = split(GOLDEN)
        output = next(n for n in header if n.endswith(".f64"))
        name, shape = output[:-4], header[output]["shape"]
        reference = {"pixel_values": header["pixel_values"], output: header[output]}

        def packed(entries):
            out, blob = {}, b""
            for key, entry in entries.items():
                part = data[slice(*entry["data_offsets"])]
                out[key] = {**entry, "data_offsets": [len(blob), len(blob) + len(part)]}
                blob += part
            return join(out, blob)
        bent = [1, shape[0] * shape[1], *shape[2:]]
        kinds = [(label, content, [f"found {what}"]) for label, content, what in foreign_files()
                 if what != "a pickle"]
        for label, content, names in (
                *kinds, ("cut", join(text, data)[:-1], ["tensor '"]),
                ("no reference", packed({"pixel_values": header["pixel_values"]}), ["no reference"]),
                ("shape", packed({**reference, output: {**header[output], "shape": bent}}),
                 [f"'{output}' is {'x'.join(map(str, bent))}"]),
                ("a pickle", b"PK\3\4", ["pickle"])):
            with self.subTest(label):
                file = self.write("golden.safetensors", content)
                names = [file, *names]
                self.refuse(VITC, "check", MODEL, "--golden", file, "--emulate", names=names)
                self.refuse(VITC, "check", MODEL, "--golden", file, "--device", "reference", names=names)
                self.refuse(VIT_RUN, self.library, "--weights", WEIGHTS, "--check", file, "--emulate",
                            names=names)
        for batch in ("0", "-3"):
            self.refuse(VITC, "check", MODEL, "--golden", GOLDEN, "--emulate", "--max-batch", batch,
                        names=["--max-batch", batch])
            self.refuse(VITC, "build", MODEL, "-o", self.at("x"), "--max-batch", batch,
                        names=["--max-batch", batch])
        self.refuse(VITC, "check", MODEL, "--golden", GOLDEN, "--emulate", "--outputs", "probabilities",
                    names=[MODEL, "probabilities", name])

    def test_foreign_files_elsewhere(self):
        """As the model, a tuning file, a profile, PTX, a library."""
        for label, content, what in foreign_files():
            with self.subTest(label):
                for name, command in (
                        ("model.onnx", [VITC, "inspect"]),
                        ("model.mlir", [VITC, "build", "-o", self.at("x")]),
                        ("tuning.json", [VITC, "build", MODEL, "-o", self.at("x"), "--tile-policy=tuned",
                                         "--tuning"]),
                        ("profile.csv", [VITC, "explain", MODEL, "--ptxas", "none", "--ncu"]),
                        ("kernels.ptx", [VIT_RUN, self.library, "--weights", WEIGHTS, "--check", GOLDEN,
                                         "--emulate", "--ptx"]),
                        ("libmodel.so", [VIT_RUN, "--weights", WEIGHTS, "--check", GOLDEN, "--emulate"])):
                    file = self.write(name, content)
                    self.refuse(*command, file, names=[file, f"found {what}"])
        self.refuse(VITC, "inspect", WEIGHTS, names=["found a safetensors file; give the directory"])
        self.refuse(VIT_RUN, self.at("library", "libmodel.a"), "--weights", WEIGHTS, "--check", GOLDEN,
                    names=["expected a shared library, found a static library; vitc build --shared"])
        self.refuse(VITC, "explain", MODEL, "--ncu", self.write("p.csv", "\ufeffno table"), names=["no line that"])

    def test_byte_order_marks(self):
        """Which editors put in front of JSON and text."""
        directory = self.model("mark", config="\ufeff" + json.dumps(CONFIG))
        file = self.write("text.mlir", "\ufeff" + BROKEN_MLIR.replace("8x24xf32", "8x16xf32"))
        for command in ([VITC, "check", directory, "--golden", GOLDEN, "--device", "reference"],
                        [VITC, "inspect", file]):
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def said(self, *command, code=0):
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_wrapped_names(self):
        """As DataParallel and torch.compile save them: by the compiler, by a library, embedded."""
        for prefix in ("module.", "_orig_mod.", "model.", "module._orig_mod."):
            with self.subTest(prefix):
                directory = self.model("wrapped", pack({prefix + n: HEADER[n] for n in NAMES}))
                note = f"model.safetensors': names of tensors begin with '{prefix}', which is left out"
                for device in (["--device", "reference"], ["--emulate"]):
                    self.assertIn(note, self.said(VITC, "check", directory, "--golden", GOLDEN, *device))
                self.said(VIT_RUN, self.library, "--weights", directory + "/model.safetensors", "--check", GOLDEN,
                          "--emulate")
        both = self.model("both", pack({**HEADER, "module." + FC1: HEADER[FC1]}))
        names = [f"'{FC1}' and 'module.{FC1}' are names of the same tensor, expected one of them"]
        self.refuse_checkpoint(both, names)
        self.refuse_weights(both + "/model.safetensors", names)

    def test_missing_classes(self):
        """A config that names no class: the tensors do, or a flag."""
        for change in ({"architectures": None}, {"architectures": []}, {"model_type": None}):
            directory = self.model("classless", config=json.dumps({**CONFIG, **change}))
            key = next(iter(change))
            said = self.said(VITC, "check", directory, "--golden", GOLDEN, "--device", "reference")
            self.assertRegex(said, rf"vitc: note: '[^']*config.json': '{key}': is (null|\[\]); .* is taken")
        said = self.said(VITC, "inspect", directory, "--architecture", "ViTForImageClassification")
        self.assertNotIn("architectures", said)
        self.refuse(VITC, "inspect", MODEL, "--architecture", "ViTForImageClasification", names=[
            "--architecture: expected one of ViTForImageClassification, ViTModel, ",
            "found 'ViTForImageClasification'; did you mean ViTForImageClassification?"])
        said = self.said(VITC, "inspect", MODEL, "--architecture", "ViTModel")
        self.assertIn("'classifier.bias' is not used", said)
        file = self.write("text.mlir", BROKEN_MLIR.replace("8x24xf32", "8x16xf32"))
        self.refuse(VITC, "inspect", file, "--architecture", "ViTModel", names=["a .mlir file has none"])

    def test_mlir_text(self):
        """Diagnostics show the line and point at the place; they are the one exception to one line."""
        for label, text, line in (("verifier", BROKEN_MLIR, 3),
                                  ("parser", BROKEN_MLIR.replace("return %y", "return %z"), 4),
                                  ("syntax", BROKEN_MLIR.replace("8x24xf32>\n", "8x24xf32\n"), 2),
                                  ("unknown op", BROKEN_MLIR.replace("vit.linear", "vit.lineal"), 3)):
            with self.subTest(label):
                file = self.write("text.mlir", text)
                for command in ([VITC, "check", file, "--golden", GOLDEN, "--device", "reference"],
                                [VITC, "run", file, "--input", GOLDEN, "--emulate"],
                                [VITC, "build", file, "-o", self.at("x")],
                                [VITC, "build", file, "--emit=ptx"],
                                [VITC, "inspect", file], [VITC, "explain", file],
                                [VITC, "bench", file, "--emulate", "--random-weights"]):
                    error = self.refuse(*command, lines=0)
                    self.assertRegex(error, rf"(?m)^{re.escape(file)}:{line}:\d+: error: ")
                    shown = text.splitlines()[line - 1]
                    self.assertRegex(error, rf"(?m)^{re.escape(shown)}\n *\^")
        for label, content, names in (("empty", "", "function"),
                                      ("no function", "module {}\n", "function")):
            with self.subTest(label):
                file = self.write("text.mlir", content)
                self.assertIn(names, self.refuse(VITC, "build", file, "-o", self.at("x"), lines=0))
        os.mkdir(self.at("folder.mlir"))
        for file in (self.at("folder.mlir"), self.at("nowhere.mlir")):
            self.refuse(VITC, "build", file, "-o", self.at("x"), names=[file])

    def test_random_damage(self):
        """Bytes at random places: taken or refused in one line, whatever the bytes are."""
        generator = random.Random(int(os.environ.get("VITC_TEST_SEED", "1")))
        sources = {"model.safetensors": join(TEXT, DATA), "config.json": json.dumps(CONFIG).encode()}
        for case in range(int(os.environ.get("VITC_TEST_COUNT", "40"))):
            name = generator.choice(list(sources))
            damaged = bytearray(sources[name])
            # In the header or the text, not in a quarter of a megabyte of weights.
            within = min(len(damaged), 8 + len(TEXT))
            for _ in range(generator.randint(1, 4)):
                begin, length = generator.randrange(within), generator.choice([0, 1, 1, 1, 2, 7])
                new = bytes(generator.choice([generator.randrange(256), *b'"0-9{}[]:,.e'])
                            for _ in range(generator.choice([0, 1, 1, 1, 3])))
                damaged[begin:begin + length] = new
            with self.subTest(case=case, name=name):
                directory = self.model("damaged", *((bytes(damaged), None) if "model" in name
                                                    else (None, bytes(damaged))))
                done = subprocess.run([VITC, "check", directory, "--golden", GOLDEN, "--device",
                                       "reference"], capture_output=True, text=True, errors="replace")
                what = f"{bytes(damaged)[:within]}\n{done.stdout}{done.stderr}"
                self.assertIn(done.returncode, (0, 1), what)
                if done.returncode and "FAIL" not in done.stdout:
                    self.assertRegex(done.stderr, r"\Avitc: [^\n]+\n\Z", what)

    def test_replaced_kernels(self):
        for label, content, names in (("no text", b"\x7fELF" + bytes(range(200)), ["PTX"]),
                                      ("empty", b"", [".ptx"]),
                                      ("no kernel", b".version 8.4\n.target sm_89\n", ["no entry"])):
            with self.subTest(label):
                file = self.write("kernels.ptx", content)
                self.refuse(VIT_RUN, self.library, "--weights", WEIGHTS, "--check", GOLDEN, "--emulate",
                            "--ptx", file, names=names)

    def test_without_a_driver(self):
        if os.path.exists("/dev/nvidiactl"):
            return  # a driver is installed: this is another machine's test
        for command in ([VITC, "check", MODEL, "--golden", GOLDEN], [VITC, "run", MODEL, "--input", GOLDEN],
                        [VITC, "bench", MODEL], [VIT_RUN, self.library, "--weights", WEIGHTS, "--bench"]):
            for device in ("auto", "cuda"):
                done = subprocess.run([*command, "--device", device], capture_output=True, text=True)
                if device == "auto":  # the CPU is there, and it says so
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("device: CPU code avx", done.stdout + done.stderr)
                    continue
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("libcuda.so.1", done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def listing(self, folder):
        return {name: slurp(os.path.join(folder, name)) for name in os.listdir(folder)}

    def test_output_that_cannot_be_written(self):
        out = self.at("earlier")
        build = [VITC, "build", MODEL, "--name", "model", "--max-batch", "4", "--ptxas", "none"]
        subprocess.run([*build, "-o", out], check=True, capture_output=True)
        before = self.listing(out)
        self.assertEqual(len(before), 3)
        # A disk that is full in the middle of a file. The signal of the limit is ignored, so that
        # writing fails as it does there.
        for limit in (1, 3000, 20000):
            def cap(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with self.subTest(limit=limit):
                for extra in ([], ["--dtype", "bf16"]):
                    done = subprocess.run([*build, *extra, "-o", out], capture_output=True, text=True,
                                          preexec_fn=cap, restore_signals=False)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    errors = [l for l in done.stderr.splitlines() if "warning: no ptxas" not in l]
                    self.assertEqual(len(errors), 1, done.stderr)
                    self.assertIn(out, errors[0])
                    self.assertEqual(self.listing(out), before)
                done = subprocess.run([*build, "-o", self.at("new/folder")], capture_output=True,
                                      text=True, preexec_fn=cap, restore_signals=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertFalse(os.path.exists(self.at("new")))
                results = self.write("results.safetensors", "earlier")
                for command in ([VITC, "run", MODEL, "--device", "reference"],
                                [VIT_RUN, self.library, "--weights", WEIGHTS, "--emulate"]):
                    if limit > 1:  # enough for the results
                        continue
                    done = subprocess.run([*command, "--input", GOLDEN, "--output", results],
                                          capture_output=True, text=True, preexec_fn=cap,
                                          restore_signals=False)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn(results, done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                    self.assertEqual(slurp(results), b"earlier")
                self.assertEqual([n for n in os.listdir(self.folder) if n.endswith(".tmp")], [])
        for command in ([VITC, "inspect", MODEL], [VITC, "explain", MODEL, "--json", "--ptxas", "none"],
                        [VITC, "build", MODEL, "--emit=vit"],
                        [VITC, "check", MODEL, "--golden", GOLDEN, "--device", "reference"],
                        [VIT_RUN, self.library, "--weights", WEIGHTS, "--check", GOLDEN, "--emulate"]):
            with self.subTest(command), open("/dev/full", "w") as full:
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"(?m)^(vitc|vit-run): stdout: (No space left on device|cannot "
                                              r"be written)$")
        file = self.write("file", "earlier")
        for where in (file, file + "/below", "/proc/nowhere/out"):
            with self.subTest(where):
                self.refuse(*build, "-o", where, names=[where.rsplit("/", 1)[0]])
                self.refuse(VITC, "run", MODEL, "--input", GOLDEN, "--device", "reference", "--output",
                            where + "/x", names=[where])
        self.assertEqual(slurp(file), b"earlier")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
