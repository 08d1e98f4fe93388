#!/usr/bin/env python3
"""Plants bugs in emitted PTX and counts which of them the emulator reports.

  mutants.py --vitc V --vit-run R [--seed S] MODEL
                                                 every kind of bug in a GEMM and in the attention of MODEL
  mutants.py --drop-barriers PTX DIR             writes DIR/mutant-N.ptx, each without one barrier

A kind of bug is a textual edit. It counts as reported if every kernel that has the edited
construct is reported when it runs: one line `kernel:line:thread: kind: text` with that kernel's
name. The text as emitted must be reported under no order of thread blocks. The seed chooses these orders.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile

HEADER = ".version 8.4\n.target sm_89\n.address_size 64\n"
FINDING = re.compile(r"^([\w$]+):(\d+):(\S+): ([\w-]+): (.+)$", re.M)


def kernels_of(text):
    """{name: lines} of a PTX file, without comments; the shared array declared between kernels is
    kept with each of them."""
    shared = [line for line in text.splitlines() if line.startswith(".extern .shared")]
    found = {}
    for part in re.split(r"^(?=\.visible \.entry )", text, flags=re.M)[1:]:
        name = re.match(r"\.visible \.entry (\S+)\(", part)[1]
        body = [line for line in part.splitlines()
                if not line.startswith("//") and not line.startswith(".extern")]
        found[name] = shared[:1] + body
    return found


# Edits: lines -> lines, or None if the kernel has nothing to edit ---------------------------------


def nth(lines, pattern, n=0):
    """Index of the n-th line that matches (negative: from the end), or None."""
    hits = [i for i, line in enumerate(lines) if re.search(pattern, line)]
    return hits[n] if -len(hits) <= n < len(hits) else None


def remove(pattern, n=0):
    def edit(lines):
        i = nth(lines, pattern, n)
        return None if i is None else lines[:i] + lines[i + 1:]
    return edit


def replace(pattern, replacement, n=0):
    def edit(lines):
        i = nth(lines, pattern, n)
        if i is None:
            return None
        return lines[:i] + [re.sub(pattern, replacement, lines[i])] + lines[i + 1:]
    return edit


def replace_all(pattern, replacement):
    def edit(lines):
        new = [re.sub(pattern, replacement, line) for line in lines]
        return None if new == lines else new
    return edit


def add_offset(pattern, offset, n=0):
    """Adds `offset` bytes to the address in the first bracket of the n-th line that matches."""
    def edit(lines):
        i = nth(lines, pattern, n)
        if i is None:
            return None
        moved = re.sub(r"\[(%\w+)(?:\+(-?\d+))?\]",
                       lambda m: f"[{m[1]}+{int(m[2] or 0) + offset}]", lines[i], count=1)
        return lines[:i] + [moved] + lines[i + 1:]
    return edit


def declare(lines, declaration):
    i = nth(lines, r"^\s*\.reg ")
    return lines[:i] + [declaration] + lines[i:]


def after_thread_id(insertion):
    """Inserts lines where %tid.x is known; {tid} is its register, %m0 a fresh predicate."""
    def edit(lines):
        i = nth(lines, r"mov\.u32\s+%r\d+, %tid\.x")
        if i is None:
            return None
        tid = re.search(r"(%r\d+), %tid", lines[i])[1]
        new = lines[:i + 1] + [line.format(tid=tid) for line in insertion] + lines[i + 1:]
        return declare(new, "\t.reg .pred \t%m<2>;")
    return edit


def divergent_barrier(lines):
    i = nth(lines, r"^\s*bar\.sync")
    tid = nth(lines, r"mov\.u32\s+%r\d+, %tid\.x")
    if i is None or tid is None:
        return None
    register = re.search(r"(%r\d+), %tid", lines[tid])[1]
    new = lines[:i] + [f"\tsetp.lt.u32 \t%m0, {register}, 32;", "\t@%m0 bar.sync \t0;"] + lines[i + 1:]
    return declare(new, "\t.reg .pred \t%m<2>;")


def wait_after_barrier(lines):
    i = nth(lines, r"cp\.async\.wait_group")
    j = next((k for k in range(i + 1, len(lines)) if re.search(r"^\s*bar\.sync", lines[k])),
             None) if i is not None else None
    if j is None:
        return None
    return lines[:i] + lines[i + 1:j + 1] + [lines[i]] + lines[j + 1:]


def store_predicate_true(lines):
    """The branch around the first store to global memory is never taken."""
    store = nth(lines, r"^\s*st\.global")
    guards = [i for i in range(store) if re.search(r"^\s*@%p\d+ bra", lines[i])]
    if not guards:
        return None
    predicate = re.search(r"@(%p\d+)", lines[guards[-1]])[1]
    test = nth(lines[:store], rf"setp\.\S+\s+{predicate},", -1)
    if test is None:
        return None
    register = re.search(r", (%r\d+)", lines[test])[1]
    return lines[:test] + [f"\tsetp.ne.b32 \t{predicate}, {register}, {register};"] + lines[test + 1:]


def zero_fill_off(lines):
    """Rows behind the last one are copied instead of zeroed."""
    new = [re.sub(r"selp\.b32(\s+%r\d+), 16, 0, %p\d+", r"mov.b32\1, 16", line) for line in lines]
    new = [re.sub(r"selp\.b32(\s+%r\d+), (%r\d+), 0, %p\d+", r"mov.b32\1, \2", line) for line in new]
    return None if new == lines else new


def raise_bound(lines):
    """A limit on rows or columns, compared or passed in, is larger than it is."""
    i = nth(lines, r"ld\.param\.b32")
    if i is not None:
        register = re.search(r"(%r\d+)", lines[i])[1]
        return lines[:i + 1] + [f"\tadd.s32 \t{register}, {register}, 64;"] + lines[i + 1:]
    i = nth(lines, r"setp\.gt\.u32\s+%p\d+, %r\d+, \d+;", -2)
    if i is None:
        return None
    raised = re.sub(r", (\d+);", lambda m: f", {int(m[1]) + 64};", lines[i])
    return lines[:i] + [raised] + lines[i + 1:]


def wider_elements(lines):
    """The address of a store counts elements twice as wide as they are."""
    store = nth(lines, r"^\s*st\.global", -1)
    scale = nth(lines[:store], r"mul\.wide\.[su]32\s+%rd\d+, %r\d+, [24];", -1)
    if scale is None:
        return None
    new = re.sub(r", ([24]);", lambda m: f", {int(m[1]) * 2};", lines[scale])
    return lines[:scale] + [new] + lines[scale + 1:]


def wider_pitch(lines):
    store = nth(lines, r"^\s*st\.global", -1)
    pitch = nth(lines[:store], r"mad\.lo\.s32\s+%r\d+, %r\d+, \d+, %r\d+;", -1)
    if pitch is None:
        return None
    new = re.sub(r", (\d+), (%r\d+);", lambda m: f", {int(m[1]) * 2}, {m[2]};", lines[pitch])
    return lines[:pitch] + [new] + lines[pitch + 1:]


def loop_overrun(lines):
    """The loop that copies makes one more trip: the copies of a ring are guarded by a comparison of
    their own, elsewhere it is that of the first backward branch."""
    copy = nth(lines, r"cp\.async\.cg", -1)
    guard = nth(lines[:copy], r"setp\.gt\.u32\s+%p\d+, %r\d+, \d+;", -1)
    if guard is not None and copy - guard < 12:
        new = re.sub(r", (\d+);", lambda m: f", {int(m[1]) + 1};", lines[guard])
        return lines[:guard] + [new] + lines[guard + 1:]
    labels = {}
    for i, line in enumerate(lines):
        label = re.match(r"^(\$L\w+):", line)
        if label:
            labels[label[1]] = i
    for i, line in enumerate(lines):
        branch = re.search(r"@(%p\d+) bra\s+(\$L\w+);", line)
        if branch and labels[branch[2]] != i + 1:
            test = nth(lines[:i], rf"setp\.(ne\.b32|lt\.[su]32)\s+{branch[1]}, %r\d+, \d+;", -1)
            if test is not None and i - test < 4:
                new = re.sub(r", (\d+);", lambda m: f", {int(m[1]) + 64};", lines[test])
                return lines[:test] + [new] + lines[test + 1:]
    return None


def swap_parameters(lines):
    """The result's pointer and the first argument's are exchanged."""
    loads = [i for i, line in enumerate(lines) if re.search(r"ld\.param\.b64", line)]
    number = lambda i: int(re.search(r"_param_(\d+)", lines[i])[1])
    first, last = min(loads, key=number), max(loads, key=number)
    new = list(lines)
    for a, b in ((first, last), (last, first)):
        new[a] = re.sub(r"\[\S+\]", re.search(r"\[\S+\]", lines[b])[0], lines[a])
    return new


KINDS = {
    "dropped wait_group": remove(r"cp\.async\.wait_group"),
    "raised wait_group": replace_all(r"wait_group(\s+)(\d+)", lambda m: f"wait_group{m[1]}{int(m[2]) + 1}"),
    "wait behind the barrier": wait_after_barrier,
    "dropped first bar.sync": remove(r"^\s*bar\.sync"),
    "dropped second bar.sync": remove(r"^\s*bar\.sync", 1),
    "barrier of one warp only": divergent_barrier,
    "dropped commit": remove(r"cp\.async\.commit_group"),
    "dropped copy": remove(r"cp\.async\.cg"),
    "copy of half the bytes": replace(r"cp\.async\.cg(.*), 16(, %r\d+)?;", r"cp.async.ca\1, 8;"),
    "shifted stage offset": add_offset(r"cp\.async\.cg", 80),
    "raised bound": raise_bound,
    "edge predicate always true": store_predicate_true,
    "zero fill off": zero_fill_off,
    "store pointer + 2": add_offset(r"^\s*st\.global", 2),
    "load pointer + 2": add_offset(r"^\s*ld\.global\S*\.(v2\.b32|b32)", 2),
    "ldmatrix pointer + 8": add_offset(r"ldmatrix", 8),
    "ldmatrix beyond shared memory": add_offset(r"ldmatrix", 262144),
    "uninitialised shared read": add_offset(r"ldmatrix", 16384),
    "wrong lane mask": replace(r"(shfl\.sync\S*\s.*|bar\.warp\.sync\s+)-1;", r"\g<1>65535;"),
    "early exit of some threads": after_thread_id(["\tsetp.gt.u32 \t%m0, {tid}, 40;", "\t@%m0 ret;"]),
    "lane for thread": replace(r"%tid\.x", "%laneid"),
    "shifted block index": replace(r"(mov\.u32\s+)(%r\d+), %ctaid\.x;",
                                   r"\1\2, %ctaid.x;\n\tadd.s32 \t\2, \2, -1;"),
    "wider elements": wider_elements,
    "wider pitch": wider_pitch,
    "loop runs once more": loop_overrun,
    "swapped parameters": swap_parameters,
}


# Running ------------------------------------------------------------------------------------------


class Library:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        name = "mutants"
        self.path = os.path.join(scratch, "out", f"lib{name}.so")
        # One batch and one tile, so that every kernel in the text is launched, and three warps in a
        # block of attention, so that they can race.
        build = [arguments.vitc, "build", "--ptxas", "none", "--max-batch", "1"]
        kernels = subprocess.run(
            build + [arguments.model, "--tile", "64x64x32/32x32/3", "--emit=kernels"], check=True,
            capture_output=True, text=True).stdout
        kernels, changed = re.subn(r"(vit\.kernel @attn_f16\(.*? rows = )16, keys = 37", r"\g<1>48, keys = 37",
                                   kernels)
        if changed != 1:
            sys.exit("expected attention of blocks of 16 of its 37 rows at batch 1")
        model = os.path.join(scratch, "mutants.mlir")
        with open(model, "w") as file:
            file.write(kernels)
        subprocess.run(build + [model, "-o", os.path.join(scratch, "out"), "--name", name, "--shared"],
                       check=True, stderr=subprocess.DEVNULL)
        self.text = subprocess.run(build + [model, "--emit=ptx"], check=True, capture_output=True,
                                   text=True).stdout

    def run(self, ptx=None, order=0):
        """(exit status, findings [(kernel, line, thread, kind)], stderr) of one run."""
        model = self.arguments.model
        command = [self.arguments.vit_run, self.path, "--emulate", "--tolerance", "1e9",
                   "--weights", os.path.join(model, "model.safetensors"),
                   "--check", os.path.join(model, "io.safetensors")]
        if ptx:
            command += ["--ptx", ptx]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "VITC_EMULATOR": f"order={order}"})
        return done.returncode, [m[:4] for m in FINDING.findall(done.stderr)], done.stderr


def all_kinds(arguments):
    with tempfile.TemporaryDirectory() as scratch:
        library = Library(arguments, scratch)
        generator = random.Random(arguments.seed)
        orders = [generator.randrange(1 << 31) for _ in range(5)]
        for order in [0, *orders]:
            status, findings, stderr = library.run(order=order)
            if status or findings:
                sys.exit(f"the unchanged kernels are reported under order {order}:\n{stderr}")
        kernels = kernels_of(library.text)
        gemm = [k for k in kernels if k.startswith("fc2")] + [k for k in kernels if k.startswith("head")]
        # fc2's small tile leaves the barrier before its epilogue without work: the staging area ends
        # before the stage that is read last.
        wide = [k for k in kernels if k.startswith("qkv")]
        attention = [k for k in kernels if k.startswith("attn_f")]
        missed, kinds = [], 0
        for kind, edit in KINDS.items():
            tried = 0
            reported = True
            for family in (wide if kind == "dropped second bar.sync" else gemm, attention):
                for name in family:
                    mutant = edit(kernels[name])
                    if mutant is None or mutant == kernels[name]:
                        continue
                    tried += 1
                    path = os.path.join(scratch, "mutant.ptx")
                    with open(path, "w") as file:
                        file.write(HEADER + "\n".join(mutant) + "\n")
                    _, findings, stderr = library.run(path, generator.choice(orders))
                    mine = [f for f in findings if f[0] == name]
                    print(f"{kind:32} {name:28} " + (f"line {mine[0][1]}, thread {mine[0][2]}: "
                                                     f"{mine[0][3]}" if mine else "NOT REPORTED"))
                    if not mine:
                        reported = False
                        print(stderr[-600:])
                    break  # one kernel of each family
            if tried:
                kinds += 1
                if not reported:
                    missed.append(kind)
        print(f"{kinds - len(missed)} of {kinds} kinds of bugs reported")
        if kinds < 20 or len(missed) * 20 > kinds:
            sys.exit("missed: " + ", ".join(missed))


def drop_barriers(source, directory):
    kernels = kernels_of(open(source).read())
    count = 0
    for name, lines in kernels.items():
        barriers = [i for i, line in enumerate(lines) if re.search(r"^\s*bar\.sync", line)]
        for i in barriers[:2]:
            if count == 6:
                return
            with open(os.path.join(directory, f"mutant-{count}.ptx"), "w") as file:
                file.write(HEADER + "\n".join(lines[:i] + lines[i + 1:]) + "\n")
            count += 1


def main():
    if sys.argv[1:2] == ["--drop-barriers"]:
        return drop_barriers(*sys.argv[2:4])
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--vit-run", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("model")
    all_kinds(parser.parse_args())


if __name__ == "__main__":
    main()
