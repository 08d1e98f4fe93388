"""lit for every folder of test/: tools by PATH, ours before LLVM's before the system's."""

import os
import shutil
import sys

sys.dont_write_bytecode = True  # test/ is a source folder
sys.path.insert(0, os.path.dirname(__file__))
from strict_format import StrictShTest  # a module of its own, so that lit can pickle it

config.name = "vitc"
config.test_format = StrictShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.vitc_build, "test")

config.environment["PATH"] = os.pathsep.join(
    [config.vitc_tools, config.llvm_tools, config.environment["PATH"]]
)
for name in (
    "HOME",
    "CUDA_HOME",
    "VITC_PTXAS",
    "LLVM_SYMBOLIZER_PATH",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
    "TSAN_OPTIONS",
):
    if name in os.environ:
        config.environment[name] = os.environ[name]

if shutil.which("node"):
    config.available_features.add("node")  # runs the script of a report's page

config.substitutions += [
    ("%source", config.vitc_source),
    ("%build", config.vitc_build),
    ("%llvm_include", config.llvm_include),
    ("%emulator", os.path.join(config.vitc_build, "lib", "emulator")),
    ("%python", config.python),
    ("%cxx", config.cxx),
    ("%cc", config.cc),
]
