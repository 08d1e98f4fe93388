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

namespace vit {

/// Images of a batch at most: launches of more exceed what a device can number.
inline constexpr int64_t mostBatch = 1 << 20;

/// An op whose result elements depend on the operand elements in the same place alone.
template <typename Op> class Elementwise : public mlir::OpTrait::TraitBase<Op, Elementwise> {};

/// f16, bf16 or f32.
bool isStorageType(mlir::Type type);

/// Rank 2 or more, dimension 0 dynamic, the others static.
bool isBatchTensor(mlir::Type type);

/// True if every operand and result of `op` is a static tensor: arithmetic on weights alone.
bool isWeightArithmetic(mlir::Operation *op);

/// tensor<?xSxDxT> as tensor<?xDxT>: the rows of an activation without their place in the image.
mlir::RankedTensorType collapseToRows(mlir::RankedTensorType type);

/// Rows per image of an activation: the product of the dimensions between batch and width.
int64_t rowsPerImage(mlir::RankedTensorType type);

} // namespace vit

#include "dialect/VitDialect.h.inc"
#include "dialect/VitEnums.h.inc"

#include "dialect/VitAttrInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VitAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialect/VitOps.h.inc"

#endif // DIALECT_VITOPS_H
