//===- VitDialect.td - The dialect, its types and enumerations ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_DIALECT_TD
#define VIT_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Vit_Dialect : Dialect {
  let name = "vit";
  let cppNamespace = "::vitc::vit";
  let summary = "Vision Transformers, from the model to its kernels";
  let description = [{
    A model is a `func.func` whose arguments and results carry `vit.name`. Dimension 0 of every
    activation is the batch: dynamic, and one value throughout a function; all other dimensions are
    static. An activation of rank 2 has one token per image. Weights are static tensors named by
    their key in the checkpoint.

    Types say how a value is stored. Arithmetic is in f32 at least, and rounds once, to the type of
    the result, when a value is stored; inside a `vit.kernel` nothing is stored before `vit.yield`.
    The reference meaning of every op is the same arithmetic in f64 without any rounding.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let dependentDialects = [];
}

// Types ----------------------------------------------------------------------

def Vit_IsBatch : CPred<"::vitc::vit::isBatchTensor($_self)">;
def Vit_IsStatic : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">;

/// Activations: tensor<?xTOKENSxWIDTHxT>, tensor<?xWIDTHxT>, tensor<?xCxHxWxT>.
def Vit_Activation : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsBatch,
    CPred<"::vitc::vit::isStorageType(::llvm::cast<::mlir::RankedTensorType>($_self).getElementType())">]>,
    "batch tensor (dimension 0 dynamic, the others static) of f16, bf16 or f32 values",
    "::mlir::RankedTensorType">;
def Vit_Param : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsStatic,
    CPred<"::vitc::vit::isStorageType(::llvm::cast<::mlir::RankedTensorType>($_self).getElementType())">]>,
    "static tensor of f16, bf16 or f32 values",
    "::mlir::RankedTensorType">;
class Vit_ParamOfRank<int rank> : Type<And<[Vit_Param.predicate,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == " # rank>]>,
    rank # "-D static tensor of f16, bf16 or f32 values", "::mlir::RankedTensorType">;
def Vit_Any : Type<Or<[Vit_Activation.predicate, Vit_Param.predicate]>,
    "batch tensor or static tensor of f16, bf16 or f32 values",
    "::mlir::RankedTensorType">;

// Enumerations ---------------------------------------------------------------

def Vit_GeluForm : I32Enum<"GeluForm", "which function is called GELU", [
    I32EnumCase<"Erf", 0, "erf">, I32EnumCase<"Tanh", 1, "tanh">,
    I32EnumCase<"Quick", 2, "quick">]> {
  let cppNamespace = "::vitc::vit";
}
def Vit_GeluFormAttr : EnumAttr<Vit_Dialect, Vit_GeluForm, "gelu_form"> {
  let assemblyFormat = "$value";
}
def Vit_PatchOrder : I32Enum<"PatchOrder", "order in which pixels become patch rows", [
    I32EnumCase<"Conv", 0, "conv">, I32EnumCase<"Unfold", 1, "unfold">]> {
  let cppNamespace = "::vitc::vit";
}
def Vit_PatchOrderAttr : EnumAttr<Vit_Dialect, Vit_PatchOrder, "patch_order"> {
  let assemblyFormat = "$value";
}
def Vit_Axis : I32Enum<"Axis", "what attends to what", [
    I32EnumCase<"Tokens", 0, "tokens">, I32EnumCase<"Batch", 1, "batch">]> {
  let cppNamespace = "::vitc::vit";
}
def Vit_AxisAttr : EnumAttr<Vit_Dialect, Vit_Axis, "axis"> {
  let assemblyFormat = "$value";
}

// Schedules ------------------------------------------------------------------

class Vit_Attr<string name, string attrMnemonic> : AttrDef<Vit_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Vit_ScheduleAttr : Vit_Attr<"Schedule", "schedule"> {
  let summary = "How one kernel is mapped to the device for a range of batches";
  let description = [{
    `block` is the part of the result one thread block computes, `warp` the part one warp does;
    `stages` counts shared-memory buffers of the main loop. What the numbers mean depends on the
    root of the kernel (several linears of one kernel share the numbers):

    | root | block | warp |
    |---|---|---|
    | linear | M, N, K of the block tile | M, N of the warp tile |
    | attention | query rows, keys | query rows |
    | layer_norm | rows | rows |
    | others | elements | elements |

    `buffers` of 2 loads the fragments of the next k16 step while this one is multiplied; `splits`
    divides K among that many blocks, whose sums a second kernel adds; `registers` bounds what a thread
    may have (0: no bound); `recompute` says that a row is read again, with the ops before the root done
    anew, instead of kept in registers. Schedules of one kernel with the same range of batches are
    alternatives, the preferred one first: the next is taken where ptxas spills.

    Constraints: (C1) the range of batches is not empty and lies within 1 to 1048576; (C2) `block` and `warp` have
    at most three and two sizes, all 1 to 65536; (C3) `stages` is 1 to 64; (C4) `buffers` is 1 or 2; (C5) `splits` is
    1 to 1024; (C6) `registers` is 0 to 255.

    ```mlir
    #vit.schedule<batch = 1 to 64, block = [128, 128, 32], warp = [64, 32], stages = 3>
    #vit.schedule<batch = 1 to 2, block = [64, 64, 64], warp = [32, 32], stages = 3 buffers = 2 splits = 4 registers = 96>
    ```
  }];
  let parameters = (ins "int64_t":$minBatch, "int64_t":$maxBatch, ArrayRefParameter<"int64_t">:$block,
                        ArrayRefParameter<"int64_t">:$warp, "int64_t":$stages,
                        DefaultValuedParameter<"int64_t", "1">:$buffers,
                        DefaultValuedParameter<"int64_t", "1">:$splits,
                        DefaultValuedParameter<"int64_t", "0">:$registers,
                        DefaultValuedParameter<"bool", "false">:$recompute);
  let assemblyFormat = [{
    `<` `batch` `=` $minBatch `to` $maxBatch `,` `block` `=` `[` $block `]` `,` `warp` `=` `[` $warp `]`
        `,` `stages` `=` $stages (`buffers` `=` $buffers^)? (`splits` `=` $splits^)?
        (`registers` `=` $registers^)? (`recompute` `=` $recompute^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // VIT_DIALECT_TD
