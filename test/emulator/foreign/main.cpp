//===- main.cpp - Runs the table of foreign kernels ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//   foreign-kernels [--driver LIBRARY] [--ptx DIR] [--save FILE] [--compare FILE] [NAME...]
//
// Prints a line for each case and exits with 1 if one failed. With --save the outputs go into a
// file; --compare wants those of another device to agree with these. Needs a C library and a
// driver, nothing else, so that it runs where only a GPU is.
//
//===----------------------------------------------------------------------===//

#include "Foreign.h"

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace foreign;

namespace {

std::string contents(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return "";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Each entry: a line `name bytes`, then the bytes.
bool save(const std::string &path, const Results &results) {
  std::ofstream file(path, std::ios::binary);
  for (const auto &[key, bytes] : results) {
    file << key << ' ' << bytes.size() << '\n';
    file.write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
  }
  return bool(file.flush());
}

bool restore(const std::string &path, Results &results) {
  std::ifstream file(path, std::ios::binary);
  std::string key;
  size_t bytes = 0;
  if (!file)
    return false;
  while (file >> key >> bytes) {
    std::vector<uint8_t> &value = results[key];
    value.resize(bytes);
    file.get();
    if (!file.read(reinterpret_cast<char *>(value.data()), std::streamsize(bytes)))
      return false;
  }
  return true;
}

struct Options {
  std::string driver = "libcuda.so.1", ptx = ".", save, compare;
  std::vector<std::string> names;
};

bool parse(int count, char **arguments, Options &out) {
  const std::map<std::string, std::string *> known = {{"--driver", &out.driver},
                                                      {"--ptx", &out.ptx},
                                                      {"--save", &out.save},
                                                      {"--compare", &out.compare}};
  for (int i = 1; i < count; ++i) {
    std::string argument = arguments[i];
    auto it = known.find(argument);
    if (it != known.end() && i + 1 < count)
      *it->second = arguments[++i];
    else if (argument[0] != '-')
      out.names.push_back(argument);
    else
      return false;
  }
  return true;
}

/// The case's failure, or "".
std::string run(Device &device, const Entry &entry, const Options &options, const Results *other,
                Results &results) {
  std::string text = contents(options.ptx + "/" + entry.name + ".ptx");
  if (text.empty())
    text = contents(options.ptx + "/triton/" + entry.name + ".ptx");
  if (text.empty())
    return "expected " + options.ptx + "/" + entry.name + ".ptx, found no such file";
  try {
    Case c(device, entry.name, text, other);
    entry.run(c);
    results.merge(c.results);
  } catch (const std::exception &failure) {
    return failure.what();
  }
  return "";
}

int runAll(const Options &options) {
  Device device(options.driver.c_str());
  printf("%s\n", device.name().c_str());
  Results results, other;
  if (!options.compare.empty() && !restore(options.compare, other))
    throw Failure(options.compare + ": expected outputs of another device, found none");
  std::vector<Entry> all = entries();
  std::sort(all.begin(), all.end(),
            [](const Entry &a, const Entry &b) { return strcmp(a.name, b.name) < 0; });
  for (const std::string &name : options.names)
    if (std::none_of(all.begin(), all.end(), [&](const Entry &e) { return name == e.name; }))
      throw Failure("unknown kernel '" + name + "'");
  unsigned passed = 0, failed = 0;
  for (const Entry &entry : all) {
    const auto &names = options.names;
    if (!names.empty() && std::find(names.begin(), names.end(), entry.name) == names.end())
      continue;
    std::string failure =
        run(device, entry, options, options.compare.empty() ? nullptr : &other, results);
    printf("%s %s%s%s\n", failure.empty() ? "ok  " : "FAIL", entry.name,
           failure.empty() ? "" : ": ", failure.c_str());
    fflush(stdout);
    ++(failure.empty() ? passed : failed);
  }
  printf("%u passed, %u failed\n", passed, failed);
  if (!options.save.empty() && !save(options.save, results))
    throw Failure(options.save + ": expected a file that can be written");
  return failed || !passed;
}

} // namespace

int main(int count, char **arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    fprintf(stderr, "usage: foreign-kernels [--driver LIBRARY] [--ptx DIR] [--save FILE] "
                    "[--compare FILE] [NAME...]\n");
    return 2;
  }
  try {
    return runAll(options);
  } catch (const std::exception &failure) {
    fprintf(stderr, "foreign-kernels: %s\n", failure.what());
    return 1;
  }
}
