#!/usr/bin/env python3
"""Compares what two builds of vitc make of the same models: the PTX of every kernel and the figures
of `explain --json`. A change of structure must change neither.

  compare_builds.py record  --vitc OLD/bin/vitc --out DIR [--quick]   keeps what OLD makes
  compare_builds.py compare --vitc NEW/bin/vitc --out DIR [--quick]   says where NEW differs; exit 1 if it does

Models: the golden ones of this repository and those of --golden DIR that OLD reads, the digits
model, and ViT-S/16, B/16, L/16 and H/14 from their sizes alone. Each in f16 and bf16: as built by
default, with the classic rules, register budgets of 96 and 168, and batch-invariant. --quick takes
three small models and ViT-B/16, and no classic rules.

--ignore NAME leaves out figures of that name (may be repeated). Nothing here depends on time.
"""
import argparse
import concurrent.futures
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZES = {  # width, layers, heads, MLP, patch
    "vit-s16": (384, 12, 6, 1536, 16),
    "vit-b16": (768, 12, 12, 3072, 16),
    "vit-l16": (1024, 24, 16, 4096, 16),
    "vit-h14": (1280, 32, 16, 5120, 14),
}
QUICK = {"hf-vit", "kernelbench-small", "wide-b16-mean16", "vit-b16"}
SETTINGS = {
    "default": [],
    "classic": ["--tile-policy=classic"],
    "budget96": ["--register-budget=96"],
    "budget168": ["--register-budget=168"],
    "invariant": ["--batch-invariant"],
}


def write_sizes(folder):
    """Checkpoint directories without weights; returns their paths by name."""
    paths = {}
    for name, (width, layers, heads, mlp, patch) in SIZES.items():
        path = os.path.join(folder, name)
        os.makedirs(path)
        config = {
            "architectures": ["ViTForImageClassification"],
            "model_type": "vit",
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": mlp,
            "patch_size": patch,
            "image_size": 224,
            "num_labels": 1000,
        }
        with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        paths[name] = path
    return paths


def find_models(golden, folder):
    paths = {"digits": os.path.join(ROOT, "examples/classify-digits/model")}
    for parent in [os.path.join(ROOT, "test/golden/models")] + golden:
        for name in sorted(os.listdir(parent)):
            if os.path.exists(os.path.join(parent, name, "config.json")):
                paths.setdefault(name, os.path.join(parent, name))
    paths.update(write_sizes(folder))
    return paths


def run(vitc, verb, model, flags):
    """(text, error): what vitc prints, or why it printed nothing."""
    done = subprocess.run([vitc, verb, model] + flags, capture_output=True, text=True, check=False)
    return (done.stdout, "") if done.returncode == 0 else ("", done.stderr.strip() or "failed")


def make(vitc, model, dtype, setting):
    """{file ending: text} of one model in one setting; None if this vitc does not read it."""
    flags = ["--dtype", dtype] + SETTINGS[setting]
    # Machine code once: where PTX is equal, so is what ptxas makes of it.
    plain = flags + (["-j", "1"] if setting == "default" else ["--ptxas", "none"])
    ptx, error = run(vitc, "build", model, flags + ["--emit=ptx", "--ptxas", "none"])
    figures, problem = run(vitc, "explain", model, plain + ["--json"])
    return {"ptx": ptx or error, "json": figures or problem}


def differences(old, new, ignored, path=""):
    """Paths at which two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(set(old) | set(new)):
            if key not in ignored:
                yield from differences(old.get(key), new.get(key), ignored, f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new)):
            yield from differences(a, b, ignored, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {json.dumps(old)[:100]} is now {json.dumps(new)[:100]}"


def compare(name, ending, old, new, ignored):
    """Lines that say how two texts differ; none if they do not."""
    if old == new:
        return []
    if ending == "json":
        try:
            return [f"{name}{d}" for d in differences(json.loads(old), json.loads(new), ignored)]
        except ValueError:
            pass
    a, b = old.splitlines(), new.splitlines()
    for number, (x, y) in enumerate(zip(a, b), 1):
        if x != y:
            return [f"{name}.{ending}:{number}: '{x.strip()[:90]}' is now '{y.strip()[:90]}'"]
    return [f"{name}.{ending}: {len(a)} lines are now {len(b)}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("--vitc", required=True, help="the compiler")
    parser.add_argument("--out", required=True, help="folder of what the old build made")
    parser.add_argument("--golden", action="append", default=[], help="folder of more models")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)

    with tempfile.TemporaryDirectory() as folder:
        tasks = []
        for name, path in find_models(arguments.golden, folder).items():
            if run(arguments.vitc, "inspect", path, [])[1] and arguments.what == "record":
                continue  # not a model that the old build reads
            for dtype in ("f16", "bf16"):
                for setting in SETTINGS:
                    if not arguments.quick or (name in QUICK and setting != "classic"):
                        tasks.append((name, path, dtype, setting))

        def work(task):
            name, path, dtype, setting = task
            stem = f"{name}-{dtype}-{setting}"
            files = {e: os.path.join(arguments.out, f"{stem}.{e}.gz") for e in ("ptx", "json")}
            if arguments.what == "compare" and not os.path.exists(files["ptx"]):
                return None
            made, lines = make(arguments.vitc, path, dtype, setting), []
            for ending, file in files.items():
                if arguments.what == "record":
                    with gzip.open(file, "wt", encoding="utf-8") as out:
                        out.write(made[ending])
                else:
                    with gzip.open(file, "rt", encoding="utf-8") as old:
                        lines += compare(stem, ending, old.read(), made[ending],
                                         set(arguments.ignore))
            return lines

        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            results = [r for r in pool.map(work, tasks) if r is not None]
    different = [r for r in results if r]
    for lines in different:
        print("\n".join(lines[:8]) + (f"\n  and {len(lines) - 8} more" if len(lines) > 8 else ""))
    if arguments.what == "compare":
        print(f"{len(results)} builds compared, {len(different)} differ")
    else:
        print(f"{len(results)} builds recorded")
    if arguments.what == "compare" and not results:
        print("nothing was compared: record first", file=sys.stderr)
    return 1 if different or not results else 0


if __name__ == "__main__":
    sys.exit(main())
