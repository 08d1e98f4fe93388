//===- Kernels.cpp - Building and naming kernels --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Names come from locations, because those say where in the model a kernel belongs; profilers and
// messages show them. They must be C identifiers and PTX identifiers.
//
//===----------------------------------------------------------------------===//

#include "passes/Kernels.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace vitc;

vit::KernelOp vitc::createKernel(OpBuilder &builder, Location loc, StringRef name,
                                 TypeRange arguments, TypeRange results) {
  OperationState state(loc, vit::KernelOp::getOperationName());
  state.addAttribute("sym_name", builder.getStringAttr(name));
  state.addAttribute("function_type", TypeAttr::get(builder.getFunctionType(arguments, results)));
  Region *body = state.addRegion();
  auto kernel = cast<vit::KernelOp>(Operation::create(state));
  Block *block = new Block;
  body = &kernel.getBody();
  body->push_back(block);
  block->addArguments(arguments, SmallVector<Location>(arguments.size(), loc));
  return kernel;
}

void vitc::insertKernel(SymbolTable &symbols, vit::KernelOp kernel, func::FuncOp model) {
  symbols.insert(kernel, model->getIterator());
}

vit::KernelOp vitc::kernelOf(vit::LaunchOp launch) {
  auto module = launch->getParentOfType<ModuleOp>();
  return cast<vit::KernelOp>(SymbolTable::lookupSymbolIn(module, launch.getKernelAttr()));
}

bool vitc::isOnRows(vit::KernelOp kernel) {
  auto isRows = [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.hasStaticShape() || tensor.getRank() == 2;
  };
  return llvm::all_of(kernel.getArgumentTypes(), isRows) &&
         llvm::all_of(kernel.getResultTypes(), isRows);
}

KernelTable::KernelTable(ModuleOp module) : symbols(module) {
  for (vit::LaunchOp launch : launchesOf(module))
    ++launches[of(launch)];
}

vit::KernelOp KernelTable::of(vit::LaunchOp launch) const {
  return symbols.lookup<vit::KernelOp>(launch.getKernelAttr().getAttr());
}

void KernelTable::insert(vit::KernelOp kernel, func::FuncOp model) {
  insertKernel(symbols, kernel, model);
  launches[kernel] = 1;
}

void KernelTable::release(vit::KernelOp kernel) {
  if (--launches[kernel] > 0)
    return;
  launches.erase(kernel);
  symbols.erase(kernel);
}

SmallVector<vit::LaunchOp> vitc::launchesOf(ModuleOp module) {
  SmallVector<vit::LaunchOp> launches;
  for (func::FuncOp model : vit::modelFunctions(module))
    llvm::append_range(launches, model.getOps<vit::LaunchOp>());
  return launches;
}

int64_t vitc::countFlops(func::FuncOp model, int64_t batch) {
  int64_t flops = 0;
  model.walk([&](vit::KernelInterface root) { flops += root.getFlops(batch); });
  model.walk([&](vit::LaunchOp launch) {
    vit::KernelOp kernel = kernelOf(launch);
    // A kernel on rows knows of one.
    int64_t times = vit::rowsPerImage(tensorType(launch->getResult(0))) /
                    vit::rowsPerImage(cast<RankedTensorType>(kernel.getResultTypes().front()));
    for (Operation *root : kernel.getRoots())
      flops += times * cast<vit::KernelInterface>(root).getFlops(batch);
  });
  return flops;
}

static SmallVector<Operation *> opsOf(vit::KernelOp kernel) {
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    ops.push_back(&op);
  return ops;
}

std::string vitc::opList(vit::KernelOp kernel) {
  std::string text;
  for (Operation *op : opsOf(kernel))
    (text += text.empty() ? "" : "+") += op->getName().stripDialect();
  return text;
}

/// The last component of a dotted name; with the one before it if the last is but a number or
/// letter.
static std::string shortName(StringRef name) {
  auto [parent, last] = name.rsplit('.');
  if (last.empty())
    last = parent;
  bool plain = last.size() > 1 && !llvm::all_of(last, llvm::isDigit);
  if (!plain && name.contains('.'))
    last = name.substr(parent.rfind('.') + 1); // npos + 1 is the whole name
  std::string result;
  for (char c : last)
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || llvm::isDigit(result.front()))
    result.insert(0, 1, 'k');
  return result;
}

static std::string typeName(Value value) {
  std::string text;
  llvm::raw_string_ostream(text) << tensorType(value).getElementType();
  return text;
}

std::string vitc::kernelName(ArrayRef<Operation *> ops) {
  vit::KernelInterface root, last;
  for (Operation *op : ops)
    if (auto other = dyn_cast<vit::KernelInterface>(op)) {
      root = root ? root : other;
      last = other;
    }
  Operation *main = root ? root : ops.front();
  // A select comes from whatever reads one token; that is not its own name.
  bool ofOther = root && root.getKernelFamily() == vit::KernelFamily::Select;
  std::string name = ofOther ? "" : locationName(main->getLoc());
  name = name.empty() ? main->getName().stripDialect().str() : shortName(name);
  for (Operation *op : ops)
    if (auto fused = dyn_cast<vit::ElementwiseInterface>(op);
        fused && op != main && fused.isNamed())
      (name += '_') += op->getName().stripDialect();
  // Products are known by what they multiply, everything else by what it makes in the end.
  if (isProduct(main))
    return name + "_" + typeName(main->getOperand(0));
  return name + "_" + typeName(last ? last->getResult(0) : main->getResult(0));
}

std::string vitc::kernelName(vit::KernelOp kernel) { return kernelName(opsOf(kernel)); }

std::string vitc::textOf(vit::KernelOp kernel) {
  OwningOpRef<vit::KernelOp> plain = kernel.clone();
  plain->setSymName("k");
  plain->removeSchedulesAttr();
  std::string text;
  llvm::raw_string_ostream out(text);
  (*plain)->print(out, OpPrintingFlags().printGenericOpForm().useLocalScope());
  return text;
}

uint64_t vitc::hashOf(vit::KernelOp kernel) {
  OwningOpRef<vit::KernelOp> plain = kernel.clone();
  plain->walk([](Operation *op) { // no schedule depends on it
    if (op->hasAttr("eps"))
      op->setAttr("eps", FloatAttr::get(Float64Type::get(op->getContext()), 1e-6));
  });
  return llvm::xxh3_64bits(textOf(*plain));
}
