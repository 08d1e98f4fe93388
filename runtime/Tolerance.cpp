//===- Tolerance.cpp - How far an output may be off ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Tolerance.h"

#include <cmath>
#include <cstdio>

namespace vitrt {

double toleranceOf(vit_dtype dtype) {
  switch (dtype) {
  case VIT_F64:
    return 1e-10;
  case VIT_F32:
    return 1e-5;
  case VIT_BF16:
    return 2e-2;
  case VIT_I8:
    return 5e-2;
  default: // f16 and tf32 have the same mantissa
    return 2e-3;
  }
}

double roundingUnit(vit_dtype dtype) {
  switch (dtype) {
  case VIT_F64:
    return 0x1p-53;
  case VIT_F32:
    return 0x1p-22;
  case VIT_BF16:
    return 0x1p-8;
  case VIT_I8: // a step is a 127th of the largest of a row or column, of which most are a third
    return 3 * 0x1p-8;
  default:
    return 0x1p-11;
  }
}

double OutputError::value() const {
  return difference == 0 ? 0 : std::sqrt(difference) / std::sqrt(norm);
}

std::string errorLine(const std::string &name, double error, double tolerance, bool ok) {
  char numbers[96];
  snprintf(numbers, sizeof numbers, " error %.3e tolerance %g %s\n", std::fabs(error), tolerance,
           ok ? "ok" : "FAIL");
  return name + numbers;
}

} // namespace vitrt
