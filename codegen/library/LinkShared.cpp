//===- LinkShared.cpp - An object as a shared library ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The system's linker does it, for a shared library must suit the system it
// runs on. The object needs nothing, so nothing is linked to it.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <cstdlib>

using namespace llvm;

/// The first line of a tool's output that says something, for a one-line message.
static std::string firstLine(StringRef path) {
  auto text = MemoryBuffer::getFile(path);
  if (!text)
    return "";
  StringRef rest = (*text)->getBuffer();
  while (!rest.empty()) {
    StringRef line;
    std::tie(line, rest) = rest.split('\n');
    if (!line.trim().empty())
      return line.trim().str();
  }
  return "";
}

namespace {
/// A file of its own in the folder for temporary files, which goes away.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix) {
    if (auto code = sys::fs::createTemporaryFile("vitc-link", suffix, path))
      error = fmt::format("expected to create a temporary file '{}', found: {}; set TMPDIR",
                          path.str().str(), code.message());
  }
  ~TemporaryFile() { (void)sys::fs::remove(path); }
  SmallString<128> path;
  std::string error;
};
} // namespace

static Error failed(const std::string &text) { return createStringError(text); }

Expected<std::unique_ptr<MemoryBuffer>> vitc::codegen::linkShared(MemoryBufferRef object,
                                                                  StringRef name) {
  const char *request = std::getenv("CC");
  std::string compiler = request && *request ? request : "cc";
  auto program = sys::findProgramByName(compiler);
  if (!program)
    return failed(
        fmt::format("expected a C compiler driver to link a shared library, found no '{}' "
                    "in PATH; install gcc or set CC",
                    compiler));
  TemporaryFile input("o"), output("so"), log("log");
  for (TemporaryFile *file : {&input, &output, &log})
    if (!file->error.empty())
      return failed(file->error);
  std::error_code problem;
  raw_fd_ostream stream(input.path, problem);
  stream << object.getBuffer();
  stream.close();
  if (problem || stream.error()) {
    stream.clear_error();
    return failed(fmt::format("'{}' cannot be written; set TMPDIR", input.path.str().str()));
  }
  std::string soname = ("-Wl,-soname,lib" + name + ".so").str();
  // A build-id would be content too, but of a form that differs between linkers.
  SmallVector<StringRef> arguments = {*program,
                                      "-shared",
                                      "-nostdlib",
                                      "-Wl,--build-id=none",
                                      "-Wl,-z,relro,-z,now",
                                      "-Wl,-z,noexecstack",
                                      soname,
                                      "-o",
                                      output.path,
                                      input.path};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log.path), StringRef(log.path)};
  std::string text;
  if (sys::ExecuteAndWait(*program, arguments, std::nullopt, redirects, 0, 0, &text) != 0)
    return failed(fmt::format("'{}' could not link lib{}.so: {}", *program, name.str(),
                              text.empty() ? firstLine(log.path) : text));
  auto linked = MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!linked)
    return failed(fmt::format("'{}': {}", output.path.str().str(), linked.getError().message()));
  return std::move(*linked);
}
