//===- VitSchedules.cpp - Verifiers of schedules ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each check with the label of its constraint in VitSchedules.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/VitOps.h"

using namespace mlir;
using namespace vitc::vit;

namespace {

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

LogicalResult verifySchedule(EmitError emitError, int64_t minBatch, int64_t maxBatch,
                             int64_t registers) {
  if (minBatch < 1 || maxBatch < minBatch || maxBatch > mostOfRange) // (C1)
    return emitError() << "expected a range of batches within 1 to " << mostOfRange << ", but got "
                       << minBatch << " to " << maxBatch;
  if (registers < 0 || registers > 255) // (C2)
    return emitError() << "expected a bound of 0 to 255 registers, but got " << registers;
  return success();
}

// No device takes the largest; they keep what is computed of them in 64 bits.
bool isSize(int64_t size) { return size > 0 && size <= 65536; }

/// A block's part and a warp's, or two other sizes.
LogicalResult verifySizes(EmitError emitError, StringRef first, int64_t a, StringRef second,
                          int64_t b) {
  if (!isSize(a) || !isSize(b)) // (C3)
    return emitError() << "expected " << first << " and " << second << " of 1 to 65536, but got "
                       << a << " and " << b;
  return success();
}

} // namespace

LogicalResult GemmScheduleAttr::verify(EmitError emitError, int64_t minBatch, int64_t maxBatch,
                                       ArrayRef<int64_t> tile, ArrayRef<int64_t> warp,
                                       int64_t stages, int64_t buffers, int64_t splits,
                                       int64_t registers) {
  if (failed(verifySchedule(emitError, minBatch, maxBatch, registers)))
    return failure();
  if (tile.size() != 3 || warp.size() != 2 || !llvm::all_of(tile, isSize) ||
      !llvm::all_of(warp, isSize)) // (C3)
    return emitError()
           << "expected three sizes for tile and two for warp, all 1 to 65536, but got [" << tile
           << "] and [" << warp << "]";
  if (stages < 2 || stages > 8) // (C4)
    return emitError() << "expected 2 to 8 stages, but got " << stages;
  if (buffers != 1 && buffers != 2) // (C5)
    return emitError() << "expected 1 or 2 buffers of fragments, but got " << buffers;
  if (splits < 1 || splits > 1024) // (C6)
    return emitError() << "expected 1 to 1024 splits of K, but got " << splits;
  return success();
}

LogicalResult AttentionScheduleAttr::verify(EmitError emitError, int64_t minBatch, int64_t maxBatch,
                                            int64_t rows, int64_t keys, int64_t stages, bool,
                                            int64_t warp, int64_t registers) {
  if (failed(verifySchedule(emitError, minBatch, maxBatch, registers)) ||
      failed(verifySizes(emitError, "rows", rows, "keys", keys)))
    return failure();
  if (stages != 1 && stages != 2 && stages != 4) // (C4)
    return emitError() << "expected 1, 2 or 4 stages, but got " << stages;
  if (warp != 16 && warp != 32) // (C5)
    return emitError() << "expected 16 or 32 rows of a warp, but got " << warp;
  return success();
}

LogicalResult NormScheduleAttr::verify(EmitError emitError, int64_t minBatch, int64_t maxBatch,
                                       int64_t rows, int64_t warp, bool, int64_t registers) {
  return failure(failed(verifySchedule(emitError, minBatch, maxBatch, registers)) ||
                 failed(verifySizes(emitError, "rows", rows, "warp", warp)));
}

LogicalResult TokensScheduleAttr::verify(EmitError emitError, int64_t minBatch, int64_t maxBatch,
                                         int64_t elements, int64_t warp, int64_t registers) {
  return failure(failed(verifySchedule(emitError, minBatch, maxBatch, registers)) ||
                 failed(verifySizes(emitError, "elements", elements, "warp", warp)));
}

LogicalResult ElementwiseScheduleAttr::verify(EmitError emitError, int64_t minBatch,
                                              int64_t maxBatch, int64_t elements, int64_t warp,
                                              int64_t registers) {
  return failure(failed(verifySchedule(emitError, minBatch, maxBatch, registers)) ||
                 failed(verifySizes(emitError, "elements", elements, "warp", warp)));
}
