// Dynamic shared memory that is divided by hand, beyond what a kernel gets unless it asks: prefix products of rows.
extern __shared__ unsigned char memory[];

extern "C" __global__ void shared_dynamic(const double *x, const short *keys, double *out, int n) {
  double *values = (double *)memory;
  short *order = (short *)(values + n);
  unsigned char *flags = (unsigned char *)(order + n);
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    values[i] = x[i], order[i] = keys[i], flags[i] = keys[i] & 1;
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    out[i] = values[order[i]] * (flags[n - 1 - i] ? -1 : 1);
}
