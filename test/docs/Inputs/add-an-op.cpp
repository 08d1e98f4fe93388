// The op of docs/add-an-op.md, and the switch in which its reference is a case.
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

struct SoftplusOp : Op<SoftplusOp> {
  using Op::Op;
  static StringRef getOperationName() { return "vit.softplus"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
};
struct Call {};
template <typename Function> bool map(const Call &, Function function) { return function(1.0) > 0; }

bool evaluate(Operation *op, const Call &call) {
  return TypeSwitch<Operation *, bool>(op) @SNIPPET @.Default(false);
}
