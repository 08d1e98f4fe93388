"""Attention with a running maximum, f16, causal."""
import triton
import triton.language as tl

SIGNATURE = {"q": "*fp16", "k": "*fp16", "v": "*fp16", "out": "*fp16", "tokens": "i32", "scale": "fp32"}
CONSTANTS = {"M": 64, "N": 32, "WIDTH": 32}
ALIGNED = ["q", "k", "v", "out"]
OPTIONS = {"num_stages": 2}


@triton.jit
def triton_attention(q, k, v, out, tokens, scale, M: tl.constexpr, N: tl.constexpr, WIDTH: tl.constexpr):
    head = tl.program_id(1) * tokens * WIDTH
    rows = tl.program_id(0) * M + tl.arange(0, M)
    width = tl.arange(0, WIDTH)
    at = head + rows[:, None] * WIDTH + width[None, :]
    queries = tl.load(q + at, mask=rows[:, None] < tokens, other=0.0)
    largest = tl.full([M], -float("inf"), dtype=tl.float32)
    total = tl.zeros([M], dtype=tl.float32)
    sums = tl.zeros([M, WIDTH], dtype=tl.float32)
    for start in range(0, tl.minimum(tokens, (tl.program_id(0) + 1) * M), N):
        keys = start + tl.arange(0, N)
        inside = keys < tokens
        kk = tl.load(k + head + keys[None, :] * WIDTH + width[:, None], mask=inside[None, :], other=0.0)
        scores = tl.dot(queries, kk) * scale
        scores = tl.where((keys[None, :] <= rows[:, None]) & inside[None, :], scores, -float("inf"))
        now = tl.maximum(largest, tl.max(scores, axis=1))
        p = tl.exp(scores - now[:, None])
        keep = tl.exp(largest - now)
        total = total * keep + tl.sum(p, axis=1)
        vv = tl.load(v + head + keys[:, None] * WIDTH + width[None, :], mask=inside[:, None], other=0.0)
        sums = tl.dot(p.to(tl.float16), vv, sums * keep[:, None])
        largest = now
    tl.store(out + at, (sums / total[:, None]).to(tl.float16), mask=rows[:, None] < tokens)
