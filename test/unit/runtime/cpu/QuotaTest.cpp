//===- QuotaTest.cpp - What share of its processors a container may use ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Quota.h"
#include "runtime/cpu/Machine.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace {

/// What the processes of a container find: the list of their groups, and files of groups.
struct Groups {
  Groups(const std::string &list, const std::map<std::string, std::string> &files) {
    char name[] = "/tmp/vitc-quota-XXXXXX";
    REQUIRE(mkdtemp(name));
    folder = name;
    std::ofstream(folder / "cgroup") << list;
    for (const auto &[path, text] : files) {
      std::filesystem::create_directories((folder / path).parent_path());
      std::ofstream(folder / path) << text;
    }
  }
  ~Groups() { std::filesystem::remove_all(folder); }
  int quota() const { return vitrt::processorQuota(folder / "cgroup", folder); }
  std::filesystem::path folder;
};

} // namespace

TEST_CASE("CPU quota: version 2, rounded up") {
  CHECK(Groups("0::/\n", {{"cpu.max", "200000 100000\n"}}).quota() == 2);
  CHECK(Groups("0::/\n", {{"cpu.max", "150000 100000\n"}}).quota() == 2);
  CHECK(Groups("0::/\n", {{"cpu.max", "50000 100000\n"}}).quota() == 1);
}

TEST_CASE("CPU quota: none") {
  CHECK(Groups("0::/\n", {{"cpu.max", "max 100000\n"}}).quota() == 0);
  CHECK(Groups("0::/\n", {}).quota() == 0);
  CHECK(Groups("", {{"cpu.max", "100000 100000\n"}}).quota() == 0);
  CHECK(
      Groups("4:cpu:/\n", {{"cpu/cpu.cfs_quota_us", "-1\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}})
          .quota() == 0);
  CHECK(vitrt::processorQuota("/nowhere/cgroup", "/nowhere") == 0);
}

TEST_CASE("CPU quota: what is no quota is none") {
  for (const char *text :
       {"", "\n", "100000", "0 100000\n", "100000 0\n", "-5 100000\n", "x y\n"}) {
    INFO(text);
    CHECK(Groups("0::/\n", {{"cpu.max", text}}).quota() == 0);
  }
  for (const char *list : {"0", "0:", "::", ":cpu", "0::a\n", "\n\n"}) {
    INFO(list);
    CHECK(Groups(list, {{"a/cpu.max", "100000 100000\n"}}).quota() == 0);
  }
}

TEST_CASE("CPU quota: the least of the groups above, as far as they are to be seen") {
  std::map<std::string, std::string> files = {{"a/cpu.max", "300000 100000\n"},
                                              {"a/b/cpu.max", "400000 100000\n"},
                                              {"other/cpu.max", "100000 100000\n"}};
  CHECK(Groups("0::/a/b\n", files).quota() == 3);
  CHECK(Groups("0::/a/b/c\n", files).quota() == 3);
  CHECK(Groups("0::/\n", files).quota() == 0);
  CHECK(Groups("0::/docker/0123\n", {{"cpu.max", "250000 100000\n"}}).quota() == 3); // of the host
}

TEST_CASE("CPU quota: version 1, and both") {
  std::map<std::string, std::string> files = {{"cpu/box/cpu.cfs_quota_us", "350000\n"},
                                              {"cpu/box/cpu.cfs_period_us", "100000\n"},
                                              {"box/cpu.max", "100000 100000\n"}};
  CHECK(Groups("7:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n", files).quota() == 4);
  CHECK(Groups("4:cpuacct,cpu:/box\n", files).quota() == 4);
  CHECK(Groups("5:cpuset:/box\n6:cpuacct:/box\n", files).quota() == 0);
  CHECK(Groups("4:cpu:/box\n0::/box\n", files).quota() == 1);
}

TEST_CASE("CPU quota: no more processors than that are used") {
  int quota = vitrt::processorQuota(), processors = vitrt::usableProcessors();
  CHECK(processors >= 1);
  CHECK((quota == 0 || processors <= quota));
}
