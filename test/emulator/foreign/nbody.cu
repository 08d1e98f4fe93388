// Accelerations of bodies, tile by tile through shared memory.
extern "C" __global__ void nbody(const float4 *bodies, float3 *out, int n) {
  __shared__ float4 tile[64];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float4 me = i < n ? bodies[i] : make_float4(0, 0, 0, 0);
  float3 a = make_float3(0, 0, 0);
  for (int start = 0; start < n; start += 64) {
    int j = start + threadIdx.x;
    tile[threadIdx.x] = j < n ? bodies[j] : make_float4(0, 0, 0, 0);
    __syncthreads();
#pragma unroll 4
    for (int k = 0; k < 64; ++k) {
      float4 b = tile[k];
      float x = b.x - me.x, y = b.y - me.y, z = b.z - me.z;
      float r = rsqrtf(x * x + y * y + z * z + 0.01f), s = b.w * r * r * r;
      a.x += x * s, a.y += y * s, a.z += z * s;
    }
    __syncthreads();
  }
  if (i < n)
    out[i] = a;
}
