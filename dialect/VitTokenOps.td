//===- VitTokenOps.td - From pixels to tokens, and which of them --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VIT_TOKEN_OPS_TD
#define VIT_TOKEN_OPS_TD

include "VitOpBase.td"

def Vit_PatchifyOp : Vit_RootOp<"patchify",
    family = "Patchify", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Dtype",
    operandColumns = ["Exact"], resultColumns = "Spare"> {
  let summary = "Pixels to rows of patches";
  let description = [{
    Cuts images [C, H, W] into patches of `patch` = [ph, pw] pixels, one row of C*ph*pw values each.
    `conv` orders a row as a convolution's weight is, (c, y, x), and the rows by patch (i, j).
    `unfold` is `img.unfold(2, ph, ph).unfold(3, pw, pw).reshape(B, -1, C*ph*pw)` of PyTorch: all values
    in the order (c, i, j, y, x), cut into rows of C*ph*pw. `bytes` reads images [H, W, C] of ui8, a row in the order
    (y, x, c), which has lines of the image as they are; a byte u becomes (u - 128) / 64, which every storage type holds
    without rounding. `lead` rows of zeros come before the
    first patch, and columns beyond C*ph*pw are zero. Lines and columns of pixels that fill no patch are dropped, as a
    convolution drops them.
    Constraints: (C1) `input` has rank 4; (C2) `patch` has two positive sizes that H and W hold, and that divide
    them for `unfold`; (C3) the result has rank 3 and `lead` + floor(H/ph)*floor(W/pw) rows; (C4) it has at least C*ph*pw columns;
    (C5) `lead` is not negative; (C6) `bytes` reads ui8, the other orders do not.

    ```mlir
    %p = vit.patchify %x conv [16, 16] : tensor<?x3x224x224xf32> -> tensor<?x196x768xf32>
    %q = vit.patchify %u bytes [16, 16] : tensor<?x224x224x3xui8> -> tensor<?x196x768xf32>
    ```
  }];
  let arguments = (ins Vit_Pixels:$input, Vit_PatchOrderAttr:$order, DenseI64ArrayAttr:$patch,
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

def Vit_AppendOp : Vit_RootOp<"append",
    family = "Append", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Residual", "F32"], resultStorage = "Residual",
    operandColumns = ["Kept", "Kept"], resultColumns = "Kept"> {
  let summary = "Tokens behind the patches, such as those of detections";
  let description = [{
    Puts the rows of `tokens` behind the tokens of every image.
    Constraints: (C1) `input` has rank 3; (C2) `tokens` has the width of `input`; (C3) the result has the rows
    of both, and that width.

    ```mlir
    %t = vit.append %x, %detections : tensor<?x197x192xf32>, tensor<100x192xf32> -> tensor<?x297x192xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, Vit_ParamOfRank<2>:$tokens);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = [{
    $input `,` $tokens attr-dict `:` type($input) `,` type($tokens) `->` type($result)
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

def Vit_SliceTokensOp : Vit_RootOp<"slice_tokens",
    family = "Select", prologue = "Elements", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Input",
    operandColumns = ["Kept"], resultColumns = "Kept"> {
  let summary = "Neighbouring tokens of every image";
  let description = [{
    `result[b, t, :] = input[b, first + t, :]`. A result of rank 4 shows the tokens as the grid that they are.
    Constraints: (C1) `input` has rank 3; (C2) the tokens from `first` on, as many as the result has, are tokens of
    `input`; (C3) the result has rank 3 or 4 and the width of `input`.

    ```mlir
    %p = vit.slice_tokens %x from 1 : tensor<?x197x768xf32> -> tensor<?x196x768xf32>
    %g = vit.slice_tokens %x from 1 : tensor<?x197x768xf32> -> tensor<?x14x14x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, I64Attr:$first);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input `from` $first attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_MeanTokensOp : Vit_RootOp<"mean_tokens",
    family = "Mean", prologue = "None", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Input",
    operandColumns = ["Kept"], resultColumns = "Kept"> {
  let summary = "The mean of the tokens of every image";
  let description = [{
    `result[b, :]` is the mean over t of `input[b, t, :]`, for t from `first` on. The sum is f32.
    Constraints: (C1) `input` has rank 3; (C2) `first` is one of its tokens; (C3) the result has rank 2 and the
    width of `input`.

    ```mlir
    %m = vit.mean_tokens %x from 1 : tensor<?x197x768xf32> -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, I64Attr:$first);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input `from` $first attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Vit_MergePatchesOp : Vit_RootOp<"merge_patches",
    family = "Merge", prologue = "Elements", flops = "0", rowWise = 0, mixesImages = "false",
    operandStorage = ["Any"], resultStorage = "Input",
    operandColumns = ["Exact"], resultColumns = "Exact"> {
  let summary = "Four neighbours of a grid as one token";
  let description = [{
    The tokens of `input` are a `grid` [height, width], row by row. Token (i, j) of the result has the columns of
    (2i, 2j), (2i + 1, 2j), (2i, 2j + 1) and (2i + 1, 2j + 1), one after the other: what Swin puts through a norm
    and a linear between its stages.
    Constraints: (C1) `grid` has two even sizes; (C2) `input` has rank 3 and the tokens of `grid`; (C3) the result
    has rank 3, a quarter of the tokens and four times the width.

    ```mlir
    %y = vit.merge_patches %x grid [56, 56] : tensor<?x3136x96xf32> -> tensor<?x784x384xf32>
    ```
  }];
  let arguments = (ins Vit_Activation:$input, DenseI64ArrayAttr:$grid);
  let results = (outs Vit_Activation:$result);
  let assemblyFormat = "$input `grid` $grid attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

#endif // VIT_TOKEN_OPS_TD
