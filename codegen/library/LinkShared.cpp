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
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Program.h"

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

Error vitc::linkShared(StringRef object, StringRef output, StringRef name) {
  const char *request = std::getenv("CC");
  StringRef compiler = request && *request ? request : "cc";
  auto program = sys::findProgramByName(compiler);
  if (!program)
    return createStringError("a shared library needs a C compiler driver, but there is no '" +
                             compiler + "' in PATH; install gcc or set CC");
  SmallString<128> log;
  if (auto error = sys::fs::createTemporaryFile("vitc-link", "log", log))
    return createStringError(error, "cannot create a temporary file '" + log +
                                        "': " + error.message() + "; set TMPDIR");
  FileRemover removeLog(log);
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
                                      output,
                                      object};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string problem;
  int code = sys::ExecuteAndWait(*program, arguments, std::nullopt, redirects, 0, 0, &problem);
  if (code == 0)
    return Error::success();
  if (problem.empty())
    problem = firstLine(log);
  return createStringError("'" + *program + "' could not link lib" + name + ".so: " + problem);
}
