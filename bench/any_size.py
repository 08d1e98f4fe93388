#!/usr/bin/env python3
"""One library at many image sizes on this machine's GPU, beside PyTorch, which resamples its position table itself.

  any_size.py [--folder build/any/dinov2-b-518] [--vit-run build/bin/vit-run] [--out FOLDER] [--sizes HxW,...]

FOLDER has the config.json of a transformers model, and f16.so and bf16.so that
`vitc build FOLDER --image-size any --max-tokens 6000 --max-batch 8 --shared` wrote of it. Needs torch and
transformers. Weights are made as bench/families/compare.py makes them. References are float64; limits are 2e-3 in f16
and 2e-2 in bf16, and 1.5 times what PyTorch's own model in that type is off. Times are of f16 and one image; a
workspace is made again for every size once the library's kernels are there. Exit 1 if anything failed.
"""
import argparse
import concurrent.futures
import functools
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "families"))
import compare  # pylint: disable=wrong-import-position
import models  # pylint: disable=wrong-import-position

SIZES = "224x224,238x420,336x336,448x448,518x518,518x700,644x644,742x910,896x896,1022x1022"
BENCH = re.compile(r"batch 1 of (\d+x\d+): median ([\d.]+) us .* workspace in ([\d.]+) ms", re.M)
BATCH = 2


def images_of(height, width):
    generator = torch.Generator("cuda").manual_seed(height * 10007 + width)
    coarse = torch.randn(BATCH, 3, 7, 7, generator=generator, device="cuda")
    fine = torch.randn(BATCH, 3, height, width, generator=generator, device="cuda")
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic") + 0.3 * fine


class Sizes:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.names = arguments.sizes.split(",")
        with open(os.path.join(arguments.folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        self.model = models.Model(os.path.basename(arguments.folder), config, compare.models.TOKENS, {})
        self.rows = {name: {} for name in self.names}

    @staticmethod
    def at_any_size(module):
        """What it does with images of other sizes, if it must be asked to."""
        asks = "interpolate_pos_encoding" in inspect.signature(module.forward).parameters
        return functools.partial(module, interpolate_pos_encoding=True) if asks else module

    def prepare(self):
        module = compare.on_device(self.model, self.arguments.folder, "cuda")
        compare.add_noise(module, "cuda")
        compare.sharpen(self.model, module, images_of(518, 518)[:1])
        self.weights = compare.save(module, self.scratch)
        kinds = {"f64": compare.converted(module, torch.float64),
                 **{dtype: compare.converted(module, kind) for dtype, kind in compare.TYPES.items()}}
        kinds = {name: self.at_any_size(kind) for name, kind in kinds.items()}
        self.half = kinds["f16"]
        for name in self.names:
            images = images_of(*map(int, name.split("x")))
            exact = compare.outputs_of(self.model, kinds["f64"], images.double())
            save_file({"pixel_values": images.cpu(),
                       **{f"{key}.f64": value.contiguous().cpu() for key, value in exact.items()}},
                      os.path.join(self.scratch, f"io-{name}.safetensors"))
            for dtype, kind in compare.TYPES.items():
                own = compare.outputs_of(self.model, kinds[dtype], images.to(kind))
                self.rows[name][dtype] = {key: compare.error(own[key], value) for key, value in exact.items()}

    def run(self, dtype, *flags):
        return subprocess.run([self.arguments.vit_run, os.path.join(self.arguments.folder, f"{dtype}.so"), "--weights",
                               self.weights, *flags], capture_output=True, text=True, timeout=500)

    def check(self, name, dtype):
        done = self.run(dtype, "--check", os.path.join(self.scratch, f"io-{name}.safetensors"), "--dtype", dtype)
        found = {key: float(value) for key, value in compare.LINE.findall(done.stdout)}
        if set(found) != set(self.model.outputs):
            return compare.fail(name, dtype, done.stdout[-300:], done.stderr[-1000:])
        for key, value in found.items():
            own = self.rows[name][dtype][key]
            if value > min(compare.TOLERANCE[dtype], compare.OVER_PYTORCH * own):
                compare.fail(f"{name} {dtype} {key}: error {value:.3e}, PyTorch {own:.3e}")
        self.rows[name]["vitc " + dtype] = found
        return None

    def time(self):
        done = self.run("f16", "--bench", "--repetitions", "40", "--image-size", ",".join(self.names))
        for name, us, ms in BENCH.findall(done.stdout):
            self.rows[name]["vitc"], self.rows[name]["workspace"] = float(us), float(ms)
        if done.returncode:
            compare.fail("--bench:", done.stderr[-500:])
        for name in self.names:
            images = images_of(*map(int, name.split("x")))[:1].half()

            def forward():
                return self.half(images)
            with torch.inference_mode():
                self.rows[name]["eager"] = compare.median_us(forward)
                try:
                    self.rows[name]["graph"] = compare.median_us(compare.graph(forward))
                except Exception as problem:
                    compare.say(name, "no CUDA graph:", str(problem)[:200])
                    torch.cuda.synchronize()

    def table(self):
        lines = ["| size | f16 error (PyTorch) | bf16 error (PyTorch) | PyTorch eager, us | graph, us | vitc, us | "
                 "workspace, ms |", "|---|---|---|---|---|---|---|"]
        for name in self.names:
            row = self.rows[name]
            errors = [f"{max(row.get('vitc ' + dtype, {'-': 9}).values()):.2e} ({max(row[dtype].values()):.2e})"
                      for dtype in compare.TYPES]
            times = [f"{row[key]:.{digits}f}" if key in row else "-"
                     for key, digits in (("eager", 0), ("graph", 0), ("vitc", 0), ("workspace", 2))]
            lines.append("| " + " | ".join([name, *errors, *times]) + " |")
        return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="build/any/dinov2-b-518")
    parser.add_argument("--vit-run", default="build/bin/vit-run")
    parser.add_argument("--out", default=os.environ.get("OUT", "."))
    parser.add_argument("--sizes", default=SIZES)
    arguments = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(8) as pool:
        sizes = Sizes(arguments, scratch)
        sizes.prepare()
        compare.say("references are there")
        first = [pool.submit(sizes.check, sizes.names[0], dtype) for dtype in compare.TYPES]
        for job in first:  # the others find what the driver compiled
            job.result()
        compare.say("the first size is checked")
        for job in [pool.submit(sizes.check, name, dtype) for name in sizes.names[1:] for dtype in compare.TYPES]:
            job.result()
        compare.say("all are checked")
        sizes.time()
        with open(os.path.join(arguments.out, "any_size.json"), "w", encoding="utf-8") as file:
            json.dump({"sizes": sizes.rows, "failures": compare.failures}, file, indent=1)
        print(f"\n{compare.versions('cuda')}\n\n{sizes.table()}\n")
    print(f"{len(compare.failures)} failed")
    sys.exit(bool(compare.failures))


if __name__ == "__main__":
    main()
