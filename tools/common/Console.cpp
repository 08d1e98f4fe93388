//===- Console.cpp - What command-line tools share -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "tools/common/Console.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace vitc {

Progress::Progress(std::string verb) : verb(std::move(verb)), terminal(isatty(2)) {}

void Progress::show(int64_t done, int64_t all) {
  if (!terminal || all < 2)
    return;
  fprintf(stderr, "\r%s %lld of %lld ", verb.c_str(), (long long)done, (long long)all);
  fflush(stderr);
  shown = true;
}

Progress::~Progress() {
  if (shown)
    fprintf(stderr, "\r\033[K");
}

int finish(const char *tool, int code) {
  errno = 0;
  bool written = fflush(stdout) == 0 && !ferror(stdout);
  if (written || code != exitDone)
    return code;
  fprintf(stderr, "%s: stdout: %s\n", tool, errno ? strerror(errno) : "cannot be written");
  return exitFailed;
}

std::string emulatorPath() {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  std::string program(path, length > 0 ? size_t(length) : 0);
  std::string folder = program.substr(0, program.find_last_of('/'));
  return folder.substr(0, folder.find_last_of('/')) + "/lib/emulator/libcuda.so.1";
}

Spread spreadOf(std::vector<double> values) {
  if (values.empty())
    return {NAN, NAN, NAN};
  std::sort(values.begin(), values.end());
  auto at = [&](double part) { // linear between neighbours
    double place = part * double(values.size() - 1);
    size_t low = size_t(place), high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (place - double(low));
  };
  return {at(0.5), at(0.1), at(0.9)};
}

} // namespace vitc
