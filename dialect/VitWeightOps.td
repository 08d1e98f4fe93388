//===- VitWeightOps.td - Tensors of the checkpoint, and arithmetic on them ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_WEIGHT_OPS_TD
#define VIT_WEIGHT_OPS_TD

include "VitOpBase.td"

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
  let results = (outs Vit_Prepared:$result);
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

def Vit_RowSumsOp : Vit_WeightArithmeticOp<"row_sums", "RowSums"> {
  let summary = "The sum of each row of a weight";
  let description = [{
    Constraints: (C1) the result has one element for each row of `input`, a matrix.

    ```mlir
    %c = vit.row_sums %w : tensor<2304x768xf16> -> tensor<2304xf32>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$input);
  let results = (outs Vit_ParamOfRank<1>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_QuantizePanelsOp : Vit_WeightArithmeticOp<"quantize_panels", "QuantizePanels"> {
  let summary = "The weight of a product of i8, in panels";
  let description = [{
    Each row of `input`, N x K, a column of the product, becomes whole numbers q from -127 to 127 and a factor,
    s = max |w| / 127 as f32: w is about q * s. The result is [ceil(N / P), K4 + 8, P] bytes, with K4 the
    K rounded up to 4: in a panel of P columns come first four steps of the sum of each column, column after
    column, then the next four, and behind all, of each column, s as f32, then the sum of its q as i32. What
    is missing is zero.
    The reference rounds nothing: it has w in place of q, in the order [K4 + 8, P], and zeros behind.
    Constraints: (C1) the result has the panels, and `quantizedColumns` of the K, of `input`.

    ```mlir
    %p = vit.quantize_panels %w : tensor<3072x768xf32> -> tensor<96x776x32xi8>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$input);
  let results = (outs Vit_QuantizedPanels:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
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

// Tables of positions --------------------------------------------------------

def Vit_ResampleOp : Vit_WeightArithmeticOp<"resample", "Resample"> {
  let summary = "A table of positions for another grid";
  let description = [{
    `input` has one row for each place of a grid `from` = [height, width], row by row; the result one for
    each place of the grid `to`. Each column is an image that is resized with `filter` as PyTorch's
    interpolate does with align_corners=False: place y of the result lies at
    `(y + 1/2) * from/to - 1/2` of the input, and places beyond the edge are those of the edge. `cubic` is the
    convolution kernel with a = -3/4. With `antialias` the filter is widened by `from/to` where that is above 1,
    its weights are divided by their sum, places beyond the edge do not count, and `cubic` has a = -1/2.
    Constraints: (C1) `from` and `to` have two positive sizes each; (C2) `input` has the places of `from`;
    (C3) the result has the places of `to` and the columns of `input`; (C4) the element type is that of `input`.

    ```mlir
    %p = vit.resample %table cubic [14, 14] to [16, 24] : tensor<196x768xf32> -> tensor<384x768xf32>
    %q = vit.resample %table linear antialias [14, 14] to [7, 7] : tensor<196x768xf32> -> tensor<49x768xf32>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$input, Vit_FilterAttr:$filter, UnitAttr:$antialias,
                       DenseI64ArrayAttr:$from, DenseI64ArrayAttr:$to);
  let results = (outs Vit_ParamOfRank<2>:$result);
  let assemblyFormat = [{
    $input $filter (`antialias` $antialias^)? $from `to` $to attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_RelativeBiasOp : Vit_WeightArithmeticOp<"relative_bias", "RelativeBias"> {
  let summary = "The bias of an attention from a table of relative positions";
  let description = [{
    `table` has a column for each head and a row for each distance in a window [h, w]. The places of the
    window, row by row, attend to each other: in `result[query, head, key]` stands row
    `(yq - yk + h - 1) * (2w - 1) + xq - xk + w - 1` of `table`. With `lead` 1 a class token comes first, and
    `table` has three rows more: for the class token's query, for its key, and for it with itself. Further
    columns of the result are zero. A table learned for another window is an image `from` = [height, width] of
    distances, which is first resized to (2h - 1) x (2w - 1) as `vit.resample linear` does; `lead` rows are not.
    Constraints: (C1) `window`, and `from` if given, have two positive sizes; (C2) `lead` is 0 or 1; (C3) `table` has
    the rows of `from`, else (2h - 1)(2w - 1), and 3 * lead more; (C4) the result has h*w + `lead` queries, the heads
    of `table` and at least as many keys; (C5) the element type is that of `table`.

    ```mlir
    %b = vit.relative_bias %table window [14, 14] lead 1 : tensor<732x12xf32> -> tensor<197x12x200xf32>
    %c = vit.relative_bias %table from [27, 27] window [16, 24] lead 1 : tensor<732x12xf32> -> tensor<385x12x385xf32>
    ```
  }];
  let arguments = (ins Vit_ParamOfRank<2>:$table, OptionalAttr<DenseI64ArrayAttr>:$from,
                       DenseI64ArrayAttr:$window, DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs Vit_ParamOfRank<3>:$result);
  let assemblyFormat = [{
    $table (`from` $from^)? `window` $window (`lead` $lead^)? attr-dict `:` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vit_RopeTableOp : Vit_WeightArithmeticOp<"rope_table", "RopeTable"> {
  let summary = "Cosines and sines of rotary position embedding";
  let description = [{
    Token t of a `grid` [height, width], in row i and column j, is at y = origin[0] + i * step[0] and
    x = origin[1] + j * step[1]. Pair p of its columns is turned by the angle `y * rows[p] + x * columns[p]`:
    `result[lead + t, 2p]` is its cosine, `result[lead + t, 2p + 1]` its sine. The first `lead` tokens are not turned.
    `over` is for models of images of any size: over[0] and over[1] of it, divided by height and width, are parts of
    `origin`, and over[2] and over[3] of `step`. With another grid these parts change, and nothing else.
    Constraints: (C1) `grid` has two positive sizes, `origin` and `step` two finite numbers each, `over` four; (C2) `rows` and
    `columns` have a finite number for each pair of columns of the result; (C3) `lead` is not negative, and the
    result has `lead` + h*w rows.

    ```mlir
    %t = vit.rope_table grid [2, 2] origin [5.0e-01, 5.0e-01] step [1.0, 1.0] rows [1.0, 0.0] columns [0.0, 1.0] lead 1 : tensor<5x4xf32>
    ```
  }];
  let arguments = (ins DenseI64ArrayAttr:$grid, DenseF64ArrayAttr:$origin, DenseF64ArrayAttr:$step,
                       DenseF64ArrayAttr:$rows, DenseF64ArrayAttr:$columns,
                       DefaultValuedAttr<I64Attr, "0">:$lead,
                       OptionalAttr<DenseF64ArrayAttr>:$over);
  let results = (outs Vit_ParamOfRank<2>:$result);
  let assemblyFormat = [{
    `grid` $grid `origin` $origin `step` $step `rows` $rows `columns` $columns (`lead` $lead^)? (`over` $over^)?
    attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

#endif // VIT_WEIGHT_OPS_TD
