//===- Compile.cpp - The compiler, as the Python package calls it ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/shared/Compile.h"

#include "codegen/library/LibraryData.h"
#include "codegen/library/Linker.h"
#include "codegen/report/Report.h"
#include "driver/Build.h"
#include "python/shared/Linker.h"
#include "tools/vitc/CommandLine.h"

#include <mutex>

using namespace vitc;
using namespace vitc::package;

namespace {

llvm::StringRef nameOf(llvm::StringRef flag) { return flag.substr(flag.rfind(',') + 1); }

/// What every call begins with: `--shared` needs no linker of the system's.
void prepare() {
  static std::once_flag once;
  std::call_once(once, [] { codegen::setLinker(linkWithLld); });
}

driver::Session sessionOf(const Caller &caller) {
  driver::Session session;
  session.stop = caller.stop;
  if (caller.say)
    session.diagnose = [say = caller.say](const driver::Diagnostic &diagnostic) {
      using Severity = driver::Diagnostic::Severity;
      Severity severity = diagnostic.severity;
      say({severity == Severity::Error     ? Message::Error
           : severity == Severity::Warning ? Message::Warning
                                           : Message::Note,
           diagnostic.text});
    };
  return session;
}

//===----------------------------------------------------------------------===//
// Options by the names of their flags
//===----------------------------------------------------------------------===//

// What the command line does with the same words. Whether a value is one that an option can have,
// checkOptions says.
std::string set(std::string &field, const std::vector<std::string> &values) {
  if (values.size() != 1)
    return "expected one value, found " + std::to_string(values.size());
  field = values.front();
  return "";
}
std::string set(int64_t &field, const std::vector<std::string> &values) {
  if (values.size() != 1 || llvm::StringRef(values.front()).getAsInteger(10, field))
    return "expected a number, found '" + llvm::join(values, ",") + "'";
  return "";
}
std::string set(bool &field, const std::vector<std::string> &values) {
  if (values.size() != 1 || (values.front() != "true" && values.front() != "false"))
    return "expected true or false, found '" + llvm::join(values, ",") + "'";
  field = values.front() == "true";
  return "";
}
std::string set(std::vector<std::string> &field, const std::vector<std::string> &values) {
  field = values;
  return "";
}

/// Why an option cannot be set; empty if it is.
std::string setOption(driver::CompileOptions &options, const Option &option) {
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  if (option.name == nameOf(flag))                                                                 \
    return set(options.field, option.values);
#include "passes/Options.def"
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  if (option.name == nameOf(flag))                                                                 \
    return set(options.field, option.values);
#include "driver/Options.def"
  return "is no option of a build";
}

llvm::LogicalResult read(const Request &request, const driver::Session &session,
                         driver::BuildOptions &options) {
  prepare();
  options.compile.model = request.model;
  for (const Option &option : request.options) {
    std::string why = setOption(options.compile, option);
    if (!why.empty())
      return session.error("--{}: {}", option.name, why);
    options.compile.dtypeGiven |= option.name == "dtype";
  }
  options.name = request.name;
  options.shared = request.shared;
  options.embedWeights = request.embedWeights || request.randomWeights;
  options.randomWeights = request.randomWeights;
  options.allowNonfinite = request.allowNonfinite;
  options.weights = request.weights;
  return llvm::success();
}

File fileOf(driver::Artifact artifact) {
  std::shared_ptr<llvm::MemoryBuffer> buffer = std::move(artifact.bytes);
  return {artifact.name, {buffer, buffer->getBufferStart()}, buffer->getBufferSize()};
}

} // namespace

bool package::build(const Request &request, const Caller &caller, Built &built) {
  driver::Session session = sessionOf(caller);
  driver::BuildOptions options;
  if (failed(read(request, session, options)))
    return false;
  auto result = driver::build(options, session);
  if (failed(result))
    return false;
  if (!result->note.empty())
    session.say(driver::Diagnostic::Note, result->note);
  built.name = result->name;
  built.table = codegen::reportTable(result->report);
  built.page = codegen::reportHtml(result->report);
  for (driver::Artifact &artifact : result->files)
    built.files.push_back(fileOf(std::move(artifact)));
  return true;
}

bool package::emit(const Request &request, const std::string &level, const Caller &caller,
                   std::string &text) {
  driver::Session session = sessionOf(caller);
  driver::BuildOptions options;
  if (failed(read(request, session, options)))
    return false;
  auto emitted = driver::emit(options, level, session);
  if (succeeded(emitted))
    text = std::move(*emitted);
  return succeeded(emitted);
}

bool package::save(const Built &built, const std::string &folder, const Caller &caller) {
  driver::Session session = sessionOf(caller);
  driver::OutputFiles files;
  llvm::Error problem = files.open(folder);
  for (const File &file : built.files)
    if (!problem)
      problem = files.write(file.name, llvm::StringRef(file.bytes.get(), file.size));
  if (!problem)
    problem = files.commit();
  return !problem || succeeded(session.error(std::move(problem)));
}

std::vector<std::string> package::flags() {
  std::vector<std::string> all;
#define VITC_OPTION(type, field, flag, initial, value, help) all.push_back(nameOf(flag).str());
#include "passes/Options.def"
#define VITC_OPTION(type, field, flag, initial, value, help) all.push_back(nameOf(flag).str());
#include "driver/Options.def"
  return all;
}

std::string package::identity() { return codegen::compilerIdentity(); }

int package::runProgram(int argc, char **argv) {
  prepare();
  return runCommandLine(argc, argv);
}
