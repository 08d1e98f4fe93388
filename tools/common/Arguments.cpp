//===- Arguments.cpp - Command lines of all tools --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "tools/common/Arguments.h"
#include "tools/common/Console.h"

#include <charconv>
#include <cstdio>
#include <utility>

namespace vitc {

int64_t parseInteger(const std::string &option, std::string_view text, IntegerRange range) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string given(text);
  if (problem == std::errc::invalid_argument || end != text.data() + text.size())
    throw CLI::ValidationError(option, "expected an integer, found '" + given + "'");
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
    throw CLI::ValidationError(option, "expected a number, found '" + given + "'");
  if (problem == std::errc::result_out_of_range || !(value >= least && value <= most)) {
    char range[64];
    snprintf(range, sizeof range, "%g to %g", least, most);
    throw ValueRefused(option + " is " + given + ", expected " + range);
  }
  return value;
}

CLI::Option *addDevice(CLI::App &app, std::string &device, const std::vector<std::string> &others) {
  std::string words = "auto, cuda, cuda:N, cpu, cpu:THREADS";
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

//===----------------------------------------------------------------------===//
// What is wrong with a command line
//===----------------------------------------------------------------------===//

/// Letters to insert, drop, replace, or exchange with the next: optimal string alignment.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), d[i - 1][j] + 1, //
                          d[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string> &known) {
  std::string best;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string &candidate : known)
    if (size_t d = distance(word, candidate); d < least) {
      least = d;
      best = candidate;
    }
  return best;
}

namespace {

/// Makes flags of `app` and of its verbs take no value, so that "--shared=no" is no silent yes.
void refuseFlagValues(CLI::App &app) {
  for (CLI::Option *option : app.get_options())
    if (option->get_items_expected_max() == 0)
      option->disable_flag_override();
  for (CLI::App *verb : app.get_subcommands([](CLI::App *) { return true; }))
    refuseFlagValues(*verb);
}

/// Throws CLI::ValidationError if an option of `app`, not an argument, was given an empty value.
void refuseEmptyValues(const CLI::App &app) {
  for (const CLI::Option *option : app.get_options())
    for (const std::string &value : option->results())
      if (value.empty() && !option->get_positional()) // a file that is not there
        throw CLI::ValidationError(option->get_name(), "expected a value, found ''");
}

std::string suggestion(const std::string &found, const std::string &meant) {
  return "'" + found + "'" + (meant.empty() ? "" : "; did you mean " + meant + "?");
}

/// The names of all verbs, or of all flags.
std::vector<std::string> verbsOf(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *verb : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(verb->get_name());
  return names;
}
std::vector<std::string> flagsOf(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames())
      if (!option->get_group().empty())
        names.push_back("--" + name);
  return names;
}

/// What is wrong, for one line. CLI11 reports a misspelt flag last, after what it makes missing.
std::string reasonOf(const CLI::App &app, const CLI::ParseError &error) {
  std::vector<std::string> verbs = verbsOf(app), rest = app.remaining();
  const CLI::App *parsed = app.get_subcommands().empty() ? &app : app.get_subcommands()[0];
  if (parsed != &app)
    rest = parsed->remaining();
  for (const std::string &word : rest)
    if (word.size() > 1 && word[0] == '-') {
      std::string flag = word.substr(0, word.find('='));
      return "unknown flag " + suggestion(flag, nearest(flag, flagsOf(*parsed)));
    }
  if (parsed == &app && !verbs.empty()) {
    std::string list = CLI::detail::join(verbs, ", ");
    if (rest.empty())
      return "expected a verb: " + list;
    std::string meant = nearest(rest[0], verbs);
    return "unknown verb " + suggestion(rest[0], meant) +
           (meant.empty() ? "; expected one of " + list : "");
  }
  if (dynamic_cast<const CLI::ExtrasError *>(&error) && !rest.empty())
    return "unexpected argument '" + rest[0] + "'";
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

} // namespace

std::optional<int> parseCommandLine(CLI::App &app, int argc, char **argv) {
  std::string tool = app.get_name();
  refuseFlagValues(app);
  try {
    app.parse(argc, argv);
    refuseEmptyValues(app);
    for (const CLI::App *verb : app.get_subcommands())
      refuseEmptyValues(*verb);
  } catch (const CLI::Success &done) { // --help, --version
    return finish(tool.c_str(), app.exit(done));
  } catch (const CLI::ParseError &error) {
    auto parsed = app.get_subcommands();
    std::string help = tool + (parsed.empty() ? "" : " " + parsed[0]->get_name()) + " --help";
    fail(tool.c_str(), reasonOf(app, error) + "; see " + help);
    return exitUsage;
  } catch (const ValueRefused &refused) {
    return fail(tool.c_str(), refused.what());
  }
  return std::nullopt;
}

} // namespace vitc
