// cuda::barrier and cuda::pipeline: copies in flight while the tile before is used; mbarriers in shared memory.
// arch: sm_80
#include <cooperative_groups.h>
#include <cuda/barrier>
#include <cuda/pipeline>
namespace cg = cooperative_groups;

extern "C" __global__ void async_barrier(const float *x, float *out, int tiles) {
  __shared__ cuda::barrier<cuda::thread_scope_block> arrived;
  __shared__ float tile[128];
  if (threadIdx.x == 0)
    init(&arrived, blockDim.x);
  __syncthreads();
  for (int t = 0; t < tiles; ++t) {
    cuda::memcpy_async(&tile[threadIdx.x], &x[t * 128 + threadIdx.x], sizeof(float), arrived);
    arrived.arrive_and_wait();
    out[t * 128 + threadIdx.x] = tile[127 - threadIdx.x];
    arrived.arrive_and_wait();
  }
}
extern "C" __global__ void async_pipeline(const float4 *x, float4 *out, int tiles) {
  constexpr int stages = 2;
  __shared__ float4 tile[stages][64];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, stages> state;
  cg::thread_block block = cg::this_thread_block();
  auto pipeline = cuda::make_pipeline(block, &state);
  int fetched = 0;
  for (int t = 0; t < tiles; ++t) {
    for (; fetched < tiles && fetched < t + stages; ++fetched) {
      pipeline.producer_acquire();
      cuda::memcpy_async(&tile[fetched % stages][threadIdx.x], &x[fetched * 64 + threadIdx.x],
                         cuda::aligned_size_t<16>(sizeof(float4)), pipeline);
      pipeline.producer_commit();
    }
    pipeline.consumer_wait();
    float4 a = tile[t % stages][threadIdx.x], b = tile[t % stages][63 - threadIdx.x];
    out[t * 64 + threadIdx.x] = make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
    pipeline.consumer_release();
  }
}
