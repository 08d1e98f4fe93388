// Each block sorts 512 keys with their values in shared memory.
// arch: sm_80
extern "C" __global__ void bitonic_sort(unsigned *keys, int *values) {
  __shared__ unsigned k[512];
  __shared__ int v[512];
  int t = threadIdx.x, base = blockIdx.x * 512;
  for (int i = t; i < 512; i += 256)
    k[i] = keys[base + i], v[i] = values[base + i];
#pragma unroll 1
  for (int size = 2; size <= 512; size *= 2)
#pragma unroll 1
    for (int stride = size / 2; stride; stride /= 2) {
      __syncthreads();
      int low = 2 * t - (t & (stride - 1)), high = low + stride;
      bool ascending = (low & size) == 0;
      if ((k[low] > k[high]) == ascending) {
        unsigned key = k[low];
        k[low] = k[high], k[high] = key;
        int value = v[low];
        v[low] = v[high], v[high] = value;
      }
    }
  __syncthreads();
  for (int i = t; i < 512; i += 256)
    keys[base + i] = k[i], values[base + i] = v[i];
}
