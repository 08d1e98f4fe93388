//===- VitOps.td - The ops, in the order of a ViT block -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_OPS_TD
#define VIT_OPS_TD

include "VitWeightOps.td"
include "VitTokenOps.td"

// A block --------------------------------------------------------------------

def Vit_LayerNormOp : Vit_RootOp<"layer_norm",
    family = "Norm", prologue = "Rows", flops = "0", rowWise = 1, mixesImages = "false",
    operandStorage = ["Any", "F32", "F32"], resultStorage = "Dtype",
    operandColumns = ["Kept", "Kept", "Kept"], resultColumns = "Kept",
    traits = [Vit_NormInterface]> {
  let summary = "Normalises every token";
  let description = [{
    `(x - mean(x)) / sqrt(var(x) + eps) * scale + shift` over the last dimension, with the variance
    divided by the width. Mean, variance and the result are f32. With `groups` the columns are cut into so
    many equal parts, as heads are, and each is normalised by itself. With `columns` these are the ones that count;
    those behind them are zeros, in all operands, and become zeros.
    Constraints: (C1) `scale` and `shift` have the width of `input`, or of a group; (C2) the result has the shape of
    `input`; (C3) `eps` is positive, and f32 holds it: 2^-126 or more; (C4) `groups` divides the width; (C5) `columns`
    is at most the width, and there is one group.

    ```mlir
    %y = vit.layer_norm %x, %scale, %shift eps 1.0e-12 : tensor<?x197x768xf32>, tensor<768xf32>, tensor<768xf32> -> tensor<?x197x768xf32>
    %q = vit.layer_norm %p, %s, %b eps 1.0e-06 groups 12 : tensor<?x197x768xf32>, tensor<64xf32>, tensor<64xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<1>:$scale, Vit_ParamOfRank<1>:$shift,
                       F64Attr:$eps, DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "0">:$columns);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $shift `eps` $eps (`groups` $groups^)? (`columns` $columns^)? attr-dict `:` type($input) `,` type($scale) `,` type($shift)
    `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{ bool subtractsMean() { return true; } }];
}

def Vit_RmsNormOp : Vit_RootOp<"rms_norm",
    family = "Norm", prologue = "Rows", flops = "0", rowWise = 1, mixesImages = "false",
    operandStorage = ["Any", "F32"], resultStorage = "Dtype",
    operandColumns = ["Kept", "Kept"], resultColumns = "Kept",
    traits = [Vit_NormInterface]> {
  let summary = "Divides every token by its root mean square";
  let description = [{
    `x / sqrt(mean(x^2) + eps) * scale` over the last dimension; without `scale`, a factor of 1. The mean and the
    result are f32. `groups` and `columns` as for `layer_norm`.
    Constraints: (C1) `scale` has the width of `input`, or of a group; (C2) the result has the shape of `input`;
    (C3) `eps` is positive, and f32 holds it: 2^-126 or more; (C4) `groups` divides the width; (C5) `columns` is at
    most the width, and there is one group.

    ```mlir
    %y = vit.rms_norm %x, %scale eps 1.0e-6 : tensor<?x256x1024xf32>, tensor<1024xf32> -> tensor<?x256x1024xf32>
    %n = vit.rms_norm %e eps 1.0e-30 : tensor<?x512xf32> -> tensor<?x512xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Optional<Vit_ParamOfRank<1>>:$scale, F64Attr:$eps,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "0">:$columns);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input (`,` $scale^)? `eps` $eps (`groups` $groups^)? (`columns` $columns^)? attr-dict
    `:` type($input) (`,` type($scale)^)? `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{
    bool subtractsMean() { return false; }
    ::mlir::Value getShift() { return {}; }
  }];
}

def Vit_LinearOp : Vit_RootOp<"linear",
    family = "Gemm", prologue = "None",
    flops = "2 * rowsPerImage(getType()) * getType().getShape().back() * getWeight().getType().getDimSize(1)",
    rowWise = 1, mixesImages = "false",
    operandStorage = ["Dtype", "Dtype"], resultStorage = "Dtype",
    operandColumns = ["Summed", "Summed"], resultColumns = "Rows"> {
  let summary = "Dense layer";
  let description = [{
    `result = input * transpose(weight)`. `input` is M x K with M = batch * tokens. `weight` is N x K, the
    layout of checkpoints, so K is contiguous in both; or it is cut into panels of P columns of the result, as
    code for CPUs reads it: with rank 3 it is [ceil(N / P), K, P], and rows behind N are not read; of bf16, where
    CPUs take two steps at a time, it has the order [ceil(N / P), K / 2, P, 2]. The sum over K is f32.
    Of i8, input and weight are what `quantize` and `quantize_panels` make, which have what belongs to a row, or a
    column, behind it; the sum is of integers, and exact.
    Constraints: (C1) `weight` has the K of `input`; (C2) the result has the N of `weight`, for panels any N that
    needs all of them, and the other dimensions of `input`; (C3) `input` and `weight` have one element type.

    ```mlir
    %h = vit.linear %x, %w : tensor<?x197x768xf16>, tensor<3072x768xf16> -> tensor<?x197x3072xf16>
    %p = vit.linear %y, %v : tensor<?x197x768xf32>, tensor<32x768x32xf32> -> tensor<?x197x1000xf32>
    ```
  }];
  let arguments = (ins Vit_Stored:$input, Vit_LinearWeight:$weight);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight attr-dict `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_QuantizeOp : Vit_RootOp<"quantize",
    family = "Norm", prologue = "Rows", flops = "0", rowWise = 1, mixesImages = "false",
    operandStorage = ["F32"], resultStorage = "Dtype",
    operandColumns = ["Exact"], resultColumns = "Exact"> {
  let summary = "Rows as bytes, for products of i8";
  let description = [{
    Each row x of `input` becomes whole numbers u from 0 to 255, of which 0 stands for the least of the row or for
    zero, whichever is less, and a factor and a zero of its own: x is about (u - z) * s. A row of the result is K4 + 8 bytes, with
    K4 the columns of `input` rounded up to 4: the u, then s as f32 and z as i32. Zero is kept exactly.
    The reference rounds nothing: it has x in place of u, and zeros behind.
    Constraints: (C1) the result has `quantizedColumns` of those of `input`, and its other dimensions.

    ```mlir
    %q = vit.quantize %x : tensor<?x197x768xf32> -> tensor<?x197x776xi8>
    ```
  }];
  let arguments = (ins Vit_Activation:$input);
  let results = (outs Vit_QuantizedRows:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers;
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
def Vit_SigmoidOp : Vit_UnaryOp<"sigmoid", arithmetic = "Sigmoid", expensive = 1, named = 1, keepsZero = 0> {
  let summary = "1 / (1 + exp(-x))";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}

def Vit_RopeOp : Vit_ElementwiseOp<"rope",
    arithmetic = "Rope", expensive = 0, named = 1, keepsZero = 1,
    rowWise = 0, operandStorage = ["Any", "F32"], resultStorage = "Dtype", traits = [],
    operandColumns = ["Kept", "Exact"]> {
  let summary = "Rotary position embedding";
  let description = [{
    Turns pairs of neighbouring columns by angles that depend on the token. With period P, the width of `table`,
    and c and s in columns `2i mod P` and `2i + 1 mod P` of the token's row of it, the pair (a, b) in columns 2i and
    2i + 1 becomes `(a*c - b*s, b*c + a*s)`. Columns from `columns` on stay as they are: a packed q|k|v has turned q and k.
    Weights are permuted beforehand where a model pairs columns otherwise.
    Constraints: (C1) `table` has an even width and a row for each token of `input`, one if that has rank 2;
    (C2) `columns` is a multiple of that width, positive and within `input`, whose width is even; (C3) the result
    has the shape of `input`.

    ```mlir
    %y = vit.rope %qk, %table columns 1536 : tensor<?x201x2304xf32>, tensor<201x64xf32> -> tensor<?x201x2304xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<2>:$table, I64Attr:$columns);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $table `columns` $columns attr-dict `:` type($input) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_CastOp : Vit_ElementwiseOp<"cast",
    arithmetic = "Copy", expensive = 0, named = 0, keepsZero = 1,
    rowWise = 1, operandStorage = ["Any"], resultStorage = "Dtype", traits = [Vit_RecipeInterface]> {
  let summary = "The same values, stored in another float type";
  let description = [{
    Rounds to nearest, ties to even; to tf32 ties away from zero.
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

def Vit_MomentsOp : Vit_ElementwiseOp<"moments",
    arithmetic = "Moments", expensive = 0, named = 0, keepsZero = 0,
    rowWise = 1, operandStorage = ["Any"], resultStorage = "F32"> {
  let summary = "Mean and squared deviations of groups of columns";
  let description = [{
    With G = `group`, column 2i of the result is the mean m of columns [iG, iG + G) of `input`, and column 2i + 1 the
    sum of (x - m)^2 over them. What is needed to normalise a row follows from these without reading it again, and
    without the cancellation of sums of squares.
    Constraints: (C1) `group` is positive and divides the width of `input`; (C2) the result has the shape of `input`
    with two columns for each group, in f32.

    ```mlir
    %m = vit.moments %x group 32 : tensor<?x197x768xf16> -> tensor<?x197x48xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, I64Attr:$group);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input `group` $group attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_NormalizeOp : Vit_ElementwiseOp<"normalize",
    arithmetic = "Normalize", expensive = 0, named = 0, keepsZero = 0,
    rowWise = 1, operandStorage = ["Any", "F32", "F32"], resultStorage = "Dtype"> {
  let summary = "Makes a product of rows one of normalised rows";
  let description = [{
    `(input - mean * sums) / sqrt(variance + eps)` with mean and variance of the row that `moments` were made of, in
    groups of `group` columns. If `input` is x * W^T and `sums` are the sums of the rows of W, that is
    ((x - mean) / sqrt(variance + eps)) * W^T: the norm comes after the product, and needs no pass over x. Without
    `sums` it is `input / sqrt(mean of x^2 + eps)`, as rms_norm has it.
    Constraints: (C1) `moments` has the rows of `input`, and two columns for each group, in f32; (C2) `sums` has the
    width of `input`; (C3) the result has the shape of `input`; (C4) `eps` is positive, and f32 holds it: 2^-126 or
    more; (C5) `group` is positive.

    ```mlir
    %y = vit.normalize %p, %m, %c group 32 eps 1.0e-06 : tensor<?x197x2304xf32>, tensor<?x197x48xf32>, tensor<2304xf32> -> tensor<?x197x2304xf16>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_Activation:$moments,
                       Optional<Vit_ParamOfRank<1>>:$sums, I64Attr:$group, F64Attr:$eps);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $moments (`,` $sums^)? `group` $group `eps` $eps attr-dict
    `:` type($input) `,` type($moments) (`,` type($sums)^)? `->` type($result)
  }];
  let hasVerifier = 1;
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

def Vit_WindowsAttr : Vit_Attr<"Windows", "windows"> {
  let summary = "Tokens of a grid that attend within windows";
  let description = [{
    The tokens are a `grid` [height, width], row by row, cut into windows of `size` [h, w], after it has been rolled
    up and left by `shift`. Then windows hold tokens that are no neighbours in the grid: of these pairs the scores
    have 100 subtracted, as Swin does it.
    Constraints: (C1) three pairs of numbers; (C2) sizes are positive and divide the grid; (C3) shifts are
    not negative and below the sizes.

    ```mlir
    #vit.windows<grid = [56, 56], size = [7, 7], shift = [3, 3]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$grid, ArrayRefParameter<"int64_t">:$size,
                        ArrayRefParameter<"int64_t">:$shift);
  let assemblyFormat = [{
    `<` `grid` `=` `[` $grid `]` `,` `size` `=` `[` $size `]` `,` `shift` `=` `[` $shift `]` `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t tokens() const { return getSize()[0] * getSize()[1]; } ///< of a window
  }];
}

def Vit_AttentionOp : Vit_RootOp<"attention",
    family = "Attention", prologue = "None",
    flops = "4 * rowsPerImage(getType()) * getHeads() * getHeadDim() * getKeys(batch)",
    rowWise = 0, mixesImages = "getAxis() == Axis::Batch",
    operandStorage = ["Dtype", "Dtype", "Dtype", "F32"], resultStorage = "Dtype",
    operandColumns = ["Spare", "Spare", "Spare", "Exact"], resultColumns = "Spare"> {
  let summary = "Multi-head attention";
  let description = [{
    For every head h: `softmax(scale * Q_h * transpose(K_h) + bias_h) * V_h`. Head h of an operand is its columns
    [offset + h * head_dim, offset + (h + 1) * head_dim), with the operand's entry of `offsets` = [q, k, v];
    so a packed q|k|v tensor is all three operands. With axis `tokens` the tokens of an image attend to each
    other. With axis `batch` the images of a batch do, for each token by itself. `query` of rank 2 is one
    token. The result has heads * head_dim columns, and up to 7 more, which are zeros. Softmax is f32.
    `bias` [queries, heads, keys] is the same for every image; columns behind the keys are not read. With `windows`
    the tokens of each window attend to each other, and `bias` is for the tokens of a window.
    Constraints: (C1) `key` and `value` have rank 3 and the same tokens, or rank 2 with axis `batch`;
    (C2) with axis `batch` `query` has their tokens too; (C3) every operand has its heads * head_dim
    columns at its offset; (C4) the result has the rows of `query` and heads * head_dim columns, or up to 7 more;
    (C5) `heads` and `head_dim` are positive; (C6) one element type for all three operands; (C7) f32 holds `scale`
    times 2: 0, or a magnitude from 2^-126 to below 2^127; (C8) with axis `batch` there are neither `bias` nor `windows`;
    (C9) with `windows` all operands have the tokens of the grid; (C10) `bias` has the queries, the heads and at least
    the keys.

    ```mlir
    %y = vit.attention %qkv, %qkv, %qkv heads 12 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 768, 1536]
        : tensor<?x197x2304xf16>, tensor<?x197x2304xf16>, tensor<?x197x2304xf16> -> tensor<?x197x768xf16>
    %z = vit.attention %q, %k, %v bias %b : tensor<16x2x16xf32> heads 2 head_dim 16 scale 2.5e-01 axis tokens offsets [0, 0, 0]
        windows <grid = [8, 8], size = [4, 4], shift = [2, 2]>
        : tensor<?x64x32xf16>, tensor<?x64x32xf16>, tensor<?x64x32xf16> -> tensor<?x64x32xf16>
    ```
  }];
  let arguments = (ins Vit_Activation:$query, Vit_Activation:$key, Vit_Activation:$value,
                       Optional<Vit_ParamOfRank<3>>:$bias, I64Attr:$heads, I64Attr:$head_dim,
                       F64Attr:$scale, Vit_AxisAttr:$axis, DenseI64ArrayAttr:$offsets,
                       OptionalAttr<Vit_WindowsAttr>:$windows);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`bias` $bias^ `:` type($bias))? `heads` $heads `head_dim` $head_dim
    `scale` $scale `axis` $axis `offsets` $offsets (`windows` $windows^)? attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = rootAnswers # [{
    /// What a query attends to in a batch of `batch` images: tokens, or the images themselves.
    int64_t getKeys(int64_t batch) {
      if (auto windows = getWindows())
        return windows->tokens();
      return mixesImages() ? batch : rowsPerImage(getKey().getType());
    }
  }];
}

// Kernels --------------------------------------------------------------------

def Vit_KernelOp : Vit_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol]> {
  let summary = "One kernel: a function of the device";
  let description = [{
    A symbol with one root (a kernel of elementwise ops alone has none)
    and the elementwise ops fused around it. Several linears that read the same input, as the two of a gated
    MLP, are one root: they share the loads of the input, and each has its own accumulators. Values inside
    are f32; each operand of `vit.yield` is rounded to its type and stored. Arguments are what the kernel reads, in the order of its
    parameters; results follow. A kernel whose rows do not depend on their place in the image has rank-2
    activations, rows x width, and serves any number of tokens per image. Of a model for images of any size the others
    are written for images of `tokens` patches, and take those of any number: they get it as a parameter.
    Constraints: (C1) at most one op is not elementwise, or those that are not are linears of one input with
    weights of one type, or a norm and a quantize; (C2) all yielded types are the result types;
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
                       OptionalAttr<TypedArrayAttrBase<Vit_ScheduleAttr, "schedules">>:$schedules,
                       OptionalAttr<I64Attr>:$tokens);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The first root, or null. Others are linears of the same input, or quantize what a norm makes.
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
  let arguments = (ins Variadic<Vit_Stored>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Vit_LaunchOp : Vit_Op<"launch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel";
  let description = [{
    Operands and results are those of the kernel; one with rank-2 activations takes any leading dimensions.
    `places`, once memory is planned, says where each result lives: an offset in bytes per image, or
    -1 - i for output i of the model. In a model for images of any size the offset is in bytes per patch,
    and `image_places` has what each image adds to it.
    Constraints: (C1) `kernel` names a `vit.kernel`; (C2) operands and results agree in number and type
    with it, after leading dimensions are collapsed; (C3) `places` and `image_places` have one entry for each result.

    ```mlir
    %h = vit.launch @fc1_gelu(%x, %w, %b) : (tensor<?x197x768xf16>, tensor<3072x768xf16>, tensor<3072xf32>) -> tensor<?x197x3072xf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Vit_Operand>:$operands_,
                       OptionalAttr<DenseI64ArrayAttr>:$places,
                       OptionalAttr<DenseI64ArrayAttr>:$image_places);
  let results = (outs Variadic<Vit_Stored>:$results_);
  let assemblyFormat = [{
    $kernel `(` $operands_ `)` (`places` $places^)? (`image_places` $image_places^)? attr-dict `:` functional-type($operands_, $results_)
  }];
}

#endif // VIT_OPS_TD
