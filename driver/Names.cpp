//===- Names.cpp - What a library may be called ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Names.h"

#include "codegen/library/Emit.h"
#include "driver/Compiler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

static constexpr StringRef declared[] = {
    "vit_arg",
    "vit_arg_kind",
    "vit_buffer",
    "vit_check",
    "vit_count",
    "vit_cpu_code",
    "vit_cpu_form",
    "vit_cpu_function",
    "vit_cuda_code",
    "vit_dtype",
    "vit_extent",
    "vit_filter",
    "vit_isa",
    "vit_kernel",
    "vit_key",
    "vit_last_error",
    "vit_library",
    "vit_library_input",
    "vit_library_input_count",
    "vit_library_label",
    "vit_library_max_batch",
    "vit_library_output",
    "vit_library_output_count",
    "vit_machine_code",
    "vit_model",
    "vit_model_check",
    "vit_model_description",
    "vit_model_free",
    "vit_model_load",
    "vit_model_load_from",
    "vit_model_run",
    "vit_model_run_host",
    "vit_picture_filter",
    "vit_plan",
    "vit_prepared",
    "vit_preprocess",
    "vit_preprocess_u8",
    "vit_preprocessing",
    "vit_processor",
    "vit_recipe_op",
    "vit_recipe_step",
    "vit_resize",
    "vit_set_error",
    "vit_set_parallel_for",
    "vit_status",
    "vit_step",
    "vit_stream",
    "vit_target",
    "vit_target_kind",
    "vit_tensor",
    "vit_tensor_info",
    "vit_version",
    "vit_weight_reader",
    "vit_workspace",
    "vit_workspace_create",
    "vit_workspace_create_sized",
    "vit_workspace_free",
    "vit_workspace_prepare",
    "vit_workspace_set_checks",
};
const ArrayRef<StringRef> driver::runtimeNames = declared;

// Headers of C, POSIX, glibc and CUDA that N.h would hide, where its folder is searched first.
static constexpr StringRef headers[] = {"aio",          "alloca",       "assert",
                                        "complex",      "cpio",         "ctype",
                                        "cublas",       "cuda",         "cudnn",
                                        "dirent",       "dlfcn",        "elf",
                                        "endian",       "err",          "errno",
                                        "error",        "execinfo",     "fcntl",
                                        "features",     "fenv",         "float",
                                        "fnmatch",      "getopt",       "glob",
                                        "grp",          "iconv",        "inttypes",
                                        "iso646",       "langinfo",     "libgen",
                                        "limits",       "link",         "locale",
                                        "malloc",       "math",         "memory",
                                        "monetary",     "netdb",        "nvrtc",
                                        "omp",          "poll",         "pthread",
                                        "pwd",          "regex",        "resolv",
                                        "sched",        "search",       "semaphore",
                                        "setjmp",       "signal",       "spawn",
                                        "stdalign",     "stdarg",       "stdatomic",
                                        "stdbit",       "stdbool",      "stdckdint",
                                        "stddef",       "stdint",       "stdio",
                                        "stdlib",       "stdnoreturn",  "string",
                                        "strings",      "syscall",      "sysexits",
                                        "syslog",       "tar",          "termios",
                                        "tgmath",       "threads",      "time",
                                        "uchar",        "ucontext",     "ulimit",
                                        "unistd",       "unwind",       "utime",
                                        "values",       "wait",         "wchar",
                                        "wctype",       "wordexp",      "xlocale",
                                        "cuda_fp16",    "cuda_runtime", "cuda_runtime_api",
                                        "driver_types", "vector_types"};

// Archives of the system, of compilers and of CUDA, which -lN would no longer find behind libN.a,
// where its folder is searched first. Those of names that are none in C, as stdc++, need no word.
static constexpr StringRef archives =
    "BrokenLocale acl anl asan atomic c c_nonshared crypt cublas cublasLt cudadevrt cudart "
    "cudart_static cufft culibos curand cusolver cusparse dl g gcc gcc_eh gcc_s gcov gfortran gomp "
    "hwasan iomp5 itm lsan m mvec ncurses nsl nvJitLink nvToolsExt nvptxcompiler_static "
    "nvrtc_static pthread_nonshared quadmath rt ssp ssp_nonshared thread_db tinfo tsan ubsan "
    "unwind util uuid z";

/// What a header of `name` declares whatever the model is.
static constexpr StringRef always[] = {"library", "max_batch", "input_count", "output_count"};

static bool isDeclared(const Twine &name) { return is_contained(declared, name.str()); }

std::string driver::objectionToName(StringRef name) {
  constexpr size_t most = 200; // "." + name + ".report.json" + "-12345678.tmp" are 255 at most
  if (!isIdentifier(name))
    return "expected a C identifier that is no keyword and no header of C";
  if (name.size() > most)
    return fmt::format("expected at most {} characters, found {}", most, name.size());
  for (StringRef suffix : always)
    if (isDeclared(name + "_" + suffix))
      return fmt::format("the header would declare {}_{}, which vit/runtime.h does", name, suffix);
  if (is_contained(headers, name))
    return fmt::format("{}.h would hide a header of the system or of CUDA", name);
  if (is_contained(split(archives, ' '), name))
    return fmt::format("-l{} would find lib{}.a instead of the system's library of that name", name,
                       name);
  return "";
}

LogicalResult driver::refuseName(bool given, StringRef name, const std::string &why,
                                 const Session &session) {
  constexpr size_t shown = 60;
  std::string text = name.size() > shown ? name.take_front(shown).str() + "..." : name.str();
  if (given)
    return session.error("--name '{}': {}", text, why);
  return session.error("the model's name, '{}': {}; give another with --name", text, why);
}

FailureOr<std::string> driver::libraryName(const std::string &given, const std::string &model,
                                           const Session &session, std::string &note) {
  std::string name = given.empty() ? modelName(model) : given;
  std::string why = objectionToName(name), other = name + "_model";
  if (why.empty())
    return name;
  if (!given.empty() || !objectionToName(other).empty())
    return refuseName(!given.empty(), name, why, session);
  note = fmt::format("the library is called {}, not {}: {}; --name gives it another name", other,
                     name, why);
  return other;
}

LogicalResult driver::checkTensorNames(const vit_library &library, const Session &session) {
  auto check = [&](ArrayRef<vit_tensor> tensors) -> LogicalResult {
    for (const vit_tensor &tensor : tensors) {
      std::string name = fmt::format("{}_{}", library.name, makeIdentifier(tensor.name));
      for (const std::string &constant : {name, name + "_size"})
        if (isDeclared(constant))
          return session.error("--name '{}': the header would declare {} for '{}', which "
                               "vit/runtime.h does; choose another name",
                               library.name, constant, tensor.name);
    }
    return success();
  };
  return success(succeeded(check({library.inputs, library.input_count})) &&
                 succeeded(check({library.outputs, library.output_count})));
}
