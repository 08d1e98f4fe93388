"""f16 in and out, sums in f32."""
import triton
import triton.language as tl

SIGNATURE = {"x": "*fp16", "gain": "*fp32", "bias": "*fp32", "out": "*fp16", "columns": "i32", "epsilon": "fp32"}
CONSTANTS = {"BLOCK": 256}
ALIGNED = ["x", "gain", "bias", "out"]


@triton.jit
def triton_layer_norm(x, gain, bias, out, columns, epsilon, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros([BLOCK], dtype=tl.float32)
    squares = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * columns + at, mask=at < columns, other=0.0).to(tl.float32)
        total += v
        squares += v * v
    mean = tl.sum(total, axis=0) / columns
    variance = tl.sum(squares, axis=0) / columns - mean * mean
    scale = tl.rsqrt(variance + epsilon)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        inside = at < columns
        v = tl.load(x + row * columns + at, mask=inside, other=0.0).to(tl.float32)
        y = (v - mean) * scale * tl.load(gain + at, mask=inside) + tl.load(bias + at, mask=inside)
        tl.store(out + row * columns + at, y.to(tl.float16), mask=inside)
