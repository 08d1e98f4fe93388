//===- Compile.h - The compiler, as the Python package calls it -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// All that libvitc.so exports. No type of LLVM is in it: what calls it is built
// without LLVM's headers. Threads may call everything side by side.
//
//===----------------------------------------------------------------------===//
#ifndef PYTHON_SHARED_COMPILE_H
#define PYTHON_SHARED_COMPILE_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace vitc::package {

/// A line for whoever called. Of a failed call the first error.
struct Message {
  enum Severity { Error, Warning, Note } severity = Error;
  std::string text;
};

/// `name` is that of vitc build, without "--": "image-size". A flag that takes no value is set by
/// "true".
struct Option {
  std::string name;
  std::vector<std::string> values;
};

struct Request {
  std::string model; ///< directory of a checkpoint, its config.json, or a .mlir file
  std::string name;  ///< of the library; empty: the model's
  std::vector<Option> options;
  bool shared = true;          ///< also libN.so
  bool embedWeights = false;   ///< those of `weights`, else of the model
  bool randomWeights = false;  ///< embed weights that are made from their names
  bool allowNonfinite = false; ///< of what is embedded
  std::string weights;         ///< file to embed
};

/// A file in memory.
struct File {
  std::string name;
  std::shared_ptr<const char> bytes;
  size_t size = 0;
};

/// What a build gives.
struct Built {
  std::string name;        ///< in the files and in C
  std::vector<File> files; ///< libN.a, N.h, N.report.json, libN.so if it was asked for
  std::string table, page; ///< what was decided and why: for a terminal, and as HTML
};

/// How a call talks to its caller: from any thread, one at a time.
struct Caller {
  std::function<void(const Message &)> say;
  std::stop_token stop;
};

/// The library of a model. False after an error, which the caller was told.
bool build(const Request &request, const Caller &caller, Built &built);

/// The module after "vit", "kernels" or "llvm", or the PTX of all kernels for "ptx".
bool emit(const Request &request, const std::string &level, const Caller &caller,
          std::string &text);

/// What is known of a model before it is compiled, as JSON: that of `vitc inspect --json`.
bool inspect(const Request &request, const Caller &caller, std::string &json);

/// Writes the files into a folder, which is made where it is missing: all of them or none.
bool save(const Built &built, const std::string &folder, const Caller &caller);

/// Flags that Option may have.
std::vector<std::string> flags();

/// "vitc 0.1.0 (...), LLVM 22.1.8".
std::string identity();

/// The program vitc: returns its exit code.
int runProgram(int argc, char **argv);

} // namespace vitc::package

#endif // PYTHON_SHARED_COMPILE_H
