//===- Finite.h - Are the outputs numbers? ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_FINITE_H
#define VITC_RUNTIME_FINITE_H

#include "runtime/Plan.h"

#include <functional>

namespace vitrt {

/// Gives the bytes of an input or output in host memory, valid until the next call.
using HostBytes =
    std::function<Status(bool isInput, uint32_t index, uint64_t bytes, const uint8_t *&out)>;

/// VIT_NOT_FINITE if an output of some image has values that are not finite though all inputs of
/// that image are. Where images attend to each other the batch counts as one image. Inputs are
/// asked for only where an output is bad.
Status checkFinite(const vit_library &library, const SizedPlan &sized, int batch,
                   const HostBytes &bytesOf);

/// How many of the values [first, first + count) of a vit_dtype, little-endian, are infinite or
/// NaN.
uint64_t countNonfinite(const uint8_t *bytes, uint64_t first, uint64_t count, uint32_t dtype);

} // namespace vitrt
#endif // VITC_RUNTIME_FINITE_H
