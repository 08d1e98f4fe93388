//===- Quota.h - What share of its processors a container may use ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CPU_QUOTA_H
#define VITC_RUNTIME_CPU_QUOTA_H

#include <string>

namespace vitrt {

/// Processors that the control groups of this process let it use at a time, rounded up; 0 if none
/// of them has a quota. `groups` lists the groups of a process, `mount` has their files: cpu.max of
/// version 2, cpu/cpu.cfs_quota_us of version 1.
int processorQuota(const std::string &groups = "/proc/self/cgroup",
                   const std::string &mount = "/sys/fs/cgroup");

} // namespace vitrt
#endif // VITC_RUNTIME_CPU_QUOTA_H
