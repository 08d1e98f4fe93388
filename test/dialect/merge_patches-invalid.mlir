// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @merge_patches_c1(%x: tensor<?x15x8xf32>) {
  // expected-error @below {{'vit.merge_patches' op expected a grid of two even sizes, but got [3, 5]}}
  %0 = vit.merge_patches %x grid [3, 5] : tensor<?x15x8xf32> -> tensor<?x3x32xf32>
  return
}

// -----

func.func @merge_patches_c1_sizes(%x: tensor<?x24x8xf32>) {
  // expected-error @below {{'vit.merge_patches' op expected a grid of two even sizes, but got [4]}}
  %0 = vit.merge_patches %x grid [4] : tensor<?x24x8xf32> -> tensor<?x6x32xf32>
  return
}

// -----

func.func @merge_patches_c2(%x: tensor<?x24x8xf32>) {
  // expected-error @below {{'vit.merge_patches' op expected input of shape ?x16x8, but got ?x24x8}}
  %0 = vit.merge_patches %x grid [4, 4] : tensor<?x24x8xf32> -> tensor<?x4x32xf32>
  return
}

// -----

func.func @merge_patches_c3(%x: tensor<?x24x8xf32>) {
  // expected-error @below {{'vit.merge_patches' op expected a result of shape ?x6x32, but got ?x6x16}}
  %0 = vit.merge_patches %x grid [4, 6] : tensor<?x24x8xf32> -> tensor<?x6x16xf32>
  return
}
