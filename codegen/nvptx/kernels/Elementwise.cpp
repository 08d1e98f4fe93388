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

#include <algorithm>

using namespace mlir;

namespace vitc {

LogicalResult emitElementwise(KernelBuilder &k) {
  vit::ScheduleAttr schedule = k.schedule(1, 1);
  if (!schedule)
    return failure();
  RankedTensorType type = k.resultType(0);
  for (unsigned i = 1; i < k.numResults(); ++i)
    if (k.resultType(i).getShape() != type.getShape())
      return k.error() << "expected results of one shape, found " << type << " and "
                       << k.resultType(i);
  int64_t width = type.getShape().back(), rowsPerImage = vit::rowsPerImage(type);
  unsigned vector = vectorWidth(width, 8);
  int64_t elements = schedule.getBlock()[0];
  if (elements % (32 * 8) != 0)
    return k.error() << "expected a block that is a multiple of 256 elements, found " << elements;

  // As many threads as the schedule has warps for, or fewer that share the block evenly.
  int64_t vectors = elements / vector;
  int64_t threads = std::clamp<int64_t>(elements / schedule.getWarp()[0] * 32, 32, 1024);
  threads = std::min(threads, vectors);
  while (vectors % threads != 0)
    threads -= 32;
  int64_t vectorsPerRow = width / vector;
  LaunchShape launch;
  launch.threads = threads;
  launch.grid[0] = {static_cast<uint32_t>(rowsPerImage * vectorsPerRow),
                    static_cast<uint32_t>(vectors), 1};

  Value first = k.add(k.mul(k.ctaX(), vectors), k.tid());
  Value end = k.mul(k.rows(type), vectorsPerRow);
  for (int64_t i = 0; i < vectors; i += threads) {
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
  return k.finish(launch);
}

} // namespace vitc
