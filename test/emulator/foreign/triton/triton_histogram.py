"""Counts in a block, then atomics; and a float sum."""
import triton
import triton.language as tl

SIGNATURE = {"x": "*i32", "counts": "*i32", "sum": "*fp32", "n": "i32"}
CONSTANTS = {"BLOCK": 512, "BINS": 64}


@triton.jit
def triton_histogram(x, counts, sum, n, BLOCK: tl.constexpr, BINS: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + at, mask=at < n, other=BINS - 1)
    bins = tl.histogram(v, BINS)
    tl.atomic_add(counts + tl.arange(0, BINS), bins)
    tl.atomic_add(sum, tl.sum(tl.where(at < n, v.to(tl.float32), 0.0), axis=0), sem="relaxed")
