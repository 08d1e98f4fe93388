// What attention-registers.mlir has, of elements of 4 bytes: probabilities are not packed, and f32 has
// each fragment in two parts.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s \
// RUN:   --implicit-check-not="spill stores {{[1-9]}}" --implicit-check-not="spill loads {{[1-9]}}" \
// RUN:   --implicit-check-not="stack {{[1-9]}}"

// CHECK: kernel tf32_197x64_112rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_197x64_112rows(%x: tensor<?x197x2304xtf32>) -> tensor<?x197x768xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xtf32>, tensor<?x197x2304xtf32>, tensor<?x197x2304xtf32> -> tensor<?x197x768xtf32>
  vit.yield %0 : tensor<?x197x768xtf32>
}

// CHECK: kernel tf32_50x64_64rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_50x64_64rows(%x: tensor<?x50x2304xtf32>) -> tensor<?x50x768xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 50 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x50x2304xtf32>, tensor<?x50x2304xtf32>, tensor<?x50x2304xtf32> -> tensor<?x50x768xtf32>
  vit.yield %0 : tensor<?x50x768xtf32>
}

// CHECK: kernel tf32_197x64_class: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_197x64_class(%x: tensor<?x197x2304xtf32>, %q: tensor<?x768xtf32>) -> tensor<?x768xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 197>]} {
  %0 = vit.attention %q, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x768xtf32>, tensor<?x197x2304xtf32>, tensor<?x197x2304xtf32> -> tensor<?x768xtf32>
  vit.yield %0 : tensor<?x768xtf32>
}

// CHECK: kernel tf32_145x32_160rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_145x32_160rows(%x: tensor<?x145x192xtf32>) -> tensor<?x145x64xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 145>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 64, 128]
      : tensor<?x145x192xtf32>, tensor<?x145x192xtf32>, tensor<?x145x192xtf32> -> tensor<?x145x64xtf32>
  vit.yield %0 : tensor<?x145x64xtf32>
}

// CHECK: kernel tf32_257x64_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_257x64_32blocks(%x: tensor<?x257x768xtf32>) -> tensor<?x257x256xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 4 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x257x768xtf32>, tensor<?x257x768xtf32>, tensor<?x257x768xtf32> -> tensor<?x257x256xtf32>
  vit.yield %0 : tensor<?x257x256xtf32>
}

// CHECK: kernel tf32_577x128_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_577x128_32blocks(%x: tensor<?x577x768xtf32>) -> tensor<?x577x256xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x577x768xtf32>, tensor<?x577x768xtf32>, tensor<?x577x768xtf32> -> tensor<?x577x256xtf32>
  vit.yield %0 : tensor<?x577x256xtf32>
}

// CHECK: kernel tf32_100x256_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_100x256_32blocks(%x: tensor<?x100x1536xtf32>) -> tensor<?x100x512xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis tokens offsets [0, 512, 1024]
      : tensor<?x100x1536xtf32>, tensor<?x100x1536xtf32>, tensor<?x100x1536xtf32> -> tensor<?x100x512xtf32>
  vit.yield %0 : tensor<?x100x512xtf32>
}

// CHECK: kernel f32_197x64_112rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_197x64_112rows(%x: tensor<?x197x2304xf32>) -> tensor<?x197x768xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xf32>, tensor<?x197x2304xf32>, tensor<?x197x2304xf32> -> tensor<?x197x768xf32>
  vit.yield %0 : tensor<?x197x768xf32>
}

// CHECK: kernel f32_50x64_64rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_50x64_64rows(%x: tensor<?x50x2304xf32>) -> tensor<?x50x768xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 50 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x50x2304xf32>, tensor<?x50x2304xf32>, tensor<?x50x2304xf32> -> tensor<?x50x768xf32>
  vit.yield %0 : tensor<?x50x768xf32>
}

// CHECK: kernel f32_197x64_class: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_197x64_class(%x: tensor<?x197x2304xf32>, %q: tensor<?x768xf32>) -> tensor<?x768xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 197>]} {
  %0 = vit.attention %q, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x768xf32>, tensor<?x197x2304xf32>, tensor<?x197x2304xf32> -> tensor<?x768xf32>
  vit.yield %0 : tensor<?x768xf32>
}

// CHECK: kernel f32_145x32_160rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_145x32_160rows(%x: tensor<?x145x192xf32>) -> tensor<?x145x64xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 145>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 64, 128]
      : tensor<?x145x192xf32>, tensor<?x145x192xf32>, tensor<?x145x192xf32> -> tensor<?x145x64xf32>
  vit.yield %0 : tensor<?x145x64xf32>
}

// CHECK: kernel f32_257x64_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_257x64_32blocks(%x: tensor<?x257x768xf32>) -> tensor<?x257x256xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 4 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x257x768xf32>, tensor<?x257x768xf32>, tensor<?x257x768xf32> -> tensor<?x257x256xf32>
  vit.yield %0 : tensor<?x257x256xf32>
}

// CHECK: kernel f32_577x128_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_577x128_32blocks(%x: tensor<?x577x768xf32>) -> tensor<?x577x256xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x577x768xf32>, tensor<?x577x768xf32>, tensor<?x577x768xf32> -> tensor<?x577x256xf32>
  vit.yield %0 : tensor<?x577x256xf32>
}

// CHECK: kernel f32_100x256_32blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f32_100x256_32blocks(%x: tensor<?x100x1536xf32>) -> tensor<?x100x512xf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis tokens offsets [0, 512, 1024]
      : tensor<?x100x1536xf32>, tensor<?x100x1536xf32>, tensor<?x100x1536xf32> -> tensor<?x100x512xf32>
  vit.yield %0 : tensor<?x100x512xf32>
}

// CHECK: kernel tf32_257x64_64rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_257x64_64rows(%x: tensor<?x257x3072xtf32>) -> tensor<?x257x1024xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 257>]} {
  %0 = vit.attention %x, %x, %x heads 16 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 1024, 2048]
      : tensor<?x257x3072xtf32>, tensor<?x257x3072xtf32>, tensor<?x257x3072xtf32> -> tensor<?x257x1024xtf32>
  vit.yield %0 : tensor<?x257x1024xtf32>
}

// CHECK: kernel tf32_577x64_64blocks: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @tf32_577x64_64blocks(%x: tensor<?x577x2304xtf32>) -> tensor<?x577x768xtf32>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x577x2304xtf32>, tensor<?x577x2304xtf32>, tensor<?x577x2304xtf32> -> tensor<?x577x768xtf32>
  vit.yield %0 : tensor<?x577x768xtf32>
}
