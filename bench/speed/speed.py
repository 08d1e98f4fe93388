#!/usr/bin/env python3
"""Whole models beside PyTorch, in turns on one GPU.

  speed.py prepare [--vitc build/bin/vitc] [--vit-run build/bin/vit-run] [--folder build/speed] [--only NAME,...]
  speed.py run [--folder build/speed] [--out FOLDER] [--seconds 500] [--rounds 3] [--compile] [--only NAME,...]

`prepare` builds f16 libraries of PTX for sm_89 with the schedules of the H200, from configs alone, pruned and with
--no-prune, and packs them as FOLDER.tar.gz with this script and vit-run: the GPU's machine needs PyTorch, timm and a
driver. `run` times PyTorch (timm's or transformers' model in f16, eager and replayed as a CUDA graph; --compile: with
max-autotune, which takes minutes) and vitc (as one CUDA graph) in alternating rounds and writes the medians as
speed.md and speed.json. Weights are random, images too: no time here depends on them.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import time

VIT = {"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_act": "gelu", "num_channels": 3,
       "image_size": 224, "qkv_bias": True, "layer_norm_eps": 1e-6}


def vit(width, layers, heads, patch, image=224):
    return dict(VIT, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                intermediate_size=4 * width, patch_size=patch, image_size=image,
                id2label={str(i): str(i) for i in range(1000)}, label2id={str(i): i for i in range(1000)})


# Name, config, timm's name or none, batches.
MODELS = [
    ("vit-b16", vit(768, 12, 12, 16), "vit_base_patch16_224", (1, 8, 32, 128)),
    ("vit-s16", vit(384, 12, 6, 16), "vit_small_patch16_224", (1, 8, 32, 128)),
    ("vit-l16", vit(1024, 24, 16, 16), "vit_large_patch16_224", (1, 8, 32)),
    ("vit-h14", vit(1280, 32, 16, 14), "vit_huge_patch14_224", (1, 32)),
    ("vit-b16-384", vit(768, 12, 12, 16, 384), "vit_base_patch16_384", (1, 32)),
    ("vit-b32", vit(768, 12, 12, 32), "vit_base_patch32_224", (1, 32, 128)),
]
OTHERS = {"dinov2-b-518": (1, 32), "clip-l14-336": (1, 32), "siglip-so400m-384": (1, 32)}
BENCH = re.compile(r"batch (\d+): median ([\d.]+) us \(([\d.]+) to ([\d.]+)\).* (\d+) launches", re.M)


def models_of(only):
    """[(name, config, timm's name, batches)], with those of bench/families."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "families"))
    import models  # pylint: disable=import-outside-toplevel
    others = [(model.name, model.config, None, OTHERS[model.name]) for model in models.MODELS if model.name in OTHERS]
    return [model for model in MODELS + others if not only or model[0] in only.split(",")]


def prepare(arguments):
    shutil.rmtree(arguments.folder, ignore_errors=True)
    os.makedirs(arguments.folder)
    for name, config, _, batches in models_of(arguments.only):
        for kind, flags in (("pruned", []), ("whole", ["--no-prune"])):
            folder = os.path.join(arguments.folder, name, kind)
            os.makedirs(folder)
            with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
                json.dump(config, file)
            subprocess.run([arguments.vitc, "build", folder, "-o", folder, "--name", "model", "--shared", "--quiet",
                            "--gpu", "h200", "--arch", "sm_89", "--ptxas", "none", "--max-batch", str(max(batches)),
                            *flags], check=True, stderr=subprocess.DEVNULL)
            os.remove(os.path.join(folder, "libmodel.a"))
    shutil.copy(arguments.vit_run, os.path.join(arguments.folder, "vit-run"))
    with tarfile.open(arguments.folder.rstrip("/") + ".tar.gz", "w:gz", compresslevel=6) as archive:
        archive.add(arguments.folder, os.path.basename(arguments.folder.rstrip("/")))


def microseconds(call, calls):
    """Medians of one call, by the device's clock."""
    import torch
    for _ in range(3):
        call()
    times = []
    for _ in range(5):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        end.synchronize()
        times.append(1e3 * begin.elapsed_time(end) / calls)
    return statistics.median(times)


class PyTorch:
    def __init__(self, name, config, timm_name, folder):
        import torch
        torch.manual_seed(0)
        if timm_name:
            import timm
            model = timm.create_model(timm_name, img_size=config["image_size"])
        else:
            import transformers
            kind = getattr(transformers, config["architectures"][0])
            model = kind._from_config(kind.config_class.from_pretrained(folder), attn_implementation="sdpa")
        self.name, self.model = name, model.cuda().eval().half()
        side = config.get("image_size") or config["vision_config"]["image_size"]
        self.shape = (3, side, side)

    def calls(self, batch, compiled):
        """{how: call}"""
        import torch
        images = torch.randn(batch, *self.shape, device="cuda", dtype=torch.float16)

        def eager():
            with torch.inference_mode():
                return self.model(images)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                eager()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            eager()
        calls = {"eager": eager, "graph": graph.replay}
        if compiled:
            torch._dynamo.reset()
            best = torch.compile(self.model, mode="max-autotune")

            def call():
                with torch.inference_mode():
                    return best(images)
            calls["compiled"] = call
        return calls


def ours(arguments, folder, batch, repetitions):
    """(median, low, high) in us, and launches."""
    done = subprocess.run([os.path.join(arguments.folder, "vit-run"), os.path.join(folder, "libmodel.so"),
                           "--random-weights", "--bench", "--batch", str(batch), "--repetitions", str(repetitions)],
                          capture_output=True, text=True)
    match = BENCH.search(done.stdout)
    if not match:
        print(done.stdout, done.stderr, flush=True)
        return None
    return [float(match[i]) for i in (2, 3, 4)] + [int(match[5])]


def measure(arguments, model, rows, deadline):
    name, config, timm_name, batches = model
    folder = os.path.join(arguments.folder, name)
    peer = PyTorch(name, config, timm_name, os.path.join(folder, "pruned"))
    for batch in batches:
        if time.monotonic() > deadline:
            print("no time left for", name, batch, flush=True)
            return
        calls = peer.calls(batch, arguments.compile)
        times = {how: [] for how in [*calls, "pruned", "whole"]}
        launches = 0
        for turn in range(arguments.rounds):
            for how, call in calls.items():
                if how != "eager" or turn == 0:
                    times[how].append(microseconds(call, 20 if batch <= 8 else 5))
            for kind in ("pruned", "whole"):
                if kind == "whole" and turn:
                    continue
                if result := ours(arguments, os.path.join(folder, kind), batch, 60 if batch <= 8 else 20):
                    times[kind].append(result[0])
                    launches = result[3] if kind == "pruned" else launches
        row = {"model": name, "batch": batch, "launches": launches, "rounds": times,
               **{how: statistics.median(values) for how, values in times.items() if values}}
        rows.append(row)
        print(json.dumps(row), flush=True)
        del calls


def table(rows):
    text = ["| model | batch | PyTorch eager | graph | compiled | vitc | all work done | over PyTorch's best | launches |",
            "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        peers = [row[how] for how in ("eager", "graph", "compiled") if how in row]
        cell = [f"{row[how]:.0f}" if how in row else "" for how in ("eager", "graph", "compiled", "pruned", "whole")]
        ratio = f"{row['pruned'] / min(peers):.2f}" if "pruned" in row else ""
        text.append("| " + " | ".join([row["model"], str(row["batch"]), *cell, ratio, str(row["launches"])]) + " |")
    return "\n".join(text) + "\n"


def warm(arguments):
    """Runs every library once, so that the driver's cache has what it compiles of them."""
    names = [(name, kind, batches) for name, _, _, batches in models_of(arguments.only) for kind in ("pruned", "whole")]

    def one(entry):
        name, kind, batches = entry
        folder = os.path.join(arguments.folder, name, kind)
        subprocess.run([os.path.join(arguments.folder, "vit-run"), os.path.join(folder, "libmodel.so"),
                        "--random-weights", "--bench", "--batch", ",".join(map(str, batches)), "--repetitions", "1"],
                       capture_output=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, names))


def run(arguments):
    import torch
    deadline = time.monotonic() + arguments.seconds
    os.environ.setdefault("CUDA_CACHE_MAXSIZE", str(1 << 32))
    warm(arguments)
    rows = []
    print(torch.cuda.get_device_name(), "torch", torch.__version__, flush=True)
    for model in models_of(arguments.only):
        if time.monotonic() > deadline:
            break
        measure(arguments, model, rows, deadline)
        os.makedirs(arguments.out, exist_ok=True)
        with open(os.path.join(arguments.out, "speed.md"), "w", encoding="utf-8") as file:
            file.write(table(rows))
        with open(os.path.join(arguments.out, "speed.json"), "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    print(table(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["prepare", "run"])
    parser.add_argument("--vitc", default="build/bin/vitc")
    parser.add_argument("--vit-run", default="build/bin/vit-run")
    parser.add_argument("--folder", default="build/speed")
    parser.add_argument("--out", default=".")
    parser.add_argument("--seconds", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    prepare(arguments) if arguments.verb == "prepare" else run(arguments)


if __name__ == "__main__":
    main()
