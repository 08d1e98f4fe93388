//===- Functions.cpp - Which functions a kernel has -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Names are what profilers show, so they say no more than is needed to tell the functions of a
// kernel apart: a linear always has its block tile, another kernel has the rows of a block only
// if it has several schedules. The rest of a schedule follows where two would be called the same.
//
//   fc1_gelu_f16_128x128x32     fc2_f16_64x64x64_k4
//   fc1_gelu_f16_128x128x32_64x32    fc1_gelu_f16_128x128x32_32x64
//   norm1_f16                   norm1_f16_rows4 and norm1_f16_rows8
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Functions.h"
#include "passes/CostBridge.h"

#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

std::string joined(ArrayRef<int> sizes) {
  return llvm::join(llvm::map_range(sizes, [](int size) { return std::to_string(size); }), "x");
}

/// What a schedule may add to a name, the most telling first.
SmallVector<std::string> nameParts(vit::ScheduleAttr attribute) {
  cost::Schedule schedule = scheduleOf(attribute);
  cost::Written s = cost::written(schedule);
  SmallVector<std::string> parts;
  switch (schedule.family()) {
  case cost::Family::Gemm:
    parts.push_back("_" + joined(s.block));
    if (s.splits > 1)
      parts.back() += "_k" + std::to_string(s.splits);
    break;
  case cost::Family::Attention:
    parts = {"", "_rows" + std::to_string(s.block[0]), "_keys" + std::to_string(s.block[1])};
    break;
  case cost::Family::Norm:
    parts = {"", "_rows" + std::to_string(s.block[0])};
    break;
  case cost::Family::Tokens:
  case cost::Family::Elementwise:
    parts = {"", "_elements" + std::to_string(s.block[0])};
    break;
  }
  parts.push_back("_" + joined(s.warp));
  parts.push_back("_stages" + std::to_string(s.stages));
  parts.push_back("_buffers" + std::to_string(s.buffers));
  parts.push_back("_registers" + std::to_string(schedule.registers));
  parts.push_back(s.recompute ? "_recompute" : "_keep");
  if (schedule.family() == cost::Family::Attention && schedule.attention().resident)
    parts.push_back("_resident");
  return parts;
}

/// As many of its parts as no other schedule begins with.
std::string suffixOf(vit::ScheduleAttr schedule, ArrayRef<vit::ScheduleAttr> different) {
  SmallVector<std::string> parts = nameParts(schedule);
  auto beginsSo = [&](vit::ScheduleAttr other, size_t count) {
    return ArrayRef(nameParts(other)).take_front(count) == ArrayRef(parts).take_front(count);
  };
  size_t count = 1;
  while (count < parts.size() &&
         llvm::any_of(
             different,
             [&](vit::ScheduleAttr other) { return other != schedule && beginsSo(other, count); }))
    ++count;
  return llvm::join(ArrayRef(parts).take_front(count), "");
}

void addBatches(KernelCode &function, vit::ScheduleAttr schedule) {
  if (!function.batches.empty() && function.batches.back().second + 1 == schedule.getMinBatch())
    function.batches.back().second = schedule.getMaxBatch();
  else
    function.batches.push_back({schedule.getMinBatch(), schedule.getMaxBatch()});
}

FailureOr<LaunchShape> readLaunchShape(FunctionOpInterface function) {
  auto threads = function->getAttrOfType<IntegerAttr>("vit.threads");
  auto shared = function->getAttrOfType<IntegerAttr>("vit.dynamic_smem");
  auto grid = function->getAttrOfType<DenseI64ArrayAttr>("vit.grid");
  if (!threads || !shared || !grid || grid.size() != 9)
    return function.emitError()
           << "expected vit.threads, vit.dynamic_smem and nine numbers in vit.grid on kernel '"
           << function.getName() << "'";
  LaunchShape launch;
  launch.threads = threads.getInt();
  launch.dynamicSmem = shared.getInt();
  for (int i = 0; i < 3; ++i)
    launch.grid[i] = {grid[3 * i], grid[3 * i + 1], grid[3 * i + 2]};
  return launch;
}

} // namespace

std::string scheduleText(vit::ScheduleAttr schedule) { return cost::text(scheduleOf(schedule)); }

bool sameCode(vit::ScheduleAttr a, vit::ScheduleAttr b) { return scheduleOf(a) == scheduleOf(b); }

FailureOr<std::vector<vit::ScheduleAttr>> activeSchedules(vit::KernelOp kernel) {
  auto error = [&] { return kernel->emitError() << "kernel '" << kernel.getSymName() << "': "; };
  std::optional<ArrayAttr> schedules = kernel.getSchedules();
  if (!schedules || schedules->empty())
    return error() << "expected schedules, found none: run vit-select-schedules";
  std::vector<vit::ScheduleAttr> active;
  for (auto schedule : schedules->getAsRange<vit::ScheduleAttr>()) {
    auto other = llvm::find_if(active, [&](vit::ScheduleAttr before) {
      return schedule.getMinBatch() <= before.getMaxBatch() &&
             before.getMinBatch() <= schedule.getMaxBatch();
    });
    if (other == active.end())
      active.push_back(schedule);
    else if (other->getMinBatch() != schedule.getMinBatch() ||
             other->getMaxBatch() != schedule.getMaxBatch())
      return error() << "expected ranges of batches that are equal or apart, found "
                     << other->getMinBatch() << " to " << other->getMaxBatch() << " and "
                     << schedule.getMinBatch() << " to " << schedule.getMaxBatch();
  }
  llvm::sort(active, [](vit::ScheduleAttr a, vit::ScheduleAttr b) {
    return a.getMinBatch() < b.getMinBatch();
  });
  return active;
}

FailureOr<std::vector<KernelCode>> planFunctions(vit::KernelOp kernel) {
  FailureOr<std::vector<vit::ScheduleAttr>> active = activeSchedules(kernel);
  if (failed(active))
    return failure();
  SmallVector<vit::ScheduleAttr> different;
  for (vit::ScheduleAttr schedule : *active)
    if (llvm::none_of(different, [&](auto other) { return sameCode(schedule, other); }))
      different.push_back(schedule);
  std::vector<KernelCode> functions;
  for (vit::ScheduleAttr schedule : different) {
    KernelCode function;
    function.kernel = kernel.getSymName().str();
    function.name = function.kernel + suffixOf(schedule, different);
    function.schedule = schedule;
    for (vit::ScheduleAttr other : *active)
      if (sameCode(schedule, other))
        addBatches(function, other);
    functions.push_back(function);
  }
  return functions;
}

bool looksLikeFunction(StringRef name) {
  static const llvm::Regex form("^[A-Za-z_][A-Za-z0-9_]*"
                                "(_(f16|bf16|tf32|f32)(_[0-9]+)?|_(rows|elements)[0-9]+|"
                                "_[0-9]+x[0-9]+x[0-9]+(_k[0-9]+)?)"
                                "(_keys[0-9x]+)?(_[0-9]+x[0-9]+)?(_stages[0-9]+)?"
                                "(_buffers[0-9]+)?(_registers[0-9]+)?(_recompute|_keep)?"
                                "(_resident)?$");
  return form.match(name);
}

/// By name, for the header of the gpu dialect takes long to compile.
static bool isCode(Operation *op) { return op->getName().getStringRef() == "gpu.module"; }

bool hasCode(ModuleOp module) {
  return llvm::any_of(module.getBody()->getOperations(), [](Operation &op) { return isCode(&op); });
}

Operation *moduleOf(vit::KernelOp kernel) {
  auto module = kernel->getParentOfType<ModuleOp>();
  Operation *code = module.lookupSymbol((kernel.getSymName() + "_module").str());
  return code && isCode(code) ? code : nullptr;
}

FailureOr<std::vector<KernelCode>> readFunctions(vit::KernelOp kernel) {
  FailureOr<std::vector<KernelCode>> functions = planFunctions(kernel);
  Operation *module = moduleOf(kernel);
  if (failed(functions))
    return failure();
  if (!module)
    return kernel.emitOpError("has no code: run vit-lower-kernels");
  for (KernelCode &function : *functions) {
    auto code =
        dyn_cast_or_null<FunctionOpInterface>(SymbolTable::lookupSymbolIn(module, function.name));
    auto schedule = code ? code->getAttrOfType<vit::ScheduleAttr>("vit.schedule") : nullptr;
    if (!schedule || !sameCode(schedule, function.schedule))
      return module->emitError() << "expected an llvm.func @" << function.name
                                 << " with vit.schedule = " << function.schedule
                                 << ", as the schedules of @" << function.kernel
                                 << " say: delete this module to have it written anew";
    FailureOr<LaunchShape> launch = readLaunchShape(code);
    if (failed(launch))
      return failure();
    function.launch = *launch;
  }
  return functions;
}

} // namespace vitc::codegen
