//===- Manual.cpp - The command line as a page ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// docs/cli.md is what the parser itself says of its options, so the page cannot
// differ from the tool. Options that several verbs take have a section of their
// own, by their group.
//
//===----------------------------------------------------------------------===//

#include "tools/vitc/Tool.h"

#include "llvm/ADT/StringRef.h"

#include <map>

using namespace vitc;

/// Pipes would end a cell of the table.
static std::string cell(const std::string &text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '|' ? "\\|" : std::string(1, c);
  return escaped;
}

static std::string row(const CLI::Option &option) {
  std::string names = option.get_positional() ? option.get_name() : "";
  for (const std::string &name : option.get_snames())
    names += (names.empty() ? "-" : ", -") + name;
  for (const std::string &name : option.get_lnames())
    names += (names.empty() ? "--" : ", --") + name;
  std::string value = option.get_items_expected_max() ? option.get_type_name() : "";
  if (value == "TEXT")
    value.clear(); // an argument's own name says more
  if (!value.empty())
    names += " " + value;
  std::string initial = option.get_default_str();
  return fmt::format("| `{}` | {}{} |\n", cell(names), cell(option.get_description()),
                     initial.empty() ? "" : fmt::format(" (default {})", initial));
}

/// The options of a group as a table.
static std::string table(const CLI::App &verb, const std::string &group) {
  std::string text = "| option | |\n|---|---|\n";
  for (const CLI::Option *option :
       verb.get_options([&](const CLI::Option *o) { return o->get_group() == group; }))
    if (!option->check_lname("help"))
      text += row(*option);
  return text;
}

std::string vitc::manualOf(CLI::App &app) {
  std::string text = fmt::format("<!-- Written by vitc --manual=cli. -->\n# Command line\n\n{}.\n",
                                 app.get_description());
  std::vector<std::pair<std::string, std::string>> shared; // groups and their tables
  for (const CLI::App *verb : app.get_subcommands([](const CLI::App *) { return true; })) {
    text += fmt::format("\n## vitc {}\n\n{}.\n\n", verb->get_name(), verb->get_description());
    std::string others;
    for (const std::string &group : verb->get_groups()) {
      if (group.empty() || group == "OPTIONS" || group == "POSITIONALS" || group == "Options" ||
          group == "Positionals")
        continue;
      others += (others.empty() ? "" : ", ") +
                fmt::format("[{}](#{})", llvm::StringRef(group).lower(), [&] {
                  std::string anchor = llvm::StringRef(group).lower();
                  std::replace(anchor.begin(), anchor.end(), ' ', '-');
                  return anchor;
                }());
      bool known = llvm::any_of(shared, [&](const auto &entry) { return entry.first == group; });
      if (!known)
        shared.emplace_back(group, table(*verb, group));
    }
    for (const std::string &group : verb->get_groups())
      if (group == "OPTIONS" || group == "Options")
        text += table(*verb, group);
    if (!others.empty())
      text += "\nAnd: " + others + ".\n";
    text += "\n```text\n" + verb->get_footer() + "\n```\n";
  }
  for (const auto &[group, rows] : shared)
    text += fmt::format("\n## {}\n\n{}", group, rows);
  return text;
}
