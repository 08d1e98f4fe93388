// Cooperative groups: tiles, reductions over them, groups of the lanes that are active or share a label.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
namespace cg = cooperative_groups;

extern "C" __global__ void reduce_groups(const float *x, const int *labels, float *tileSums,
                                         int *counts, int *ranks, int *scans) {
  cg::thread_block block = cg::this_thread_block();
  auto tile = cg::tiled_partition<16>(block);
  int i = blockIdx.x * blockDim.x + block.thread_rank();
  float sum = cg::reduce(tile, x[i], cg::plus<float>());
  if (tile.thread_rank() == 0)
    tileSums[i / 16] = sum;
  scans[i] = cg::exclusive_scan(tile, labels[i], cg::plus<int>());
  ranks[i] = -1;
  if (labels[i] % 3 == 1) {
    auto active = cg::coalesced_threads();
    ranks[i] = active.thread_rank() + 100 * active.size() +
               10000 * cg::reduce(active, labels[i], cg::greater<int>());
  }
  auto warp = cg::tiled_partition<32>(block);
  auto same = cg::labeled_partition(warp, labels[i]);
  counts[i] = same.size();
  auto pair = cg::tiled_partition<64>(block); // two warps: through memory that the compiler reserves
  int most = cg::reduce(pair, counts[i] * 256 + (int)pair.thread_rank(), cg::greater<int>());
  counts[i] += 1000 * (most / 256);
}
