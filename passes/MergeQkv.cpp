//===- MergeQkv.cpp - One linear for query, key and value -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Three linears of the same rows read them three times and fill the device three times badly. One
// linear with the weights below each other computes the same columns:
//
//   %q = vit.linear %x, %wq          =>   %w = vit.concat %wq, %wk, %wv
//   %k = vit.linear %x, %wk               %y = vit.linear %x, %w
//   %v = vit.linear %x, %wv               vit.attention %y, %y, %y ... offsets [0, D, 2 D]
//
// Two of the three merge as well: that is what is left after pruning. A bias that is missing is one
// of zeros. Those that are turned by their position come first, so that one op turns the first
// columns. A linear stays by itself if its input or element types differ from the others', or if
// something but this attention uses its result.
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Projection.h"
#include "passes/Queries.h"
#include "passes/Zeros.h"

#include "llvm/ADT/MapVector.h"

namespace vitc {
#define GEN_PASS_DEF_MERGEQKV
#include "passes/Passes.h.inc"

using namespace mlir;

namespace {
using Group = SmallVector<Projection, 3>;

/// The weights below each other. Neighbouring slices of one weight are that weight again.
Value stack(OpBuilder &builder, Location loc, ArrayRef<Value> weights) {
  SmallVector<int64_t> shape(tensorType(weights.front()).getShape());
  Type element = tensorType(weights.front()).getElementType();
  shape[0] = 0;
  Value source;
  int64_t first = 0;
  bool contiguous = true;
  for (Value weight : weights) {
    auto slice = weight.getDefiningOp<vit::SliceOp>();
    contiguous &= slice && slice.getType().getRank() == slice.getInput().getType().getRank();
    if (contiguous && !source) {
      source = slice.getInput();
      first = slice.getFirst();
    }
    contiguous = contiguous && source == slice.getInput() &&
                 static_cast<int64_t>(slice.getFirst()) == first + shape[0];
    shape[0] += tensorType(weight).getDimSize(0);
  }
  auto type = RankedTensorType::get(shape, element);
  if (contiguous && tensorType(source) == type)
    return source;
  if (contiguous)
    return vit::SliceOp::create(builder, loc, type, source, first);
  return vit::ConcatOp::create(builder, loc, type, weights);
}

/// The biases of a group below each other, zeros where one has none; null if none has one.
Value stackBiases(OpBuilder &builder, Location loc, MutableArrayRef<Projection> group) {
  auto biased = llvm::find_if(group, [](Projection &one) { return one.bias != nullptr; });
  if (biased == group.end())
    return {};
  Value known = biased->biasVector();
  RankedTensorType type = tensorType(known);
  SmallVector<Value> biases;
  for (Projection &projection : group) {
    RankedTensorType absent = type.clone({widthOf(projection.linear.getResult())});
    biases.push_back(projection.bias ? projection.biasVector()
                                     : zeroWeight(builder, loc, known, absent));
  }
  return stack(builder, loc, biases);
}

/// "blocks.0.attn.q", "blocks.0.attn.k" => "blocks.0.attn.qk"; names of more than a letter are
/// joined by "_" ("blocks.0.attn.query_key").
Location mergedLocation(OpBuilder &builder, ArrayRef<Projection> group) {
  SmallVector<Location> locations;
  std::string prefix, name;
  bool named = true;
  for (Projection projection : group) {
    locations.push_back(projection.linear.getLoc());
    std::string whole = locationName(projection.linear.getLoc());
    auto [parent, last] = StringRef(whole).contains('.') ? StringRef(whole).rsplit('.')
                                                         : std::pair(StringRef(), StringRef(whole));
    last.consume_back("_proj");
    named &= !last.empty() && (name.empty() || parent == prefix);
    prefix = parent.str();
    (name += name.empty() || last.size() == 1 ? "" : "_") += last;
  }
  Location fused = builder.getFusedLoc(locations);
  if (!named)
    return fused;
  return NameLoc::get(builder.getStringAttr(prefix.empty() ? name : prefix + "." + name), fused);
}

/// Replaces the group by one linear; the attention reads it at offsets. What is turned comes first.
void merge(vit::AttentionOp attention, Group group) {
  llvm::stable_sort(group,
                    [](const Projection &a, const Projection &b) { return a.rope && !b.rope; });
  // After the last of them all inputs exist; the attention is later than any.
  OpBuilder builder(attention);
  Location loc = mergedLocation(builder, group);
  SmallVector<Value> weights;
  int64_t turned = 0;
  for (Projection &projection : group) {
    weights.push_back(projection.weight());
    if (projection.rope)
      turned += widthOf(projection.value);
  }
  Value weight = stack(builder, loc, weights);
  vit::LinearOp first = group.front().linear;
  SmallVector<int64_t> shape(first.getType().getShape());
  shape.back() = tensorType(weight).getDimSize(0);
  Value packed =
      vit::LinearOp::create(builder, loc, first.getType().clone(shape), first.getInput(), weight);
  RankedTensorType stored = tensorType(group.front().value).clone(shape);
  if (Value biases = stackBiases(builder, loc, group))
    packed = vit::BiasAddOp::create(builder, loc, stored, packed, biases);
  if (turned)
    packed = vit::RopeOp::create(builder, group.front().rope.getLoc(), stored, packed,
                                 group.front().rope.getTable(), turned);

  SmallVector<int64_t> offsets(attention.getOffsets());
  int64_t base = 0;
  for (Projection projection : group) {
    for (unsigned i = 0; i < 3; ++i)
      if (attention->getOperand(i) == projection.value) {
        attention->setOperand(i, packed);
        offsets[i] += base;
      }
    base += widthOf(projection.value);
    for (Operation *op : {projection.rope.getOperation(), projection.bias.getOperation(),
                          projection.linear.getOperation()})
      if (op)
        op->erase();
  }
  attention.setOffsets(offsets);
}

struct MergeQkv : impl::MergeQkvBase<MergeQkv> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp model : vit::modelFunctions(getOperation())) {
      SmallVector<vit::AttentionOp> attentions(model.getOps<vit::AttentionOp>());
      for (vit::AttentionOp attention : attentions)
        mergeOperands(attention);
      eraseDeadOps(model);
    }
  }

  /// Whether biases of `projection` and of the group have one type, and one table turns them.
  static bool canJoin(Group &group, Projection projection) {
    return llvm::all_of(group, [&](Projection &other) {
      bool sameType = !other.bias || !projection.bias ||
                      tensorType(other.biasVector()).getElementType() ==
                          tensorType(projection.biasVector()).getElementType();
      return sameType && (!other.rope || !projection.rope ||
                          other.rope.getTable() == projection.rope.getTable());
    });
  }

  static void mergeOperands(vit::AttentionOp attention) {
    using Key = decltype(std::declval<Projection>().key());
    SmallVector<std::pair<Key, Group>> groups;
    SmallVector<Value, 3> seen;
    for (Value operand : attention->getOperands().take_front(3)) {
      if (llvm::is_contained(seen, operand))
        continue;
      seen.push_back(operand);
      std::optional<Projection> projection = matchProjection(operand, attention);
      if (!projection)
        continue;
      auto group = llvm::find_if(groups, [&](auto &g) { return g.first == projection->key(); });
      if (group == groups.end())
        group = groups.insert(groups.end(), {projection->key(), {}});
      if (canJoin(group->second, *projection))
        group->second.push_back(*projection);
    }
    for (auto &[key, group] : groups)
      if (group.size() > 1)
        merge(attention, group);
  }
};
} // namespace
} // namespace vitc
