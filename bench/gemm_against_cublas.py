#!/usr/bin/env python3
"""vitc's GEMM with its fused epilogue beside cuBLAS followed by GELU, in alternating rounds.

Runs on a machine with a GPU, PyTorch and the libraries of test/gpu/prepare:
  gemm_against_cublas.py VIT_RUN LIB.so KERNEL ROWS N K [ROUNDS]
Prints one line a round and the medians. The GPU's clock moves with its temperature, so the ratio of
neighbouring measurements says more than either number.
"""
import re
import statistics
import subprocess
import sys

import torch

vit_run, library, kernel = sys.argv[1:4]
m, n, k = (int(x) for x in sys.argv[4:7])
rounds = int(sys.argv[7]) if len(sys.argv) > 7 else 5
flops = 2 * m * n * k
a = torch.randn(m, k, device="cuda", dtype=torch.float16)
w = torch.randn(n, k, device="cuda", dtype=torch.float16)
b = torch.randn(n, device="cuda", dtype=torch.float16)


def cublas(gelu, calls=50):
    def body():
        y = torch.nn.functional.linear(a, w, b)
        return torch.nn.functional.gelu(y) if gelu else y
    for _ in range(5):
        body()
    times = []
    for _ in range(7):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            body()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / calls)
    return flops / statistics.median(times) / 1e9


def ours():
    done = subprocess.run([vit_run, library, "--bench-kernel", kernel, "--rows", str(m),
                           "--random-weights"], capture_output=True, text=True)
    match = re.search(r"([\d.]+) TFLOP/s", done.stdout)
    if not match:
        sys.exit(done.stdout + done.stderr)
    return float(match[1]), done.stdout.strip()


rows = []
for round_ in range(rounds):
    mine, line = ours()
    rows.append((mine, cublas(True), cublas(False)))
    if round_ == 0:
        print(line)
    print("round %d: vitc %.0f, cuBLAS+GELU %.0f, cuBLAS alone %.0f TFLOP/s" % (round_, *rows[-1]))
medians = [statistics.median(column) for column in zip(*rows)]
print(f"{kernel} {m}x{n}x{k}: vitc %.0f, cuBLAS+GELU %.0f, cuBLAS alone %.0f TFLOP/s" % tuple(medians))
