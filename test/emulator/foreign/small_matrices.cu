// Inverses of small matrices by elimination with pivots: templates, arrays of each thread, a mangled name.
// arch: sm_80
template <int N> struct Matrix {
  float at[N][N];
};
template <int N> __noinline__ __device__ bool invert(Matrix<N> &m, Matrix<N> &out) {
#pragma unroll 1
  for (int i = 0; i < N; ++i)
#pragma unroll 1
    for (int j = 0; j < N; ++j)
      out.at[i][j] = i == j;
#pragma unroll 1
  for (int c = 0; c < N; ++c) {
    int pivot = c;
#pragma unroll 1
    for (int r = c + 1; r < N; ++r)
      if (fabsf(m.at[r][c]) > fabsf(m.at[pivot][c]))
        pivot = r;
    if (m.at[pivot][c] == 0)
      return false;
#pragma unroll 1
    for (int j = 0; j < N; ++j) {
      float a = m.at[c][j], b = out.at[c][j];
      m.at[c][j] = m.at[pivot][j], m.at[pivot][j] = a;
      out.at[c][j] = out.at[pivot][j], out.at[pivot][j] = b;
    }
    float scale = 1 / m.at[c][c];
#pragma unroll 1
    for (int j = 0; j < N; ++j)
      m.at[c][j] *= scale, out.at[c][j] *= scale;
#pragma unroll 1
    for (int r = 0; r < N; ++r) {
      float factor = r == c ? 0 : m.at[r][c];
#pragma unroll 1
      for (int j = 0; j < N; ++j)
        m.at[r][j] -= factor * m.at[c][j], out.at[r][j] -= factor * out.at[c][j];
    }
  }
  return true;
}
template <int N> __global__ void inverses(const Matrix<N> *in, Matrix<N> *out, int *good, int count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count)
    return;
  Matrix<N> mine = in[i];
  good[i] = invert(mine, out[i]);
}
template __global__ void inverses<3>(const Matrix<3> *, Matrix<3> *, int *, int);
template __global__ void inverses<5>(const Matrix<5> *, Matrix<5> *, int *, int);
