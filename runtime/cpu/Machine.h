//===- Machine.h - The processor that this is ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CPU_MACHINE_H
#define VITC_RUNTIME_CPU_MACHINE_H

#include "vit/library.h"

#include <string>
#include <vector>

namespace vitrt {

/// "avx2"
const char *isaName(uint32_t isa);
/// Whether processor and system have the instructions.
bool hasIsa(uint32_t isa);
/// The names of those forms of a CPU target's code that can run here.
std::vector<std::string> usableForms(const vit_target &target);
/// "AMD EPYC 9554 64-Core Processor"
std::string processorName();
/// Processors that this process may use, by its affinity and by the quota of its container; at
/// least 1.
int usableProcessors();

} // namespace vitrt
#endif // VITC_RUNTIME_CPU_MACHINE_H
