//===- VitSchedules.td - How kernels are mapped to the device -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_SCHEDULES_TD
#define VIT_SCHEDULES_TD

include "VitDialect.td"

class Vit_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Vit_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

/// What the schedules of all families have. C++ says vit::ScheduleAttr for any of them.
def Vit_ScheduleAttr : AttrInterface<"ScheduleAttr"> {
  let cppNamespace = "::vitc::vit";
  let description = [{
    How one kernel is mapped to the device for a range of batches. Each family of kernels has an
    attribute of its own, whose numbers say what a thread block and a warp compute. Schedules of one
    kernel with the same range of batches are alternatives, the preferred one first: the next is
    taken where ptxas spills.
  }];
  let methods = [
    InterfaceMethod<"The batches it is for, first and last.", "int64_t", "getMinBatch">,
    InterfaceMethod<"", "int64_t", "getMaxBatch">,
    InterfaceMethod<"Most registers a thread may have; 0: no bound.", "int64_t", "getRegisters">,
  ];
}

/// The range of batches comes first, the bound on registers last.
class Vit_Schedule<string family, string prefix, dag numbers>
    : Vit_Attr<family # "Schedule", prefix # "_schedule", [Vit_ScheduleAttr]> {
  let parameters = !con((ins "int64_t":$minBatch, "int64_t":$maxBatch), numbers,
                        (ins DefaultValuedParameter<"int64_t", "0">:$registers));
  let genVerifyDecl = 1;
}

def Vit_GemmScheduleAttr : Vit_Schedule<"Gemm", "gemm",
    (ins ArrayRefParameter<"int64_t">:$tile, ArrayRefParameter<"int64_t">:$warp, "int64_t":$stages,
         DefaultValuedParameter<"int64_t", "1">:$buffers,
         DefaultValuedParameter<"int64_t", "1">:$splits)> {
  let summary = "Schedule of a kernel around linears";
  let description = [{
    A thread block computes `tile`, M x N of the result, K columns at a time; a warp computes `warp`
    of it, M x N. Several linears of one kernel share the numbers. `stages` counts shared-memory
    buffers of the main loop; `buffers` of 2 loads the fragments of the next k-step while this one is
    multiplied; `splits` divides K among that many blocks, whose sums the last of them to arrive adds;
    `registers` bounds what a thread may have (0: no bound).

    Constraints: (C1) the range of batches is not empty and lies within 1 to 1048576; (C2) `registers`
    is 0 to 255; (C3) `tile` has three sizes and `warp` two, all 1 to 65536; (C4) `stages` is 2 to 8;
    (C5) `buffers` is 1 or 2; (C6) `splits` is 1 to 1024.

    ```mlir
    #vit.gemm_schedule<batch = 1 to 64, tile = [128, 128, 32], warp = [64, 32], stages = 3>
    #vit.gemm_schedule<batch = 1 to 2, tile = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>
    ```
  }];
  let assemblyFormat = [{
    `<` `batch` `=` $minBatch `to` $maxBatch `,` `tile` `=` `[` $tile `]` `,` `warp` `=` `[` $warp `]`
        `,` `stages` `=` $stages (`buffers` `=` $buffers^)? (`splits` `=` $splits^)?
        (`registers` `=` $registers^)? `>`
  }];
}

def Vit_AttentionScheduleAttr : Vit_Schedule<"Attention", "attention",
    (ins "int64_t":$rows, "int64_t":$keys, DefaultValuedParameter<"int64_t", "1">:$stages,
         DefaultValuedParameter<"bool", "false">:$resident,
         DefaultValuedParameter<"int64_t", "16">:$warp)> {
  let summary = "Schedule of a kernel around an attention";
  let description = [{
    A thread block computes `rows` query rows of one head against `keys` keys at a time. With one
    stage those are all: those of a sequence, or, where images attend to each other, the most there
    may be; with `resident` the values have shared memory beside the keys, otherwise they follow them
    into the same buffer. With more stages there may be any number of such blocks of keys, and the
    softmax goes from block to block (online); `stages` counts the shared-memory buffers that the
    keys and the values of a block go through in turn. A warp has `warp` of the rows, and what it
    reads of keys and values serves all of them.

    Constraints: (C1) the range of batches is not empty and lies within 1 to 1048576; (C2) `registers`
    is 0 to 255; (C3) `rows` and `keys` are 1 to 65536; (C4) `stages` is 1, 2 or 4;
    (C5) `warp` is 16 or 32.

    ```mlir
    #vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197 registers = 128>
    #vit.attention_schedule<batch = 1 to 1, rows = 208, keys = 197 resident = true>
    #vit.attention_schedule<batch = 1 to 64, rows = 64, keys = 64 stages = 2 registers = 128>
    #vit.attention_schedule<batch = 1 to 64, rows = 128, keys = 64 stages = 4 warp = 32>
    ```
  }];
  let assemblyFormat = [{
    `<` `batch` `=` $minBatch `to` $maxBatch `,` `rows` `=` $rows `,` `keys` `=` $keys
        (`stages` `=` $stages^)? (`resident` `=` $resident^)? (`warp` `=` $warp^)?
        (`registers` `=` $registers^)? `>`
  }];
}

def Vit_NormScheduleAttr : Vit_Schedule<"Norm", "norm",
    (ins "int64_t":$rows, "int64_t":$warp, DefaultValuedParameter<"bool", "false">:$recompute)> {
  let summary = "Schedule of a kernel around a norm";
  let description = [{
    A thread block computes `rows` rows, a warp `warp` of them, one after the other. `recompute` says
    that a row is read again for each of its uses, with the ops before the norm done anew, instead of
    kept in registers.

    Constraints: (C1) the range of batches is not empty and lies within 1 to 1048576; (C2) `registers`
    is 0 to 255; (C3) `rows` and `warp` are 1 to 65536.

    ```mlir
    #vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1>
    #vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1 recompute = true registers = 48>
    ```
  }];
  let assemblyFormat = [{
    `<` `batch` `=` $minBatch `to` $maxBatch `,` `rows` `=` $rows `,` `warp` `=` $warp
        (`recompute` `=` $recompute^)? (`registers` `=` $registers^)? `>`
  }];
}

/// Threads that take vectors of neighbouring columns.
class Vit_VectorSchedule<string family, string prefix, string what>
    : Vit_Schedule<family, prefix, (ins "int64_t":$elements, "int64_t":$warp)> {
  let summary = "Schedule of a kernel " # what;
  let description = [{
    A thread block computes `elements` elements of the result, a warp `warp` of them.

    Constraints: (C1) the range of batches is not empty and lies within 1 to 1048576; (C2) `registers`
    is 0 to 255; (C3) `elements` and `warp` are 1 to 65536.

    ```mlir
    #vit.}] # prefix # [{_schedule<batch = 1 to 64, elements = 2048, warp = 256>
    ```
  }];
  let assemblyFormat = [{
    `<` `batch` `=` $minBatch `to` $maxBatch `,` `elements` `=` $elements `,` `warp` `=` $warp
        (`registers` `=` $registers^)? `>`
  }];
}

def Vit_TokensScheduleAttr : Vit_VectorSchedule<"Tokens", "tokens", "that moves rows">;
def Vit_ElementwiseScheduleAttr
    : Vit_VectorSchedule<"Elementwise", "elementwise", "of elementwise ops alone">;

#endif // VIT_SCHEDULES_TD
