//===- Arguments.h - Command lines of all tools ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A command line that cannot be understood is wrong usage, exit code 2. A number
// that is understood and cannot be taken is refused like any other bad input,
// exit code 1. CLI11 alone does not tell the two apart.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_COMMON_ARGUMENTS_H
#define TOOLS_COMMON_ARGUMENTS_H

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace vitc {

/// "--max-batch is 0, expected 1 to 64". Thrown while a command line is parsed.
struct ValueRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct IntegerRange {
  int64_t least, most;
};

/// `text` as an integer. Throws CLI::ValidationError if it is none, ValueRefused if it lies outside
/// `range`, both with the name of the option and the text as it was given.
int64_t parseInteger(const std::string &option, std::string_view text, IntegerRange range);

/// The same of a number: finite.
double parseNumber(const std::string &option, std::string_view text, double least, double most);

/// An option whose value is an integer of `range`; `value` outlives `app`. Help shows what it is.
template <class T>
CLI::Option *addInteger(CLI::App &app, const std::string &names, T &value, IntegerRange range,
                        const std::string &description) {
  std::string name = names.substr(names.rfind(',') + 1); // the long one
  auto take = [=, &value](const std::string &text) { value = T(parseInteger(name, text, range)); };
  CLI::Option *option = app.add_option_function<std::string>(names, take, description);
  return option->type_name("INT");
}

/// An option whose value is a number from `least` to `most`.
template <class T>
CLI::Option *addNumber(CLI::App &app, const std::string &name, T &value, double least, double most,
                       const std::string &description) {
  auto take = [=, &value](const std::string &text) {
    value = parseNumber(name, text, least, most);
  };
  return app.add_option_function<std::string>(name, take, description)->type_name("NUMBER");
}

/// An option whose value is a list of integers of `range`, such as "1,8,32".
template <class T>
CLI::Option *addIntegers(CLI::App &app, const std::string &name, std::vector<T> &values,
                         IntegerRange range, const std::string &description) {
  auto take = [=, &values](const std::string &text) {
    values.clear();
    for (size_t begin = 0; begin <= text.size();) {
      size_t end = std::min(text.find(',', begin), text.size());
      values.push_back(T(parseInteger(name, text.substr(begin, end - begin), range)));
      begin = end + 1;
    }
  };
  CLI::Option *option = app.add_option_function<std::string>(name, take, description);
  return option->type_name("INT,...");
}

/// --device: auto, cuda, cuda:N, cpu, cpu:N (threads), or one of `others`.
CLI::Option *addDevice(CLI::App &app, std::string &device, const std::vector<std::string> &others);

/// Help of --allow-nonfinite.
inline constexpr const char *nonfiniteHelp =
    "weights that are not finite, or that their type does not hold, are a warning, no error";

/// The word of `known` that `word` may have been meant to be, or "".
std::string nearest(std::string_view word, const std::vector<std::string> &known);

/// Parses the command line of the tool `app`, maybe with a verb. Returns the exit code if all is
/// said: after --help, or after the line on stderr about what is wrong.
std::optional<int> parseCommandLine(CLI::App &app, int argc, char **argv);

} // namespace vitc
#endif // VITC_TOOLS_COMMON_ARGUMENTS_H
