// Attention keeps whole rows of scores in registers, close to what its number of warps leaves a
// thread, or those of a block of keys beside the result. ptxas must find room for them at the lengths
// and head sizes of ViTs and at the edges.
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

// Heads that are wider, or padded.

// CHECK: kernel f16_144x256_32rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_144x256_32rows(%x: tensor<?x144x1536xf16>) -> tensor<?x144x512xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 32, keys = 144>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis tokens offsets [0, 512, 1024]
      : tensor<?x144x1536xf16>, tensor<?x144x1536xf16>, tensor<?x144x1536xf16> -> tensor<?x144x512xf16>
  vit.yield %0 : tensor<?x144x512xf16>
}

// CHECK: kernel bf16_197x192_64rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_197x192_64rows(%x: tensor<?x197x1152xbf16>) -> tensor<?x197x384xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 197>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 192 scale 1.25e-01 axis tokens offsets [0, 384, 768]
      : tensor<?x197x1152xbf16>, tensor<?x197x1152xbf16>, tensor<?x197x1152xbf16> -> tensor<?x197x384xbf16>
  vit.yield %0 : tensor<?x197x384xbf16>
}

// CHECK: kernel f16_197x12_208rows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x12_208rows(%x: tensor<?x197x144xf16>) -> tensor<?x197x48xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 208, keys = 197 resident = true>]} {
  %0 = vit.attention %x, %x, %x heads 4 head_dim 12 scale 1.25e-01 axis tokens offsets [0, 48, 96]
      : tensor<?x197x144xf16>, tensor<?x197x144xf16>, tensor<?x197x144xf16> -> tensor<?x197x48xf16>
  vit.yield %0 : tensor<?x197x48xf16>
}

// A bias, and windows: BEiT, Swin.

// CHECK: kernel f16_197x64_bias: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x64_bias(%x: tensor<?x197x2304xf16>, %b: tensor<197x12x197xf32>) -> tensor<?x197x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<197x12x197xf32> heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
  vit.yield %0 : tensor<?x197x768xf16>
}

// CHECK: kernel f16_197x64_bias_even: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_197x64_bias_even(%x: tensor<?x197x2304xf16>, %b: tensor<197x12x198xf32>) -> tensor<?x197x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<197x12x198xf32> heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
  vit.yield %0 : tensor<?x197x768xf16>
}

// CHECK: kernel f16_49x32_windows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_49x32_windows(%x: tensor<?x3136x288xf16>, %b: tensor<49x3x49xf32>) -> tensor<?x3136x96xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 49 resident = true>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<49x3x49xf32> heads 3 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 96, 192]
      windows <grid = [56, 56], size = [7, 7], shift = [3, 3]>
      : tensor<?x3136x288xf16>, tensor<?x3136x288xf16>, tensor<?x3136x288xf16> -> tensor<?x3136x96xf16>
  vit.yield %0 : tensor<?x3136x96xf16>
}

// CHECK: kernel f16_144x32_windows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_144x32_windows(%x: tensor<?x2304x576xf16>, %b: tensor<144x6x144xf32>) -> tensor<?x2304x192xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 144, keys = 144 resident = true>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<144x6x144xf32> heads 6 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 192, 384]
      windows <grid = [48, 48], size = [12, 12], shift = [6, 6]>
      : tensor<?x2304x576xf16>, tensor<?x2304x576xf16>, tensor<?x2304x576xf16> -> tensor<?x2304x192xf16>
  vit.yield %0 : tensor<?x2304x192xf16>
}

// Online: long rows, all head sizes, blocks of 64 and of 32 keys.

// CHECK: kernel f16_577x64_64rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_64rows_64keys_2(%x: tensor<?x577x384xf16>) -> tensor<?x577x128xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x577x384xf16>, tensor<?x577x384xf16>, tensor<?x577x384xf16> -> tensor<?x577x128xf16>
  vit.yield %0 : tensor<?x577x128xf16>
}

// CHECK: kernel f16_577x64_128rows_64keys_4: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_128rows_64keys_4(%x: tensor<?x577x384xf16>) -> tensor<?x577x128xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 4>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x577x384xf16>, tensor<?x577x384xf16>, tensor<?x577x384xf16> -> tensor<?x577x128xf16>
  vit.yield %0 : tensor<?x577x128xf16>
}

// CHECK: kernel bf16_1025x64_192rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_1025x64_192rows_64keys_2(%x: tensor<?x1025x384xbf16>) -> tensor<?x1025x128xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 192, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x1025x384xbf16>, tensor<?x1025x384xbf16>, tensor<?x1025x384xbf16> -> tensor<?x1025x128xbf16>
  vit.yield %0 : tensor<?x1025x128xbf16>
}

// CHECK: kernel f16_577x64_256rows_32keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_256rows_32keys_2(%x: tensor<?x577x384xf16>) -> tensor<?x577x128xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 256, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x577x384xf16>, tensor<?x577x384xf16>, tensor<?x577x384xf16> -> tensor<?x577x128xf16>
  vit.yield %0 : tensor<?x577x128xf16>
}

// CHECK: kernel f16_1370x80_64rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_1370x80_64rows_64keys_2(%x: tensor<?x1370x480xf16>) -> tensor<?x1370x160xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 80 scale 1.25e-01 axis tokens offsets [0, 160, 320]
      : tensor<?x1370x480xf16>, tensor<?x1370x480xf16>, tensor<?x1370x480xf16> -> tensor<?x1370x160xf16>
  vit.yield %0 : tensor<?x1370x160xf16>
}

// CHECK: kernel f16_4096x32_128rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_4096x32_128rows_64keys_2(%x: tensor<?x4096x192xf16>) -> tensor<?x4096x64xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 64, 128]
      : tensor<?x4096x192xf16>, tensor<?x4096x192xf16>, tensor<?x4096x192xf16> -> tensor<?x4096x64xf16>
  vit.yield %0 : tensor<?x4096x64xf16>
}

// CHECK: kernel bf16_577x128_128rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_577x128_128rows_64keys_2(%x: tensor<?x577x768xbf16>) -> tensor<?x577x256xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x577x768xbf16>, tensor<?x577x768xbf16>, tensor<?x577x768xbf16> -> tensor<?x577x256xbf16>
  vit.yield %0 : tensor<?x577x256xbf16>
}

// CHECK: kernel f16_577x128_64rows_32keys_4: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x128_64rows_32keys_4(%x: tensor<?x577x768xf16>) -> tensor<?x577x256xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 4>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 128 scale 1.25e-01 axis tokens offsets [0, 256, 512]
      : tensor<?x577x768xf16>, tensor<?x577x768xf16>, tensor<?x577x768xf16> -> tensor<?x577x256xf16>
  vit.yield %0 : tensor<?x577x256xf16>
}

// CHECK: kernel f16_577x256_64rows_32keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x256_64rows_32keys_2(%x: tensor<?x577x1536xf16>) -> tensor<?x577x512xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis tokens offsets [0, 512, 1024]
      : tensor<?x577x1536xf16>, tensor<?x577x1536xf16>, tensor<?x577x1536xf16> -> tensor<?x577x512xf16>
  vit.yield %0 : tensor<?x577x512xf16>
}

// CHECK: kernel bf16_577x256_128rows_32keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_577x256_128rows_32keys_2(%x: tensor<?x577x1536xbf16>) -> tensor<?x577x512xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis tokens offsets [0, 512, 1024]
      : tensor<?x577x1536xbf16>, tensor<?x577x1536xbf16>, tensor<?x577x1536xbf16> -> tensor<?x577x512xbf16>
  vit.yield %0 : tensor<?x577x512xbf16>
}

// CHECK: kernel f16_577x192_64rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x192_64rows_64keys_2(%x: tensor<?x577x1152xf16>) -> tensor<?x577x384xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 192 scale 1.25e-01 axis tokens offsets [0, 384, 768]
      : tensor<?x577x1152xf16>, tensor<?x577x1152xf16>, tensor<?x577x1152xf16> -> tensor<?x577x384xf16>
  vit.yield %0 : tensor<?x577x384xf16>
}

// CHECK: kernel f16_577x8_128rows_64keys_2: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x8_128rows_64keys_2(%x: tensor<?x577x48xf16>) -> tensor<?x577x16xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 8 scale 1.25e-01 axis tokens offsets [0, 16, 32]
      : tensor<?x577x48xf16>, tensor<?x577x48xf16>, tensor<?x577x48xf16> -> tensor<?x577x16xf16>
  vit.yield %0 : tensor<?x577x16xf16>
}

// CHECK: kernel f16_577x20_64rows_64keys_4: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x20_64rows_64keys_4(%x: tensor<?x577x120xf16>) -> tensor<?x577x40xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 4>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 20 scale 1.25e-01 axis tokens offsets [0, 40, 80]
      : tensor<?x577x120xf16>, tensor<?x577x120xf16>, tensor<?x577x120xf16> -> tensor<?x577x40xf16>
  vit.yield %0 : tensor<?x577x40xf16>
}

// CHECK: kernel f16_577x64_online_bias: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_online_bias(%x: tensor<?x577x2304xf16>, %b: tensor<577x12x577xf32>) -> tensor<?x577x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<577x12x577xf32> heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x577x2304xf16>, tensor<?x577x2304xf16>, tensor<?x577x2304xf16> -> tensor<?x577x768xf16>
  vit.yield %0 : tensor<?x577x768xf16>
}

// CHECK: kernel f16_577x64_online_bias_even: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_online_bias_even(%x: tensor<?x577x2304xf16>, %b: tensor<577x12x584xf32>) -> tensor<?x577x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<577x12x584xf32> heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x577x2304xf16>, tensor<?x577x2304xf16>, tensor<?x577x2304xf16> -> tensor<?x577x768xf16>
  vit.yield %0 : tensor<?x577x768xf16>
}

// CHECK: kernel f16_576x32_online_windows: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_576x32_online_windows(%x: tensor<?x2304x288xf16>, %b: tensor<576x3x576xf32>) -> tensor<?x2304x96xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<576x3x576xf32> heads 3 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 96, 192]
      windows <grid = [48, 48], size = [24, 24], shift = [12, 12]>
      : tensor<?x2304x288xf16>, tensor<?x2304x288xf16>, tensor<?x2304x288xf16> -> tensor<?x2304x96xf16>
  vit.yield %0 : tensor<?x2304x96xf16>
}

// CHECK: kernel f16_577x64_online_class: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_online_class(%x: tensor<?x577x2304xf16>, %q: tensor<?x768xf16>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 16, keys = 64 stages = 2>]} {
  %0 = vit.attention %q, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
      : tensor<?x768xf16>, tensor<?x577x2304xf16>, tensor<?x577x2304xf16> -> tensor<?x768xf16>
  vit.yield %0 : tensor<?x768xf16>
}

// CHECK: kernel f16_3x64_online_batch: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_3x64_online_batch(%x: tensor<?x3x2304xf16>) -> tensor<?x3x768xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 4096, rows = 64, keys = 64 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.25e-01 axis batch offsets [0, 768, 1536]
      : tensor<?x3x2304xf16>, tensor<?x3x2304xf16>, tensor<?x3x2304xf16> -> tensor<?x3x768xf16>
  vit.yield %0 : tensor<?x3x768xf16>
}

// CHECK: kernel f16_3x256_online_batch: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_3x256_online_batch(%x: tensor<?x3x1536xf16>) -> tensor<?x3x512xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 4096, rows = 64, keys = 32 stages = 2>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 256 scale 1.25e-01 axis batch offsets [0, 512, 1024]
      : tensor<?x3x1536xf16>, tensor<?x3x1536xf16>, tensor<?x3x1536xf16> -> tensor<?x3x512xf16>
  vit.yield %0 : tensor<?x3x512xf16>
}

// CHECK: kernel f16_577x64_128rows_32: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x64_128rows_32(%x: tensor<?x577x384xf16>) -> tensor<?x577x128xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 4 warp = 32>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x577x384xf16>, tensor<?x577x384xf16>, tensor<?x577x384xf16> -> tensor<?x577x128xf16>
  vit.yield %0 : tensor<?x577x128xf16>
}

// CHECK: kernel bf16_1370x64_128rows_32: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @bf16_1370x64_128rows_32(%x: tensor<?x1370x384xbf16>) -> tensor<?x1370x128xbf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2 warp = 32>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x1370x384xbf16>, tensor<?x1370x384xbf16>, tensor<?x1370x384xbf16> -> tensor<?x1370x128xbf16>
  vit.yield %0 : tensor<?x1370x128xbf16>
}

// CHECK: kernel f16_729x72_128rows_32: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_729x72_128rows_32(%x: tensor<?x729x432xf16>) -> tensor<?x729x144xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 4 warp = 32>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 72 scale 1.25e-01 axis tokens offsets [0, 144, 288]
      : tensor<?x729x432xf16>, tensor<?x729x432xf16>, tensor<?x729x432xf16> -> tensor<?x729x144xf16>
  vit.yield %0 : tensor<?x729x144xf16>
}

// CHECK: kernel f16_577x96_128rows_32: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x96_128rows_32(%x: tensor<?x577x576xf16>) -> tensor<?x577x192xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 2 warp = 32>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 96 scale 1.25e-01 axis tokens offsets [0, 192, 384]
      : tensor<?x577x576xf16>, tensor<?x577x576xf16>, tensor<?x577x576xf16> -> tensor<?x577x192xf16>
  vit.yield %0 : tensor<?x577x192xf16>
}

// CHECK: kernel f16_577x32_256rows_32: {{.*}} spill stores 0, spill loads 0, stack 0,
vit.kernel @f16_577x32_256rows_32(%x: tensor<?x577x192xf16>) -> tensor<?x577x64xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 256, keys = 64 stages = 4 warp = 32>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 32 scale 1.25e-01 axis tokens offsets [0, 64, 128]
      : tensor<?x577x192xf16>, tensor<?x577x192xf16>, tensor<?x577x192xf16> -> tensor<?x577x64xf16>
  vit.yield %0 : tensor<?x577x64xf16>
}
