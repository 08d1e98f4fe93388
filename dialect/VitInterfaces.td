//===- VitInterfaces.td - What passes and emitters ask of an op -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Passes, the cost model and emitters know ops by these questions, not by name. Nothing here has a
// default: an op without an answer does not build. Answers are given in VitOps.td; the few that need
// more than an expression, in VitTokens.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef VIT_INTERFACES_TD
#define VIT_INTERFACES_TD

include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

// Answers --------------------------------------------------------------------

class Vit_Answer<string name, string summary, list<I32EnumCase> cases> : I32Enum<name, summary, cases> {
  let cppNamespace = "::vitc::vit";
}

def Vit_KernelFamily : Vit_Answer<"KernelFamily", "which code a kernel has", [
    I32EnumCase<"Elementwise", 0, "elementwise">, // no root
    I32EnumCase<"Gemm", 1, "gemm">, I32EnumCase<"Attention", 2, "attention">,
    I32EnumCase<"Norm", 3, "norm">, I32EnumCase<"Patchify", 4, "patchify">,
    I32EnumCase<"Prepend", 5, "prepend">, I32EnumCase<"Broadcast", 6, "broadcast">,
    I32EnumCase<"Select", 7, "select">, I32EnumCase<"Append", 8, "append">,
    I32EnumCase<"Mean", 9, "mean">, I32EnumCase<"Merge", 10, "merge">]>;

def Vit_Prologue : Vit_Answer<"Prologue", "what may come before a root in its kernel", [
    I32EnumCase<"None", 0, "none">,         // its operands go from memory where they are needed
    I32EnumCase<"Elements", 1, "elements">, // elements of an operand, where the root reads them
    I32EnumCase<"Rows", 2, "rows">]>;       // whole rows of an operand, which may be results too

def Vit_Arithmetic : Vit_Answer<"Arithmetic", "the function of an elementwise op", [
    I32EnumCase<"Add", 0, "add">, I32EnumCase<"Mul", 1, "mul">, I32EnumCase<"Scale", 2, "scale">,
    I32EnumCase<"Copy", 3, "copy">, I32EnumCase<"Gelu", 4, "gelu">, I32EnumCase<"Relu", 5, "relu">,
    I32EnumCase<"Silu", 6, "silu">, I32EnumCase<"Tanh", 7, "tanh">,
    I32EnumCase<"Sigmoid", 8, "sigmoid">, I32EnumCase<"Rope", 9, "rope">,
    I32EnumCase<"Moments", 10, "moments">, I32EnumCase<"Normalize", 11, "normalize">]>;

def Vit_Storage : Vit_Answer<"Storage", "the element type that vit-assign-precision gives a value", [
    I32EnumCase<"Any", 0, "any">,            // operand: whatever it is stored in
    I32EnumCase<"Input", 1, "input">,        // result: that of operand 0
    I32EnumCase<"Dtype", 2, "dtype">,        // the type of the kernels
    I32EnumCase<"Residual", 3, "residual">,  // the type of the residual stream, which it is part of
    I32EnumCase<"F32", 4, "f32">]>;

def Vit_Columns : Vit_Answer<"Columns", "what columns of zeros behind those of a value do", [
    I32EnumCase<"Kept", 0, "kept">,       // zeros in these operands make zeros in the result
    I32EnumCase<"Summed", 1, "summed">,   // operand: zeros in all of these add nothing
    I32EnumCase<"Rows", 2, "rows">,       // result: rows of zeros in the weights make them
    I32EnumCase<"Spare", 3, "spare">,     // operand: they are not read; result: the op writes zeros
    I32EnumCase<"Exact", 4, "exact">]>;   // there may be none

def Vit_RecipeOp : Vit_Answer<"RecipeOp", "the step of a recipe that an op on weights alone is", [
    I32EnumCase<"Load", 0, "load">, I32EnumCase<"Slice", 1, "slice">,
    I32EnumCase<"Concat", 2, "concat">, I32EnumCase<"Cast", 3, "cast">,
    I32EnumCase<"Pad", 4, "pad">, I32EnumCase<"Add", 5, "add">,
    I32EnumCase<"Scale", 6, "scale">, I32EnumCase<"Reshape", 7, "reshape">,
    I32EnumCase<"Permute", 8, "permute">, I32EnumCase<"Resample", 9, "resample">,
    I32EnumCase<"RelativeBias", 10, "relative_bias">, I32EnumCase<"RopeTable", 11, "rope_table">,
    I32EnumCase<"RowSums", 12, "row_sums">, I32EnumCase<"QuantizePanels", 13, "quantize_panels">]>;

// Questions ------------------------------------------------------------------

class Vit_Interface<string name> : OpInterface<name> {
  let cppNamespace = "::vitc::vit";
}

def Vit_TokenInterface : Vit_Interface<"TokenInterface"> {
  let description = "An op on activations, as passes see it that move, drop and count tokens.";
  let methods = [
    InterfaceMethod<[{
      Adds, for every operand, the tokens that `tokens` of the result are computed from. A value of
      rank 3 has as many as its dimension 1, any other one.
    }], "void", "needTokens", (ins "const ::llvm::BitVector &":$tokens,
                                   "::llvm::MutableArrayRef<::llvm::BitVector>":$operands)>,
    InterfaceMethod<[{
      Token `token` of the result, as ops that `builder` writes: tensor<?xWIDTH>, computed from that
      token of operands where it needs no other. Null, and nothing is written, if the op cannot be
      done for one token alone.
    }], "::mlir::Value", "computeToken", (ins "::mlir::OpBuilder &":$builder, "int64_t":$token)>,
    InterfaceMethod<[{
      Every row of the result comes from the same row of the operands, wherever it is in the image.
    }], "bool", "isRowWise">,
    InterfaceMethod<"Images of a batch depend on each other.", "bool", "mixesImages">,
  ];
}

def Vit_StorageInterface : Vit_Interface<"StorageInterface"> {
  let description = "An op on activations, as passes see it that choose types and widths.";
  let methods = [
    InterfaceMethod<"", "::vitc::vit::Storage", "getOperandStorage", (ins "unsigned":$operand)>,
    InterfaceMethod<"", "::vitc::vit::Storage", "getResultStorage">,
    InterfaceMethod<"", "::vitc::vit::Columns", "getOperandColumns", (ins "unsigned":$operand)>,
    InterfaceMethod<"", "::vitc::vit::Columns", "getResultColumns">,
  ];
}

def Vit_ElementwiseInterface : Vit_Interface<"ElementwiseInterface"> {
  let description = [{
    An op that computes each element of its result from the elements in the same place of its operands
    (a vector stands for all rows, a table for all images), or each pair of neighbours in columns 2i and
    2i + 1 from such pairs. Such an op can join any kernel. Two see more of a row: `moments` makes columns 2i and
    2i + 1 of the i-th group of columns, so it joins products alone, and `normalize` reads all that `moments` made.
  }];
  let methods = [
    InterfaceMethod<"", "::vitc::vit::Arithmetic", "getArithmetic">,
    InterfaceMethod<"Costs more than a few instructions, such as an exponential.", "bool", "isExpensive">,
    InterfaceMethod<"Is said in the name of a kernel that does it after its root.", "bool", "isNamed">,
  ];
}

def Vit_KernelInterface : Vit_Interface<"KernelInterface"> {
  let description = "An op that is the root of a kernel.";
  let methods = [
    InterfaceMethod<"Never elementwise.", "::vitc::vit::KernelFamily", "getKernelFamily">,
    InterfaceMethod<"", "::vitc::vit::Prologue", "getPrologue">,
    InterfaceMethod<[{
      Floating-point operations per image of a batch of `batch`, a multiply-add counted as two: those
      of matrix products alone.
    }], "int64_t", "getFlops", (ins "int64_t":$batch)>,
  ];
}

def Vit_NormInterface : Vit_Interface<"NormInterface"> {
  let description = [{
    A root of family `norm`: `(x - mean) / sqrt(mean of (x - mean)^2 + eps) * scale + shift`, row by row, or
    for each of the equal groups that a row's columns are cut into.
  }];
  let methods = [
    InterfaceMethod<"", "::mlir::Value", "getInput">,
    InterfaceMethod<"One factor for each column of a group, or null.", "::mlir::Value", "getScale">,
    InterfaceMethod<"One summand for each column of a group, or null.", "::mlir::Value", "getShift">,
    InterfaceMethod<"How many groups a row is cut into.", "uint64_t", "getGroups">,
    InterfaceMethod<"How many columns count, before others that are zeros; 0: all.", "uint64_t", "getColumns">,
    InterfaceMethod<"", "::llvm::APFloat", "getEps">,
    InterfaceMethod<"If not, `mean` is 0.", "bool", "subtractsMean">,
  ];
}

def Vit_RecipeInterface : Vit_Interface<"RecipeInterface"> {
  let description = "An op that, on weights alone, the runtime can do when it loads them.";
  let methods = [InterfaceMethod<"", "::vitc::vit::RecipeOp", "getRecipeOp">];
}

#endif // VIT_INTERFACES_TD
