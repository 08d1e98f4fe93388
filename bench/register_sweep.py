#!/usr/bin/env python3
"""What ptxas makes of a few hundred kernels of every family: data for the register model.

Runs on any machine with ptxas, no GPU:
  register_sweep.py VITC_OPT > bench/data/register-calibration.csv
The shapes are those of ViTs, the schedules what a search may choose and beyond, so some spill; random
tiles of linears come at several bounds, from where they spill to where they do not. The same tools
give the same file, byte by byte. Columns (empty where a family has no such number):

  family      gemm, reduction (of a split gemm), attention, norm, elementwise, patchify
  m,n,k       gemm: N and K, and M, the rows of an image; attention: query rows, keys, head_dim
  dtype       of what the root reads; elementwise: of operands and results
  block,warp,stages,buffers,splits    of the schedule, sizes joined by x
  products    linears that share the input
  activations, vectors    activations and tables, vectors that the elementwise ops read
  results     values stored
  cheap, expensive    elementwise ops of an instruction or two; with a function unit (gelu, ...)
  width       of a row: norm, elementwise, patchify
  recompute   the row is read anew for each use: norm
  budget      bound on registers, 0: none
  registers, spill_bytes, smem    of a thread (ptxas), stores and loads together; dynamic, per block
"""
import random
import re
import subprocess
import sys

COLUMNS = ("family m n k dtype block warp stages buffers splits products activations vectors "
           "results cheap expensive width recompute budget registers spill_bytes smem").split()


class Body:
    """The text of a kernel: arguments, ops, results; counts what the columns ask for."""

    def __init__(self):
        self.arguments, self.ops, self.results, self.counts = [], [], [], {}
        for name in "products activations vectors cheap expensive".split():
            self.counts[name] = 0

    def argument(self, type):
        self.arguments.append(f"%a{len(self.arguments)}: {type}")
        return f"%a{len(self.arguments) - 1}"

    def op(self, text, type, count=None):
        self.ops.append(f"  %{len(self.ops)} = {text} -> {type}")
        if count:
            self.counts[count] += 1
        return f"%{len(self.ops) - 1}"

    def binary(self, text, a, b, type, other=None):
        other = other or type
        self.ops.append(f"  %{len(self.ops)} = vit.{text} {a}, {b} : {type}, {other} -> {type}")
        self.counts["cheap"] += 1
        return f"%{len(self.ops) - 1}"

    def bias(self, value, type, width):
        self.counts["vectors"] += 1
        vector = f"tensor<{width}xf32>"
        return self.binary("bias_add", value, self.argument(vector), type, vector)

    def activation(self, type):
        self.counts["activations"] += 1
        return self.argument(type)

    def unary(self, name, value, type, cost="expensive"):
        return self.op(f"vit.{name} {value} : {type}", type, cost)

    def store(self, value, type):
        self.results.append((value, type))

    def text(self, name, schedule):
        types = ", ".join(type for _, type in self.results)
        values = ", ".join(value for value, _ in self.results)
        return (f"vit.kernel @{name}({', '.join(self.arguments)}) -> ({types})\n"
                f"    attributes {{schedules = [#vit.{schedule}>]}} {{\n"
                + "\n".join(self.ops) + f"\n  vit.yield {values} : {types}\n}}\n")


def attention_fields(rows, keys, queries, head):
    """As many of the rows as fit, and V beside K where that keeps no block away (sm_89)."""
    ceil = lambda a, b: -(-a // b)
    pitch, tiles = 16 * (head // 8 | 1), ceil(keys, 8)
    needed = max(4 * tiles, 2 * tiles + head // 2) + 24
    buffer = ceil(keys, 16) * 16 * pitch
    most = min(16 if needed <= 128 else 8, (99 * 1024 - buffer) // (16 * pitch))
    groups = ceil(ceil(queries, 16), max(1, min(most, rows // 16)))
    warps = ceil(ceil(queries, 16), groups)
    blocks = lambda smem: min(4 * (16384 // (ceil(needed, 8) * 256)) // warps, 102400 // (smem + 1024))
    one = buffer + 16 * warps * pitch
    resident = one + buffer <= 99 * 1024 and blocks(one + buffer) >= blocks(one)
    return f"rows = {16 * warps}, keys = {keys}" + (" resident = true" if resident else "")


class Sweep:
    def __init__(self):
        self.kernels = []  # rows without what ptxas says, and texts

    def add(self, family, body, dtype, block, warp, stages=1, buffers=1, splits=1, budget=0,
            recompute=None, **numbers):
        sizes = lambda values: "x".join(str(v) for v in values)
        if family == "gemm":
            schedule = f"tile = {list(block)}, warp = {list(warp)}, stages = {stages}"
        elif family == "attention":
            schedule = attention_fields(*block, numbers["m"], numbers["k"])
        else:
            unit = "rows" if family == "norm" else "elements"
            schedule = f"{unit} = {block[0]}, warp = {warp[0]}"
        kind = "tokens" if family == "patchify" else family
        schedule = f"{kind}_schedule<batch = 1 to 64, {schedule}"
        for name, value in (("buffers", buffers), ("splits", splits)):
            schedule += f" {name} = {value}" if value != 1 else ""
        schedule += " recompute = true" if recompute else ""
        schedule += f" registers = {budget}" if budget else ""
        row = dict(family=family, dtype=dtype, block=sizes(block), warp=sizes(warp), stages=stages,
                   buffers=buffers, splits=splits, results=len(body.results), budget=budget,
                   recompute="" if recompute is None else int(recompute), **body.counts, **numbers)
        self.kernels.append((row, body.text(f"k{len(self.kernels)}", schedule)))


def gemm(sweep, epilogue, dtype, m, n, k, block, warp, stages, **schedule):
    body, rows = Body(), f"?x{m}" if "table" in epilogue else "?"
    x, w = f"tensor<{rows}x{k}x{dtype}>", f"tensor<{n}x{k}x{dtype}>"
    y, f = f"tensor<{rows}x{n}x{dtype}>", f"tensor<{rows}x{n}xf32>"
    data = body.argument(x)
    linear = lambda: body.op(f"vit.linear {data}, {body.argument(w)} : {x}, {w}", f, "products")
    value = body.bias(linear(), f, n) if "plain" not in epilogue else linear()
    if "gated" in epilogue:
        gate = body.unary("silu", value, f)
        value = body.binary("mul", gate, body.bias(linear(), f, n), f)
    if "gelu" in epilogue:
        value = body.unary("gelu erf", value, f)
    if "table" in epilogue:
        body.counts["activations"] += 1
        table = f"tensor<{m}x{n}xf32>"
        value = body.binary("position", value, body.argument(table), f, table)
    if "residual" in epilogue:
        value = body.binary("add", value, body.activation(f), f)
        body.store(value, f)
    if "cast" in epilogue:
        body.store(body.op(f"vit.cast {value} : {f}", y, "cheap"), y)
    else:
        body.store(value, f)
    sweep.add("gemm", body, dtype, block, warp, stages, m=m, n=n, k=k, **schedule)


GEMM_TILES = [  # block, warp: what large, middling and single images ask for
    ((128, 128, 32), (64, 32)), ((128, 128, 32), (64, 64)), ((128, 128, 64), (64, 32)),
    ((128, 64, 32), (64, 32)), ((64, 128, 32), (64, 32)), ((64, 128, 64), (32, 64)),
    ((96, 128, 32), (48, 64)), ((128, 96, 32), (64, 48)), ((96, 96, 32), (48, 48)),
    ((128, 256, 32), (64, 64)), ((256, 128, 32), (64, 64)), ((64, 64, 32), (32, 32)),
    ((64, 64, 64), (32, 32)), ((64, 96, 32), (32, 48)), ((64, 80, 64), (32, 40)),
    ((48, 40, 64), (48, 8)), ((48, 64, 64), (48, 16)), ((32, 64, 64), (16, 32)),
    ((32, 32, 64), (16, 16)), ((16, 64, 64), (16, 16)), ((112, 64, 32), (112, 16)),
    ((208, 64, 32), (16, 64)), ((80, 128, 32), (80, 32)),
    ((128, 160, 32), (64, 80)),
]


def gemms(sweep):
    for i, (block, warp) in enumerate(GEMM_TILES):
        for buffers in (1, 2):
            stages = 2 + (i + buffers) % 3
            while stages > 2 and 2 * stages * (block[0] + block[1]) * block[2] > 99 * 1024:
                stages -= 1
            for dtype, epilogue, n, k in (("f16", "gelu cast", 3072, 768),
                                          ("bf16", "residual cast", 768, 3072)):
                gemm(sweep, epilogue, dtype, 197, n, k, block, warp, stages, buffers=buffers)
    some = [GEMM_TILES[i] for i in (0, 1, 3, 8, 11, 12, 14, 17)]
    for block, warp in some:
        gemm(sweep, "plain", "f16", 197, 768, 768, block, warp, 3 if block[2] == 32 else 2)
        gemm(sweep, "table cast", "bf16", 197, 384, 588 + 4, block, warp, 2)  # ragged K
        gemm(sweep, "cast", "f16", 50, 1000, 192, block, warp, 2, buffers=2)  # ragged N
        for budget in (64, 96, 128, 168):
            gemm(sweep, "gelu cast", "f16", 197, 4096, 1024, block, warp, 2, budget=budget)
        gemm(sweep, "gelu cast", "f16", 197, 1536, 384, block, warp, 2, budget=128, buffers=2)
    for block, warp in (((128, 128, 32), (64, 64)), ((128, 128, 32), (64, 32)),
                        ((64, 128, 32), (32, 64)), ((64, 64, 32), (32, 32)),
                        ((64, 64, 64), (32, 32)), ((128, 64, 32), (32, 32)),
                        ((64, 64, 32), (32, 16)), ((32, 64, 64), (16, 32)),
                        ((96, 96, 32), (48, 48)), ((64, 48, 32), (32, 24))):
        for buffers, dtype in ((1, "f16"), (2, "bf16")):
            gemm(sweep, "gated cast", dtype, 197, 2048, 768, block, warp, 2, buffers=buffers)
        gemm(sweep, "gated cast", "f16", 257, 4096, 1536, block, warp, 2, budget=128)
    for i, splits in ((11, 4), (12, 2), (14, 3), (18, 4), (3, 2)):
        block, warp = GEMM_TILES[i]
        for epilogue, n, k in (("gelu cast", 3072, 768), ("residual cast", 768, 3072),
                               ("gated cast", 1024, 776)):
            gemm(sweep, epilogue, "f16", 197, n, k, block, warp, 2, splits=splits)


def random_gemms(sweep, count=120):
    """Linears that a search may come across, each at bounds around what its tile holds."""
    generator = random.Random(1)
    ceil = lambda a, b: -(-a // b)
    while count:
        epilogue = generator.choice(["cast", "gelu cast", "plain", "residual cast", "table cast",
                                     "table residual cast", "gelu residual cast", "gated cast"])
        linears = 2 if "gated" in epilogue else 1
        wm, wn = 16 * generator.randint(1, 8), 8 * generator.randint(1, 16)
        bm, bn = wm * generator.choice([1, 2, 4, 8]), wn * generator.choice([1, 2, 4, 8])
        bk, buffers = generator.choice([32, 64]), generator.choice([1, 2])
        stages, threads = generator.choice([2, 4] if bk == 64 else [2, 3, 4]), bm // wm * bn // wn * 32
        sums = linears * wm * wn // 32
        held = sums + buffers * (wm // 4 + linears * wn // 4)
        n, k = (generator.choice(sizes) for sizes in ([384, 768, 1000, 1024, 3072],
                                                      [192, 384, 592, 768, 3072]))
        splits = 2 if k >= 384 and generator.random() < 0.15 else 1
        tokens, dtype = generator.choice([50, 197, 257]), generator.choice(["f16", "bf16"])
        copies = ceil(bm * bk // 8, threads) + linears * ceil(bn * bk // 8, threads)
        if (not 64 <= threads <= 256 or max(bm, bn) > 256 or not 12 <= sums <= 128 or held > 190
                or copies > 16 or 2 * stages * (bm + linears * bn) * bk > 99 * 1024):
            continue
        count -= 1
        for budget in range((held + 15) // 8 * 8, min(held + 72, 256), 8):
            gemm(sweep, epilogue, dtype, tokens, n, k, (bm, bn, bk), (wm, wn), stages,
                 buffers=buffers, splits=splits, budget=budget)


def attentions(sweep):
    for keys in (50, 65, 145, 197, 257, 272):
        for head in (32, 64, 80, 128):
            for i, rows in enumerate((16, 64, 112, 208)):
                if (keys + head + rows) % 3 == 0 and head != 64:
                    continue
                body, dtype, width = Body(), ("f16", "bf16")[i % 2], 12 * head
                x, y = f"tensor<?x{keys}x{3 * width}x{dtype}>", f"tensor<?x{keys}x{width}x{dtype}>"
                packed = body.argument(x)
                body.store(body.op(
                    f"vit.attention {packed}, {packed}, {packed} heads 12 head_dim {head} scale 1.25e-01 "
                    f"axis tokens offsets [0, {width}, {2 * width}] : {x}, {x}, {x}", y), y)
                budget = 96 if rows == 16 and head == 64 else 0
                sweep.add("attention", body, dtype, (rows, keys), (16,), m=keys, n=keys, k=head,
                          budget=budget)


def norms(sweep):
    for width in (192, 384, 768, 1024, 1280, 1536, 2048, 4096):
        for dtype in ("f16", "f32"):
            for form in ("plain", "residual", "scaled"):
                for recompute in (False, True):
                    budgets = (0, 48, 128) if form == "scaled" and width in (768, 1280, 2048) else (0,)
                    for budget in budgets:
                        norm(sweep, form, dtype, width, recompute, budget)


def norm(sweep, form, dtype, width, recompute, budget):
    body, x, v = Body(), f"tensor<?x{width}x{dtype}>", f"tensor<{width}xf32>"
    value = body.argument(x)
    if form == "residual":
        value = body.binary("add", body.bias(value, x, width), body.activation(x), x)
        body.store(value, x)
    if form == "scaled":
        value = body.op(f"vit.scale {value} by 0.5 : {x}", x, "cheap")
    normed = body.op(f"vit.layer_norm {value}, {body.argument(v)}, {body.argument(v)} eps 1.0e-06 "
                     f": {x}, {v}, {v}", x)
    if form == "scaled":
        normed = body.binary("add", normed, value, x)
    body.store(normed, x)
    sweep.add("norm", body, dtype, (4,), (1,), width=width, recompute=recompute, budget=budget)


def elementwise(sweep):
    for width in (768, 1000, 37, 388):
        for dtype in ("f16", "f32"):
            for form in ("relu", "gelu", "gate", "sum", "many"):
                body, x = Body(), f"tensor<?x{width}x{dtype}>"
                value = body.argument(x)
                body.counts["activations"] += 1
                if form in ("relu", "gelu"):
                    value = body.unary("gelu erf" if form == "gelu" else form, value, x,
                                       "expensive" if form == "gelu" else "cheap")
                if form == "gate":
                    value = body.binary("mul", body.unary("silu", value, x), body.activation(x), x)
                for _ in range({"sum": 2, "many": 6}.get(form, 0)):
                    value = body.binary("add", value, body.activation(x), x)
                if form == "many":
                    body.store(value, x)
                    value = body.unary("gelu tanh", body.bias(value, x, width), x)
                body.store(value, x)
                sweep.add("elementwise", body, dtype, (2048,), (256,), width=width)


def patches(sweep):
    for patch, size, order in ((16, 224, "conv"), (14, 224, "conv"), (32, 224, "conv"),
                               (16, 256, "unfold")):
        for dtype in ("f16", "f32"):
            body, width = Body(), 3 * patch * patch
            x = f"tensor<?x3x{size}x{size}xf32>"
            y = f"tensor<?x{(size // patch) ** 2}x{width}x{dtype}>"
            body.store(body.op(f"vit.patchify {body.argument(x)} {order} [{patch}, {patch}] : {x}", y), y)
            sweep.add("patchify", body, dtype, (2048,), (256,), width=width)


def measure(vitc_opt, kernels):
    """Rows with what ptxas says; those of reductions after those of their sums."""
    text = "\n".join(text for _, text in kernels)
    out = subprocess.run([vitc_opt, "-", "--vit-lower-kernels", "--vit-print-ptx=text=false",
                          "-o", "/dev/null"], input=text, text=True, capture_output=True)
    if out.returncode:
        sys.exit(out.stderr)
    said = re.findall(r"// kernel k(\d+)\S*: threads \d+, dynamic shared (\d+), sm_89: registers (\d+), "
                      r"spill stores (\d+), spill loads (\d+)", out.stdout)
    seen = set()
    for number, smem, registers, stores, loads in said:
        row = dict(next(row for row, text in kernels if f"@k{number}(" in text))
        if number in seen:
            row.update(family="reduction", block="", warp="", stages="", buffers="")
        seen.add(number)
        row.update(registers=registers, spill_bytes=int(stores) + int(loads), smem=smem)
        yield row
    if len(seen) != len(kernels):
        sys.exit(f"expected numbers for {len(kernels)} kernels, found {len(seen)}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sweep = Sweep()
    for family in (gemms, random_gemms, attentions, norms, elementwise, patches):
        family(sweep)
    print(",".join(COLUMNS))
    for first in range(0, len(sweep.kernels), 32):
        for row in measure(sys.argv[1], sweep.kernels[first:first + 32]):
            print(",".join(str(row.get(column, "")) for column in COLUMNS), flush=True)


if __name__ == "__main__":
    main()
