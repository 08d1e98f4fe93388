//===- VitOps.td - The ops, in the order of a ViT block -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_OPS_TD
#define VIT_OPS_TD

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

class Vit_ElementwiseOp<string mnemonic, string arithmetic, bit expensive, bit named, bit keepsZero,
                        bit rowWise, list<string> operandStorage, string resultStorage,
                        list<Trait> traits = []>
    : Vit_ActivationOp<mnemonic, rowWise, "false", operandStorage, resultStorage,
                       !foreach(s, operandStorage, !if(keepsZero, "Kept", "Exact")),
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

// Weights --------------------------------------------------------------------

def Vit_WeightOp : Vit_WeightArithmeticOp<"weight", "Load"> {
  let summary = "A tensor of the checkpoint";
  let description = [{
    The tensor stored under `key`, under one of `aliases`, or, with its two dimensions exchanged,
    under one of `transposed`. `file_shape` is its shape in the file where that differs from the
    result's; both have the same elements in the same order.
    Constraints: (C1) `file_shape` has the elements of the result; (C2) `transposed` needs a 2-D tensor in the file;
    (C3) sizes in `file_shape` are positive; (C4) weights of one function with a name in common have one
    shape in the file under it.

    ```mlir
    %w = vit.weight "fc1.weight" aliases ["mlp_head.0.weight"] transposed ["mlp_w1"] : tensor<2048x512xf32>
    ```
  }];
  let arguments = (ins StrAttr:$key, OptionalAttr<StrArrayAttr>:$aliases,
                       OptionalAttr<StrArrayAttr>:$transposed,
                       OptionalAttr<DenseI64ArrayAttr>:$file_shape);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = [{
    $key (`aliases` $aliases^)? (`transposed` $transposed^)? (`file_shape` $file_shape^)? attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = Vit_InRecipe<"Load">.cpp # [{
    /// Every name that the tensor may have in a file: the key, `aliases`, `transposed`.
    void forEachName(::llvm::function_ref<void(::mlir::StringAttr name, bool transposed)> visit);
  }];
}

def Vit_PreparedOp : Vit_Op<"prepared", [Pure]> {
  let summary = "A result of @prepare";
  let description = [{
    Result `index` of the function `@prepare` of the same module: arithmetic on weights alone, done once
    when a model is loaded.
    Constraints: (C1) the module has a function `@prepare` with more than `index` results; (C2) the
    type is the one of that result.

    ```mlir
    func.func @prepare() -> tensor<8x16xf16> {
      %w = vit.weight "fc.weight" : tensor<8x16xf32>
      %w16 = vit.cast %w : tensor<8x16xf32> -> tensor<8x16xf16>
      return %w16 : tensor<8x16xf16>
    }
    func.func @forward(%x: tensor<?x16xf16>) -> tensor<?x8xf16> {
      %w = vit.prepared 0 : tensor<8x16xf16>
      %y = vit.linear %x, %w : tensor<?x16xf16>, tensor<8x16xf16> -> tensor<?x8xf16>
      return %y : tensor<?x8xf16>
    }
    ```
  }];
  let arguments = (ins I64Attr:$index);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$index attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Vit_SliceOp : Vit_WeightArithmeticOp<"slice", "Slice"> {
  let summary = "Some rows of a weight";
  let description = [{
    Rows [`first`, `first` + rows of the result) of `input`. A result with one dimension less is the
    row `first` alone.
    Constraints: (C1) the rows lie in `input`; (C2) all other dimensions are those of `input`;
    (C3) the element type is that of `input`.

    ```mlir
    %k = vit.slice %in_proj rows 64 : tensor<192x64xf32> -> tensor<64x64xf32>
    %p = vit.slice %table rows 0 : tensor<197x768xf32> -> tensor<768xf32>
    ```
  }];
  let arguments = (ins Vit_Param:$input, I64Attr:$first);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$input `rows` $first attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_ConcatOp : Vit_WeightArithmeticOp<"concat", "Concat"> {
  let summary = "Weights one below the other";
  let description = [{
    Constraints: (C1) the rows of the result are the sum of the operands' rows; (C2) all other dimensions
    and the element type agree.

    ```mlir
    %qkv = vit.concat %q, %k, %v : (tensor<768x768xf32>, tensor<768x768xf32>, tensor<768x768xf32>) -> tensor<2304x768xf32>
    ```
  }];
  let arguments = (ins Variadic<Vit_Param>:$inputs);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def Vit_PadOp : Vit_WeightArithmeticOp<"pad", "Pad"> {
  let summary = "A weight extended by zeros";
  let description = [{
    `input` at the origin of a tensor of zeros.
    Constraints: (C1) the result has the rank and element type of `input` and no smaller dimension.

    ```mlir
    %p = vit.pad %w : tensor<100x25xf32> -> tensor<104x32xf32>
    ```
  }];
  let arguments = (ins Vit_Param:$input);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_ReshapeOp : Vit_WeightArithmeticOp<"reshape", "Reshape"> {
  let summary = "The elements of a weight under another shape";
  let description = [{
    The elements of `input` in their order; with `permute`, what regroups the rows of heads.
    Constraints: (C1) the result has as many elements as `input`; (C2) the element type is that of `input`.

    ```mlir
    %r = vit.reshape %q : tensor<768x768xf32> -> tensor<12x2x32x768xf32>
    ```
  }];
  let arguments = (ins Vit_Param:$input);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_PermuteOp : Vit_WeightArithmeticOp<"permute", "Permute"> {
  let summary = "The dimensions of a weight in another order";
  let description = [{
    Dimension i of the result is dimension `order[i]` of `input`; `[1, 0]` is the transpose.
    Constraints: (C1) `order` names every dimension of `input` once; (C2) the result has the sizes of `input`
    in that order; (C3) the element type is that of `input`.

    ```mlir
    %p = vit.permute %r [0, 2, 1, 3] : tensor<12x2x32x768xf32> -> tensor<12x32x2x768xf32>
    ```
  }];
  let arguments = (ins Vit_Param:$input, DenseI64ArrayAttr:$order);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$input $order attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

// Tokens ---------------------------------------------------------------------

def Vit_PatchifyOp : Vit_RootOp<"patchify",
    family = "Patchify", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Dtype",
    operandColumns = ["Exact"], resultColumns = "Spare"> {
  let summary = "Pixels to rows of patches";
  let description = [{
    Cuts images [C, H, W] into patches of `patch` = [ph, pw] pixels, one row of C*ph*pw values each.
    `conv` orders a row as a convolution's weight is, (c, y, x), and the rows by patch (i, j).
    `unfold` is `img.unfold(2, ph, ph).unfold(3, pw, pw).reshape(B, -1, C*ph*pw)` of PyTorch: all values
    in the order (c, i, j, y, x), cut into rows of C*ph*pw. `lead` rows of zeros come before the
    first patch, and columns beyond C*ph*pw are zero.
    Constraints: (C1) `input` has rank 4; (C2) `patch` has two positive sizes that divide H and W;
    (C3) the result has rank 3 and `lead` + (H/ph)*(W/pw) rows; (C4) it has at least C*ph*pw columns;
    (C5) `lead` is not negative.

    ```mlir
    %p = vit.patchify %x conv [16, 16] : tensor<?x3x224x224xf32> -> tensor<?x196x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_PatchOrderAttr:$order, DenseI64ArrayAttr:$patch,
                       DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input $order $patch (`lead` $lead^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_PrependOp : Vit_RootOp<"prepend",
    family = "Prepend", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["F32", "Residual"], resultStorage = "Residual",
    operandColumns = ["Kept", "Kept"], resultColumns = "Kept"> {
  let summary = "Class and register tokens before the patches";
  let description = [{
    Puts the rows of `tokens` before the tokens of every image.
    Constraints: (C1) `input` has rank 3; (C2) `tokens` has the width of `input`; (C3) the result has the rows
    of both, and that width.

    ```mlir
    %t = vit.prepend %cls, %x : tensor<1x768xf32>, tensor<?x196x768xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$tokens, Vit_Activation:$input);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $tokens `,` $input attr-dict `:` type($tokens) `,` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_BroadcastOp : Vit_RootOp<"broadcast",
    family = "Broadcast", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["F32"], resultStorage = "Residual",
    operandColumns = ["Kept"], resultColumns = "Kept"> {
  let summary = "The same tokens for every image";
  let description = [{
    What is left of `prepend` when only the prepended tokens are used. `tokens` is S x D; the result is
    [batch, S, D], or [batch, D] if S is 1.
    Constraints: (C1) the result has the shape of `tokens` after its batch dimension, or rank 2 and
    the width of a single token.

    ```mlir
    %t = vit.broadcast %cls : tensor<1x768xf32> -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$tokens);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$tokens attr-dict `:` type($tokens) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_PositionOp : Vit_ElementwiseOp<"position",
    arithmetic = "Add", expensive = 0, named = 0, keepsZero = 1,
    rowWise = 0, operandStorage = ["Residual", "F32"], resultStorage = "Residual"> {
  let summary = "Adds a learned embedding to every token";
  let description = [{
    `result[b, t, :] = input[b, t, :] + table[t, :]`.
    Constraints: (C1) `input` has rank 3; (C2) `table` has its tokens and width; (C3) the result has the
    shape of `input`.

    ```mlir
    %y = vit.position %x, %table : tensor<?x197x768xf32>, tensor<197x768xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<2>:$table);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $table attr-dict `:` type($input) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_SelectOp : Vit_RootOp<"select",
    family = "Select", prologue = "Elements", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Input",
    operandColumns = ["Kept"], resultColumns = "Kept"> {
  let summary = "One token of every image";
  let description = [{
    `result[b, :] = input[b, token, :]`.
    Constraints: (C1) `input` has rank 3; (C2) `token` is one of its tokens; (C3) the result has rank 2 and
    the width of `input`.

    ```mlir
    %c = vit.select %x token 0 : tensor<?x197x768xf32> -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, I64Attr:$token);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input `token` $token attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

// A block --------------------------------------------------------------------

def Vit_LayerNormOp : Vit_RootOp<"layer_norm",
    family = "Norm", prologue = "Rows", flops = "0", rowWise = 1, mixesImages = "false",
    operandStorage = ["Any", "F32", "F32"], resultStorage = "Dtype",
    operandColumns = ["Exact", "Exact", "Exact"], resultColumns = "Exact",
    traits = [Vit_NormInterface]> {
  let summary = "Normalises every token";
  let description = [{
    `(x - mean(x)) / sqrt(var(x) + eps) * scale + shift` over the last dimension, with the variance
    divided by the width. Mean, variance and the result are f32.
    Constraints: (C1) `scale` and `shift` have the width of `input`; (C2) the result has the shape of
    `input`; (C3) `eps` is positive, and f32 holds it: 2^-126 or more.

    ```mlir
    %y = vit.layer_norm %x, %scale, %shift eps 1.0e-12 : tensor<?x197x768xf32>, tensor<768xf32>, tensor<768xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<1>:$scale, Vit_ParamOfRank<1>:$shift,
                       F64Attr:$eps);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $shift `eps` $eps attr-dict `:` type($input) `,` type($scale) `,` type($shift)
    `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{ bool subtractsMean() { return true; } }];
}

def Vit_RmsNormOp : Vit_RootOp<"rms_norm",
    family = "Norm", prologue = "Rows", flops = "0", rowWise = 1, mixesImages = "false",
    operandStorage = ["Any", "F32"], resultStorage = "Dtype",
    operandColumns = ["Exact", "Exact"], resultColumns = "Exact",
    traits = [Vit_NormInterface]> {
  let summary = "Divides every token by its root mean square";
  let description = [{
    `x / sqrt(mean(x^2) + eps) * scale` over the last dimension. The mean and the result are f32.
    Constraints: (C1) `scale` has the width of `input`; (C2) the result has the shape of `input`; (C3) `eps` is
    positive, and f32 holds it: 2^-126 or more.

    ```mlir
    %y = vit.rms_norm %x, %scale eps 1.0e-6 : tensor<?x256x1024xf32>, tensor<1024xf32> -> tensor<?x256x1024xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<1>:$scale, F64Attr:$eps);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $scale `eps` $eps attr-dict `:` type($input) `,` type($scale) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{
    bool subtractsMean() { return false; }
    ::mlir::Value getShift() { return {}; }
  }];
}

def Vit_LinearOp : Vit_RootOp<"linear",
    family = "Gemm", prologue = "None",
    flops = "2 * rowsPerImage(getType()) * getWeight().getType().getNumElements()",
    rowWise = 1, mixesImages = "false",
    operandStorage = ["Dtype", "Dtype"], resultStorage = "Dtype",
    operandColumns = ["Summed", "Summed"], resultColumns = "Rows"> {
  let summary = "Dense layer";
  let description = [{
    `result = input * transpose(weight)`. `input` is M x K with M = batch * tokens. `weight` is N x K, the
    layout of checkpoints, so K is contiguous in both. The sum over K is f32.
    Constraints: (C1) `weight` has the K of `input`; (C2) the result has the N of `weight`, and the other
    dimensions of `input`; (C3) `input` and `weight` have one element type.

    ```mlir
    %h = vit.linear %x, %w : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<2>:$weight);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight attr-dict `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_BiasAddOp : Vit_ElementwiseOp<"bias_add",
    arithmetic = "Add", expensive = 0, named = 0, keepsZero = 1,
    rowWise = 1, operandStorage = ["Any", "F32"], resultStorage = "Dtype",
    traits = [Vit_RecipeInterface]> {
  let summary = "Adds a vector to every row";
  let description = [{
    Constraints: (C1) `bias` has the width of `input`; (C2) the result has the shape of `input`.

    ```mlir
    %y = vit.bias_add %x, %b : tensor<?x197x768xf32>, tensor<768xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_Any:$input, Vit_ParamOfRank<1>:$bias);
  let results = (outs Vit_Any:$result);
  let assemblyFormat = [{
    $input `,` $bias attr-dict `:` type($input) `,` type($bias) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = elementwiseAnswers # Vit_InRecipe<"Add">.cpp;
}

class Vit_UnaryOp<string mnemonic, string arithmetic, bit expensive, bit named, bit keepsZero>
    : Vit_ElementwiseOp<mnemonic, arithmetic, expensive, named, keepsZero,
                        /*rowWise=*/1, /*operandStorage=*/["Any"], /*resultStorage=*/"Dtype"> {
  let arguments = (ins Vit_Activation:$input);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_GeluOp : Vit_UnaryOp<"gelu", arithmetic = "Gelu", expensive = 1, named = 1, keepsZero = 1> {
  let summary = "Gaussian error linear unit";
  let description = [{
    `erf`: x/2 (1 + erf(x/sqrt 2)). `tanh`: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). `quick`: x / (1 + exp(-1.702 x)).
    Constraints: (C1) the result has the shape of `input`.

    ```mlir
    %y = vit.gelu erf %x : tensor<?x197x3072xf32> -> tensor<?x197x3072xf32>
    ```
  }];
  let arguments = (ins Vit_GeluFormAttr:$form, Vit_Activation:$input);
  let assemblyFormat = "`` $form $input attr-dict `:` type($input) `->` type($result)";
}
def Vit_ReluOp : Vit_UnaryOp<"relu", arithmetic = "Relu", expensive = 0, named = 1, keepsZero = 1> {
  let summary = "max(x, 0)";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_SiluOp : Vit_UnaryOp<"silu", arithmetic = "Silu", expensive = 1, named = 1, keepsZero = 1> {
  let summary = "x / (1 + exp(-x))";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_TanhOp : Vit_UnaryOp<"tanh", arithmetic = "Tanh", expensive = 1, named = 1, keepsZero = 1> {
  let summary = "Hyperbolic tangent";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_CastOp : Vit_ElementwiseOp<"cast",
    arithmetic = "Copy", expensive = 0, named = 0, keepsZero = 1,
    rowWise = 1, operandStorage = ["Any"], resultStorage = "Dtype", traits = [Vit_RecipeInterface]> {
  let summary = "The same values, stored in another float type";
  let description = [{
    Rounds to nearest, ties to even.
    Constraints: (C1) the result has the shape of `input`.

    ```mlir
    %w16 = vit.cast %w : tensor<768x768xf32> -> tensor<768x768xf16>
    ```
  }];
  let arguments = (ins Vit_Any:$input);
  let results = (outs Vit_Any:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = elementwiseAnswers # Vit_InRecipe<"Cast">.cpp;
}

def Vit_ScaleOp : Vit_ElementwiseOp<"scale",
    arithmetic = "Scale", expensive = 0, named = 1, keepsZero = 1,
    rowWise = 1, operandStorage = ["Any", "F32"], resultStorage = "Dtype",
    traits = [Vit_RecipeInterface, AttrSizedOperandSegments]> {
  let summary = "Multiplies by a constant, column by column (LayerScale) or row by row";
  let description = [{
    `result = input * factor`; where it is given, every column times its element of `columns`, or every row
    of a weight times its element of `rows`.
    Constraints: (C1) `columns` has the width of `input`; (C2) the result has the shape of `input`;
    (C3) f32 holds `factor`: 0, or a magnitude from 2^-126; (C4) `rows` has the rows of `input`, a weight, and stands
    without `columns`.

    ```mlir
    %y = vit.scale %x by 5.0e-01 : tensor<?x197x768xf32> -> tensor<?x197x768xf32>
    %z = vit.scale %x columns %g : tensor<768xf32> by 1.0 : tensor<?x197x768xf32> -> tensor<?x197x768xf32>
    %v = vit.scale %w rows %g : tensor<768xf32> by 1.0 : tensor<768x3072xf32> -> tensor<768x3072xf32>
    ```
  }];
  let arguments = (ins Vit_Any:$input, Optional<Vit_ParamOfRank<1>>:$columns,
                       Optional<Vit_ParamOfRank<1>>:$rows, F64Attr:$factor);
  let results = (outs Vit_Any:$result);
  let assemblyFormat = [{
    $input (`columns` $columns^ `:` type($columns))? (`rows` $rows^ `:` type($rows))? `by` $factor attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = elementwiseAnswers # Vit_InRecipe<"Scale">.cpp;
}

class Vit_BinaryOp<string mnemonic, string arithmetic, string operandStorage, string resultStorage,
                   Type type, list<Trait> traits = []>
    : Vit_ElementwiseOp<mnemonic, arithmetic, /*expensive=*/0, /*named=*/1, /*keepsZero=*/1,
                        /*rowWise=*/1, [operandStorage, operandStorage], resultStorage,
                        !listconcat([Commutative], traits)> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}
def Vit_AddOp : Vit_BinaryOp<"add", arithmetic = "Add", operandStorage = "Residual",
                             resultStorage = "Residual", type = Vit_Any,
                             traits = [Vit_RecipeInterface]> {
  let summary = "Sum, as of a residual";
  let description = [{ Constraints: (C1) both operands have the shape of the result. }];
  let extraClassDeclaration = elementwiseAnswers # Vit_InRecipe<"Add">.cpp;
}
def Vit_MulOp : Vit_BinaryOp<"mul", arithmetic = "Mul", operandStorage = "Any",
                             resultStorage = "Dtype", type = Vit_Activation> {
  let summary = "Product, as of a gate";
  let description = [{ Constraints: (C1) both operands have the shape of the result. }];
}

def Vit_AttentionOp : Vit_RootOp<"attention",
    family = "Attention", prologue = "None",
    flops = "4 * rowsPerImage(getType()) * getType().getShape().back() * getKeys(batch)",
    rowWise = 0, mixesImages = "getAxis() == Axis::Batch",
    operandStorage = ["Dtype", "Dtype", "Dtype"], resultStorage = "Dtype",
    operandColumns = ["Spare", "Spare", "Spare"], resultColumns = "Exact"> {
  let summary = "Multi-head attention";
  let description = [{
    For every head h: `softmax(scale * Q_h * transpose(K_h)) * V_h`. Head h of an operand is its columns
    [offset + h * head_dim, offset + (h + 1) * head_dim), with the operand's entry of `offsets` = [q, k, v];
    so a packed q|k|v tensor is all three operands. With axis `tokens` the tokens of an image attend to each
    other. With axis `batch` the images of a batch do, for each token by itself. `query` of rank 2 is one
    token. The result has heads * head_dim columns. Softmax is f32.
    Constraints: (C1) `key` and `value` have rank 3 and the same tokens, or rank 2 with axis `batch`;
    (C2) with axis `batch` `query` has their tokens too; (C3) every operand has its heads * head_dim
    columns at its offset; (C4) the result has the rows of `query` and heads * head_dim columns;
    (C5) `heads` and `head_dim` are positive; (C6) one element type for all three operands; (C7) f32 holds `scale`
    times 2: 0, or a magnitude from 2^-126 to below 2^127.

    ```mlir
    %y = vit.attention %qkv, %qkv, %qkv heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
        : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
    ```
  }];
  let arguments = (ins Vit_Activation:$query, Vit_Activation:$key, Vit_Activation:$value, I64Attr:$heads,
                       I64Attr:$head_dim, F64Attr:$scale, Vit_AxisAttr:$axis, DenseI64ArrayAttr:$offsets);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `heads` $heads `head_dim` $head_dim `scale` $scale `axis` $axis
    `offsets` $offsets attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{
    /// What a query attends to in a batch of `batch` images: tokens, or the images themselves.
    int64_t getKeys(int64_t batch) { return mixesImages() ? batch : rowsPerImage(getKey().getType()); }
  }];
}

// Kernels --------------------------------------------------------------------

def Vit_KernelOp : Vit_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol]> {
  let summary = "One GPU kernel";
  let description = [{
    A symbol with one root (a kernel of elementwise ops alone has none)
    and the elementwise ops fused around it. Several linears that read the same input, as the two of a gated
    MLP, are one root: they share the loads of the input, and each has its own accumulators. Values inside
    are f32; each operand of `vit.yield` is rounded to its type and stored. Arguments are what the kernel reads, in the order of its
    parameters; results follow. A kernel whose rows do not depend on their place in the image has rank-2
    activations, rows x width, and serves any number of tokens per image.
    Constraints: (C1) at most one op is not elementwise, or those that are not are linears of one input with
    weights of one type; (C2) all yielded types are the result types;
    (C3) every op is elementwise or a root; (C4) every argument has a use;
    (C5) there is a result.

    ```mlir
    vit.kernel @fc1_gelu(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %b: tensor<3072xf32>) -> tensor<?x3072xf16> {
      %0 = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
      %1 = vit.bias_add %0, %b : tensor<?x3072xf16>, tensor<3072xf32> -> tensor<?x3072xf16>
      %2 = vit.gelu erf %1 : tensor<?x3072xf16> -> tensor<?x3072xf16>
      vit.yield %2 : tensor<?x3072xf16>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs,
                       OptionalAttr<TypedArrayAttrBase<Vit_ScheduleAttr, "schedules">>:$schedules);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The first root, or null. Others are linears of the same input.
    ::mlir::Operation *getRoot();
    /// All of them, in order.
    ::llvm::SmallVector<::mlir::Operation *> getRoots();
    /// That of the root, or `elementwise`.
    ::vitc::vit::KernelFamily getFamily();
    ::vitc::vit::YieldOp getYield();
  }];
}

def Vit_YieldOp : Vit_Op<"yield", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "What a kernel stores";
  let arguments = (ins Variadic<Vit_Activation>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Vit_LaunchOp : Vit_Op<"launch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel";
  let description = [{
    Operands and results are those of the kernel; one with rank-2 activations takes any leading dimensions.
    `places`, once memory is planned, says where each result lives: an offset in bytes per image, or
    -1 - i for output i of the model.
    Constraints: (C1) `kernel` names a `vit.kernel`; (C2) operands and results agree in number and type
    with it, after leading dimensions are collapsed; (C3) `places` has one entry for each result.

    ```mlir
    %h = vit.launch @fc1_gelu(%x, %w, %b) : (tensor<?x197x768xf16>, tensor<3072x768xf16>, tensor<3072xf32>) -> tensor<?x197x3072xf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Vit_Any>:$operands_,
                       OptionalAttr<DenseI64ArrayAttr>:$places);
  let results = (outs Variadic<Vit_Activation>:$results_);
  let assemblyFormat = [{
    $kernel `(` $operands_ `)` (`places` $places^)? attr-dict `:` functional-type($operands_, $results_)
  }];
}

#endif // VIT_OPS_TD
