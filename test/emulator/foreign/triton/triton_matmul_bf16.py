"""bf16 through a pipeline of three stages."""
import triton
import triton.language as tl

SIGNATURE = {"a": "*bf16", "b": "*bf16", "c": "*fp32", "m": "i32", "n": "i32", "k": "i32"}
CONSTANTS = {"M": 64, "N": 64, "K": 32}
OPTIONS = {"num_stages": 3}
ALIGNED = ["a", "b", "c", "n", "k"]


@triton.jit
def triton_matmul_bf16(a, b, c, m, n, k, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    rows = tl.program_id(0) * M + tl.arange(0, M)
    columns = tl.program_id(1) * N + tl.arange(0, N)
    depth = tl.arange(0, K)
    left = a + (rows % m)[:, None] * k + depth[None, :]
    right = b + depth[:, None] * n + (columns % n)[None, :]
    total = tl.zeros([M, N], dtype=tl.float32)
    for step in range(0, tl.cdiv(k, K)):
        rest = k - step * K
        x = tl.load(left, mask=depth[None, :] < rest, other=0.0)
        y = tl.load(right, mask=depth[:, None] < rest, other=0.0)
        total = tl.dot(x, y, total)
        left += K
        right += K * n
    inside = (rows < m)[:, None] & (columns < n)[None, :]
    tl.store(c + rows[:, None] * n + columns[None, :], total, mask=inside)
