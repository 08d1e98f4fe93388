// A stack machine: its dispatch is a table of branches, its stack an array that is indexed by values.
extern "C" __global__ void switch_table(const unsigned char *programs, const int *inputs, int *results,
                                        int length) {
  int stack[8], depth = 0, i = threadIdx.x;
  stack[0] = inputs[i];
#pragma unroll 1
  for (int at = 0; at < length; ++at) {
    int top = stack[depth];
    switch (programs[i * length + at]) {
    case 0: stack[depth] = top + 3; break;
    case 1: stack[depth] = top * 5; break;
    case 2: depth = min(depth + 1, 7); stack[depth] = top ^ 0x55; break;
    case 3: if (depth) { --depth; stack[depth] -= top; } break;
    case 4: stack[depth] = top / 3; break;
    case 5: stack[depth] = top % 7; break;
    case 6: stack[depth] = ~top; break;
    case 7: stack[depth] = top >> 2; break;
    case 8: if (depth) { stack[depth] = stack[depth - 1]; stack[depth - 1] = top; } break;
    default: return;
    }
  }
  results[i] = stack[depth];
}
