//===- Arguments.cpp - Options that several verbs take --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A value that the model or the device cannot take is the driver's to refuse.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Cost.h"
#include "tools/vitc/Tool.h"

#include "llvm/ADT/StringExtras.h"

#include <type_traits>

using namespace vitc;

//===----------------------------------------------------------------------===//
// Options.def as a command line
//===----------------------------------------------------------------------===//

static CLI::Validator validator(const OptionValue &value) {
  return CLI::Validator([value](std::string &given) { return objection(value, given); }, "");
}

/// "-j,--jobs" of "j,jobs".
static std::string flagNames(llvm::StringRef flag) {
  auto [letter, name] = flag.split(',');
  return name.empty() ? fmt::format("--{}", flag) : fmt::format("-{},--{}", letter, name);
}

/// The elements of lists such as "a,b". CLI11 would pass over empty ones.
static void takeList(std::vector<std::string> &field, const OptionValue &value,
                     const std::string &name, const std::vector<std::string> &lists) {
  field.clear();
  for (llvm::StringRef list : lists)
    for (llvm::StringRef element : llvm::split(list, ',')) {
      std::string given = element.str();
      std::string why = given.empty() ? "expected a value, found ''" : objection(value, given);
      if (!why.empty())
        throw CLI::ValidationError(name, why);
      field.push_back(std::move(given));
    }
}

template <class T>
static void addOption(CLI::App &app, const char *group, T &field, const char *flag,
                      const OptionValue &value, const std::string &help) {
  std::string names = flagNames(flag);
  CLI::Option *option;
  if constexpr (std::is_same_v<T, bool>) {
    option = app.add_flag(names, field, help);
  } else if constexpr (std::is_integral_v<T>) {
    option = addInteger(app, names, field, {value.least, value.most}, help);
  } else if constexpr (std::is_same_v<T, std::string>) {
    option = app.add_option(names, field, help)->check(validator(value));
    option->type_name(value.text)->default_str(field);
  } else {
    auto take = [&field, value, name = names.substr(names.rfind(',') + 1)](
                    const std::vector<std::string> &lists) { takeList(field, value, name, lists); };
    option = app.add_option_function<std::vector<std::string>>(names, take, help);
    option->type_name(fmt::format("{},...", value.text));
  }
  option->group(group);
}

// The groups of help and of the manual.
static constexpr const char *codeGroup = "Options of the code", *scheduleGroup = "Schedules",
                            *assemblerGroup = "Machine code", *deviceGroup = "Device and weights";

#define VITC_ADD(group, field, flag, value, help)                                                  \
  addOption(app, group, options.field, flag, value, help);

void vitc::addCompileOptions(CLI::App &app, driver::CompileOptions &options) {
  using namespace vitc::option;
  app.add_option("MODEL", options.model, "checkpoint directory (config.json), or .mlir file")
      ->required();
#define VITC_OPTION(type, field, flag, initial, value, help)                                       \
  VITC_ADD(codeGroup, field, flag, value, help)
#define VITC_SCHEDULE_OPTION(type, field, flag, initial, value, help)                              \
  VITC_ADD(scheduleGroup, field, flag, value, help)
#include "passes/Options.def"
#define VITC_MODEL_OPTION(type, field, flag, initial, value, help)                                 \
  VITC_ADD(codeGroup, field, flag, value, help)
#include "driver/Options.def"
  app.get_option("--dtype")->each([&](const std::string &) { options.dtypeGiven = true; });
}

void vitc::addAssemblerOptions(CLI::App &app, driver::CompileOptions &options) {
  using namespace vitc::option;
#define VITC_ASSEMBLER_OPTION(type, field, flag, initial, value, help)                             \
  VITC_ADD(assemblerGroup, field, flag, value, help)
#include "driver/Options.def"
}

namespace {
/// The arguments of vitc_add_model() of one kind.
struct Keywords {
  std::string flags, values, lists;
  template <class T> void add(llvm::StringRef flag) {
    std::string &kind = std::is_same_v<T, bool>                       ? flags
                        : std::is_same_v<T, std::vector<std::string>> ? lists
                                                                      : values;
    std::string keyword = flag.substr(flag.rfind(',') + 1).upper();
    std::replace(keyword.begin(), keyword.end(), '-', '_');
    kind += (kind.empty() ? "" : " ") + keyword;
  }
};
} // namespace

std::string vitc::cmakeOptions() {
  Keywords keywords;
#define VITC_OPTION(type, field, flag, initial, value, help) keywords.add<type>(flag);
#include "passes/Options.def"
#define VITC_OPTION(type, field, flag, initial, value, help) keywords.add<type>(flag);
#include "driver/Options.def"
  return fmt::format("# Written by vitc --manual=cmake: the options of a build as arguments of "
                     "vitc_add_model().\n"
                     "set(vitc_flag_options {})\nset(vitc_value_options {})\n"
                     "set(vitc_list_options {})\n",
                     keywords.flags, keywords.values, keywords.lists);
}

//===----------------------------------------------------------------------===//
// What only tools read
//===----------------------------------------------------------------------===//

void vitc::addProfileOption(CLI::App &app, std::vector<std::string> &profiles) {
  app.add_option(
         "--ncu", profiles,
         "what `ncu --csv --page raw` wrote of this build: kernels that spill, or that their "
         "registers bind, get other schedules")
      ->allow_extra_args(false)
      ->type_name("FILE");
}

void vitc::addDeviceOptions(CLI::App &app, driver::DeviceOptions &options) {
  options.emulator = emulatorPath();
  std::vector<CLI::Option *> all = {
      addDevice(app, options.device, {"reference"}),
      app.add_flag("--emulate", options.emulate, "run the GPU code on the emulator"),
      app.add_option("--weights", options.weights,
                     "safetensors file (default: model.safetensors of MODEL)")
          ->type_name("FILE"),
      app.add_flag("--random-weights", options.randomWeights, "make weights from their names")
          ->excludes("--weights"),
      app.add_flag("--allow-nonfinite", options.allowNonfinite, nonfiniteHelp),
      app.add_option("--ptx", options.ptx, "PTX file whose kernels replace those of the same name")
          ->type_name("FILE")};
  for (CLI::Option *option : all)
    option->group(deviceGroup);
}

void vitc::addQuiet(CLI::App &app, bool &quiet) {
  app.add_flag("--quiet", quiet, "do not say at the end what was written");
}
