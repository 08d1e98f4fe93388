#!/usr/bin/env python3
"""What the machine code for CPUs must not hold, read from its disassembly.

  assembly.py --vitc V --objdump O

It calls nobody, no mathematical library either: it has no symbol that another file must define. The loops of products,
in which nearly all time goes, neither read nor write the stack, so that every sum stays in a register, and the widest
of each form have as many sums as its registers hold.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

CONFIG = {"architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": 224, "patch_size": 16,
          "num_channels": 3, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072,
          "num_hidden_layers": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": True,
          "id2label": {str(i): str(i) for i in range(1000)}}
# Rows whose sums are in registers, two vectors of each.
ROWS = {"f32": {"avx2": 6, "avx512": 12}, "bf16": {"avx2": 4, "avx512": 12, "avx512bf16": 12},
        "i8": {"avx2": 4, "avx512": 12, "avx512vnni": 12}}
SUM = {"f32": r"vfmadd\d+ps", "bf16": r"vdpbf16ps|vfmadd\d+ps", "i8": r"vpdpbusd|vpmaddwd"}
# The first and the last product of a model of i8 are f32.
OTHERS = {"i8": "f32"}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def functions_of(text):
    """{name: [(address, instruction)]}"""
    functions, current = {}, None
    for line in text.splitlines():
        if head := re.match(r"^[0-9a-f]+ <(.+)>:$", line):
            current = functions.setdefault(head[1], [])
        elif body := re.match(r"^\s*([0-9a-f]+):\s+(\S.*)$", line):
            current.append((int(body[1], 16), body[2]))
    return functions


def loops_of(code):
    """The instructions between a jump backwards and where it goes, innermost loops alone."""
    spans = []
    for address, instruction in code:
        jump = re.match(r"j\w+\s+(?:0x)?([0-9a-f]+)", instruction)
        if jump and int(jump[1], 16) <= address:
            spans.append((int(jump[1], 16), address))
    inner = [span for span in spans
             if not any(other != span and span[0] <= other[0] and other[1] <= span[1] for other in spans)]
    return [[text for address, text in code if begin <= address <= end] for begin, end in inner]


def check(dtype, vitc, objdump, folder):
    run(vitc, "build", folder, "-o", os.path.join(folder, dtype), "--name", "model", "--target", "cpu", "--dtype", dtype)
    archive = os.path.join(folder, dtype, "libmodel.a")
    functions = functions_of(run(objdump, "-d", "--no-show-raw-insn", archive))
    problems, widest = [], dict.fromkeys(ROWS[dtype], 0)
    for name, code in functions.items():
        if not name.startswith("product"):
            continue
        form = name.rsplit("_", 1)[1]
        of_dtype = dtype not in OTHERS or f"_{dtype}_" in name
        pattern = SUM[dtype if of_dtype else OTHERS[dtype]]
        for loop in loops_of(code):
            sums = sum(bool(re.match(pattern, text)) for text in loop)
            if sums:
                if of_dtype:
                    widest[form] = max(widest[form], sums)
                problems += [f"{name}: a loop of {sums} multiply-adds uses the stack: {text}"
                             for text in loop if "%rsp" in text]
    problems += [f"the library needs {line.split()[-1]}" for line in run(objdump, "-t", archive).splitlines()
                 if "*UND*" in line]
    for form, sums in widest.items():
        if sums < 2 * ROWS[dtype][form]:
            problems.append(f"no loop of {form} has {2 * ROWS[dtype][form]} sums; the widest has {sums}")
    if problems:
        sys.exit(f"{dtype}:\n" + "\n".join(problems[:20]))
    print(f"{dtype}: {len(functions)} functions, multiply-adds of the widest loops {widest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--objdump", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        for dtype in ("f32", "bf16", "i8"):
            check(dtype, arguments.vitc, arguments.objdump, folder)


if __name__ == "__main__":
    main()
