//===- Machine.cpp - The processor that this is ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Machine.h"
#include "runtime/cpu/Quota.h"

#include <algorithm>
#include <cpuid.h>
#include <cstring>
#include <sched.h>
#include <thread>

namespace vitrt {

const char *isaName(uint32_t isa) {
  switch (isa) {
  case VIT_ISA_AVX2:
    return "avx2";
  case VIT_ISA_AVX512:
    return "avx512";
  case VIT_ISA_AVX512_VNNI:
    return "avx512vnni";
  case VIT_ISA_AVX512_BF16:
    return "avx512bf16";
  default:
    return "unknown instructions";
  }
}

bool hasIsa(uint32_t isa) {
  switch (isa) {
  case VIT_ISA_AVX2:
    return __builtin_cpu_supports("x86-64-v3");
  case VIT_ISA_AVX512:
    return __builtin_cpu_supports("x86-64-v4");
  case VIT_ISA_AVX512_VNNI:
    return hasIsa(VIT_ISA_AVX512) && __builtin_cpu_supports("avx512vnni");
  case VIT_ISA_AVX512_BF16:
    return hasIsa(VIT_ISA_AVX512_VNNI) && __builtin_cpu_supports("avx512bf16");
  default:
    return false;
  }
}

std::vector<std::string> usableForms(const vit_target &target) {
  std::vector<std::string> names;
  if (target.kernel_count == 0)
    return names;
  const auto &code =
      *static_cast<const vit_cpu_code *>(target.kernels[0].code); // all have the same
  for (uint32_t i = 0; i != code.form_count; ++i)
    if (hasIsa(code.forms[i].isa))
      names.push_back(isaName(code.forms[i].isa));
  return names;
}

std::string processorName() {
  unsigned words[12] = {}, most = __get_cpuid_max(0x80000000u, nullptr);
  if (most < 0x80000004u)
    return "x86-64 processor";
  for (unsigned i = 0; i != 3; ++i)
    __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                &words[4 * i + 3]);
  char text[sizeof words + 1] = "";
  std::memcpy(text, words, sizeof words);
  std::string name = text;
  name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
  name.erase(name.find_last_not_of(' ') + 1);
  return name.empty() ? "x86-64 processor" : name;
}

int usableProcessors() {
  cpu_set_t set; // a machine with more processors than it holds has no answer here
  int count = sched_getaffinity(0, sizeof set, &set) == 0
                  ? CPU_COUNT(&set)
                  : int(std::thread::hardware_concurrency());
  int quota = processorQuota();
  return std::max(1, quota ? std::min(count, quota) : count);
}

} // namespace vitrt
