//===- PadWidths.cpp - Zero columns where K is not a multiple of 8 --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Kernels copy 16 bytes, 8 values of 16 bits, at a time, so rows that a linear sums over must be
// multiples of 8 values. Columns of zeros on both sides of a product add nothing:
//
//   %h = vit.linear %x, %w1 : -> ?x100     =>   %h = vit.linear %x, (vit.pad %w1) : -> ?x104
//   %g = vit.gelu erf %h                        %g = vit.gelu erf %h
//   %y = vit.linear %g, %w2 : 64x100            %y = vit.linear %g, (vit.pad %w2) : 64x104
//
// Widening a value widens what it is made of, back to a patchify or a linear, and what ops that
// keep zero at zero make of it, whose vectors are padded with zeros. First the whole set is
// collected and checked, then changed.
//
// A norm is told how many of its columns count.
//
// Where somebody needs the value as it is (the model's caller), it stays, and what it is made of is
// computed a second time, wider, for the linears alone.
//
// CPUs copy nothing and take any width but those at which rows lie on the same lines of the cache:
// a product with K = 3072 then takes 8 % more time (measured; with K = 3104 1 % more, as its size
// says), and products of bf16 take two steps at a time. One panel of zeros puts rows apart. That is
// done where the value is one between linears; a wider residual stream would cost every product
// more than it saves, and attention has no room for more than a few columns of zeros.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"
#include "passes/cost/Cpu.h"
#include "passes/cost/Mma.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

namespace vitc {
#define GEN_PASS_DEF_PADWIDTHS
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
/// Of what linears sum over once precision is assigned: 16 bits.
constexpr int64_t granularity = cost::copyColumns(2);

/// Groups stay equal parts of a row.
bool hasGroups(Operation *op) {
  auto norm = dyn_cast<vit::NormInterface>(op);
  return norm && norm.getGroups() != 1;
}

/// What is not an op on activations is not to be touched.
vit::Columns columnsOf(OpOperand &operand) {
  auto op = dyn_cast<vit::StorageInterface>(operand.getOwner());
  return op && !hasGroups(op) ? op.getOperandColumns(operand.getOperandNumber())
                              : vit::Columns::Exact;
}

/// Values that must have the same width because zero columns flow between them.
class WidthSet {
public:
  /// Collects everything that must be widened with `value`. False if something cannot be;
  /// `obstacle` is then what stands against it.
  bool collect(Value value) {
    values.insert(value);
    for (size_t i = 0; i < values.size() && obstacle.empty(); ++i) {
      collectProducer(values[i]);
      for (OpOperand &use : values[i].getUses())
        collectUser(use);
    }
    return obstacle.empty();
  }
  /// Collects what `value` is made of, alone, which copy() needs.
  bool collectSources(Value value) {
    values.insert(value);
    for (size_t i = 0; i < values.size() && obstacle.empty(); ++i)
      collectProducer(values[i]);
    return obstacle.empty();
  }
  template <typename Op> bool isMadeByAny() const {
    return llvm::any_of(values, [](Value value) { return value.getDefiningOp<Op>(); });
  }
  /// The value that was collected first, made a second time, each op of it behind its original.
  Value copy() const;
  void widen(int64_t width);

  std::string obstacle;

private:
  void collectProducer(Value value) {
    auto op = value.getDefiningOp<vit::StorageInterface>();
    if (!op)
      obstacle = "it is an input of the model";
    else if (op.getResultColumns() == vit::Columns::Exact || hasGroups(op))
      obstacle = nameOf(op) + " makes exactly these columns";
    else if (op.getResultColumns() == vit::Columns::Kept)
      for (OpOperand &operand : op->getOpOperands())
        if (columnsOf(operand) == vit::Columns::Kept && !isWeight(operand.get()))
          values.insert(operand.get());
  }
  void collectUser(OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<func::ReturnOp>(user))
      obstacle = "it is an output of the model";
    else if (columnsOf(use) == vit::Columns::Exact)
      obstacle = nameOf(user) + " depends on exactly these columns";
    else if (columnsOf(use) == vit::Columns::Kept)
      values.insert(user->getResult(0));
  }
  static std::string nameOf(Operation *op) {
    return describe(op) + " (" + op->getName().getStringRef().str() + ")";
  }

  llvm::SetVector<Value> values;
};

Value WidthSet::copy() const {
  SmallVector<Operation *> ops;
  for (Value value : values)
    ops.push_back(value.getDefiningOp());
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  IRMapping copies;
  for (Operation *op : ops) {
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    builder.clone(*op, copies);
  }
  return copies.lookup(values.front());
}

/// Zeros up to `size` in dimension `dimension` of a weight, in front of its user.
void padWeight(OpOperand &weight, int64_t dimension, int64_t size) {
  RankedTensorType type = tensorType(weight.get());
  SmallVector<int64_t> shape(type.getShape());
  if (shape[dimension] == size)
    return;
  shape[dimension] = size;
  Operation *user = weight.getOwner();
  OpBuilder builder(user);
  weight.set(vit::PadOp::create(builder, user->getLoc(), type.clone(shape), weight.get()));
}

/// In the columns of those weights of `op` whose columns are answered so.
void padColumns(Operation *op, vit::Columns columns, int64_t size) {
  for (OpOperand &operand : op->getOpOperands())
    if (isWeight(operand.get()) && columnsOf(operand) == columns)
      padWeight(operand, tensorType(operand.get()).getRank() - 1, size);
}

void WidthSet::widen(int64_t width) {
  for (Value value : values) {
    auto type = tensorType(value);
    SmallVector<int64_t> shape(type.getShape());
    int64_t columns = std::exchange(shape.back(), width);
    value.setType(type.clone(shape));
    auto op = value.getDefiningOp<vit::StorageInterface>();
    if (auto norm = dyn_cast<vit::LayerNormOp>(op.getOperation()); norm && !norm.getColumns())
      norm.setColumns(columns);
    if (auto norm = dyn_cast<vit::RmsNormOp>(op.getOperation()); norm && !norm.getColumns())
      norm.setColumns(columns);
    if (op.getResultColumns() == vit::Columns::Kept)
      padColumns(op, vit::Columns::Kept, width);
    else if (op.getResultColumns() == vit::Columns::Rows)
      for (OpOperand &operand : op->getOpOperands())
        if (isWeight(operand.get()))
          padWeight(operand, 0, width);
    for (OpOperand &use : value.getUses())
      if (columnsOf(use) == vit::Columns::Summed)
        padColumns(use.getOwner(), vit::Columns::Summed, width);
  }
}

struct PadWidths : impl::PadWidthsBase<PadWidths> {
  using Base::Base;
  PadWidths(const PadWidths &other) : Base(other) {}
  explicit PadWidths(bool ofBf16) {
    cpu = true;
    bf16 = ofBf16;
  }

  Option<bool> cpu{*this, "cpu", llvm::cl::desc("for code of a CPU"), llvm::cl::init(false)};
  Option<bool> bf16{*this, "bf16", llvm::cl::desc("whose products are of bf16"),
                    llvm::cl::init(false)};

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<OpOperand *> summed;
      for (auto op : model.getBody().front().getOps<vit::StorageInterface>())
        for (OpOperand &operand : op->getOpOperands())
          if (columnsOf(operand) == vit::Columns::Summed && !isWeight(operand.get()))
            summed.push_back(&operand);
      for (OpOperand *operand : summed)
        if (failed(cpu ? padForCpu(*operand) : pad(*operand, granularity)))
          return signalPassFailure();
    }
  }

  LogicalResult padForCpu(OpOperand &operand) {
    if (bf16 && failed(pad(operand, 2)))
      return failure();
    int64_t width = widthOf(operand.get());
    WidthSet set;
    if (cost::cpuRowsCollide(width * (bf16 ? 2 : 4)) && set.collect(operand.get()) &&
        !set.isMadeByAny<vit::NormInterface>() && !set.isMadeByAny<vit::AttentionOp>())
      set.widen(width + cost::cpuPanel);
    return success();
  }

  static LogicalResult pad(OpOperand &operand, int64_t unit) {
    int64_t width = widthOf(operand.get());
    if (width % unit == 0)
      return success();
    WidthSet set;
    if (!set.collect(operand.get())) {
      if (failed(separate(operand, width, unit)))
        return failure();
      set = {};
      [[maybe_unused]] bool free = set.collect(operand.get());
      assert(free && "only linears read the copy");
    }
    set.widen(llvm::alignTo(width, unit));
    return success();
  }

  /// Gives linears that read the value of `operand` a copy of their own.
  static LogicalResult separate(OpOperand &operand, int64_t width, int64_t unit) {
    WidthSet sources;
    if (!sources.collectSources(operand.get()))
      return emitError(operand.getOwner()->getLoc())
             << describe(operand.getOwner()) << " sums over " << width << " columns; "
             << (unit == granularity ? "GPU kernels" : "products of bf16") << " need a multiple of "
             << unit << ", and zeros cannot be added here because " << sources.obstacle;
    Value copy = sources.copy();
    operand.get().replaceUsesWithIf(
        copy, [](OpOperand &use) { return columnsOf(use) == vit::Columns::Summed; });
    return success();
  }
};
} // namespace

std::unique_ptr<Pass> createPadWidthsForCpu(bool bf16) { return std::make_unique<PadWidths>(bf16); }
} // namespace vitc
