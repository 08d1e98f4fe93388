#!/usr/bin/env python3
"""End-to-end checks of vitc against outputs of the models' own code.

  golden.py check MODEL --device reference|DTYPE      errors within the tolerance, and not above what
                                                      PyTorch makes of the same model in that type, for
                                                      each of its golden files: one a size of images
  golden.py cpu MODEL [--bits] [--device f32|bf16|i8]    code for CPUs: errors within the tolerance in each form
                                                      that this machine has; --bits: and the same bits in
                                                      all of them and with any number of threads
  golden.py valgrind MODEL                            code for CPUs with AVX2 under valgrind: no error, and the
                                                      same output
  golden.py controls MODEL                            seven wrong models are told from the right one
  golden.py variants                                  models unlike the golden ones, emulated against
                                                      the f64 reference
  golden.py weights MODEL                             new weights in f32, f16, bf16 without rebuilding;
                                                      a transposed one is refused
  golden.py anysize MODEL --device DTYPE [--cpu]      one library for images of any size: every golden
                                                      file, and random sizes against builds for them;
                                                      --cpu: its code for CPUs, in each form
  golden.py self-check MODEL --device DTYPE           `vit-run --self-check` of the model, emulated and on
                                                      the CPU; a kernel that is wrong is found
  golden.py library MODEL --vit-run R --library L --device DTYPE [--emulate]
                                                      a library as `vitc build --shared` wrote it, where
                                                      vitc is not: by default on this machine's GPU
"""
import argparse
import array
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import safetensors

LINE = re.compile(r"^(\S+) error (\S+) tolerance (\S+) (ok|FAIL)$", re.M)


def run(*command, expect=0, environment={}):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if expect is not None and done.returncode != expect:
        sys.exit(f"{' '.join(command)}\nexit {done.returncode}, expected {expect}\n"
                 f"{done.stdout}{done.stderr}")
    return done


def device_arguments(device):
    return ["--device", "reference"] if device == "reference" else ["--emulate", "--dtype", device]


def errors(vitc, model, golden, device, extra=(), expect=0):
    """{output: relative error} as `vitc check` prints them."""
    done = run(vitc, "check", model, "--golden", golden, *device_arguments(device), *extra,
               expect=expect)
    found = {name: float(error) for name, error, _, _ in LINE.findall(done.stdout)}
    if not found:
        sys.exit(f"no result line in the output of vitc check:\n{done.stdout}{done.stderr}")
    return found


# Their libraries compute angles in f32, also where the model is f64.
REFERENCE_TOLERANCE = {"hf-dinov3": "1e-8", "timm-eva02": "1e-8"}


def check(arguments):
    meta = json.load(open(os.path.join(arguments.model, "meta.json")))
    for file in sorted(os.listdir(arguments.model)):
        if re.fullmatch(r"io.*\.safetensors", file):
            check_file(arguments, file, meta.get("files", {}).get(file, meta))


def check_file(arguments, file, meta):
    directory = arguments.model
    golden = os.path.join(directory, file)
    tolerance = arguments.tolerance
    if arguments.device == "reference":
        tolerance = tolerance or REFERENCE_TOLERANCE.get(os.path.basename(directory))
    extra = ["--tolerance", tolerance] if tolerance else []
    found = errors(arguments.vitc, directory, golden, arguments.device, extra)
    judge(f"{os.path.basename(directory)}/{file}", found, golden, meta, arguments.device)


def cpu_forms(dtype):
    """The forms that this machine can run and a library of `dtype` has, by what the kernel says of it."""
    flags = set(re.search(r"^flags\s*:(.*)$", open("/proc/cpuinfo").read(), re.M)[1].split())
    needed = {"avx2": {"avx2", "fma", "bmi2"},
              "avx512": {"avx2", "fma", "bmi2", "avx512f", "avx512vl", "avx512bw", "avx512dq"}}
    needed |= {"bf16": {"avx512bf16": needed["avx512"] | {"avx512_bf16"}},
               "i8": {"avx512vnni": needed["avx512"] | {"avx512_vnni"}}}.get(dtype, {})
    return [form for form in needed if needed[form] <= flags]


def cpu(arguments):
    directory = arguments.model
    dtype = arguments.device or "f32"
    forms = cpu_forms(dtype)
    if not forms:
        sys.exit("code for CPUs needs AVX2 and FMA, which this machine does not have")
    for file in sorted(os.listdir(directory)):
        if not re.fullmatch(r"io.*\.safetensors", file):
            continue
        golden = os.path.join(directory, file)
        cpu_file(arguments.vitc, golden, dtype, forms, forms[-1])
        for form in forms[:-1]:
            cpu_file(arguments.vitc, golden, dtype, [form], form)
        if arguments.bits and has_input(golden):
            same_bits(arguments.vitc, directory, golden, forms, dtype)


def has_input(golden):
    """Not where the input is made from the model's name; outputs are also there in f64."""
    names = safetensors.read(golden).keys()
    return any(not name.endswith(".f64") and f"{name}.f64" not in names for name in names)


def cpu_file(vitc, golden, dtype, forms, runs):
    """Checks a golden file with a library of these forms, of which one runs."""
    directory, file = os.path.split(golden)
    done = run(vitc, "check", directory, "--golden", golden, "--device", "cpu:2", "--dtype", dtype,
               "--isa", ",".join(forms))
    if f"CPU code {runs}, 2 threads" not in done.stderr + done.stdout:
        sys.exit(f"expected {runs} to run:\n{done.stdout}{done.stderr}")
    found = {name: float(error) for name, error, _, _ in LINE.findall(done.stdout)}
    if not found:
        sys.exit(f"no result line in the output of vitc check:\n{done.stdout}{done.stderr}")
    for name, error in found.items():
        print(f"{os.path.basename(directory)}/{file} cpu {dtype} {runs} {name}: {error:.3g}")


def same_bits(vitc, directory, golden, forms, dtype):
    with tempfile.TemporaryDirectory() as folder:
        reference = None
        for form, threads in [(forms[0], 1)] + [(form, 3) for form in forms]:
            path = os.path.join(folder, f"{form}-{threads}.safetensors")
            run(vitc, "run", directory, "--input", golden, "--output", path,
                "--device", f"cpu:{threads}", "--isa", form, "--dtype", dtype)
            found = open(path, "rb").read()
            if reference is not None and found != reference:
                sys.exit(f"{golden}: {form} with {threads} threads gives other bits than {forms[0]} with 1")
            reference = found


def valgrind(arguments):
    """Inputs and outputs are arrays of the heap, whose ends valgrind knows; it has no AVX-512."""
    directory = arguments.model
    os.environ["VIT_CPU_ISA"] = "avx2"
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.vitc, "build", directory, "-o", folder, "--name", "model", "--target", "cpu", "--max-batch", "2",
            "--shared", "--quiet")
        done = run("valgrind", "--quiet", "--error-exitcode=9", arguments.vit_run, os.path.join(folder, "libmodel.so"),
                   "--weights", os.path.join(directory, "model.safetensors"), "--check",
                   os.path.join(directory, "io.safetensors"), "--dtype", "f32", "--device", "cpu:2")
    if done.stderr.count("==") or "CPU code avx2, 2 threads" not in done.stderr + done.stdout:
        sys.exit(f"expected avx2 to run, and valgrind to say nothing:\n{done.stdout}{done.stderr}")
    print(done.stdout, end="")


def judge(label, found, golden, meta, device, tolerance=None):
    """Compares errors with what PyTorch's own are, and those of many values with `tolerance`."""
    # PyTorch's products of f32 are exact to 2^-24, ours to 2^-22: the tolerance alone is for both.
    torch = meta.get("torch_rel_err", {}).get(device, {}) if device != "f32" else {}
    outputs = safetensors.read(golden)
    for name, error in found.items():
        line = f"{label} {device} {name}: {error:.3g}"
        if name in torch:
            size = len(outputs[name + ".f64"].values)
            limit = torch[name] * (2.5 if size < 500 else 1.5)
            if tolerance and size >= 500:
                limit = min(limit, tolerance)
            line += f", PyTorch {torch[name]:.3g}, limit {limit:.3g}"
            if not error <= limit:
                sys.exit(f"{line}: above what PyTorch's own arithmetic allows")
        print(line)


def library(arguments):
    directory = arguments.model
    names = [name for name in ("model.safetensors", "open_clip_model.safetensors")
             if os.path.exists(os.path.join(directory, name))]
    golden = os.path.join(directory, "io.safetensors")
    meta = json.load(open(os.path.join(directory, "meta.json")))
    done = run(arguments.vit_run, arguments.library, "--weights", os.path.join(directory, *names), "--check",
               golden, "--dtype", arguments.device, *(["--emulate"] if arguments.emulate else []), expect=None)
    found = {name: float(error) for name, error, _, _ in LINE.findall(done.stdout)}
    if set(found) != set(meta["outputs"]):
        sys.exit(f"expected errors of {', '.join(meta['outputs'])}:\n{done.stdout}{done.stderr}")
    judge(os.path.basename(directory), found, golden, meta, arguments.device,
          {"f16": 2e-3, "bf16": 2e-2, "tf32": 2e-3, "f32": 1e-5}[arguments.device])


def self_check(arguments):
    directory, dtype = arguments.model, arguments.device
    meta = json.load(open(os.path.join(directory, "meta.json")))
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.vitc, "build", directory, "-o", folder, "--name", "model", "--shared", "--dtype", dtype,
            "--max-batch", "2", "--ptxas", "none")
        command = [arguments.vit_run, os.path.join(folder, "libmodel.so"), "--weights",
                   os.path.join(directory, "model.safetensors"), "--self-check"]
        ptx = run(arguments.vitc, "build", directory, "--dtype", dtype, "--max-batch", "2", "--emit=ptx",
                  "--ptxas", "none").stdout
        wrong = os.path.join(folder, "wrong.ptx")
        open(wrong, "w").write(ptx.replace("add.rn.f32", "sub.rn.f32").replace("add.f32", "sub.f32"))
        for device in ["--emulate"], ["--device", "cpu:2"]:
            judge_self_check(run(*command, *device).stdout, meta["outputs"], "ok")
        judge_self_check(run(*command, "--emulate", "--ptx", wrong, expect=1).stdout, meta["outputs"], "FAIL")


def judge_self_check(text, outputs, expected):
    found = {(name, verdict) for name, _, _, verdict in LINE.findall(text)}
    if found != {(name, expected) for name in outputs}:
        sys.exit(f"expected {expected} for each of {', '.join(outputs)}:\n{text}")
    print(text, end="")


# Any size -----------------------------------------------------------------------------------------


def any_library(arguments, scratch, outputs=()):
    """A command that checks a golden file with one library for all sizes, on the emulator or a CPU."""
    directory, dtype = arguments.model, arguments.device
    name = "any" + "".join(outputs).replace(".", "_")
    folder = os.path.join(scratch, name)
    run(arguments.vitc, "build", directory, "-o", folder, "--name", name, "--shared", "--image-size", "any",
        "--dtype", dtype, "--max-batch", "4", "--ptxas", "none", "--target", "cpu" if arguments.cpu else "cuda",
        *(["--outputs", *outputs] if outputs else []))
    weights = os.path.join(directory, "model.safetensors")
    return [arguments.vit_run, os.path.join(folder, f"lib{name}.so"), "--weights", weights,
            *(["--device", "cpu:2"] if arguments.cpu else ["--emulate"]), "--dtype", dtype, "--check"]


def errors_of(*command, form=None):
    """What a check prints, by code of that form."""
    done = run(*command, expect=None, environment={"VIT_CPU_ISA": form} if form else {})
    if form and f"CPU code {form}, 2 threads" not in done.stderr + done.stdout:
        sys.exit(f"expected {form} to run:\n{done.stdout}{done.stderr}")
    found = {name: float(error) for name, error, _, _ in LINE.findall(done.stdout)}
    if not found:
        sys.exit(f"{' '.join(command)}: no errors\n{done.stdout}{done.stderr}")
    return found


def anysize(arguments):
    directory, dtype = arguments.model, arguments.device
    meta = json.load(open(os.path.join(directory, "meta.json")))
    files = [file for file in sorted(os.listdir(directory)) if re.fullmatch(r"io.*\.safetensors", file)]
    tolerance = {"f16": 2e-3, "bf16": 2e-2, "f32": 1e-5}[dtype]
    forms = cpu_forms(dtype) if arguments.cpu else [None]
    with tempfile.TemporaryDirectory() as scratch:
        check = any_library(arguments, scratch)
        for file in files:
            golden = os.path.join(directory, file)
            for form in forms:
                found = errors_of(*check, golden, form=form)
                label = f"{os.path.basename(directory)}/{file}, any size{', ' + form if form else ''}"
                judge(label, found, golden, meta.get("files", {}).get(file, meta), dtype, tolerance)
                if not max(found.values()) <= tolerance:
                    sys.exit(f"{label}: above the tolerance {tolerance}")
        random_sizes(arguments, scratch, 2e-6 if dtype == "f32" else tolerance)


def random_sizes(arguments, scratch, tolerance):
    """An output of many values, for their errors are no accident, at sizes that no file has."""
    output = arguments.output
    check = any_library(arguments, scratch, [output])
    generator = random.Random(f"any size of {os.path.basename(arguments.model)}")
    sums = {"any": 0.0, "one": 0.0}
    patch = arguments.patch
    sizes = [tuple(generator.randrange(1, 11) * patch + generator.randrange(3) for _ in range(2))
             for _ in range(arguments.sizes)]
    if arguments.cpu:
        sizes.append((13 * patch, 12 * patch + 1))  # more keys than a block has
    for height, width in sizes:
        values = array.array("f", (generator.gauss(0, 1) for _ in range(2 * 3 * height * width)))
        images = safetensors.Tensor("F32", [2, 3, height, width], values)
        golden = os.path.join(scratch, f"{height}x{width}.safetensors")
        safetensors.write(golden, {"pixel_values": images})
        expected = os.path.join(scratch, "expected.safetensors")
        run(arguments.vitc, "run", arguments.model, "--device", "reference", "--outputs", output, "--input",
            golden, "--output", expected)
        safetensors.write(golden, {"pixel_values": images, **safetensors.read(expected)})
        found = errors_of(*check, golden)[output]
        where = ["--device", "cpu:2"] if arguments.cpu else ["--emulate"]
        one = errors_of(arguments.vitc, "check", arguments.model, "--golden", golden, "--dtype", arguments.device,
                        "--ptxas", "none", "--image-size", f"{height}x{width}", *where)[output]
        print(f"{height}x{width}: any size {found:.3g}, built for it {one:.3g}")
        if not found <= tolerance:
            sys.exit(f"{height}x{width}: above the tolerance {tolerance}")
        sums["any"] += found * found
        sums["one"] += one * one
    if not sums["any"] <= 1.2 * 1.2 * sums["one"]:
        sys.exit(f"errors are {(sums['any'] / sums['one']) ** 0.5:.3g} times those of builds for one size")


# Controls ---------------------------------------------------------------------------------------


def swap_rows(tensor, first, second, count):
    for row in range(count):
        a, b = tensor.row(first + row), tensor.row(second + row)
        tensor.values[a], tensor.values[b] = tensor.values[b], tensor.values[a]


def first_named(tensors, *endings):
    for name in sorted(tensors):
        if any(name.endswith(ending) for ending in endings):
            return tensors[name]
    sys.exit(f"no tensor ends in one of {endings}")


def scale_fc2_row(tensors, config):
    weight = first_named(tensors, "layers.0.mlp.fc2.weight", "layers.0.linear2.weight")
    row = weight.row(3)
    weight.values[row] = array.array("f", [1.05 * x for x in weight.values[row]])


def zero_position_row(tensors, config):
    table = first_named(tensors, "position_embeddings", "pos_embedding")
    width = table.shape[-1]
    table.values[2 * width:3 * width] = array.array("f", [0.0] * width)


def swap_heads(tensors, config):
    """Exchanges the values of two heads, without their queries and keys."""
    heads = config.get("num_attention_heads") or config["heads"]
    width = config.get("hidden_size") or config["dim"]
    packed = any(name.endswith("in_proj_weight") for name in tensors)
    endings = (["layers.0.self_attn.in_proj_weight", "layers.0.self_attn.in_proj_bias"] if packed
               else ["layers.0.attention.v_proj.weight", "layers.0.attention.v_proj.bias"])
    start = 2 * width if packed else 0
    for ending in endings:
        swap_rows(first_named(tensors, ending), start, start + width // heads, width // heads)


def copy_model(directory, target, edit=None):
    os.makedirs(target, exist_ok=True)
    config = json.load(open(os.path.join(directory, "config.json")))
    shutil.copy(os.path.join(directory, "config.json"), target)
    tensors = safetensors.read(os.path.join(directory, "model.safetensors"))
    if edit:
        edit(tensors, config)
    safetensors.write(os.path.join(target, "model.safetensors"), tensors)
    return target


def emit_edited(vitc, directory, target, outputs, pattern, replacement):
    """The model as IR with a textual change; its weights stay where they are."""
    text = run(vitc, "build", directory, "--emit=vit", "--outputs", ",".join(outputs)).stdout
    edited, count = re.subn(pattern, replacement, text)
    if not count:
        return None
    path = os.path.join(target, "model.mlir")
    with open(path, "w") as file:
        file.write(edited)
    return path


def controls(arguments):
    directory, vitc = arguments.model, arguments.vitc
    golden = os.path.join(directory, "io.safetensors")
    weights = os.path.join(directory, "model.safetensors")
    outputs = [n[:-4] for n in safetensors.read(golden) if n.endswith(".f64")]
    with tempfile.TemporaryDirectory() as scratch:
        def expect_wrong(label, model, device="reference", extra=(), limit=1e-5):
            found = errors(vitc, model, golden, device, extra, expect=1)
            worst = max(found.values())
            print(f"{label} ({device}): {worst:.3g}")
            if not worst > limit:
                sys.exit(f"{label}: error {worst:.3g} on {device}, expected above {limit}")

        same = copy_model(directory, os.path.join(scratch, "same"))
        errors(vitc, same, golden, "reference")  # the copy itself is right
        expect_wrong("fc2 row times 1.05",
                     copy_model(directory, os.path.join(scratch, "fc2"), scale_fc2_row))
        expect_wrong("position row zeroed",
                     copy_model(directory, os.path.join(scratch, "position"), zero_position_row))
        swapped = copy_model(directory, os.path.join(scratch, "heads"), swap_heads)
        expect_wrong("two heads swapped", swapped)
        for device, limit in (("f16", 2e-3), ("bf16", 2e-2)):
            expect_wrong("two heads swapped", swapped, device, limit=limit)
        for label, pattern, replacement in (
                ("tanh for erf", r"vit\.gelu +erf", "vit.gelu tanh"),
                ("eps 1e-6 for 1e-12", r"eps 9\.99\d*E-13|eps 1\.0*E-12", "eps 1.0E-6")):
            edited = emit_edited(vitc, directory, scratch, outputs, pattern, replacement)
            if edited:
                expect_wrong(label, edited, extra=["--weights", weights])
            elif "kernelbench" not in directory:
                sys.exit(f"{label}: nothing in the IR matches {pattern}")


# Variants ---------------------------------------------------------------------------------------


def hf(image, patch, channels, width, heads, mlp, classes, layers=2, **more):
    return {"architectures": ["ViTForImageClassification"], "model_type": "vit",
            "image_size": image, "patch_size": patch, "num_channels": channels,
            "hidden_size": width, "num_attention_heads": heads, "intermediate_size": mlp,
            "num_hidden_layers": layers, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
            "qkv_bias": True, "id2label": {str(i): f"c{i}" for i in range(classes)}, **more}


VARIANTS = {
    "non-square": hf([32, 48], 8, 3, 64, 4, 128, 10),
    "one-channel": hf(20, 4, 1, 32, 2, 64, 3),
    "four-channels": hf(48, 12, 4, 96, 2, 96, 17),
    "patch5": hf(25, 5, 1, 48, 3, 100, 11),
    "patch32": hf(96, 32, 3, 64, 1, 80, 5),
    "head128": hf(32, 8, 3, 256, 2, 300, 1001),
    "head24": hf(32, 8, 3, 72, 3, 77, 2),
    "head20-width60": hf(32, 8, 3, 60, 3, 77, 9),
    "head5": hf(32, 8, 3, 40, 8, 64, 9),
    "head13-width39": hf(32, 8, 3, 39, 3, 51, 9, qkv_bias=False),
    "head4-width100": hf(32, 8, 1, 100, 25, 52, 9, layers=1),
    "head256": hf(32, 8, 3, 512, 2, 64, 9, layers=1),
    "head16-odd-mlp": hf(16, 4, 3, 48, 3, 51, 7),
    "gelu-new": hf(32, 8, 3, 64, 2, 128, 10, hidden_act="gelu_new"),
    "quick-gelu": hf(32, 8, 3, 64, 2, 128, 10, hidden_act="quick_gelu"),
    "no-qkv-bias": hf(32, 8, 3, 64, 4, 128, 10, qkv_bias=False),
    "tokens-257": hf(64, 4, 1, 80, 1, 64, 4, layers=1),
    "vit-model": {**hf(32, 8, 3, 64, 2, 96, 2), "architectures": ["ViTModel"]},
    "kernelbench-odd": {"architecture": "kernelbench_vit", "image_size": 28, "patch_size": 7,
                        "num_classes": 3, "dim": 40, "depth": 2, "heads": 1, "mlp_dim": 36,
                        "channels": 1},
}


def variants(arguments):
    vitc = arguments.vitc
    with tempfile.TemporaryDirectory() as scratch:
        for name, config in VARIANTS.items():
            if arguments.only and arguments.only != name:
                continue
            directory = os.path.join(scratch, name)
            os.makedirs(directory)
            with open(os.path.join(directory, "config.json"), "w") as file:
                json.dump(config, file)
            image = config["image_size"]
            height, width = image if isinstance(image, list) else (image, image)
            channels = config.get("num_channels") or config["channels"]
            generator = random.Random(name)
            pixels = array.array("f", [generator.uniform(-1, 1)
                                       for _ in range(3 * channels * height * width)])
            tensors = {"pixel_values": safetensors.Tensor("F32", [3, channels, height, width], pixels)}
            source = os.path.join(directory, "input.safetensors")
            golden = os.path.join(directory, "golden.safetensors")
            safetensors.write(source, tensors)
            run(vitc, "run", directory, "--random-weights", "--device", "reference",
                "--input", source, "--output", golden)
            golden_tensors = safetensors.read(golden)
            golden_tensors.update(tensors)
            safetensors.write(golden, golden_tensors)
            for device in ("f16", "bf16", "tf32", "f32"):
                found = errors(vitc, directory, golden, device, ["--random-weights"])
                print(name, device, " ".join(f"{k} {v:.3g}" for k, v in found.items()))


# Weights ----------------------------------------------------------------------------------------


def weights(arguments):
    vitc, directory = arguments.vitc, arguments.model
    generator = random.Random(12)
    golden = safetensors.read(os.path.join(directory, "io.safetensors"))
    with tempfile.TemporaryDirectory() as scratch:
        source = os.path.join(scratch, "input.safetensors")
        safetensors.write(source, {"pixel_values": golden["pixel_values"]})
        library = os.path.join(scratch, "library")
        run(vitc, "build", directory, "--target", "cuda", "-o", library, "--name", "model", "--shared")
        shared = os.path.join(library, "libmodel.so")
        for dtype in ("F32", "F16", "BF16"):
            def perturb(tensors, config):
                for tensor in tensors.values():
                    tensor.values = array.array(
                        "f", [x * (1 + 0.2 * generator.uniform(-1, 1)) for x in tensor.values])
                    tensor.dtype = dtype
            other = copy_model(directory, os.path.join(scratch, dtype), perturb)
            expected = os.path.join(other, "expected.safetensors")
            run(vitc, "run", other, "--device", "reference", "--input", source, "--output", expected)
            reference = safetensors.read(expected)
            reference["pixel_values"] = golden["pixel_values"]
            safetensors.write(expected, reference)
            file = os.path.join(other, "model.safetensors")
            done = run(arguments.vit_run, shared, "--weights", file, "--check", expected, "--emulate")
            print(dtype, done.stdout.strip())

        fc1 = ("layers.0.mlp.fc1.weight", "layers.0.linear1.weight")

        def transpose(tensors, config):
            first_named(tensors, *fc1).shape.reverse()
        wrong = copy_model(directory, os.path.join(scratch, "transposed"), transpose)
        file, images = os.path.join(wrong, "model.safetensors"), os.path.join(directory, "io.safetensors")
        config = json.load(open(os.path.join(directory, "config.json")))
        wide = config.get("intermediate_size") or config["mlp_dim"]
        narrow = config.get("hidden_size") or config["dim"]
        for command in ([arguments.vit_run, shared, "--weights", file, "--check", images, "--emulate"],
                        [vitc, "check", wrong, "--golden", images, "--device", "reference"],
                        [vitc, "run", directory, "--weights", file, "--input", images, "--emulate"],
                        [vitc, "build", directory, "--embed-weights", "--weights", file, "-o", scratch]):
            done = run(*command, expect=1)
            found = re.search(rf"'(\S+)' is {narrow}x{wide}, the model expects {wide}x{narrow}$",
                              done.stderr.strip())
            if not found or not found[1].endswith(fc1) or file not in done.stderr:
                sys.exit(f"expected tensor, file and both shapes in the refusal: {done.stderr}")
            print(done.stderr.strip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["check", "cpu", "valgrind", "controls", "variants", "weights",
                                         "library", "anysize", "self-check"])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--vitc")
    parser.add_argument("--vit-run")
    parser.add_argument("--library")
    parser.add_argument("--emulate", action="store_true")
    parser.add_argument("--device", choices=["reference", "f16", "bf16", "tf32", "f32", "i8"])
    parser.add_argument("--bits", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--tolerance")
    parser.add_argument("--patch", type=int, default=8, help="pixels of a side")
    parser.add_argument("--sizes", type=int, default=4, help="how many random ones")
    parser.add_argument("--output", default="hidden_states.2", help="which is compared at random sizes")
    parser.add_argument("--only", help="one of the variants")
    arguments = parser.parse_args()
    if not arguments.vitc and arguments.what != "library":
        parser.error("--vitc is required")
    {"check": check, "cpu": cpu, "valgrind": valgrind, "controls": controls, "variants": variants,
     "weights": weights, "library": library, "anysize": anysize, "self-check": self_check}[arguments.what](arguments)


if __name__ == "__main__":
    main()
