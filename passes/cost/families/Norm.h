//===- Norm.h - How kernels around a norm lie on the device -----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_FAMILIES_NORM_H
#define PASSES_COST_FAMILIES_NORM_H

#include "passes/cost/Geometry.h"

namespace vitc::cost {

struct NormGeometry : Geometry {
  int vector = 1;          ///< neighbouring columns of a lane
  int64_t vectors = 0;     ///< of a row, or a group of its columns
  int64_t held = 0;        ///< vectors of a lane, the last of which it may not have
  bool readsAgain = false; ///< the row is read for each of its uses instead of kept in registers
  int warps = 0;           ///< of a block
};
NormGeometry normGeometry(const Work &work, const NormSchedule &schedule);

} // namespace vitc::cost

#endif // PASSES_COST_FAMILIES_NORM_H
