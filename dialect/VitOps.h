//===- VitOps.h - The vit dialect -------------------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Ops, attributes and the few predicates their definitions share. What each op means is in
// VitOps.td; why these ops, in Rationale.md.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECT_VITOPS_H
#define DIALECT_VITOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

#include <array>

namespace vitc::vit {

/// Images of a batch at most: launches of more exceed what a device can number.
inline constexpr int64_t mostBatch = 1 << 20;
/// The end of a schedule's range, which may be of rows.
inline constexpr int64_t mostOfRange = (int64_t(1) << 31) - 1;

/// f16, bf16, tf32 or f32.
bool isStorageType(mlir::Type type);
/// Columns of what `quantize` and `quantize_panels` make of so many: whole groups of four, which
/// instructions take at a time, and two numbers of four bytes.
inline constexpr int64_t quantizedColumns(int64_t columns) { return (columns + 3) / 4 * 4 + 8; }

/// Bytes of a storage type, or of ui8 or i8, in memory. tf32 is an f32 that was rounded to 10 bits
/// of mantissa.
int64_t bytesOf(mlir::Type type);

/// Elements of a tensor at most, those of an activation counted for one image: no arithmetic on
/// sizes overflows.
inline constexpr int64_t mostElements = int64_t(1) << 40;

/// Rank 2 or more, dimension 0 dynamic, the others static and positive, mostElements at most.
bool isBatchTensor(mlir::Type type);

/// All dimensions static and positive, mostElements at most.
bool isStaticTensor(mlir::Type type);

/// What patchify makes of a byte u with order `bytes`: (u - byteCentre) / byteUnit. Seven bits and
/// a sign, so no storage type rounds it, and of the size of normalised values.
inline constexpr int64_t byteCentre = 128, byteUnit = 64;

/// The sizes of images: [batch, C, H, W], of bytes [batch, H, W, C].
struct ImageShape {
  int64_t channels, height, width;
};
ImageShape imageShapeOf(mlir::RankedTensorType images);

/// True if every operand and result of `op` is a static tensor: arithmetic on weights alone.
bool isWeightArithmetic(mlir::Operation *op);

/// tensor<?xSxDxT> as tensor<?xDxT>: the rows of an activation without their place in the image.
mlir::RankedTensorType collapseToRows(mlir::RankedTensorType type);

/// Rows per image of an activation: the product of the dimensions between batch and width.
int64_t rowsPerImage(mlir::RankedTensorType type);

/// A model for images of any size is written for images of anyGrid[0] x anyGrid[1] patches, a grid
/// that no model has of its own: there a number of tokens from anyTokens on counts the patches,
/// with up to mostExtraTokens others beside them, and a smaller one counts no patch.
inline constexpr int64_t anyGrid[2] = {59, 67}, anyTokens = anyGrid[0] * anyGrid[1],
                         mostExtraTokens = 128;
/// The attribute of a function that is such a model: {max_tokens, patch = [height, width]}.
inline constexpr llvm::StringLiteral anySizeName = "vit.any_size";

/// A number of tokens of an image: constant + perPatch * its patches.
struct TokenCount {
  int64_t constant = 0, perPatch = 0;
};
/// What a number of tokens in a model for any size stands for.
TokenCount tokenCountOf(int64_t tokens);

/// What TokenInterface::needTokens does for ops whose tokens come from the same token of operands.
void needSameTokens(const llvm::BitVector &tokens, llvm::MutableArrayRef<llvm::BitVector> operands);

/// What computeToken does for them: `op` again, on that token of those of its first `count`
/// operands that are activations.
mlir::Value computeOnToken(mlir::OpBuilder &builder, mlir::Operation *op, int64_t token,
                           unsigned count);

} // namespace vitc::vit

#include "dialect/VitDialect.h.inc"
#include "dialect/VitEnums.h.inc"

#include "dialect/VitAttrInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VitAttrs.h.inc"
#include "dialect/VitInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialect/VitOps.h.inc"

#endif // DIALECT_VITOPS_H
