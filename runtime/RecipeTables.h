//===- RecipeTables.h - Tables of positions, for other grids ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The steps of a recipe that compute places: resampled tables, biases of relative
// positions, angles. What each means is in dialect/VitWeightOps.td.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_RECIPETABLES_H
#define VITC_RUNTIME_RECIPETABLES_H

#include "runtime/LargeArray.h"
#include "vit/library.h"

#include <span>
#include <string>
#include <vector>

namespace vitrt {

/// Whether the shape of a RESAMPLE, RELATIVE_BIAS or ROPE_TABLE step follows from its numbers and
/// `operand`, the shape of operand 0 (none: empty). Sizes of both are not negative.
bool fitsTable(const vit_recipe_step &step, std::span<const int64_t> operand);

/// Each column resized, in f64.
Doubles resample(const vit_recipe_step &step, const Doubles &table);
Doubles relativeBias(const vit_recipe_step &step, const Doubles &table);
Doubles ropeTable(const vit_recipe_step &step);
/// The sum of each of `rows` rows.
Doubles rowSums(const Doubles &in, size_t rows);

} // namespace vitrt
#endif // VITC_RUNTIME_RECIPETABLES_H
