#!/usr/bin/env python3
"""Compiles kernels written in Triton to PTX beside their sources; needs Triton, no GPU.

  build.py FILE...

A file NAME.py has a function NAME under @triton.jit, SIGNATURE with the type of each argument, and may have
CONSTANTS, OPTIONS and ALIGNED, names of arguments that are multiples of 16. The first line of NAME.ptx says how to
launch it.
"""
import importlib.util
import os
import re
import sys

os.environ["TRITON_DISABLE_LINE_INFO"] = "1"
os.environ["TRITON_DEFAULT_FP_FUSION"] = "1"

import triton  # noqa: E402
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402


def compile_file(path):
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    constants = getattr(module, "CONSTANTS", {})
    signature = {**module.SIGNATURE, **{key: "constexpr" for key in constants}}
    aligned = {(list(signature).index(key),): [["tt.divisibility", 16]]
               for key in getattr(module, "ALIGNED", [])}
    source = ASTSource(fn=getattr(module, name), signature=signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": 4, **getattr(module, "OPTIONS", {})}
    kernel = triton.compile(source, target=GPUTarget("cuda", 89, 32), options=options)
    text = re.sub(r"^\t\.section[\s\S]*", "", kernel.asm["ptx"], flags=re.M)
    with open(os.path.splitext(path)[0] + ".ptx", "w") as file:
        file.write(f"// triton {triton.__version__} threads={32 * options['num_warps']} "
                   f"shared={kernel.metadata.shared} end\n" + text)


for argument in sys.argv[1:]:
    compile_file(argument)
