//===- Report.cpp - What was built, and why so ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Predictions come from passes/cost, facts from ptxas; both stand side by side,
// so that a wrong prediction is seen. Nothing here depends on when and where it
// was built.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Report.h"
#include "codegen/library/LibraryData.h"
#include "codegen/library/Recipe.h"
#include "passes/Kernels.h"
#include "passes/cost/Cost.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace vitc;

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

static std::string joinSizes(ArrayRef<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static std::string dtypeOfKernel(vit::KernelOp kernel) {
  for (TypeRange types : {TypeRange(kernel.getArgumentTypes()), TypeRange(kernel.getResultTypes())})
    for (Type type : types)
      if (auto tensor = cast<RankedTensorType>(type); !tensor.hasStaticShape())
        return typeName(tensor.getElementType());
  return "f32";
}

/// Blocks on an SM are bound by the resource of which they use the largest part.
static OccupancyReport occupancyOf(const cost::Gpu &gpu, int threads, int registers, int64_t smem) {
  int warps = (threads + 31) / 32;
  struct Bound {
    const char *name;
    int64_t blocks;
  };
  // A warp gets registers in units of 256, a block shared memory in units of 128 and 1 KB beside.
  int64_t perWarp = llvm::alignTo(uint64_t(registers) * 32, 256);
  Bound bounds[] = {
      {"blocks", gpu.blocksPerSm},
      {"warps", warps ? gpu.warpsPerSm / warps : 0},
      {"registers", perWarp && warps ? gpu.registersPerSm / perWarp / warps : gpu.blocksPerSm},
      {"shared memory", int64_t(gpu.smemPerSm) / int64_t(llvm::alignTo(smem, 128) + 1024)},
  };
  const Bound &least =
      *std::min_element(std::begin(bounds), std::end(bounds),
                        [](const Bound &a, const Bound &b) { return a.blocks < b.blocks; });
  return {int(least.blocks), int(least.blocks) * warps, gpu.warpsPerSm, least.name};
}

namespace {

class KernelReporter {
public:
  KernelReporter(vit::KernelOp kernel, const cost::Gpu &gpu, uint32_t maxBatch)
      : kernel(kernel), gpu(gpu), maxBatch(maxBatch) {
    report.name = report.kernel = kernel.getSymName().str();
    report.batches = {{1, maxBatch}};
    Operation *root = kernel.getRoot();
    report.root = root ? root->getName().stripDialect().str() : "elementwise";
    report.ops = opList(kernel);
    report.dtype = dtypeOfKernel(kernel);
  }

  void addLaunch(vit::LaunchOp launch) {
    ++report.launches;
    report.places.push_back(labelOf(launch.getLoc()));
    auto result = tensorType(launch.getResults_().front());
    int64_t rows = vit::rowsPerImage(result) * maxBatch;
    if (rows < report.m)
      return;
    report.m = rows;
    report.n = widthOf(result);
    if (auto linear = dyn_cast_or_null<vit::LinearOp>(kernel.getRoot()))
      report.k = widthOf(linear.getWeight());
    if (auto attention = dyn_cast_or_null<vit::AttentionOp>(kernel.getRoot()))
      report.k = attention.getAxis() == vit::Axis::Batch
                     ? int64_t(maxBatch)
                     : attention.getKey().getType().getDimSize(1);
  }

  KernelReport finish(const KernelCode *code) {
    describeSchedule();
    if (isa_and_nonnull<vit::LinearOp>(kernel.getRoot()))
      predictLinear();
    if (code)
      addFacts(*code);
    return std::move(report);
  }

private:
  void describeSchedule() {
    auto schedules = kernel.getSchedules();
    if (!schedules || schedules->empty())
      return;
    auto schedule = cast<vit::ScheduleAttr>(*schedules->begin());
    report.tile = joinSizes(schedule.getBlock());
    if (isa_and_nonnull<vit::LinearOp>(kernel.getRoot()) && schedule.getBlock().size() == 3 &&
        schedule.getWarp().size() == 2) {
      auto block = schedule.getBlock();
      tile = {int(block[0]),
              int(block[1]),
              int(block[2]),
              int(schedule.getWarp()[0]),
              int(schedule.getWarp()[1]),
              int(schedule.getStages())};
      report.tile += "/" + joinSizes(schedule.getWarp());
    }
    report.stages = schedule.getStages();
  }

  void predictLinear() {
    cost::Product product = {report.m, report.n, report.k};
    auto microseconds = [&](const cost::Tile &candidate) {
      return cost::predictSeconds(product, candidate, gpu) * 1e6;
    };
    for (const cost::Tile &candidate : cost::linearTiles())
      report.candidates.push_back({candidate.text(),
                                   cost::predictRegisters(candidate),
                                   microseconds(candidate),
                                   {},
                                   0,
                                   ""});
    if (!tile)
      return;
    report.predictedRegisters = cost::predictRegisters(*tile);
    report.predictedMicroseconds = microseconds(*tile);
  }

  void addFacts(const KernelCode &code) {
    report.smemBytes = code.launch.dynamicSmem;
    int registers = report.predictedRegisters.value_or(0);
    if (!code.codes.empty()) {
      const Resources &used = code.codes.front().resources;
      report.registers = registers = used.registers;
      report.spillBytes = used.spillStores + used.spillLoads;
      report.stackBytes = used.stack;
      report.smemBytes += used.staticSmem;
    }
    report.threads = code.launch.threads;
    report.occupancy = occupancyOf(gpu, code.launch.threads, registers, report.smemBytes);
  }

  vit::KernelOp kernel;
  const cost::Gpu &gpu;
  uint32_t maxBatch;
  std::optional<cost::Tile> tile;
  KernelReport report;
};

} // namespace

Report vitc::makeReport(ModuleOp module, ArrayRef<KernelCode> codes, ArrayRef<FusionNote> fusions,
                        StringRef gpuName, uint32_t maxBatch) {
  const cost::Gpu *gpu = cost::findGpu(gpuName.str());
  assert(gpu && "checked with the command line");
  Report report;
  report.gpu = gpuName.str();
  report.fusions.assign(fusions.begin(), fusions.end());
  report.maxBatch = maxBatch;
  report.tensorTflops = gpu->tensorTflops;
  report.dramGBs = gpu->dramGBs;
  llvm::MapVector<Operation *, KernelReporter> kernels;
  for (vit::LaunchOp launch : launchesOf(module)) {
    vit::KernelOp kernel = kernelOf(launch);
    auto found = kernels.insert({kernel, KernelReporter(kernel, *gpu, maxBatch)}).first;
    found->second.addLaunch(launch);
  }
  for (auto &[kernel, reporter] : kernels) {
    StringRef name = cast<vit::KernelOp>(kernel).getSymName();
    auto code = llvm::find_if(codes, [&](const KernelCode &c) { return c.kernel == name; });
    report.kernels.push_back(reporter.finish(code == codes.end() ? nullptr : &*code));
  }
  return report;
}
