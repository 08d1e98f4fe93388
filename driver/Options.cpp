//===- Options.cpp - Values that options cannot have ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Options.h"

#include "dialect/VitOps.h"
#include "driver/Session.h"
#include "passes/cost/Cost.h"

using namespace vitc;
using namespace vitc::driver;

/// "jobs" of "j,jobs".
static llvm::StringRef nameOf(llvm::StringRef flag) { return flag.substr(flag.rfind(',') + 1); }

// What was not given is not judged.
static std::string check(const std::string &given, const OptionValue &value) {
  return given.empty() ? "" : objection(value, given);
}
static std::string check(int64_t given, const OptionValue &value) {
  return given == 0 ? "" : objection(value, given);
}
static std::string check(bool, const OptionValue &) { return ""; }
static std::string check(const std::vector<std::string> &given, const OptionValue &value) {
  for (const std::string &element : given)
    if (std::string why = objection(value, element); !why.empty())
      return why;
  return "";
}

llvm::LogicalResult driver::checkOptions(const CompileOptions &options, const Session &session) {
  using namespace vitc::option;
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  if (std::string why = check(options.field, value); !why.empty())                                 \
    return session.error("--{}: {}", nameOf(flag), why);
#include "passes/Options.def"
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  if (std::string why = check(options.field, value); !why.empty())                                 \
    return session.error("--{}: {}", nameOf(flag), why);
#include "driver/Options.def"
  if ((options.tilePolicy == "tuned") == options.tuning.empty())
    return session.error("--tile-policy=tuned and --tuning FILE go together, found only one");
  if (options.maxTokens && options.imageSize != "any")
    return session.error("--max-tokens {}: bounds the images of --image-size any, which was not "
                         "given",
                         options.maxTokens);
  if (!options.isas.empty() && !options.targets.empty() &&
      !llvm::is_contained(options.targets, "cpu"))
    return session.error("--isa is of code for CPUs, which --target {} leaves out; give --target "
                         "cuda,cpu",
                         options.targets.front());
  if (isForCpusAlone(options) && llvm::is_contained(options.targets, "cuda"))
    return session.error(
        "--target cuda: --dtype i8 is for CPUs alone; give --target cpu, or another "
        "--dtype");
  if (!cost::findGpu(options.gpu))
    return session.error("--gpu '{}' is not known; expected one of {}", options.gpu,
                         cost::knownGpus());
  return llvm::success();
}

std::string driver::lateOption(const CompileOptions &options) {
  static const CompileOptions unset;
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  if (options.field != unset.field)                                                                \
    return "--" + nameOf(flag).str();
#define VITC_BATCH_OPTION(type, field, flag, initial, value, help) // schedules say how many
#define VITC_PRECISION_OPTION(type, field, flag, initial, value, help)
#define VITC_SCHEDULE_OPTION(type, field, flag, initial, value, help)                              \
  if (nameOf(flag) != "gpu" && options.field != unset.field) /* --gpu has limits for the code */   \
    return "--" + nameOf(flag).str();
#define VITC_REQUIRE_OPTION(type, field, flag, initial, value, help)                               \
  for (const std::string &element : options.field)                                                 \
    if (element != "no-spill") /* ptxas is still to come */                                        \
      return "--" + nameOf(flag).str() + "=" + element;
#include "passes/Options.def"
  return options.residual != unset.residual ? "--residual" : "";
}
