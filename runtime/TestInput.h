//===- TestInput.h - Images that are made, not read ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_TESTINPUT_H
#define VITC_RUNTIME_TESTINPUT_H

#include "runtime/Plan.h"

#include <vector>

namespace vitrt {

/// The bytes of an input for a batch, by the hash rule under its name: each value follows from its
/// position alone, the same everywhere.
Status makeTestInput(const vit_library &library, const SizedPlan &sized, uint32_t index, int batch,
                     std::vector<uint8_t> &out);

} // namespace vitrt
#endif // VITC_RUNTIME_TESTINPUT_H
