"""invariant.py FLAG...: images of split.mlir computed in batches of 1, 8 and 17 on the emulator, each compared with the
reference; prints whether the first image has the same bits in all of them."""
import array
import os
import random
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "golden"))
import safetensors

MODEL = os.path.join(here, "split.mlir")
PER_IMAGE, OUTPUTS = 5 * 3072, 5 * 96
random.seed(1)
images = [random.gauss(0, 1) for _ in range(17 * PER_IMAGE)]
first = set()
with tempfile.TemporaryDirectory() as folder:
    source, target = os.path.join(folder, "x"), os.path.join(folder, "y")

    def run(*flags):
        subprocess.run(["vitc", "run", MODEL, "--random-weights", "--input", source, "--output", target, *flags],
                       check=True, stdout=subprocess.DEVNULL)
        return safetensors.read(target)["y"].values

    for batch in (1, 8, 17):
        values = array.array("f", images[:batch * PER_IMAGE])
        safetensors.write(source, {"x": safetensors.Tensor("F32", [batch, 5, 3072], values)})
        exact = run("--device", "reference")
        found = run("--emulate", "--max-batch", "32", *sys.argv[1:])
        norm = sum(v * v for v in exact) ** 0.5
        error = sum((a - b) ** 2 for a, b in zip(found, exact)) ** 0.5 / norm
        if not error <= 1e-3:
            sys.exit(f"batch {batch}: error {error:.2e}, expected at most 1e-3")
        first.add(bytes(array.array("f", found[:OUTPUTS])))
print("same bits" if len(first) == 1 else "other bits")
