"""Cumulative sums and maxima of rows, in both directions."""
import triton
import triton.language as tl

SIGNATURE = {"x": "*fp32", "sums": "*fp32", "maxima": "*fp32", "columns": "i32"}
CONSTANTS = {"BLOCK": 1024}


@triton.jit
def larger(a, b):
    return tl.maximum(a, b)


@triton.jit
def triton_scan(x, sums, maxima, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    v = tl.load(x + row * columns + at, mask=inside, other=0.0)
    tl.store(sums + row * columns + at, tl.cumsum(v, axis=0), mask=inside)
    tl.store(maxima + row * columns + at, tl.associative_scan(v, 0, larger, reverse=True), mask=inside)
