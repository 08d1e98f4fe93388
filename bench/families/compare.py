#!/usr/bin/env python3
"""Full-size models on this machine's GPU: what vitc's libraries compute and how long it takes, beside PyTorch.

  compare.py [--folder build/families] [--only NAME,...] [--out FOLDER] [--seconds 480] [--no-times]

Needs torch, transformers, timm and what bench/families/prepare.py built. Each model has its library's own initial
weights, from a fixed seed. Parameters whose elements are all equal at first (zeros of tables and biases, ones of
norms, 1e-5 of LayerScale) get noise of deviation 0.1: at their constants half of the code that reads them could be
missing. Initial queries and keys are so small, in CLIP above all, that attention is nearly an average: where the
scores deviate by less than 1, the weights of queries are multiplied until they do. `seen` says how far the outputs
move without any scores of attention, and without the noise: what is wrong there is far above the tolerance, or the
comparison says nothing about it.

References are float64 on the GPU. Compared are f16 and bf16, batches of 8 and of 1, which run other schedules;
limits are 2e-3 and 2e-2 and 1.5 times what PyTorch's own model in that type is off. Then come times in f16 with
nothing beside them: PyTorch eager, replayed as a CUDA graph, vitc with schedules for the RTX 4090 and the H200.
Without a GPU (--emulate, for models of `prepare.py --tiny`) there are no times. Exit 1 if anything failed.
"""
import argparse
import concurrent.futures
import contextlib
import copy
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

import timm
import torch
import transformers
from safetensors.torch import save_file

import models

START = time.monotonic()
TOLERANCE = {"f16": 2e-3, "bf16": 2e-2}
TYPES = {"f16": torch.float16, "bf16": torch.bfloat16}
OVER_PYTORCH = 1.5
NOISE = 0.1
LARGEST = 8
LINE = re.compile(r"^(\S+) error (\S+) tolerance \S+ (?:ok|FAIL)$", re.M)
BENCH = re.compile(r"batch (\d+): median ([\d.]+) us .* (\d+) launches", re.M)
failures = []


def say(*words):
    print(f"[{time.monotonic() - START:5.0f} s]", *words, flush=True)


def fail(*words):
    text = " ".join(" ".join(map(str, words)).split())
    failures.append(text)
    say("FAIL", text)


def error(values, reference):
    return float((values.double() - reference).norm() / reference.norm())


# Models -----------------------------------------------------------------------------------------


def create(model, folder):
    """With initial weights, from a seed of its own."""
    torch.manual_seed(zlib.crc32(model.name.encode()))
    if model.is_timm():
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        return timm.create_model(config["architecture"], pretrained=False, num_classes=config["num_classes"],
                                 **config.get("model_args", {}), **model.arguments)
    kind = getattr(transformers, model.config["architectures"][0])
    return kind._from_config(kind.config_class.from_pretrained(folder), attn_implementation="sdpa")


def on_device(model, folder, device):
    try:
        with torch.device(device):
            module = create(model, folder)
    except Exception as problem:  # a library that makes some tensor on the CPU
        say(f"{model.name}: made on the CPU, as on the device: {str(problem)[:100]}")
        module = create(model, folder)
    return module.to(device).eval().requires_grad_(False)


def add_noise(module, device):
    """Returns {name: constant} of the parameters that were constant."""
    generator = torch.Generator(device).manual_seed(1)
    constants = {}
    for name, parameter in module.named_parameters():
        if parameter.min() == parameter.max():
            constants[name] = float(parameter.flatten()[0])
            parameter += NOISE * torch.randn(parameter.shape, generator=generator, device=device)
    return constants


@contextlib.contextmanager
def queries(change):
    """Attention with change(query, key, scale) for its queries."""
    original = torch.nn.functional.scaled_dot_product_attention

    def attention(query, key, *rest, **more):
        scale = more.get("scale") or query.shape[-1] ** -0.5
        return original(change(query, key, scale), key, *rest, **more)
    torch.nn.functional.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        torch.nn.functional.scaled_dot_product_attention = original


def sharpen(model, module, images):
    """Returns what queries were multiplied by, so that the median deviation of scores is 1."""
    deviations = []

    def record(query, key, scale):
        deviations.append(float((scale * query @ key.transpose(-1, -2)).std(-1).mean()))
        return query
    with queries(record):
        outputs_of(model, module, images)
    factor = max(1.0, 1 / statistics.median(deviations))
    for name, parameter in module.named_parameters():
        if re.search(r"\b((q_proj|query)\.(weight|bias)|q_bias)$", name):
            parameter *= factor
        elif re.search(r"\bqkv\.(weight|bias)$", name):
            parameter[:parameter.shape[0] // 3] *= factor
    return factor


def converted(module, kind):
    """A copy in another type. Frequencies of RoPE stay as they are, as in a checkpoint that is loaded."""
    other = copy.deepcopy(module).to(kind)
    if kind != torch.float64:
        buffers = dict(module.named_buffers())
        for name, buffer in other.named_buffers():
            if name.endswith("inv_freq"):
                buffer.data = buffers[name].data
    return other


def save(module, folder):
    """Path of the weights."""
    os.makedirs(folder, exist_ok=True)
    if hasattr(module, "save_pretrained") and isinstance(module, transformers.PreTrainedModel):
        module.save_pretrained(folder, max_shard_size="100GB")
    else:
        save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()},
                  os.path.join(folder, "model.safetensors"))
    return os.path.join(folder, "model.safetensors")


def outputs_of(model, module, images):
    with torch.inference_mode():
        result = module(images)
    if model.is_timm():
        return {"logits": result}
    return {name: result[name] for name in model.outputs}


def pictures(side, device):
    """Smooth shapes with noise, about as large as normalised pixels."""
    generator = torch.Generator(device).manual_seed(2)
    coarse = torch.randn(LARGEST, 3, 7, 7, generator=generator, device=device)
    fine = torch.randn(LARGEST, 3, side, side, generator=generator, device=device)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic") + 0.3 * fine


# Numbers ----------------------------------------------------------------------------------------


class Case:
    def __init__(self, arguments, model, scratch):
        self.arguments, self.model = arguments, model
        self.libraries = os.path.join(arguments.folder, model.name)
        self.folder = os.path.join(scratch, model.name)
        self.result = {"model": model.name, "vitc": {}, "pytorch": {}, "times": {}}
        self.checks = []

    def prepare(self, device):
        """Weights, images and references as files, PyTorch's own errors."""
        model, result = self.model, self.result
        module = on_device(model, self.libraries, device)
        constants = add_noise(module, device)
        images = pictures(model.sized(self.arguments.tiny)[1], device)
        result["queries times"] = sharpen(model, module, images[:1])
        if model.half:
            module = module.half()
        self.weights = save(module, self.folder)
        exact = converted(module, torch.float64)
        references = outputs_of(model, exact, images.double())
        with queries(lambda query, key, scale: torch.zeros_like(query)):
            result["attention seen"] = self.moved(exact, images, references)
        for name, parameter in exact.named_parameters():
            if name in constants:
                parameter.fill_(constants[name])
        result["noise seen"] = self.moved(exact, images, references)
        del exact
        result["parameters"] = sum(parameter.numel() for parameter in module.parameters())
        result["with noise"] = len(constants)
        save_file({"pixel_values": images.cpu(),
                   **{f"{name}.f64": value.contiguous().cpu() for name, value in references.items()}},
                  os.path.join(self.folder, "io.safetensors"))
        for dtype, kind in TYPES.items():
            own = converted(module, kind)
            values = outputs_of(model, own, images.to(kind))
            result["pytorch"][dtype] = {name: error(values[name], reference)
                                        for name, reference in references.items()}
            if dtype == "f16":
                self.module, self.images = own, images.half()
        result["sizes"] = {name: list(reference.shape) for name, reference in references.items()}
        say(f"{model.name}: {result['parameters'] / 1e6:.0f} million parameters, "
            f"{len(constants)} of the tensors with noise, queries times {result['queries times']:.3g}; seen: "
            f"attention {result['attention seen']:.2g}, noise {result['noise seen']:.2g}; PyTorch "
            + ", ".join(f"{dtype} {max(e.values()):.2e}" for dtype, e in result["pytorch"].items()))

    def moved(self, module, images, references):
        """How far the output moves that moves least."""
        values = outputs_of(self.model, module, images.double())
        return min(error(values[name], reference) for name, reference in references.items())

    def run(self, library, *flags):
        path = os.path.join(self.libraries, library + ".so")
        command = [os.path.join(self.arguments.folder, "vit-run"), path, "--weights", self.weights, *flags]
        if self.arguments.emulate:
            command.append("--emulate")
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def check_all(self, library):
        """In the background of other models. The second run finds what the driver compiled in the first."""
        for batch in (LARGEST, 1) if library in TYPES else (LARGEST,):
            self.check(library, batch)

    def check(self, library, batch):
        dtype = library.split("-")[0]
        label = f"{self.model.name} {library} batch {batch}:"
        try:
            done = self.run(library, "--check", self.folder, "--dtype", dtype, "--max-batch", str(batch))
        except subprocess.TimeoutExpired:
            return fail(label, "vit-run took more than 300 s")
        found = {name: float(value) for name, value in LINE.findall(done.stdout)}
        if set(found) != set(self.model.outputs):
            return fail(label, f"expected errors of {', '.join(self.model.outputs)}:", done.stdout[-500:],
                        done.stderr[-1500:])
        self.result["vitc"][f"{library} {batch}"] = found
        for name, value in found.items():
            own = self.result["pytorch"][dtype][name]
            limit = min(TOLERANCE[dtype], OVER_PYTORCH * own)
            verdict = f"{name} error {value:.3e}, PyTorch {own:.3e}, limit {limit:.3e}"
            if value <= limit:
                say(label, verdict)
            else:
                fail(label, verdict)
        if "warning" in done.stderr:
            say(label, done.stderr.strip())
        return None

    # Times --------------------------------------------------------------------------------------

    def time(self):
        result = self.result["times"]
        for batch in (1, LARGEST):
            images = self.images[:batch].contiguous()

            def forward():
                return self.module(images)
            with torch.inference_mode():
                result[f"eager {batch}"] = median_us(forward)
                try:
                    result[f"graph {batch}"] = median_us(graph(forward))
                except Exception as problem:
                    fail(f"{self.model.name} batch {batch}: no CUDA graph:", str(problem)[:200])
                    torch.cuda.synchronize()
        for library in ("f16", "f16-h200"):
            if not os.path.exists(os.path.join(self.libraries, library + ".so")):
                continue
            done = self.run(library, "--bench", "--batch", f"1,{LARGEST}", "--repetitions", "40")
            for batch, us, launches in BENCH.findall(done.stdout):
                result[f"{library} {batch}"] = float(us)
                result[f"{library} {batch} launches"] = int(launches)
            if done.returncode:
                fail(f"{self.model.name} {library}: --bench:", done.stderr[-500:])
        say(f"{self.model.name}:", ", ".join(f"{k} {v:.0f}" for k, v in result.items()))


def median_us(forward, repetitions=40):
    for _ in range(8):
        forward()
    torch.cuda.synchronize()
    events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(repetitions)]
    for first, last in events:
        first.record()
        forward()
        last.record()
    torch.cuda.synchronize()
    return 1e3 * statistics.median(first.elapsed_time(last) for first, last in events)


def graph(forward):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            forward()
    torch.cuda.current_stream().wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        forward()
    return captured.replay


# Tables -----------------------------------------------------------------------------------------


def shown(values, key, form):
    return form.format(values[key]) if key in values else "-"


def worst(result, key, dtype):
    """The error that is largest beside PyTorch's, and PyTorch's."""
    found, own = result["vitc"].get(key), result["pytorch"].get(dtype)
    if not found or not own:
        return "-"
    name = max(found, key=lambda name: found[name] / own[name])
    return f"{found[name]:.2e} ({own[name]:.2e})"


def table(results):
    lines = ["| model | batch | f16 error (PyTorch) | bf16 error (PyTorch) | seen: attention, noise | launches | "
             "PyTorch eager, us | graph, us | vitc, us | vitc for h200, us | best / graph |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for result in results:
        for batch in (1, LARGEST):
            times = result["times"]
            mine = [times[key] for key in (f"f16 {batch}", f"f16-h200 {batch}") if key in times]
            ratio = f"{min(mine) / times[f'graph {batch}']:.2f}" if mine and f"graph {batch}" in times else "-"
            seen = (f"{result['attention seen']:.2g}, {result['noise seen']:.2g}"
                    if "noise seen" in result else "-")
            cells = [result["model"], batch, worst(result, f"f16 {batch}", "f16"),
                     worst(result, f"bf16 {batch}", "bf16"), seen,
                     shown(times, f"f16 {batch} launches", "{}"), shown(times, f"eager {batch}", "{:.0f}"),
                     shown(times, f"graph {batch}", "{:.0f}"), shown(times, f"f16 {batch}", "{:.0f}"),
                     shown(times, f"f16-h200 {batch}", "{:.0f}"), ratio]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def write(arguments, results):
    with open(os.path.join(arguments.out, "families.json"), "w", encoding="utf-8") as file:
        json.dump({"results": results, "failures": failures}, file, indent=1)


def versions(device):
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU, emulator"
    return (f"{where}; torch {torch.__version__}, transformers {transformers.__version__}, timm {timm.__version__}, "
            f"Python {sys.version.split()[0]}")


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="build/families")
    parser.add_argument("--out", default=os.environ.get("OUT", "."))
    parser.add_argument("--only", help="names of models, with commas")
    parser.add_argument("--tiny", action="store_true", help="what prepare.py --tiny built")
    parser.add_argument("--emulate", action="store_true", help="no GPU")
    parser.add_argument("--no-times", action="store_true")
    parser.add_argument("--seconds", type=int, default=480, help="start no more work after these")
    parser.add_argument("-j", "--jobs", type=int, default=8, help="checks at a time")
    return parser.parse_args()


def main():
    arguments = parse()
    device = "cpu" if arguments.emulate else "cuda"
    only = arguments.only.split(",") if arguments.only else None
    os.makedirs(arguments.out, exist_ok=True)
    say(versions(device))
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    timm.layers.set_fused_attn(True, experimental=True)  # of Swin, too
    cases = []
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for model in models.MODELS:
            if only and model.name not in only:
                continue
            case = Case(arguments, model, scratch)
            cases.append(case)
            kinds = ("f16", "bf16") if arguments.emulate else ("f16", "bf16", "f16-h200")  # it is an sm_89
            built = [kind for kind in kinds
                     if os.path.exists(os.path.join(case.libraries, kind + ".so"))]
            if not built:
                fail(f"{model.name}: no library was built")
                continue
            try:
                case.prepare(device)
            except Exception as problem:
                fail(f"{model.name}: PyTorch:", repr(problem)[:500])
                continue
            case.checks = [pool.submit(case.check_all, kind) for kind in built]
        for case in cases:
            for job in case.checks:
                job.result()
        results = [case.result for case in cases]
        write(arguments, results)
        for case in cases:
            if case.checks and not arguments.no_times and not arguments.emulate:
                if time.monotonic() - START > arguments.seconds:
                    fail(f"{case.model.name}: not timed, {arguments.seconds} s are over")
                    continue
                try:
                    case.time()
                except Exception as problem:
                    fail(f"{case.model.name}: not timed:", repr(problem)[:500])
                write(arguments, results)
            shutil.rmtree(case.folder, ignore_errors=True)
    print(f"\n{versions(device)}\n\n{table(results)}\n")
    for text in failures:
        print("FAIL", text)
    print(f"{len(failures)} failed, {time.monotonic() - START:.0f} s")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
