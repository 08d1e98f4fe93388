//===- WeightValues.h - Values that are of no use --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTVALUES_H
#define VITC_RUNTIME_WEIGHTVALUES_H

#include <cstdint>
#include <span>
#include <string>

namespace vitrt {

/// A number as messages show it.
std::string numberText(double number);

/// Says what is lost when values are rounded to `dtype`: a finite one becomes infinite, or nothing
/// but zeros is left. Empty if neither. `name` is for messages.
std::string rangeProblem(const std::string &name, std::span<const double> values, uint32_t dtype);

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTVALUES_H
