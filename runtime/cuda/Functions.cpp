//===- Functions.cpp - The kernel functions of a model ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Functions.h"
#include "runtime/Parallel.h"
#include "weights/Safetensors.h"

#include <algorithm>

namespace vitrt {

Status Functions::open(CUcontext newContext, const vit_target &target, const std::string &newPtx) {
  context = newContext;
  kernels = {target.kernels, target.kernel_count};
  loaded.resize(kernels.size());
  ptx = newPtx;
  return checkPtx();
}

void Functions::unload() {
  for (const LoadedCode &code : loaded)
    if (code.module)
      device.driver->cuModuleUnload(code.module);
}

/// Which kernels the text replaces must be beyond doubt.
Status Functions::checkPtx() const {
  std::vector<std::string_view> replaced;
  for (const vit_kernel &kernel : kernels) {
    if (!hasEntry(ptx, kernel.name))
      continue;
    for (std::string_view other : replaced)
      if (other == kernel.name)
        return badFile("the PTX text has an entry " + quoted(kernel.name) +
                       ", but the library has several kernels of that name");
    replaced.push_back(kernel.name);
  }
  if (!ptx.empty() && replaced.empty())
    return badFile("the PTX text has no entry with the name of a kernel of the library, such as " +
                   quoted(kernels.empty() ? "" : kernels[0].name));
  return {};
}

Status Functions::load(const SizedPlan &sized, int maxBatch) {
  ContextScope scope(device);
  // Before the mutex, which nobody gives back in a fork.
  if (Status entered = scope.enter(context); !entered)
    return entered;
  std::lock_guard lock(mutex);
  std::vector<uint32_t> wanted;
  for (const vit_step &step : std::span(sized.plan->steps, sized.plan->step_count))
    if (mayRun(step, uint64_t(maxBatch), sized.tokens) && !loaded[step.kernel].function &&
        std::find(wanted.begin(), wanted.end(), step.kernel) == wanted.end())
      wanted.push_back(step.kernel);
  if (Status done = loadAll(wanted); !done)
    return done;
  return scope.leave();
}

/// Machine code is loaded at once; as soon as the driver has to compile, the rest is worth threads.
/// The context is current.
Status Functions::loadAll(std::span<const uint32_t> wanted) {
  auto load = [&](uint32_t i) { return loadCode(device, kernels[i], ptx, loaded[i]); };
  for (bool machineCode = true; machineCode && !wanted.empty(); wanted = wanted.subspan(1)) {
    if (Status done = load(wanted[0]); !done)
      return done;
    machineCode = loaded[wanted[0]].machineCode;
  }
  return parallelFor(wanted.size(), [&](size_t i) -> Status {
    ContextScope scope(device); // of this thread
    if (Status entered = scope.enter(context); !entered)
      return entered;
    if (Status done = load(wanted[i]); !done)
      return done;
    return scope.leave();
  });
}

void Functions::describe(BackendText &texts) const {
  size_t machine = 0;
  std::string refusal, target;
  for (const LoadedCode &code : loaded)
    if (refusal.empty())
      refusal = code.refusal;
  for (size_t i = 0; i != loaded.size(); ++i) {
    bool known = loaded[i].function != nullptr;
    bool own =
        known ? loaded[i].machineCode : refusal.empty() && hasMachineCode(device, kernels[i], ptx);
    machine += own;
    if (!own && target.empty())
      target = readPtxHeader(codeOf(kernels[i]).ptx).targetText;
  }
  std::string arch = device.arch();
  bool all = machine == loaded.size();
  texts.image = all ? "machine code " + arch : target + " PTX, JIT";
  std::string code = "machine code " + arch;
  if (all && machine != 0) {
    texts.code = code;
    return;
  }
  std::string compiled = "PTX JIT for " + arch;
  if (!refusal.empty())
    compiled += " (" + refusal + ")";
  texts.code = machine == 0
                   ? compiled
                   : code + " for " + std::to_string(machine) + " of " +
                         std::to_string(loaded.size()) + " kernels, the others " + compiled;
}

} // namespace vitrt
