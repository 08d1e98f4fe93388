//===- QuantizePanels.h - Weights of products of i8 ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_QUANTIZEPANELS_H
#define VITC_RUNTIME_QUANTIZEPANELS_H

#include "runtime/LargeArray.h"
#include "vit/library.h"

#include <span>

namespace vitrt {

/// Whether the shape of a QUANTIZE_PANELS step follows from that of operand 0.
bool fitsPanels(const vit_recipe_step &step, std::span<const int64_t> operand);

/// The bytes that library.h describes, each as a number from -128 to 127, of a matrix of `columns`
/// columns whose values f32 holds.
Doubles quantizePanels(const vit_recipe_step &step, const Doubles &matrix, size_t columns);

} // namespace vitrt
#endif // VITC_RUNTIME_QUANTIZEPANELS_H
