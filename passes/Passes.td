//===- Passes.td - Every pass with its documentation ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_PASSES_TD
#define VITC_PASSES_TD

include "mlir/Pass/PassBase.td"

// On the model ---------------------------------------------------------------

def ReadBytes : Pass<"vit-read-bytes", "mlir::ModuleOp"> {
  let summary = "Pixels as bytes, normalised by the weights that read them";
  let description = [{
    Images [batch, C, H, W] that the model reads become bytes [batch, H, W, C]. What a preprocessing makes of
    a byte u of channel c, (u * `scale` - `mean`[c]) / `deviation`[c], is linear, and so is the linear behind
    the patchify: its weight gets the factor, its bias the rest. Without `mean` or `deviation` these are 0 and 1.
    Refuses images that something else reads than patches in the order `conv` whose rows a linear multiplies.
  }];
  let options = [
    Option<"scale", "scale", "double", /*default=*/"1.0", "what a byte is multiplied by">,
    ListOption<"mean", "mean", "double", "what is subtracted from each channel then">,
    ListOption<"deviation", "deviation", "double", "what each channel is divided by then">,
  ];
}

def DropUnused : Pass<"vit-drop-unused", "mlir::ModuleOp"> {
  let summary = "Drop ops that no output needs";
  let description = [{
    First of all passes. The names of weights that go are added to `vit.ignored`: a file may have them.
  }];
}

def PruneTokens : Pass<"vit-prune-tokens", "mlir::ModuleOp"> {
  let summary = "Drop tokens that no output depends on";
  let description = [{
    Moves `vit.select` towards the input, through every op that works token by token and has no other
    use, and through attention to its query. What is left of the last block of a class-token model is
    one query row; keys and values stay whole. A select of a prepended token becomes `vit.broadcast`.
    Warns once for each output that does not depend on an input.
  }];
}

def MergeQkv : Pass<"vit-merge-qkv", "mlir::ModuleOp"> {
  let summary = "One linear for the query, key and value of an attention";
  let description = [{
    Linears (with or without bias) that read one value and feed one attention become one linear whose
    weight is the concatenation of theirs; the attention reads it at offsets.
  }];
}

def FoldTokens : Pass<"vit-fold-tokens", "mlir::ModuleOp"> {
  let summary = "Class token, patch bias and position as one table";
  let description = [{
    `position(prepend(cls, bias_add(linear(patchify x), b)), p)` becomes `position(linear(patchify x lead n), t)`
    with t = [cls + p[0:n]; b + p[n:]]: leading rows of zeros stay zeros in the linear, so one table
    adds all three, and no kernel has to move rows.
  }];
}

// On the device --------------------------------------------------------------

def FoldNorm : Pass<"vit-fold-norm", "mlir::ModuleOp"> {
  let summary = "Norms behind the products that read them";
  let description = [{
    A norm of what a product makes, read by products alone, becomes `moments` of its input and a `normalize` behind
    each of these; its scale goes into their weights, its shift into their biases. In the end neither takes a launch.
    A row is rounded before it is normalised then, not after: where the mean is large beside the deviation that costs
    accuracy, in bf16 first.
  }];
}

def PadHeads : Pass<"vit-pad-heads", "mlir::ModuleOp"> {
  let summary = "A column of zeros for heads of an odd number of columns";
  let description = [{
    Kernels of attention take two columns at a time. The linears around an attention get zeros, in the rows
    of weights and biases before it and the columns of weights behind it; scores and sums do not change. Heads that
    something else makes or reads stay as they are.
  }];
}

def PadWidths : Pass<"vit-pad-widths", "mlir::ModuleOp"> {
  let summary = "Zero columns where a linear's K is not a multiple of 8";
  let description = [{
    GPU kernels copy 16 bytes at a time, so rows must be multiples of 8 values. Widens the value that
    such a linear reads, back to the patchify or the linears it comes from, and pads the weights
    with zeros; the sums do not change. Refuses what cannot be widened (norms of heads).
  }];
}

def AssignPrecision : Pass<"vit-assign-precision", "mlir::ModuleOp"> {
  let summary = "Choose how values are stored";
  let description = [{
    Operands of `linear` and `attention` get `dtype`; vectors (bias, scales, norms) and tables stay f32;
    values of the residual stream get `residual`; outputs of the model stay f32. A value wanted in two
    types is cast for the second.

    Takes `dtype` and `residual` of [vitc build](cli.md).
  }];
}

def PackPanels : Pass<"vit-pack-panels", "mlir::ModuleOp"> {
  let summary = "Weights of products as panels of columns, for CPUs";
  let description = [{
    The weight of each `vit.linear` becomes [ceil(N / 32), K, 32]: 32 columns of the result, for which code for
    CPUs has vectors, lie side by side at each step of the sum. Columns that are missing are zeros. Products of i8
    read what `vit.quantize` makes of rows and `vit.quantize_panels` of weights.
  }];
}

def HoistWeights : Pass<"vit-hoist-weights", "mlir::ModuleOp"> {
  let summary = "Arithmetic on weights alone into @prepare";
  let description = [{
    Everything computed from weights only moves to the function `@prepare`, which runs once at load;
    `vit.prepared` reads its results. Equal results are computed once.
  }];
}

def FormKernels : Pass<"vit-form-kernels", "mlir::ModuleOp"> {
  let summary = "Every op its own kernel";
  let description = [{
    Each op on activations becomes a `vit.kernel` and a `vit.launch`. An output that is an input of the
    model, or that is returned twice, gets a kernel that copies it.
  }];
}

def Fuse : Pass<"vit-fuse", "mlir::ModuleOp"> {
  let summary = "Join kernels to their neighbours";
  let description = [{
    One walk over the launches in order. A kernel without a root joins the kernel that produces one of its
    operands; if that is not possible, the kernel with a layer_norm, or without a root, that alone uses its result.
    Two linears of one input become one kernel where only the second uses what the first computes (a gated MLP).
    passes/cost predicts both forms at batches 1, 8 and the largest, and the faster one is taken.
    Reports each refusal once, as a remark of category `vit-fuse` with its numbers, and notes it on the launch
    (`apart`) for vit-require. A fusion is never needed for correctness.

    Takes `max-batch` and the options of schedules of [vitc build](cli.md).
  }];
}

def Require : Pass<"vit-require", "mlir::ModuleOp"> {
  let summary = "Fail unless fusions were made";
  let description = [{
    `fuse:linear+bias_add+gelu` requires every op of the last kind to be in one kernel with those before it, each
    reading the one before; of branches that a gate joins one stands behind the other, as in
    `fuse:linear+silu+linear+mul`. Otherwise an error names the op and what stands between, or why passes/cost
    kept them apart. `no-spill` is checked when machine code is there. Removes the notes that vit-fuse left.

    Takes `require` of [vitc build](cli.md), and `fused`: false says in messages that nothing was to be fused.
  }];
}

def SelectSchedules : Pass<"vit-select-schedules", "mlir::ModuleOp"> {
  let summary = "Schedules for every kernel";
  let description = [{
    Every kernel without `schedules` gets them for batches 1 to `max-batch`, by the model of passes/cost at the shapes
    of all its launches: for each range of batches the best, a few others, and a smaller one, in the order in
    which they are to be tried. Warns where no schedule keeps the register budget. Refuses what the device or the
    kernels cannot do: an unknown `gpu`, a `tile` that does not fit, attention with heads of an odd size or of more
    than 256 columns, a tuned schedule for a kernel that the model has not.

    Takes `max-batch` and the options of schedules of [vitc build](cli.md), and `tuned`: KERNEL HASH BATCH SCHEDULE,
    as measured, or * HASH ROWS SCHEDULE for any kernel with that hash; several with semicolons.
  }];
}

def ShareKernels : Pass<"vit-share-kernels", "mlir::ModuleOp"> {
  let summary = "Equal kernels become one symbol";
  let description = [{
    Kernels whose rows do not depend on their place in the image are rewritten on rank-2 activations first, so
    the same linear on 197 tokens and on the class token alone is one kernel. Gives every kernel its
    readable name.
  }];
}

def PlanMemory : Pass<"vit-plan-memory", "mlir::ModuleOp"> {
  let summary = "A place for every activation";
  let description = [{
    Results of launches get offsets in bytes per image, multiples of 256, such that values that live at
    the same time do not overlap, whatever the batch; model outputs are written in place. Refuses a
    `max-batch` at which one activation has more bytes than kernels can address with 31 bits.

    Takes `max-batch` of [vitc build](cli.md).
  }];
}

#endif // VITC_PASSES_TD
