//===- WeightMove.h - Weights that are tensors in another order ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Most weights, and all the large ones of code for CPUs, are not computed: their
// values are those of tensors, put together, padded, in panels, and rounded at
// most. Such a weight goes from the file to its place in pieces, each of which is
// read once and written once; the general way would hold it several times in f64.
//
//   file   K -> row 0 of a panel, row 1, ...      a piece: 32 rows of it, K values
//   weight 32 -> step 0 of the sum, step 1, ...   each; one goes 32 places on
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTMOVE_H
#define VITC_RUNTIME_WEIGHTMOVE_H

#include "runtime/WeightSource.h"
#include "vit/library.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace vitrt {

class WeightMove {
public:
  /// Nothing for a weight that is not only moved. Its steps and its place are checked.
  static std::optional<WeightMove> plan(const vit_library &library, const WeightSource &source,
                                        const vit_prepared &weight);

  /// Fills the weight's bytes; from any thread. False: there may be something to be said of the
  /// values or of the file, which is for the general way to find out.
  bool execute(uint8_t *out) const;

  /// Elements along one direction: how far apart they are in the tensor and in the weight.
  struct Run {
    size_t count, from, to;
  };
  /// A box of a tensor's elements.
  struct Piece {
    const FileTensor *tensor;
    size_t from, to; ///< the first element's places
    std::vector<Run> runs;
  };

private:
  std::vector<Piece> pieces; ///< runs by `from`, the shortest first
  uint32_t dtype = VIT_F32;
  uint64_t bytes = 0;
  bool hasZeros = false; ///< padding, which no piece writes
};

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTMOVE_H
