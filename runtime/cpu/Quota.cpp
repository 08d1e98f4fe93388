//===- Quota.cpp - What share of its processors a container may use --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A container of `--cpus 2` sees all processors of its machine and gets the time
// of two: with a thread for each of 64, all stand still for most of each period.
// A quota may stand in any group above the process's own. Inside a container the
// paths of the groups are often those of the host, whose files are not there; what
// is there begins with the container's own group, as the root.
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Quota.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace vitrt {
namespace {

struct Close {
  void operator()(FILE *file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, Close>;

File open(const std::string &path) { return File(fopen(path.c_str(), "re")); }

/// The numbers at the beginning of a file; "max" is none.
std::vector<long long> numbersIn(const std::string &path) {
  std::vector<long long> numbers;
  char line[64], *end;
  File file = open(path);
  if (!file || !fgets(line, sizeof line, file.get()))
    return numbers;
  for (char *at = line; numbers.size() != 2; at = end) {
    long long number = strtoll(at, &end, 10);
    if (end == at)
      break;
    numbers.push_back(number);
  }
  return numbers;
}

/// Microseconds in each period, and the period, of one group; fewer than two: no quota.
std::vector<long long> quotaOf(const std::string &folder, bool isVersion2) {
  if (isVersion2)
    return numbersIn(folder + "/cpu.max");
  std::vector<long long> quota = numbersIn(folder + "/cpu.cfs_quota_us"); // -1: none
  std::vector<long long> period = numbersIn(folder + "/cpu.cfs_period_us");
  quota.insert(quota.end(), period.begin(), period.end());
  return quota;
}

/// The least of the group `path` and of those above it, INT_MAX if there is none.
int leastQuota(const std::string &mount, std::string path, bool isVersion2) {
  int least = INT_MAX;
  for (;;) {
    std::vector<long long> quota = quotaOf(mount + path, isVersion2);
    if (quota.size() == 2 && quota[0] > 0 && quota[1] > 0) {
      long long processors = quota[0] / quota[1] + (quota[0] % quota[1] != 0);
      least = int(std::min<long long>(least, processors));
    }
    if (path.empty())
      return least;
    size_t slash = path.rfind('/');
    path.erase(slash == std::string::npos ? 0 : slash);
  }
}

bool hasWord(const std::string &list, const std::string &word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

} // namespace

int processorQuota(const std::string &groups, const std::string &mount) {
  File file = open(groups);
  int least = INT_MAX;
  char line[4096];
  while (file && fgets(line, sizeof line, file.get())) { // "4:cpu,cpuacct:/a/b", "0::/a/b"
    std::string text = line;
    text.erase(text.find_last_not_of("\n/") + 1);
    size_t first = text.find(':'), second = text.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string kinds = text.substr(first + 1, second - first - 1), path = text.substr(second + 1);
    if (!path.empty() && path[0] != '/')
      continue;
    if (kinds.empty())
      least = std::min(least, leastQuota(mount, path, /*isVersion2=*/true));
    else if (hasWord(kinds, "cpu"))
      least = std::min(least, leastQuota(mount + "/cpu", path, /*isVersion2=*/false));
  }
  return least == INT_MAX ? 0 : least;
}

} // namespace vitrt
