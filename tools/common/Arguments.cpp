//===- Arguments.cpp - Command lines of all tools --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "tools/common/Arguments.h"

#include <charconv>
#include <cstdio>

namespace vitc {

int64_t parseInteger(const std::string &option, std::string_view text, IntegerRange range) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string given(text);
  if (problem == std::errc::invalid_argument || end != text.data() + text.size())
    throw CLI::ValidationError(option, "expected an integer, got '" + given + "'");
  if (problem == std::errc::result_out_of_range || value < range.least || value > range.most)
    throw ValueRefused(option + " is " + given + ", expected " + std::to_string(range.least) +
                       " to " + std::to_string(range.most));
  return value;
}

double parseNumber(const std::string &option, std::string_view text, double least, double most) {
  double value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string given(text);
  if (problem == std::errc::invalid_argument || end != text.data() + text.size())
    throw CLI::ValidationError(option, "expected a number, got '" + given + "'");
  if (problem == std::errc::result_out_of_range || !(value >= least && value <= most)) {
    char range[64];
    snprintf(range, sizeof range, "%g to %g", least, most);
    throw ValueRefused(option + " is " + given + ", expected " + range);
  }
  return value;
}

CLI::Option *addDevice(CLI::App &app, std::string &device, std::vector<std::string> others) {
  std::string words = "auto, cuda, cuda:N, cpu, cpu:N";
  for (const std::string &other : others)
    words += ", " + other;
  auto check = [=](const std::string &text) -> std::string {
    std::string kind = text.substr(0, text.find(':'));
    bool known = kind == "cuda" || kind == "cpu";
    if (kind == text &&
        (known || kind == "auto" || std::ranges::find(others, kind) != others.end()))
      return "";
    std::string number = text.substr(std::min(text.size(), kind.size() + 1));
    if (known && !number.empty() && number.size() < 7 &&
        number.find_first_not_of("0123456789") == number.npos)
      return "";
    return "expected " + words + ", got '" + text + "'";
  };
  return app.add_option("--device", device, words)
      ->check(CLI::Validator(check, "", ""))
      ->type_name("DEVICE")
      ->capture_default_str();
}

void refuseFlagValues(CLI::App &app) {
  for (CLI::Option *option : app.get_options())
    if (option->get_items_expected_max() == 0)
      option->disable_flag_override();
  for (CLI::App *verb : app.get_subcommands([](CLI::App *) { return true; }))
    refuseFlagValues(*verb);
}

void refuseEmptyValues(const CLI::App &app) {
  for (const CLI::Option *option : app.get_options())
    for (const std::string &value : option->results())
      if (value.empty() && !option->get_positional()) // a file that is not there
        throw CLI::ValidationError(option->get_name(), "expected a value, got ''");
}

} // namespace vitc
