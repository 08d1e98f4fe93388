// RUN: vitc-opt %s --vit-share-kernels --vit-select-schedules=max-batch=4 --vit-plan-memory --split-input-file | FileCheck %s

// A model for images of any size is written for 3953 patches. A kernel on rows is as ever, with schedules for
// numbers of rows up to those of 4 images of 100 patches and a class token. Kernels on images are told how many
// patches there are. Places are bytes per patch, 96 of 48 columns, and what the class token adds to each image.
// CHECK-LABEL: vit.kernel @prepend_f16(
// CHECK-SAME:      tokens = 3953 : i64
// CHECK-LABEL: vit.kernel @relu_f16(%{{.*}}: tensor<?x48xf16>) -> tensor<?x48xf16>
// CHECK-SAME:      #vit.elementwise_schedule<batch = 1 to 404, elements = {{[0-9]+}}, warp = {{[0-9]+}}>]} {
// CHECK-LABEL: vit.kernel @attn_f16(
// CHECK-SAME:      #vit.attention_schedule<batch = 1 to {{[0-9]+}}, rows = {{[0-9]+}}, keys = {{32|64}} stages = {{2|4}}
// CHECK-SAME:      tokens = 3953 : i64
// CHECK-LABEL: func.func @forward(
// CHECK:         vit.launch @prepend_f16({{.*}}) places [0] image_places [0]
// CHECK:         vit.launch @relu_f16({{.*}}) places [96] image_places [96]
// CHECK:         vit.launch @attn_f16({{.*}}) places [0] image_places [0]
// CHECK:         vit.launch @select_f16({{.*}}) places [-1] image_places [0]
vit.kernel @a(%c: tensor<1x48xf16>, %x: tensor<?x3953x48xf16>) -> tensor<?x3954x48xf16> {
  %y = vit.prepend %c, %x : tensor<1x48xf16>, tensor<?x3953x48xf16> -> tensor<?x3954x48xf16>
  vit.yield %y : tensor<?x3954x48xf16>
}
vit.kernel @b(%x: tensor<?x3954x48xf16>) -> tensor<?x3954x48xf16> {
  %y = vit.relu %x : tensor<?x3954x48xf16> -> tensor<?x3954x48xf16>
  vit.yield %y : tensor<?x3954x48xf16>
}
vit.kernel @c(%x: tensor<?x3954x48xf16>) -> tensor<?x3954x16xf16> {
  %y = vit.attention %x, %x, %x heads 1 head_dim 16 scale 2.5e-01 axis tokens offsets [0, 16, 32] : tensor<?x3954x48xf16>, tensor<?x3954x48xf16>, tensor<?x3954x48xf16> -> tensor<?x3954x16xf16> loc("attn")
  vit.yield %y : tensor<?x3954x16xf16>
}
vit.kernel @d(%x: tensor<?x3954x16xf16>) -> tensor<?x16xf16> {
  %y = vit.select %x token 0 : tensor<?x3954x16xf16> -> tensor<?x16xf16>
  vit.yield %y : tensor<?x16xf16>
}
func.func @forward(%x: tensor<?x3953x48xf16>, %c: tensor<1x48xf16>) -> tensor<?x16xf16>
    attributes {vit.any_size = {max_tokens = 100 : i64, patch = array<i64: 16, 16>}} {
  %0 = vit.launch @a(%c, %x) : (tensor<1x48xf16>, tensor<?x3953x48xf16>) -> tensor<?x3954x48xf16>
  %1 = vit.launch @b(%0) : (tensor<?x3954x48xf16>) -> tensor<?x3954x48xf16>
  %2 = vit.launch @c(%1) : (tensor<?x3954x48xf16>) -> tensor<?x3954x16xf16>
  %3 = vit.launch @d(%2) : (tensor<?x3954x16xf16>) -> tensor<?x16xf16>
  return %3 : tensor<?x16xf16>
}

// -----

// Values with a row for each patch and others, and those with rows for patches alone, take the same: so the third
// finds room where the first was.
// CHECK-LABEL: func.func @rows(
// CHECK-NEXT:    vit.launch @relu_f16({{.*}}) places [0] image_places [0]
// CHECK:         vit.launch @prepend_f16({{.*}}) places [64] image_places [64]
// CHECK:         vit.launch @relu_f16({{.*}}) places [0] image_places [0]
// CHECK:         vit.launch @relu_f16({{.*}}) places [-1] image_places [0]
vit.kernel @a(%x: tensor<?x3953x32xf16>) -> tensor<?x3953x32xf16> {
  %y = vit.relu %x : tensor<?x3953x32xf16> -> tensor<?x3953x32xf16>
  vit.yield %y : tensor<?x3953x32xf16>
}
vit.kernel @b(%c: tensor<1x32xf16>, %x: tensor<?x3953x32xf16>) -> tensor<?x3954x32xf16> {
  %y = vit.prepend %c, %x : tensor<1x32xf16>, tensor<?x3953x32xf16> -> tensor<?x3954x32xf16>
  vit.yield %y : tensor<?x3954x32xf16>
}
vit.kernel @c(%x: tensor<?x3954x32xf16>) -> tensor<?x3954x32xf16> {
  %y = vit.relu %x : tensor<?x3954x32xf16> -> tensor<?x3954x32xf16>
  vit.yield %y : tensor<?x3954x32xf16>
}
func.func @rows(%x: tensor<?x3953x32xf16>, %c: tensor<1x32xf16>) -> tensor<?x3954x32xf16>
    attributes {vit.any_size = {max_tokens = 100 : i64, patch = array<i64: 16, 16>}} {
  %0 = vit.launch @a(%x) : (tensor<?x3953x32xf16>) -> tensor<?x3953x32xf16>
  %1 = vit.launch @b(%c, %0) : (tensor<1x32xf16>, tensor<?x3953x32xf16>) -> tensor<?x3954x32xf16>
  %2 = vit.launch @c(%1) : (tensor<?x3954x32xf16>) -> tensor<?x3954x32xf16>
  %3 = vit.launch @c(%2) : (tensor<?x3954x32xf16>) -> tensor<?x3954x32xf16>
  return %3 : tensor<?x3954x32xf16>
}
