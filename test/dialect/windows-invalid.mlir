// RUN: vitc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{expected two numbers each for grid, size and shift, but got [8], [4, 4] and [0, 0]}}
module @windows_c1 attributes {vit.example = #vit.windows<grid = [8], size = [4, 4], shift = [0, 0]>} {}

// -----

// expected-error @below {{expected windows of sizes that divide the grid [8, 8], but got [3, 4]}}
module @windows_c2 attributes {vit.example = #vit.windows<grid = [8, 8], size = [3, 4], shift = [0, 0]>} {}

// -----

// expected-error @below {{expected shifts from 0 to below the sizes [4, 4] of windows, but got [0, 4]}}
module @windows_c3 attributes {vit.example = #vit.windows<grid = [8, 8], size = [4, 4], shift = [0, 4]>} {}
