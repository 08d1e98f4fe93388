//===- HashWeights.h - Weights and inputs made from their names ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Models of real width are tested and timed without their files: a value is a
// hash of the tensor's name and its position, the same on every machine.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_HASHWEIGHTS_H
#define VITC_RUNTIME_WEIGHTS_HASHWEIGHTS_H

#include <cstdint>
#include <span>
#include <string_view>

namespace vitrt {

/// Values first, first + 1, ... of the uniform sequence of `name`, in [-1, 1). This is how
/// 'pixel_values' are made.
void hashUniform(std::string_view name, uint64_t first, std::span<float> out);

/// The byte of a pixel that is `value`, in [-1, 1).
inline uint8_t levelOf(float value) { return uint8_t((value + 1.0f) * 128.0f); }

/// The tensor `name` of `shape`: the uniform values scaled by what the name says it is (tokens and
/// positions, matrices by fan-in, vectors), rounded to f16. If `add` is not zero it is added after
/// that and the sum rounded to f16 again. `out` has as many elements as `shape`.
void hashTensor(std::string_view name, std::span<const int64_t> shape, double add,
                std::span<float> out);

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_HASHWEIGHTS_H
