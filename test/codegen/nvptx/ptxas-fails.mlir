// A ptxas that fails is reported with the kernel's name and what it printed; one that cannot be run
// with its name.
// RUN: not vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=%S/Inputs/failing-ptxas" -o /dev/null 2>&1 | FileCheck %s
// RUN: not vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=%t.none" -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: env VITC_PTXAS=%S/Inputs/no-such-ptxas not vitc-opt %s --vit-lower-kernels --vit-print-ptx -o /dev/null 2>&1 | FileCheck %s --check-prefix=VARIABLE
// RUN: not vitc-opt %s --vit-lower-kernels --vit-print-ptx="arch=sm_75" -o /dev/null 2>&1 | FileCheck %s --check-prefix=ARCH
// CHECK: kernel 'copy': ptxas failed with status 3 for sm_89
// CHECK-NEXT: this ptxas likes nothing
// NONE: expected a ptxas that can be run, found '{{.*}}.none'
// VARIABLE: expected a ptxas that can be run, found '{{.*}}no-such-ptxas' in VITC_PTXAS
// ARCH: expected an architecture of sm_80, sm_86, sm_87, sm_89, sm_90, sm_100, sm_120, found 'sm_75'
vit.kernel @copy(%x: tensor<?x3x32x32xf32>) -> tensor<?x3x32x32xf32>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  vit.yield %x : tensor<?x3x32x32xf32>
}
