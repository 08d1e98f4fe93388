//===- VitOpBase.td - What every op answers -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_OP_BASE_TD
#define VIT_OP_BASE_TD

include "VitDialect.td"
include "VitInterfaces.td"
include "VitSchedules.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Vit_Op<string mnemonic, list<Trait> traits = []> : Op<Vit_Dialect, mnemonic, traits>;

// What ops answer ------------------------------------------------------------
//
// Every op is one of: arithmetic on weights (Vit_WeightOp), elementwise, a root, or structure (kernel,
// yield, launch). VitInterfaces.td says what the answers mean.

/// An op on activations, with an answer for each operand. One that is not row-wise answers needTokens and computeToken in VitTokens.cpp.
class Vit_ActivationOp<string mnemonic, bit rowWise, string mixesImages, list<string> operandStorage,
                       string resultStorage, list<string> operandColumns, string resultColumns,
                       list<Trait> traits>
    : Vit_Op<mnemonic, !listconcat([Pure, Vit_TokenInterface, Vit_StorageInterface], traits)> {
  assert !eq(!size(operandStorage), !size(operandColumns)), "one answer for each operand";
  code activationAnswers = [{
    bool isRowWise() { return }] # !if(rowWise, "true", "false") # [{; }
    void needTokens(const ::llvm::BitVector &tokens, ::llvm::MutableArrayRef<::llvm::BitVector> operands)
    }] # !if(rowWise, "{ needSameTokens(tokens, operands); }", ";") # [{
    ::mlir::Value computeToken(::mlir::OpBuilder &builder, int64_t token)
    }] # !if(rowWise, "{ return computeOnToken(builder, *this, token, (*this)->getNumOperands()); }", ";") # [{
    bool mixesImages() { return }] # mixesImages # [{; }
    }] # "Storage getOperandStorage(unsigned operand) { return std::array{" #
    !interleave(!foreach(answer, operandStorage, "Storage::" # answer), ", ") # [{}[operand]; }
    Storage getResultStorage() { return Storage::}] # resultStorage # [{; }
    }] # "Columns getOperandColumns(unsigned operand) { return std::array{" #
    !interleave(!foreach(answer, operandColumns, "Columns::" # answer), ", ") # [{}[operand]; }
    Columns getResultColumns() { return Columns::}] # resultColumns # [{; }
  }];
  let extraClassDeclaration = activationAnswers;
}

/// Without `operandColumns`, all operands answer what `keepsZero` says.
class Vit_ElementwiseOp<string mnemonic, string arithmetic, bit expensive, bit named, bit keepsZero,
                        bit rowWise, list<string> operandStorage, string resultStorage,
                        list<Trait> traits = [], list<string> operandColumns = []>
    : Vit_ActivationOp<mnemonic, rowWise, "false", operandStorage, resultStorage,
                       !if(!empty(operandColumns),
                           !foreach(s, operandStorage, !if(keepsZero, "Kept", "Exact")),
                           operandColumns),
                       !if(keepsZero, "Kept", "Exact"),
                       !listconcat([Vit_ElementwiseInterface], traits)> {
  code elementwiseAnswers = activationAnswers # [{
    Arithmetic getArithmetic() { return Arithmetic::}] # arithmetic # [{; }
    bool isExpensive() { return }] # !if(expensive, "true", "false") # [{; }
    bool isNamed() { return }] # !if(named, "true", "false") # [{; }
  }];
  let extraClassDeclaration = elementwiseAnswers;
}

/// `flops` is an expression of `batch`.
class Vit_RootOp<string mnemonic, string family, string prologue, string flops, bit rowWise,
                 string mixesImages, list<string> operandStorage, string resultStorage,
                 list<string> operandColumns, string resultColumns, list<Trait> traits = []>
    : Vit_ActivationOp<mnemonic, rowWise, mixesImages, operandStorage, resultStorage, operandColumns,
                       resultColumns, !listconcat([Vit_KernelInterface], traits)> {
  code rootAnswers = activationAnswers # [{
    KernelFamily getKernelFamily() { return KernelFamily::}] # family # [{; }
    Prologue getPrologue() { return Prologue::}] # prologue # [{; }
    int64_t getFlops([[maybe_unused]] int64_t batch) { return }] # flops # [{; }
  }];
  let extraClassDeclaration = rootAnswers;
}

/// The answer of an op that is a step of a recipe where all its operands are weights.
class Vit_InRecipe<string step> {
  string cpp = "RecipeOp getRecipeOp() { return RecipeOp::" # step # "; }";
}
class Vit_WeightArithmeticOp<string mnemonic, string step>
    : Vit_Op<mnemonic, [Pure, Vit_RecipeInterface]> {
  let extraClassDeclaration = Vit_InRecipe<step>.cpp;
}
#endif // VIT_OP_BASE_TD
