//===- Cost.h - What schedules and fusions cost -----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Plain C++: numbers in, numbers and decisions out. Passes and tools ask; nothing here knows MLIR.
//
//   Gpu.h       devices and occupancy
//   Work.h      what a launch does            Schedule.h  how it is mapped to a device
//   Geometry.h  threads, grid, memory           Family.h    what each family of kernels answers
//   Predict.h   registers and time of both    Search.h    the best schedules for a work
//   Classic.h   schedules by well-known rules Fusion.h    whether two kernels become one
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_COST_H
#define PASSES_COST_COST_H

#include "passes/cost/Classic.h"
#include "passes/cost/Fusion.h"
#include "passes/cost/Geometry.h"
#include "passes/cost/Search.h"

#endif // PASSES_COST_COST_H
