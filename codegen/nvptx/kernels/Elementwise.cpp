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

#include "codegen/nvptx/kernels/Families.h"
#include "codegen/nvptx/kernels/Region.h"
#include "passes/cost/families/Vectors.h"

using namespace mlir;

namespace vitc::codegen {

LogicalResult emitElementwise(KernelBuilder &k) {
  RankedTensorType type = k.resultType(0);
  for (unsigned i = 1; i < k.numResults(); ++i)
    if (k.resultType(i).getShape() != type.getShape())
      return k.error() << "expected results of one shape, found " << type << " and "
                       << k.resultType(i);
  auto &schedule = std::get<cost::ElementwiseSchedule>(k.schedule.numbers);
  cost::VectorGeometry geometry = cost::vectorGeometry(k.work, schedule);

  overVectors(k, type, geometry, [&](Value row, Value column, Value) {
    Place place{row, column, 0, {}};
    Region region(k);
    Known known;
    region.store(place, region.results(place, geometry.vector, known));
  });
  return k.finish(geometry);
}

} // namespace vitc::codegen
