//===- WorkFields.h - The numbers of a work, by name ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Reports and files of measurements say what a kernel does by these names.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_WORKFIELDS_H
#define PASSES_COST_WORKFIELDS_H

#include "passes/cost/Work.h"

namespace vitc::cost {

/// Calls `visit(name, field)` for each number of `work`; a Work or a const one.
template <class AnyWork, class Visitor> void eachField(AnyWork &work, Visitor &&visit) {
  // Bound by position, so that a field that is added must be named here.
  auto &[family, rows, columns, depth, products, threefold, heads, headDim, queries, keys, windows,
         overBatch, biased, parted, anyQueries, anyKeys, groups, group, normalized, summed, vector,
         gathers, inputBytes, outputBytes, narrowest, rootRead, otherRead, written, weightRead,
         activations, vectors, results, rowReused, before, after] = work;
  visit("rows", rows);
  visit("columns", columns);
  visit("depth", depth);
  visit("products", products);
  visit("threefold", threefold);
  visit("heads", heads);
  visit("head_dim", headDim);
  visit("queries", queries);
  visit("keys", keys);
  visit("windows", windows);
  visit("over_batch", overBatch);
  visit("biased", biased);
  visit("parted", parted);
  visit("any_queries", anyQueries);
  visit("any_keys", anyKeys);
  visit("groups", groups);
  visit("group", group);
  visit("normalized", normalized);
  visit("summed", summed);
  visit("vector", vector);
  visit("gathers", gathers);
  visit("input_bytes", inputBytes);
  visit("output_bytes", outputBytes);
  visit("narrowest", narrowest);
  visit("root_read", rootRead);
  visit("other_read", otherRead);
  visit("written", written);
  visit("weight_read", weightRead);
  visit("activations", activations);
  visit("vectors", vectors);
  visit("results", results);
  visit("row_reused", rowReused);
  visit("before_cheap", before.cheap);
  visit("before_expensive", before.expensive);
  visit("after_cheap", after.cheap);
  visit("after_expensive", after.expensive);
}

} // namespace vitc::cost

#endif // PASSES_COST_WORKFIELDS_H
