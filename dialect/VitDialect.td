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
    their key in the checkpoint. No size is 0, and no tensor has more than 2^40 elements, those of an
    activation counted for one image. No two arguments, and no two results, have one `vit.name`.

    Pictures may come as bytes, ui8, which `patchify` alone reads: see its order `bytes`.

    Types say how a value is stored. Arithmetic is in f32 at least, and rounds once, to the type of
    the result, when a value is stored; inside a `vit.kernel` nothing is stored before `vit.yield`.
    The reference meaning of every op is the same arithmetic in f64 without any rounding.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = [];
}

// Types ----------------------------------------------------------------------

def Vit_IsBatch : CPred<"::vitc::vit::isBatchTensor($_self)">;
def Vit_IsStatic : CPred<"::vitc::vit::isStaticTensor($_self)">;

/// Activations: tensor<?xTOKENSxWIDTHxT>, tensor<?xWIDTHxT>, tensor<?xCxHxWxT>.
def Vit_Activation : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsBatch,
    CPred<"::vitc::vit::isStorageType(::llvm::cast<::mlir::RankedTensorType>($_self).getElementType())">]>,
    "batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32 or f32 values",
    "::mlir::RankedTensorType">;
/// Images as bytes, 0 to 255: tensor<?xHxWxCxui8>.
def Vit_Bytes : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsBatch,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getElementType().isUnsignedInteger(8)">]>,
    "batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of ui8 values",
    "::mlir::RankedTensorType">;
/// What a model reads of pictures.
def Vit_Pixels : Type<Or<[Vit_Activation.predicate, Vit_Bytes.predicate]>,
    "batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32, f32 or ui8 values",
    "::mlir::RankedTensorType">;
def Vit_Param : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsStatic,
    CPred<"::vitc::vit::isStorageType(::llvm::cast<::mlir::RankedTensorType>($_self).getElementType())">]>,
    "static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values",
    "::mlir::RankedTensorType">;
class Vit_ParamOfRank<int rank> : Type<And<[Vit_Param.predicate,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == " # rank>]>,
    rank # "-D static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values", "::mlir::RankedTensorType">;
def Vit_Matrix : Type<And<[Vit_Param.predicate, Or<[
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 2">,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 3">]>]>,
    "2-D static tensor, or 3-D one of panels, (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values",
    "::mlir::RankedTensorType">;
def Vit_Any : Type<Or<[Vit_Activation.predicate, Vit_Param.predicate]>,
    "batch tensor or static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values",
    "::mlir::RankedTensorType">;
/// Rows of a product of i8, as `quantize` makes them: tensor<?xTOKENSxCOLUMNSxi8>.
def Vit_QuantizedRows : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsBatch,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getElementType().isSignlessInteger(8)">]>,
    "batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of i8 values",
    "::mlir::RankedTensorType">;
/// Weights of a product of i8, as `quantize_panels` makes them.
def Vit_QuantizedPanels : Type<And<[
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">, Vit_IsStatic,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getElementType().isSignlessInteger(8)">,
    CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 3">]>,
    "3-D static tensor (no size 0, 2^40 elements at most) of i8 values", "::mlir::RankedTensorType">;
/// What kernels store.
def Vit_Stored : Type<Or<[Vit_Activation.predicate, Vit_QuantizedRows.predicate]>,
    "batch tensor (dimension 0 dynamic, the others static and not 0, 2^40 elements an image at most) of f16, bf16, tf32, f32 or i8 values",
    "::mlir::RankedTensorType">;
def Vit_LinearWeight : Type<Or<[Vit_Matrix.predicate, Vit_QuantizedPanels.predicate]>,
    "2-D static tensor, or 3-D one of panels, (no size 0, 2^40 elements at most) of f16, bf16, tf32, f32 or, of panels, i8 values",
    "::mlir::RankedTensorType">;
def Vit_Prepared : Type<Or<[Vit_Param.predicate, Vit_QuantizedPanels.predicate]>,
    "static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32, f32 or, of rank 3, i8 values",
    "::mlir::RankedTensorType">;
def Vit_Operand : Type<Or<[Vit_Any.predicate, Vit_Bytes.predicate, Vit_QuantizedRows.predicate,
                           Vit_QuantizedPanels.predicate]>,
    "batch tensor or static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32, f32 or i8 values, or batch tensor of ui8 values",
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
    I32EnumCase<"Conv", 0, "conv">, I32EnumCase<"Unfold", 1, "unfold">,
    I32EnumCase<"Bytes", 2, "bytes">]> {
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

def Vit_Filter : I32Enum<"Filter", "how a table of positions is resampled", [
    I32EnumCase<"Linear", 0, "linear">, I32EnumCase<"Cubic", 1, "cubic">]> {
  let cppNamespace = "::vitc::vit";
}
def Vit_FilterAttr : EnumAttr<Vit_Dialect, Vit_Filter, "filter"> {
  let assemblyFormat = "$value";
}

#endif // VIT_DIALECT_TD
