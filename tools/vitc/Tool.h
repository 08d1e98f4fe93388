//===- Tool.h - What the verbs of vitc share --------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One function per verb adds it to the command line; the verb's file has the
// rest: it reads options, calls the driver, and prints what that returns.
//
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_TOOL_H
#define TOOLS_VITC_TOOL_H

#include "dialect/VitOps.h"
#include "driver/OutputFiles.h"
#include "driver/Runner.h"
#include "driver/Session.h"
#include "driver/run/Finite.h"
#include "tools/common/Arguments.h"
#include "tools/common/Console.h"

#include <functional>

namespace vitc {

/// A verb: what to do when its name is the first word. Returns the exit code.
using Verb = std::function<int()>;

inline constexpr IntegerRange batchRange = {1, vit::mostBatch};

/// MODEL, and what decides about its code.
void addCompileOptions(CLI::App &app, driver::CompileOptions &options);
/// Those that only matter where machine code is made.
void addAssemblerOptions(CLI::App &app, driver::CompileOptions &options);
/// --ncu.
void addProfileOption(CLI::App &app, std::vector<std::string> &profiles);
/// Where a model runs and with which weights.
void addDeviceOptions(CLI::App &app, driver::DeviceOptions &options);
/// --quiet.
void addQuiet(CLI::App &app, bool &quiet);

Verb addBuild(CLI::App &app);
Verb addRun(CLI::App &app);
Verb addPreprocess(CLI::App &app);
Verb addCheck(CLI::App &app);
Verb addInspect(CLI::App &app);
Verb addExplain(CLI::App &app);
Verb addBench(CLI::App &app);
Verb addTune(CLI::App &app);

/// docs/cli.md, and cmake/VitcOptions.cmake, from the command line of `app`.
std::string manualOf(CLI::App &app);
std::string cmakeOptions();

/// The terminal of a running verb: diagnostics and progress go to stderr, Ctrl-C stops the driver.
class Console {
public:
  /// A verb that writes files waits, when it is interrupted, until none is half written.
  explicit Console(bool writesFiles = false);
  const driver::Session &session() const { return current; }
  /// A line "vitc: TEXT" on stderr.
  void say(const std::string &text);
  /// The same of an error, or that there was an interrupt; returns the exit code.
  int fail(const std::string &text);
  int fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }
  /// Takes away the line of progress, before something is printed elsewhere.
  void clear() { progress.clear(); }
  /// The exit code after an error of the driver, which has been printed.
  int failed() const;

private:
  void print(const driver::Diagnostic &diagnostic);

  Interrupt interrupt;
  Progress progress;
  driver::Session current;
};

/// Prints "device: ..." on stdout.
void announce(const std::string &device);

/// Warns of an input that the model was hardly made for.
void warnOfInput(const driver::Session &session, const driver::RunnableModel &model,
                 std::span<const float> input);
/// Warns of outputs that are no numbers, with the first op that makes them and what to do; false if
/// there are none.
bool warnOfOutputs(const driver::Session &session, driver::Runner &runner,
                   const driver::FiniteWatch &watch);

/// Writes files into the opened folder, all or none.
llvm::Error writeFiles(driver::OutputFiles &folder, const std::vector<driver::Artifact> &files);
/// "wrote out/libb16.a (12.3 MB), b16.h (4.1 kB)".
std::string describeFiles(const std::string &folder, const std::vector<driver::Artifact> &files);

} // namespace vitc

#endif // TOOLS_VITC_TOOL_H
