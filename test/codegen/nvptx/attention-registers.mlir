// Attention keeps whole rows of scores in registers, close to what its number of warps leaves a
// thread. ptxas must find room for them at the lengths and head sizes of ViTs and at the edges.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s \
// RUN:   --implicit-check-not="spill stores {{[1-9]}}" --implicit-check-not="spill loads {{[1-9]}}" \
// RUN:   --implicit-check-not="stack {{[1-9]}}"

// ViT-B/16: thirteen warps in a block, and seven in each of two, leave 128 registers.
// CHECK: kernel f16_197x64_208rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x64_208rows(%x: tensor<?x197x2304xf16>) -> tensor<?x197x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 208, keys = 197 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
  vit.yield %0 : tensor<?x197x768xf16>
}

// CHECK: kernel f16_197x64_112rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x64_112rows(%x: tensor<?x197x2304xf16>) -> tensor<?x197x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
  vit.yield %0 : tensor<?x197x768xf16>
}

// CHECK: kernel bf16_197x64_208rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_197x64_208rows(%x: tensor<?x197x2304xbf16>) -> tensor<?x197x768xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 208, keys = 197 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xbf16>, tensor<?x197x2304xbf16>, tensor<?x197x2304xbf16> -> tensor<?x197x768xbf16>
  vit.yield %0 : tensor<?x197x768xbf16>
}

// CHECK: kernel f16_197x64_class: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x64_class(%x: tensor<?x197x2304xf16>, %q: tensor<?x768xf16>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 197 resident = true>]} {
  %0 = vit.attention %q, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x768xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x768xf16>
  vit.yield %0 : tensor<?x768xf16>
}

// CHECK: kernel f16_197x32_208rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x32_208rows(%x: tensor<?x197x192xf16>) -> tensor<?x197x64xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 208, keys = 197 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 64, 128]
      : tensor<?x197x192xf16>, tensor<?x197x192xf16>, tensor<?x197x192xf16> -> tensor<?x197x64xf16>
  vit.yield %0 : tensor<?x197x64xf16>
}

// CHECK: kernel bf16_197x128_112rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_197x128_112rows(%x: tensor<?x197x768xbf16>) -> tensor<?x197x256xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x197x768xbf16>, tensor<?x197x768xbf16>, tensor<?x197x768xbf16> -> tensor<?x197x256xbf16>
  vit.yield %0 : tensor<?x197x256xbf16>
}

// ViT-H/14.
// CHECK: kernel f16_257x80_96rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_257x80_96rows(%x: tensor<?x257x3840xf16>) -> tensor<?x257x1280xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 96, keys = 257>]} {
  %0 = vit.attention %x, %x, %x heads 16 head_dim 80 scale 1.25e-01 axis tokens offsets [0, 1280, 2560]
      : tensor<?x257x3840xf16>, tensor<?x257x3840xf16>, tensor<?x257x3840xf16> -> tensor<?x257x1280xf16>
  vit.yield %0 : tensor<?x257x1280xf16>
}

// The most of both.
// CHECK: kernel f16_272x128_96rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_272x128_96rows(%x: tensor<?x272x768xf16>) -> tensor<?x272x256xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 96, keys = 272>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x272x768xf16>, tensor<?x272x768xf16>, tensor<?x272x768xf16> -> tensor<?x272x256xf16>
  vit.yield %0 : tensor<?x272x256xf16>
}

// CHECK: kernel bf16_272x16_48rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_272x16_48rows(%x: tensor<?x272x96xbf16>) -> tensor<?x272x32xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 48, keys = 272>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 16 scale 1.25e-01 axis tokens offsets [0, 32, 64]
      : tensor<?x272x96xbf16>, tensor<?x272x96xbf16>, tensor<?x272x96xbf16> -> tensor<?x272x32xbf16>
  vit.yield %0 : tensor<?x272x32xbf16>
}

// Images that attend to each other.
// CHECK: kernel f16_17x64_batch: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_17x64_batch(%x: tensor<?x3x2304xf16>) -> tensor<?x3x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 17, rows = 32, keys = 17>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis batch offsets [0, 768, 1536]
      : tensor<?x3x2304xf16>, tensor<?x3x2304xf16>, tensor<?x3x2304xf16> -> tensor<?x3x768xf16>
  vit.yield %0 : tensor<?x3x768xf16>
}
