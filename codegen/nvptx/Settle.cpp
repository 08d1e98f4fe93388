//===- Settle.cpp - Schedules that ptxas agrees with ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Registers are predicted; what ptxas needs is a fact. So every function that a kernel would run is
// assembled, and where one spills, its schedule leaves the kernel's list and the next alternative
// of that range of batches is lowered, translated and assembled, until all hold. Alternatives that
// are never reached cost nothing.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitc::codegen {

namespace {

/// What must not happen in a function, whatever the schedule's prediction was; empty if all is
/// well.
std::string problemOf(const KernelCode &function, const MachineCode &code, int64_t sharedLimit) {
  const Resources &used = code.resources;
  std::string who = "ptxas for " + code.arch + " ";
  int64_t bound = function.schedule.getRegisters();
  if (int spilled = used.spillStores + used.spillLoads)
    return who + "spilled " + std::to_string(spilled) + " bytes at " +
           std::to_string(used.registers) + " registers";
  if (used.stack)
    return who + "needs " + std::to_string(used.stack) + " bytes of stack, expected none";
  if (bound && used.registers > bound)
    return who + "needs " + std::to_string(used.registers) + " registers, expected at most " +
           std::to_string(bound);
  if (int64_t shared = int64_t(used.staticSmem) + function.launch.dynamicSmem; shared > sharedLimit)
    return "needs " + std::to_string(shared) + " bytes of shared memory, expected at most " +
           std::to_string(sharedLimit);
  return "";
}

class Settling {
public:
  Settling(ModuleOp module, StringRef arch, const Assembler &assembler, SettledCode &result)
      : module(module), arch(arch), assembler(assembler), result(result) {}

  LogicalResult run(std::string &error) {
    for (auto kernel : module.getOps<vit::KernelOp>()) {
      FailureOr<std::vector<KernelCode>> functions = readFunctions(kernel);
      if (failed(functions))
        return failure();
      llvm::append_range(result.functions, *functions);
    }
    for (bool again = true; again;) {
      if (failed(translateToPtx(module, arch, result.functions)) ||
          failed(assemble(assembler, result.functions, error)))
        return failure();
      again = dropRefuted();
      if (again && failed(lowerAgain()))
        return failure();
    }
    for (auto kernel : module.getOps<vit::KernelOp>())
      keepActive(kernel);
    return success();
  }

private:
  /// Drops the schedules that ptxas refutes where there are others; the last ones are `left`.
  bool dropRefuted() {
    bool any = false;
    result.left.clear();
    for (const KernelCode &function : result.functions) {
      std::optional<RefutedSchedule> refuted = refute(function);
      if (!refuted)
        continue;
      if (drop(module.lookupSymbol<vit::KernelOp>(function.kernel), function.schedule)) {
        any = true;
        result.dropped.push_back(std::move(*refuted));
      } else if (stillActive(function)) {
        result.left.push_back(std::move(*refuted));
      }
    }
    return any;
  }

  std::optional<RefutedSchedule> refute(const KernelCode &function) const {
    for (const MachineCode &code : function.codes)
      if (std::string problem = problemOf(function, code, assembler.sharedLimit); !problem.empty())
        return RefutedSchedule{function.kernel,
                               function.name,
                               function.schedule,
                               code.resources.registers,
                               code.resources.spillStores + code.resources.spillLoads,
                               problem};
    return std::nullopt;
  }

  /// Part 0 may have taken the schedule with it.
  bool stillActive(const KernelCode &function) {
    auto kernel = module.lookupSymbol<vit::KernelOp>(function.kernel);
    return llvm::any_of(*activeSchedules(kernel),
                        [&](auto schedule) { return sameCode(schedule, function.schedule); });
  }

  /// Takes `schedule` out of every range of batches that has another one. False: out of none.
  bool drop(vit::KernelOp kernel, vit::ScheduleAttr schedule) {
    auto rangeOf = [](vit::ScheduleAttr s) { return std::pair(s.getMinBatch(), s.getMaxBatch()); };
    SmallVector<vit::ScheduleAttr> all =
        llvm::to_vector(kernel.getSchedulesAttr().getAsRange<vit::ScheduleAttr>());
    SmallVector<Attribute> kept;
    for (vit::ScheduleAttr mine : all) {
      bool last = llvm::none_of(all, [&](vit::ScheduleAttr other) {
        return rangeOf(other) == rangeOf(mine) && !sameCode(other, schedule);
      });
      if (last || !sameCode(mine, schedule))
        kept.push_back(mine);
    }
    if (kept.size() == all.size())
      return false;
    kernel.setSchedulesAttr(ArrayAttr::get(kernel.getContext(), kept));
    if (Operation *code = moduleOf(kernel)) // another function may have seen to it
      code->erase();
    return true;
  }

  /// New code for the kernels that lost theirs; functions that stay keep what was assembled.
  LogicalResult lowerAgain() {
    if (failed(lowerKernels(module)))
      return failure();
    std::vector<KernelCode> before = std::exchange(result.functions, {});
    for (auto kernel : module.getOps<vit::KernelOp>()) {
      FailureOr<std::vector<KernelCode>> functions = readFunctions(kernel);
      if (failed(functions))
        return failure();
      for (KernelCode &function : *functions) {
        auto same = llvm::find_if(before, [&](const KernelCode &old) {
          return old.name == function.name && old.kernel == function.kernel &&
                 sameCode(old.schedule, function.schedule);
        });
        if (same != before.end()) {
          function.ptx = std::move(same->ptx);
          function.codes = std::move(same->codes);
        }
        result.functions.push_back(std::move(function));
      }
    }
    return success();
  }

  static void keepActive(vit::KernelOp kernel) {
    std::vector<vit::ScheduleAttr> active = *activeSchedules(kernel);
    SmallVector<Attribute> schedules(active.begin(), active.end());
    kernel.setSchedulesAttr(ArrayAttr::get(kernel.getContext(), schedules));
  }

  ModuleOp module;
  StringRef arch;
  const Assembler &assembler;
  SettledCode &result;
};

} // namespace

LogicalResult settleSchedules(ModuleOp module, StringRef arch, const Assembler &assembler,
                              SettledCode &result, std::string &error) {
  result = {};
  return Settling(module, arch, assembler, result).run(error);
}

} // namespace vitc::codegen
