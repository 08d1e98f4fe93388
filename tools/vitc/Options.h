//===- Options.h - The command line -----------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One function per verb adds it to the command line; the verb's file has the
// rest. What several verbs take is described once.
//
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_OPTIONS_H
#define TOOLS_VITC_OPTIONS_H

#include "driver/Runner.h"
#include "tools/common/Arguments.h"

#include <functional>

namespace vitc {

/// A verb: what to do when its name is the first word. Returns the exit code.
using Verb = std::function<int()>;

inline constexpr IntegerRange batchRange = {1, vit::mostBatch};

/// MODEL, and what decides about its code.
void addCompileOptions(CLI::App &app, CompileOptions &options);
/// Those that only matter where machine code is made.
void addAssemblerOptions(CLI::App &app, CompileOptions &options);

/// --ncu.
void addProfileOption(CLI::App &app, std::vector<std::string> &profiles);

void addDeviceOptions(CLI::App &app, DeviceOptions &options);

Verb addBuild(CLI::App &app);
Verb addRun(CLI::App &app);
Verb addCheck(CLI::App &app);
Verb addInspect(CLI::App &app);
Verb addExplain(CLI::App &app);
Verb addBench(CLI::App &app);
Verb addTune(CLI::App &app);

} // namespace vitc

#endif // TOOLS_VITC_OPTIONS_H
