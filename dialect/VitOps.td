//===- VitOps.td - The ops, in the order of a ViT block -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_OPS_TD
#define VIT_OPS_TD

include "VitDialect.td"
include "VitSchedules.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Vit_Op<string mnemonic, list<Trait> traits = []> : Op<Vit_Dialect, mnemonic, traits>;

/// An op that computes each element of its result from the elements in the same place of its
/// operands (a vector stands for all rows, a table for all images). Such an op can join any kernel.
def Vit_Elementwise : NativeOpTrait<"Elementwise"> {
  let cppNamespace = "::vit";
}

// Weights --------------------------------------------------------------------

def Vit_WeightOp : Vit_Op<"weight", [Pure]> {
  let summary = "A tensor of the checkpoint";
  let description = [{
    The tensor stored under `key`, under one of `aliases`, or, with its two dimensions exchanged,
    under one of `transposed`. `file_shape` is its shape in the file where that differs from the
    result's; both have the same elements in the same order.
    Constraints: (C1) `file_shape` has the elements of the result; (C2) `transposed` needs a 2-D tensor in the file.

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
}

def Vit_PreparedOp : Vit_Op<"prepared", [Pure]> {
  let summary = "A result of @prepare";
  let description = [{
    Result `index` of the function `@prepare` of the same module: arithmetic on weights alone, done once
    when a model is loaded.
    Constraints: (C1) the module has a function `@prepare` with more than `index` results; (C2) the
    type is the one of that result.

    ```mlir
    %w = vit.prepared 3 : tensor<2304x768xf16>
    ```
  }];
  let arguments = (ins I64Attr:$index);
  let results = (outs Vit_Param:$result);
  let assemblyFormat = "$index attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Vit_SliceOp : Vit_Op<"slice", [Pure]> {
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

def Vit_ConcatOp : Vit_Op<"concat", [Pure]> {
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

def Vit_PadOp : Vit_Op<"pad", [Pure]> {
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

// Tokens ---------------------------------------------------------------------

def Vit_PatchifyOp : Vit_Op<"patchify", [Pure]> {
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

def Vit_PrependOp : Vit_Op<"prepend", [Pure]> {
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

def Vit_BroadcastOp : Vit_Op<"broadcast", [Pure]> {
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

def Vit_PositionOp : Vit_Op<"position", [Pure, Vit_Elementwise]> {
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

def Vit_SelectOp : Vit_Op<"select", [Pure]> {
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

def Vit_LayerNormOp : Vit_Op<"layer_norm", [Pure]> {
  let summary = "Normalises every token";
  let description = [{
    `(x - mean(x)) / sqrt(var(x) + eps) * scale + shift` over the last dimension, with the variance
    divided by the width. Mean, variance and the result are f32.
    Constraints: (C1) `scale` and `shift` have the width of `input`; (C2) the result has the shape of
    `input`; (C3) `eps` is positive and finite.

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
}

def Vit_LinearOp : Vit_Op<"linear", [Pure]> {
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

def Vit_BiasAddOp : Vit_Op<"bias_add", [Pure, Vit_Elementwise]> {
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
}

class Vit_UnaryOp<string mnemonic> : Vit_Op<mnemonic, [Pure, Vit_Elementwise]> {
  let arguments = (ins Vit_Activation:$input);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_GeluOp : Vit_UnaryOp<"gelu"> {
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
def Vit_ReluOp : Vit_UnaryOp<"relu"> {
  let summary = "max(x, 0)";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_SiluOp : Vit_UnaryOp<"silu"> {
  let summary = "x / (1 + exp(-x))";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_TanhOp : Vit_UnaryOp<"tanh"> {
  let summary = "Hyperbolic tangent";
  let description = [{ Constraints: (C1) the result has the shape of `input`. }];
}
def Vit_CastOp : Vit_Op<"cast", [Pure, Vit_Elementwise]> {
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
}

def Vit_ScaleOp : Vit_Op<"scale", [Pure, Vit_Elementwise]> {
  let summary = "Multiplies by a constant, or column by column (LayerScale)";
  let description = [{
    `result = input * factor`, times `columns` where it is given.
    Constraints: (C1) `columns` has the width of `input`; (C2) the result has the shape of `input`;
    (C3) `factor` is finite.

    ```mlir
    %y = vit.scale %x by 5.0e-01 : tensor<?x197x768xf32> -> tensor<?x197x768xf32>
    %z = vit.scale %x columns %g : tensor<768xf32> by 1.0 : tensor<?x197x768xf32> -> tensor<?x197x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Optional<Vit_ParamOfRank<1>>:$columns, F64Attr:$factor);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input (`columns` $columns^ `:` type($columns))? `by` $factor attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

class Vit_BinaryOp<string mnemonic> : Vit_Op<mnemonic, [Pure, Vit_Elementwise, Commutative]> {
  let arguments = (ins Vit_Any:$lhs, Vit_Any:$rhs);
  let results = (outs Vit_Any:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}
def Vit_AddOp : Vit_BinaryOp<"add"> {
  let summary = "Sum, as of a residual";
  let description = [{ Constraints: (C1) both operands have the shape of the result. }];
}
def Vit_MulOp : Vit_BinaryOp<"mul"> {
  let summary = "Product, as of a gate";
  let description = [{ Constraints: (C1) both operands have the shape of the result. }];
}

def Vit_AttentionOp : Vit_Op<"attention", [Pure]> {
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
    (C5) `heads` and `head_dim` are positive, `scale` is finite; (C6) one element type for all three operands.

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
}

// Kernels --------------------------------------------------------------------

def Vit_KernelOp : Vit_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, Symbol]> {
  let summary = "One GPU kernel";
  let description = [{
    A symbol with one root (any op that is not elementwise; a kernel of elementwise ops alone has none)
    and the elementwise ops fused around it. Several linears that read the same input, as the two of a gated
    MLP, are one root: they share the loads of the input, and each has its own accumulators. Values inside
    are f32; each operand of `vit.yield` is rounded to its type and stored. Arguments are what the kernel reads, in the order of its
    parameters; results follow. A kernel whose rows do not depend on their place in the image has rank-2
    activations, rows x width, and serves any number of tokens per image.
    Constraints: (C1) at most one op is not elementwise, or those that are not are linears of one input with
    weights of one type; (C2) all yielded types are the result types;
    (C3) every op is of this dialect and has no regions; (C4) every argument has a use.

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
    /// The first op that is not elementwise, or null. Others are linears of the same input.
    ::mlir::Operation *getRoot();
    /// All of them, in order.
    ::llvm::SmallVector<::mlir::Operation *> getRoots();
    ::vit::YieldOp getYield();
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
