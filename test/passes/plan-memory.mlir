// RUN: vitc-opt %s --vit-plan-memory --split-input-file | FileCheck %s

// %a and %b live together, so do %b and %c; %a and %c do not. 5 x 32 x 2 bytes are rounded up to 512. The
// output is the caller's memory.
// CHECK-LABEL: func.func @chain(
// CHECK-NEXT:    vit.launch @relu({{.*}}) places [0]
// CHECK-NEXT:    vit.launch @relu({{.*}}) places [512]
// CHECK-NEXT:    vit.launch @relu({{.*}}) places [0]
// CHECK-NEXT:    vit.launch @relu({{.*}}) places [-1]
vit.kernel @relu(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
func.func @chain(%x: tensor<?x5x32xf16>) -> tensor<?x5x32xf16> {
  %a = vit.launch @relu(%x) : (tensor<?x5x32xf16>) -> tensor<?x5x32xf16>
  %b = vit.launch @relu(%a) : (tensor<?x5x32xf16>) -> tensor<?x5x32xf16>
  %c = vit.launch @relu(%b) : (tensor<?x5x32xf16>) -> tensor<?x5x32xf16>
  %d = vit.launch @relu(%c) : (tensor<?x5x32xf16>) -> tensor<?x5x32xf16>
  return %d : tensor<?x5x32xf16>
}

// -----

// A value that is needed later keeps its place. An output that is read again, and one of two results, have
// their places too. What nobody reads must not fall on anything that lives.
// CHECK-LABEL: func.func @late_use(
// CHECK-NEXT:    vit.launch @two({{.*}}) places [0, -2]
// CHECK-NEXT:    vit.launch @two({{.*}}) places [256, 512]
// CHECK-NEXT:    vit.launch @add({{.*}}) places [-1]
vit.kernel @two(%x: tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf32>) {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = vit.cast %y : tensor<?x32xf16> -> tensor<?x32xf32>
  vit.yield %y, %z : tensor<?x32xf16>, tensor<?x32xf32>
}
vit.kernel @add(%x: tensor<?x32xf16>, %y: tensor<?x32xf16>) -> tensor<?x32xf32> {
  %z = vit.add %x, %y : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf32>
  vit.yield %z : tensor<?x32xf32>
}
func.func @late_use(%x: tensor<?x32xf16>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %a:2 = vit.launch @two(%x) : (tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf32>)
  %b:2 = vit.launch @two(%a#0) : (tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf32>)
  %c = vit.launch @add(%a#0, %b#0) : (tensor<?x32xf16>, tensor<?x32xf16>) -> tensor<?x32xf32>
  return %c, %a#1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// Large values first: the small one goes where the large one does not live.
// CHECK-LABEL: func.func @sizes(
// CHECK-NEXT:    vit.launch @select({{.*}}) places [512]
// CHECK-NEXT:    vit.launch @relu({{.*}}) places [0]
// CHECK-NEXT:    vit.launch @gate({{.*}}) places [-1]
vit.kernel @select(%x: tensor<?x5x32xf16>) -> tensor<?x32xf16> {
  %y = vit.select %x token 0 : tensor<?x5x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @relu(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
vit.kernel @gate(%x: tensor<?x5x32xf16>, %y: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %0 = vit.select %x token 0 : tensor<?x5x32xf16> -> tensor<?x32xf16>
  %1 = vit.mul %0, %y : tensor<?x32xf16>, tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %1 : tensor<?x32xf16>
}
func.func @sizes(%x: tensor<?x5x32xf16>) -> tensor<?x32xf16> {
  %a = vit.launch @select(%x) : (tensor<?x5x32xf16>) -> tensor<?x32xf16>
  %b = vit.launch @relu(%x) : (tensor<?x5x32xf16>) -> tensor<?x5x32xf16>
  %c = vit.launch @gate(%b, %a) : (tensor<?x5x32xf16>, tensor<?x32xf16>) -> tensor<?x32xf16>
  return %c : tensor<?x32xf16>
}
