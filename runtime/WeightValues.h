//===- WeightValues.h - Values that are of no use --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTVALUES_H
#define VITC_RUNTIME_WEIGHTVALUES_H

#include "runtime/Recipe.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// A number as messages show it.
std::string numberText(double number);

/// Says what is lost when values are rounded to `dtype`: a finite one becomes infinite, or nothing
/// but zeros is left. Empty if neither. `who` is for messages: "'fc1' holds".
std::string rangeProblem(const std::string &who, std::span<const double> values, uint32_t dtype);
/// The tensors that a value is made from, by their steps, each once.
std::vector<uint32_t> loadsOf(const vit_library &library, uint32_t value);
/// The tensors that a value out of the range of `dtype` was made from, as rangeProblem
/// wants them: those that hold such a value themselves, or, where it is a sum or a product, all.
std::string originOf(const vit_library &library, WeightSource &source, uint32_t value,
                     uint32_t dtype);

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTVALUES_H
