// RUN: vitc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{expected a range of batches within 1 to 2147483647, but got 9 to 8}}
#schedule_c1 = #vit.gemm_schedule<batch = 9 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2>

// -----

// expected-error @below {{expected a range of batches within 1 to 2147483647, but got 0 to 8}}
#attention_schedule_c1 = #vit.attention_schedule<batch = 0 to 8, rows = 64, keys = 197>

// -----

// expected-error @below {{within 1 to 2147483647, but got 1 to 2147483648}}
#norm_schedule_c1 = #vit.norm_schedule<batch = 1 to 2147483648, rows = 4, warp = 1>

// -----

// expected-error @below {{within 1 to 2147483647, but got 2 to 1}}
#tokens_schedule_c1 = #vit.tokens_schedule<batch = 2 to 1, elements = 1024, warp = 256>

// -----

// expected-error @below {{within 1 to 2147483647, but got 2 to 1}}
#elementwise_schedule_c1 = #vit.elementwise_schedule<batch = 2 to 1, elements = 1024, warp = 256>

// -----

// expected-error @below {{expected a bound of 0 to 255 registers, but got 256}}
#schedule_c2 = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2 registers = 256>

// -----

// expected-error @below {{expected three sizes for tile and two for warp, all 1 to 65536, but got [64, 0, 32] and [32, 32]}}
#schedule_c3 = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 0, 32], warp = [32, 32], stages = 2>

// -----

// expected-error @below {{all 1 to 65536, but got [64, 64, 32] and [32, -1]}}
#schedule_c3_warp = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, -1], stages = 2>

// -----

// expected-error @below {{but got [64, 64] and [32, 32]}}
#schedule_c3_few = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64], warp = [32, 32], stages = 2>

// -----

// expected-error @below {{expected integer value}}
// expected-error @below {{failed to parse Vit_GemmScheduleAttr parameter 'warp'}}
#schedule_c3_empty = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [], stages = 2>

// -----

// expected-error @below {{expected rows and keys of 1 to 65536, but got 0 and 197}}
#attention_schedule_c3 = #vit.attention_schedule<batch = 1 to 8, rows = 0, keys = 197>

// -----

// expected-error @below {{expected 1, 2 or 4 stages, but got 3}}
#attention_schedule_c4 = #vit.attention_schedule<batch = 1 to 8, rows = 64, keys = 64 stages = 3>

// -----

// expected-error @below {{expected 16 or 32 rows of a warp, but got 48}}
#attention_schedule_c4 = #vit.attention_schedule<batch = 1 to 8, rows = 64, keys = 64 stages = 2 warp = 48>

// -----

// expected-error @below {{expected rows and warp of 1 to 65536, but got 4 and 65537}}
#norm_schedule_c3 = #vit.norm_schedule<batch = 1 to 8, rows = 4, warp = 65537>

// -----

// expected-error @below {{expected elements and warp of 1 to 65536, but got 65537 and 32}}
#tokens_schedule_c3 = #vit.tokens_schedule<batch = 1 to 8, elements = 65537, warp = 32>

// -----

// expected-error @below {{expected elements and warp of 1 to 65536, but got 256 and 0}}
#elementwise_schedule_c3 = #vit.elementwise_schedule<batch = 1 to 8, elements = 256, warp = 0>

// -----

// expected-error @below {{expected 2 to 8 stages, but got 1}}
#schedule_c4 = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 1>

// -----

// expected-error @below {{expected 2 to 8 stages, but got 9}}
#schedule_c4_many = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 9>

// -----

// expected-error @below {{expected 1 or 2 buffers of fragments, but got 3}}
#schedule_c5 = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2 buffers = 3>

// -----

// expected-error @below {{expected 1 to 1024 splits of K, but got 0}}
#schedule_c6 = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2 splits = 0>

// -----

// expected-error @below {{expected 1 to 1024 splits of K, but got 1025}}
#schedule_c6_many = #vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2 splits = 1025>
