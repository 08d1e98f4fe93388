//===- Work.h - What one launch of a kernel does ----------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_WORK_H
#define PASSES_COST_WORK_H

#include <compare>
#include <cstdint>

namespace vitc::cost {

/// Kernels that are scheduled and written alike; the order is that of Schedule's alternatives.
enum class Family { Gemm, Attention, Norm, Tokens, Elementwise };

/// Elementwise ops by what they cost: an instruction or two; or a function unit and several (gelu,
/// silu, tanh).
struct Arithmetic {
  int cheap = 0, expensive = 0;
  int ops() const { return cheap + expensive; }
  auto operator<=>(const Arithmetic &) const = default;
};

/// One launch, whatever its schedule. Sizes in bytes are per image, for activations, or for all
/// images, for weights.
struct Work {
  Family family = Family::Elementwise;
  int64_t rows = 1;       ///< of the result, per image
  int64_t columns = 1;    ///< of the result
  int64_t depth = 0;      ///< of a linear: K
  int products = 1;       ///< linears that share the input
  bool threefold = false; ///< linears and attention: on f32, three products of tf32 for each

  // Attention: `heads` heads of `headDim` columns; a sequence has `queries` rows and `keys` keys.
  // Over the batch both are the batch, and each row of an image is a sequence of its own. Of the
  // tokens of an image each of `windows` windows is a sequence.
  int64_t heads = 0, headDim = 0, queries = 0, keys = 0, windows = 1;
  bool overBatch = false;
  bool biased = false; ///< something is added to the scores
  bool parted = false; ///< some windows have parts that do not attend to each other
  // How many queries, and keys or summed rows, there are a parameter of the kernel says; the
  // numbers above are those of one size of images.
  bool anyQueries = false, anyKeys = false;

  int64_t groups = 1; ///< norms: equal parts of a row, each with a norm of its own
  int64_t group = 0;  ///< linears: columns that each pair of moments of the result is of; 0: none
  bool normalized = false; ///< linears: the product is of normalised rows, whose moments it reads
  int64_t summed = 0;      ///< tokens: rows that one of the result is the mean of; 0: it is none

  int vector = 8;        ///< neighbouring columns that one access takes, where a thread has vectors
  bool gathers = false;  ///< tokens: a vector's place in the operand takes several divisions
  int inputBytes = 2;    ///< of an element that the root reads (without root: the first operand)
  int outputBytes = 2;   ///< of an element of all results together
  int narrowest = 2;     ///< bytes of an element of the narrowest result
  int64_t rootRead = 0;  ///< activations that the root reads, once each (without root: 0)
  int64_t otherRead = 0; ///< activations that elementwise ops read
  int64_t written = 0;   ///< activations
  int64_t weightRead = 0; ///< weights, tables and vectors
  int activations = 0;    ///< how many activations and tables elementwise ops read
  int vectors = 0;        ///< how many vectors they read
  int results = 1;
  bool rowReused = false;             ///< ops after a norm use its input too
  Arithmetic before = {}, after = {}; ///< the root; without a root all is after

  auto operator<=>(const Work &) const = default;

  int64_t activationBytes() const { return rootRead + otherRead + written; }
};

} // namespace vitc::cost

#endif // PASSES_COST_WORK_H
