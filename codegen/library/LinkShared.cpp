//===- LinkShared.cpp - An object as a shared library ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The system's linker does it, or LLD where that is in the process. The object
// needs nothing, so nothing is linked to it.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"
#include "codegen/library/Linker.h"

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

static vitc::codegen::LinkFunction linkerHere = nullptr;

void vitc::codegen::setLinker(LinkFunction linker) { linkerHere = linker; }

namespace {
/// What is linked, by whom: the arguments are those of ld, which a compiler driver is told with
/// -Wl, in front.
struct Link {
  std::string soname;
  StringRef input, output, log;

  std::vector<std::string> arguments(bool forDriver) const {
    std::vector<std::string> all = {"-shared"};
    if (forDriver)
      all.push_back("-nostdlib");
    // A build-id would be content too, but of a form that differs between linkers.
    for (const char *option : {"--build-id=none", "-z,relro", "-z,now", "-z,noexecstack"}) {
      auto [first, second] = StringRef(option).split(',');
      if (forDriver) {
        all.push_back(fmt::format("-Wl,{}", option));
        continue;
      }
      all.push_back(first.str());
      if (!second.empty())
        all.push_back(second.str());
    }
    all.push_back((forDriver ? "-Wl,-soname=" : "-soname=") + soname);
    for (StringRef last : {StringRef("-o"), output, input})
      all.push_back(last.str());
    return all;
  }

  /// Empty, or what went wrong.
  std::string here(vitc::codegen::LinkFunction linker) const {
    std::vector<std::string> words = arguments(/*forDriver=*/false);
    std::vector<const char *> all = {"ld.lld"};
    for (const std::string &word : words)
      all.push_back(word.c_str());
    std::string said;
    if (linker(all, said))
      return "";
    return fmt::format("LLD could not link {}: {}", soname,
                       StringRef(said).trim().split('\n').first.str());
  }

  std::string byDriver(const std::string &program) const {
    std::vector<std::string> words = arguments(/*forDriver=*/true);
    std::vector<StringRef> all = {program};
    all.insert(all.end(), words.begin(), words.end());
    std::optional<StringRef> redirects[] = {StringRef(""), log, log};
    std::string text;
    if (sys::ExecuteAndWait(program, all, std::nullopt, redirects, 0, 0, &text) == 0)
      return "";
    return fmt::format("'{}' could not link {}: {}", program, soname,
                       text.empty() ? firstLine(log) : text);
  }
};
} // namespace

Expected<std::unique_ptr<MemoryBuffer>> vitc::codegen::linkShared(MemoryBufferRef object,
                                                                  StringRef name) {
  const char *request = std::getenv("CC");
  bool requested = request && *request;
  std::string compiler = requested ? request : "cc";
  bool here = linkerHere && !requested;
  auto program = sys::findProgramByName(compiler);
  if (!program && !here)
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
  Link link = {("lib" + name + ".so").str(), input.path, output.path, log.path};
  if (std::string wrong = here ? link.here(linkerHere) : link.byDriver(*program); !wrong.empty())
    return failed(wrong);
  auto linked = MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!linked)
    return failed(fmt::format("'{}': {}", output.path.str().str(), linked.getError().message()));
  return std::move(*linked);
}
