//===- Quantized.h - Values of products of i8, read -------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_QUANTIZED_H
#define DRIVER_QUANTIZED_H

#include <cstdint>
#include <span>
#include <vector>

namespace vitc::driver {

/// What the bytes of `vit.quantize` stand for, in the order that the reference has: `columns` for
/// each row, zeros behind the values.
std::vector<double> decodeRows(std::span<const uint8_t> bytes, int64_t columns);

/// The same of `vit.quantize_panels`, whose bytes are numbers from -128 to 127, with panels of
/// `steps` by `width`.
std::vector<double> decodePanels(std::span<const double> bytes, int64_t steps, int64_t width);

} // namespace vitc::driver

#endif // DRIVER_QUANTIZED_H
