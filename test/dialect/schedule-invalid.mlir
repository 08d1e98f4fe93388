// RUN: vitc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{expected a range of batches within 1 to 1048576, but got 9 to 8}}
#schedule_c1 = #vit.schedule<batch = 9 to 8, block = [64], warp = [32], stages = 1>

// -----

// expected-error @below {{expected a range of batches within 1 to 1048576, but got 0 to 8}}
#schedule_c1_zero = #vit.schedule<batch = 0 to 8, block = [64], warp = [32], stages = 1>

// -----

// expected-error @below {{within 1 to 1048576, but got 1 to 1048577}}
#schedule_c1_large = #vit.schedule<batch = 1 to 1048577, block = [64], warp = [32], stages = 1>

// -----

// expected-error @below {{expected one to three sizes for block and one or two for warp, all 1 to 65536, but got [64, 0] and [32]}}
#schedule_c2 = #vit.schedule<batch = 1 to 8, block = [64, 0], warp = [32], stages = 1>

// -----

// expected-error @below {{expected one to three sizes for block and one or two for warp, all 1 to 65536, but got [64] and [-1]}}
#schedule_c2_warp = #vit.schedule<batch = 1 to 8, block = [64], warp = [-1], stages = 1>

// -----

// expected-error @below {{all 1 to 65536, but got [65537] and [32]}}
#schedule_c2_large = #vit.schedule<batch = 1 to 8, block = [65537], warp = [32], stages = 1>

// -----

// expected-error @below {{but got [8, 8, 8, 8] and [8]}}
#schedule_c2_many = #vit.schedule<batch = 1 to 8, block = [8, 8, 8, 8], warp = [8], stages = 1>

// -----

// expected-error @below {{expected integer value}}
// expected-error @below {{failed to parse Vit_ScheduleAttr parameter 'warp'}}
#schedule_c2_empty = #vit.schedule<batch = 1 to 8, block = [64], warp = [], stages = 1>

// -----

// expected-error @below {{expected 1 to 64 stages, but got 0}}
#schedule_c3 = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 0>

// -----

// expected-error @below {{expected 1 to 64 stages, but got 65}}
#schedule_c3_many = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 65>

// -----

// expected-error @below {{expected 1 or 2 buffers of fragments, but got 3}}
#schedule_c4 = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 1 buffers = 3>

// -----

// expected-error @below {{expected 1 to 1024 splits of K, but got 0}}
#schedule_c5 = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 1 splits = 0>

// -----

// expected-error @below {{expected 1 to 1024 splits of K, but got 1025}}
#schedule_c5_many = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 1 splits = 1025>

// -----

// expected-error @below {{expected a bound of 0 to 255 registers, but got 256}}
#schedule_c6 = #vit.schedule<batch = 1 to 8, block = [64], warp = [32], stages = 1 registers = 256>
