#!/usr/bin/env python3
"""vitc's code for CPUs against ONNX Runtime, in alternating rounds on this machine.

  compare.py --vitc V --vit-run R [--models vit-s16,vit-b16] [--batch 1,8] [--threads 1,2] [--rounds 5]
             [--runs 8] [--json OUT] [--isa avx2] [--peers openvino,torch] [--i8] [--runtime libvit_runtime.a]

Needs numpy, onnx and onnxruntime. Weights are random. Each round times, one after the other, vitc with
class-token pruning, vitc with all work done, vitc with pruning and products of bf16, and ONNX Runtime on two
graphs of the same model (vit_onnx.py), of which the faster counts; but for bf16 all is f32. --peers adds OpenVINO, on
the plain graph, and what torch.compile makes of the model of transformers. A round of each is the smallest of its
runs, since other programs only add time; printed is the median of the rounds. GFLOP/s count the work of the whole model, also for the pruned one; the peak is that of
multiply-adds on registers (fma_peak.c) of one thread, times threads, with the vectors of --isa, of bytes with --i8.

With --i8 both have products of i8: vitc --dtype i8 with pruning and with all work done, beside its own f32 and bf16
with pruning, and ONNX Runtime on what its quantize_dynamic makes of the matrix products of both graphs.

With --runtime, vitc's own library, times are of the processor (processor_time.c) and not of the wall, for machines
that other programs use; of one thread, because those of ONNX Runtime use the processor while they wait.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

import vit_onnx


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def config(sizes):
    if not sizes.classes:
        return {"architectures": ["Dinov2Model"], "model_type": "dinov2", "image_size": sizes.image,
                "patch_size": sizes.patch, "num_channels": 3, "hidden_size": sizes.width,
                "num_attention_heads": sizes.heads, "mlp_ratio": sizes.mlp // sizes.width,
                "num_hidden_layers": sizes.layers, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "qkv_bias": True,
                "layerscale_value": 1.0, "use_swiglu_ffn": False}
    return {"architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": sizes.image,
            "patch_size": sizes.patch, "num_channels": 3, "hidden_size": sizes.width,
            "num_attention_heads": sizes.heads, "intermediate_size": sizes.mlp, "num_hidden_layers": sizes.layers,
            "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": True,
            "id2label": {str(i): str(i) for i in range(sizes.classes)}}


def flops(sizes, batch):
    """Of products, a multiply-add is two."""
    tokens, width = sizes.tokens, sizes.width
    layer = tokens * width * (4 * width + 2 * sizes.mlp) + 2 * tokens * tokens * width
    patches = (tokens - 1) * 3 * sizes.patch ** 2 * width
    return 2 * batch * (sizes.layers * layer + patches + width * sizes.classes)


class Vitc:
    def __init__(self, arguments, folder, model, name, *flags):
        self.arguments = arguments
        source = os.path.join(folder, model)
        os.makedirs(source, exist_ok=True)
        with open(os.path.join(source, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config(vit_onnx.SIZES[model]), file)
        run(arguments.vitc, "build", source, "-o", os.path.join(source, name), "--name", name, "--target", "cpu",
            "--max-batch", str(max(arguments.batch)), "--shared", *flags)
        self.library, self.name = os.path.join(source, name, f"lib{name}.so"), name

    def round(self, batch, threads):
        """The smallest time of a run, milliseconds."""
        if self.arguments.processor_time:
            return float(run(self.arguments.processor_time, self.library, self.name, f"cpu:{threads}", str(batch),
                             str(self.arguments.runs)).split()[0])
        output = run(self.arguments.vit_run, self.library, "--random-weights", "--bench", "--device",
                     f"cpu:{threads}", "--batch", str(batch), "--repetitions", str(self.arguments.runs))
        return float(re.search(r"median \S+ us \((\S+) to", output)[1]) * 1e-3


def pixels_of(sizes, batch):
    return numpy.random.default_rng(2).standard_normal((batch, 3, sizes.image, sizes.image), dtype=numpy.float32)


def smallest(clock, runs, work):
    """Milliseconds of the fastest of `runs`, behind one that does not count."""
    times = []
    for _ in range(runs + 1):
        begin = clock()
        work()
        times.append(clock() - begin)
    return 1e3 * min(times[1:])


class Onnx:
    def __init__(self, path, sizes, clock):
        self.path, self.sizes, self.sessions, self.clock = path, sizes, {}, clock

    def round(self, batch, threads, runs):
        if threads not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            self.sessions = {threads: onnxruntime.InferenceSession(self.path, options,
                                                                  providers=["CPUExecutionProvider"])}
        inputs = {"pixel_values": pixels_of(self.sizes, batch)}
        return smallest(self.clock, runs, lambda: self.sessions[threads].run(None, inputs))


class OpenVino:
    """The graph without ONNX Runtime's own operators, in f32."""

    def __init__(self, path, sizes):
        import openvino
        self.core, self.path, self.sizes, self.requests = openvino.Core(), path, sizes, {}

    def round(self, batch, threads, runs):
        if (batch, threads) not in self.requests:
            model = self.core.read_model(self.path)
            model.reshape([batch, 3, self.sizes.image, self.sizes.image])
            compiled = self.core.compile_model(model, "CPU", {
                "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
            self.requests = {(batch, threads): compiled.create_infer_request()}
        pixels = pixels_of(self.sizes, batch)
        return smallest(time.perf_counter, runs, lambda: self.requests[batch, threads].infer([pixels]))


class Torch:
    """torch.compile of the model that transformers makes of the same config."""

    def __init__(self, sizes):
        import torch
        import transformers
        self.torch, self.sizes, settings = torch, sizes, config(sizes)
        name = settings["architectures"][0]
        made = getattr(transformers, name)(getattr(transformers, "ViTConfig" if sizes.classes else "Dinov2Config")
                                           .from_dict(settings))
        self.model = torch.compile(made.eval())

    def round(self, batch, threads, runs):
        self.torch.set_num_threads(threads)
        pixels = self.torch.from_numpy(pixels_of(self.sizes, batch))
        with self.torch.inference_mode():
            return smallest(time.perf_counter, runs, lambda: self.model(pixels))


def quantized(path):
    """The convolution stays f32: that of i8 is slower."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # takes its time, and few need it
    result = path.replace(".onnx", "-i8.onnx")
    quantize_dynamic(path, result, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": 1})  # f32, behind operators of its own
    return result


def measure(arguments, model, folder, peak):
    dtype = "i8" if arguments.i8 else "f32"
    vitc = {"whole": Vitc(arguments, folder, model, "whole", "--dtype", dtype, "--no-prune"),
            "pruned": Vitc(arguments, folder, model, "pruned", "--dtype", dtype),
            "bf16": Vitc(arguments, folder, model, "bf16", "--dtype", "bf16")}
    if arguments.i8:
        vitc["f32"] = Vitc(arguments, folder, model, "f32", "--dtype", "f32")
    graphs = []
    for fused in (False, True):
        path = os.path.join(folder, f"{model}-{fused}.onnx")
        vit_onnx.write(model, fused, path)
        graphs.append(Onnx(quantized(path) if arguments.i8 else path, vit_onnx.SIZES[model],
                           time.process_time if arguments.processor_time else time.perf_counter))
    peers = {"openvino": lambda: OpenVino(graphs[0].path, vit_onnx.SIZES[model]),
             "torch": lambda: Torch(vit_onnx.SIZES[model])}
    others = {name: peers[name]() for name in arguments.peers}
    for threads in arguments.threads:
        for batch in arguments.batch:
            times = {name: [] for name in ("onnxruntime", *others, *vitc)}
            for _ in range(arguments.rounds):
                for name, library in vitc.items():
                    times[name].append(library.round(batch, threads))
                times["onnxruntime"].append(min(graph.round(batch, threads, arguments.runs) for graph in graphs))
                for name, peer in others.items():
                    times[name].append(peer.round(batch, threads, arguments.runs))
            row = {"model": model, "batch": batch, "threads": threads, "peak_gflops": peak * threads,
                   **{name: round(statistics.median(found), 2) for name, found in times.items()}}
            work = flops(vit_onnx.SIZES[model], batch)
            row["peak_share"] = {name: round(work / row[name] / 1e6 / row["peak_gflops"], 3) for name in times}
            yield row


def build(folder, name, *flags):
    program = os.path.join(folder, name)
    run("cc", "-O2", "-o", program, os.path.join(os.path.dirname(__file__), name + ".c"), *flags)
    return program


def peak_of(arguments, folder):
    """GFLOP/s of a thread."""
    program = build(folder, "fma_peak")
    if arguments.i8 and not arguments.isa and "avx512_vnni" in open("/proc/cpuinfo").read():
        return float(run(program, "i8"))
    # Forms with products of i8 or of bf16 have those of f32 that avx512 has; widened i8 is no faster than f32.
    vectors = "avx512" if arguments.isa and arguments.isa.startswith("avx512") else arguments.isa
    return float(run(program, *([vectors] if vectors else [])))


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--vit-run", required=True)
    parser.add_argument("--models", default="vit-s16,vit-b16")
    parser.add_argument("--batch", type=numbers, default=[1, 8])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--isa", help="form of vitc's code; ONNX Runtime takes what the processor has")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[],
                        help="openvino, torch: f32 of these, too, where they are installed")
    parser.add_argument("--i8", action="store_true", help="products of i8 on both sides")
    parser.add_argument("--runtime", help="libvit_runtime.a: times are of the processor")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.runtime and arguments.threads != [1]:
        sys.exit("compare.py: --runtime: processor time is of one thread; give --threads 1")
    if arguments.isa:
        os.environ["VIT_CPU_ISA"] = arguments.isa
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        peak = peak_of(arguments, folder)
        include = os.path.join(os.path.dirname(__file__), "..", "..", "runtime", "include")
        arguments.processor_time = arguments.runtime and build(
            folder, "processor_time", "-I", include, arguments.runtime, "-lstdc++", "-lm", "-ldl", "-lpthread")
        print(f"ONNX Runtime {onnxruntime.__version__}; peak of a thread {peak} GFLOP/s; ms"
              f"{' of the processor' if arguments.runtime else ''}, smallest of {arguments.runs} "
              f"runs, median of {arguments.rounds} rounds; % of the peak\n")
        others = [*arguments.peers, "bf16", *(["f32"] if arguments.i8 else [])]
        ratios = [("onnxruntime", "whole", "all work, times as fast"), ("onnxruntime", "pruned", "pruned")]
        ratios += ([("bf16", "pruned", "i8 over bf16"), ("f32", "pruned", "i8 over f32")] if arguments.i8 else
                   [("pruned", "bf16", "bf16 over f32")])
        head = ["model", "batch", "threads", "ONNX Runtime", "all work", "pruned",
                *(name if name in arguments.peers else f"pruned, {name}" for name in others),
                *(text for _, _, text in ratios)]
        print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
        for model in arguments.models.split(","):
            for row in measure(arguments, model, folder, peak):
                rows.append(row)
                share = row["peak_share"]
                cells = [f"{row[name]:.1f} ({100 * share[name]:.0f} %)" for name in ("onnxruntime", "whole", "pruned")]
                cells += [f"{row[name]:.1f}" for name in others]
                cells += [f"{row[slow] / row[fast]:.2f}" for slow, fast, _ in ratios]
                print("| " + " | ".join([model, str(row["batch"]), str(row["threads"]), *cells]) + " |", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
