"""Functions of the library, bf16 in and out, and random numbers."""
import triton
import triton.language as tl
from triton.language.extra import libdevice

SIGNATURE = {"x": "*bf16", "out": "*bf16", "random": "*fp32", "seed": "i32", "n": "i32"}
CONSTANTS = {"BLOCK": 128}


@triton.jit
def triton_math(x, out, random, seed, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    v = tl.load(x + at, mask=inside).to(tl.float32)
    gelu = 0.5 * v * (1 + libdevice.erf(v * 0.70710678))
    y = gelu + libdevice.tanh(v) * tl.sin(v) + tl.log2(1 + v * v) - tl.sigmoid(v)
    tl.store(out + at, y.to(tl.bfloat16), mask=inside)
    tl.store(random + at, tl.rand(seed, at), mask=inside)
