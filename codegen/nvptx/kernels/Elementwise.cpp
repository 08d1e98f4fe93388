//===- Elementwise.cpp - Kernels without a root ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What could not be fused, and kernels that copy or cast. Memory decides their time, so a thread
// takes as many neighbouring columns as fit in one access of 16 bytes, or two for f32, and a
// block `block` elements, each thread
// one vector after the other. Rows and columns come from one division by the width.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Kernels.h"
#include "codegen/nvptx/kernels/Region.h"
#include "passes/cost/families/Vectors.h"

using namespace mlir;

namespace vitc {

LogicalResult emitElementwise(KernelBuilder &k) {
  RankedTensorType type = k.resultType(0);
  for (unsigned i = 1; i < k.numResults(); ++i)
    if (k.resultType(i).getShape() != type.getShape())
      return k.error() << "expected results of one shape, found " << type << " and "
                       << k.resultType(i);
  auto &schedule = std::get<cost::ElementwiseSchedule>(k.schedule.numbers);
  cost::VectorGeometry geometry = cost::vectorGeometry(k.work, schedule);
  int64_t vectorsPerRow = geometry.vectorsPerRow, vector = geometry.vector;

  Value first = k.add(k.mul(k.ctaX(), geometry.vectors), k.tid());
  Value end = k.mul(k.rows(type), vectorsPerRow);
  for (int64_t i = 0; i < geometry.vectors; i += geometry.threads) {
    Value index = k.add(first, i);
    k.ifThen(k.less(index, end), [&] {
      Place place;
      place.row = k.divU(index, vectorsPerRow);
      place.column = k.mul(k.sub(index, k.mul(place.row, vectorsPerRow)), vector);
      Region region(k);
      Known known;
      region.store(place, region.results(place, vector, known));
    });
  }
  return k.finish(geometry);
}

} // namespace vitc
