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
#include "passes/Work.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
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

namespace {

class KernelReporter {
public:
  KernelReporter(vit::KernelOp kernel, const cost::Gpu &gpu, uint32_t maxBatch)
      : kernel(kernel), gpu(gpu), maxBatch(maxBatch) {
    report.name = kernel.getSymName().str();
    Operation *root = kernel.getRoot();
    report.root = root ? root->getName().stripDialect().str() : "elementwise";
    report.ops = opList(kernel);
    report.dtype = dtypeOfKernel(kernel);
  }

  void addLaunch(vit::LaunchOp launch) {
    ++report.launches;
    auto result = tensorType(launch.getResults_().front());
    int64_t rows = vit::rowsPerImage(result) * maxBatch;
    if (rows < report.m)
      return;
    work = workOf(launch);
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
    if (auto schedule = scheduleAt(kernel, maxBatch))
      describeSchedule(schedule);
    if (code)
      addFacts(*code);
    return std::move(report);
  }

private:
  void describeSchedule(vit::ScheduleAttr schedule) {
    report.tile = joinSizes(schedule.getBlock());
    if (schedule.getBlock().size() == 3)
      report.tile += "/" + joinSizes(schedule.getWarp());
    report.stages = schedule.getStages();
    for (auto other : kernel.getSchedules()->getAsRange<vit::ScheduleAttr>()) {
      if (other.getMinBatch() > maxBatch || other.getMaxBatch() < maxBatch)
        continue;
      cost::Schedule plain = scheduleOf(other);
      cost::Prediction prediction = cost::predict(work, plain, maxBatch, gpu);
      report.candidates.push_back(
          {cost::text(plain), prediction.registers, prediction.seconds * 1e6});
    }
    report.predictedRegisters = report.candidates.front().predictedRegisters;
    report.predictedMicroseconds = report.candidates.front().predictedMicroseconds;
  }

  void addFacts(const KernelCode &code) {
    report.smemBytes = code.launch.dynamicSmem;
    int registers = report.predictedRegisters.value_or(255);
    if (!code.codes.empty()) {
      const Resources &used = code.codes.front().resources;
      report.registers = registers = used.registers;
      report.spillBytes = used.spillStores + used.spillLoads;
      report.stackBytes = used.stack;
      report.smemBytes += used.staticSmem;
    }
    report.limit =
        cost::occupancy(gpu, code.launch.threads, std::clamp(registers, 1, 255), report.smemBytes)
            .limit;
  }

  vit::KernelOp kernel;
  const cost::Gpu &gpu;
  uint32_t maxBatch;
  cost::Work work; // of the launch with the most rows
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
  llvm::MapVector<Operation *, KernelReporter> kernels;
  for (vit::LaunchOp launch : launchesOf(module)) {
    vit::KernelOp kernel = kernelOf(launch);
    auto found = kernels.insert({kernel, KernelReporter(kernel, *gpu, maxBatch)}).first;
    found->second.addLaunch(launch);
  }
  for (auto &[kernel, reporter] : kernels) {
    StringRef name = cast<vit::KernelOp>(kernel).getSymName();
    auto code = llvm::find_if(codes, [&](const KernelCode &c) {
      return c.kernel == name && c.part == 0 && llvm::any_of(c.batches, [&](auto range) {
               return range.first <= maxBatch && maxBatch <= range.second;
             });
    });
    report.kernels.push_back(reporter.finish(code == codes.end() ? nullptr : &*code));
  }
  return report;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// Three digits after the point: the same text wherever it is printed.
static llvm::json::Value rounded(double value) { return std::round(value * 1000) / 1000; }

template <class T> static llvm::json::Value orNull(const std::optional<T> &value) {
  if (!value)
    return nullptr;
  if constexpr (std::is_floating_point_v<T>)
    return rounded(*value);
  else
    return *value;
}

static llvm::json::Object kernelJson(const KernelReport &kernel) {
  llvm::json::Array candidates;
  for (const Candidate &candidate : kernel.candidates)
    candidates.push_back(
        llvm::json::Object{{"tile", candidate.tile},
                           {"predicted_registers", candidate.predictedRegisters},
                           {"predicted_us", rounded(candidate.predictedMicroseconds)}});
  return llvm::json::Object{{"name", kernel.name},
                            {"root", kernel.root},
                            {"ops", kernel.ops},
                            {"m", kernel.m},
                            {"n", kernel.n},
                            {"k", kernel.k},
                            {"dtype", kernel.dtype},
                            {"tile", kernel.tile},
                            {"stages", kernel.stages},
                            {"launches", kernel.launches},
                            {"candidates", std::move(candidates)},
                            {"predicted_registers", orNull(kernel.predictedRegisters)},
                            {"registers", orNull(kernel.registers)},
                            {"spill_bytes", kernel.spillBytes},
                            {"stack_bytes", kernel.stackBytes},
                            {"smem_bytes", kernel.smemBytes},
                            {"predicted_us", orNull(kernel.predictedMicroseconds)},
                            {"limit", kernel.limit}};
}

static llvm::json::Array tensorsJson(const vit_tensor *tensors, uint32_t count) {
  llvm::json::Array list;
  for (const vit_tensor &tensor : ArrayRef(tensors, count)) {
    llvm::json::Array shape;
    for (int64_t size : ArrayRef(tensor.shape, tensor.rank))
      shape.push_back(size);
    list.push_back(llvm::json::Object{{"name", tensor.name}, {"shape", std::move(shape)}});
  }
  return list;
}

static llvm::json::Object libraryJson(const vit_library &library) {
  uint64_t ptx = 0, code = 0;
  for (const vit_kernel &kernel : ArrayRef(library.kernels, library.kernel_count)) {
    ptx += kernel.ptx_size;
    for (const vit_machine_code &image : ArrayRef(kernel.codes, kernel.code_count))
      code += image.size;
  }
  return llvm::json::Object{{"name", library.name},
                            {"abi", library.abi},
                            {"compiler", library.compiler},
                            {"assembler", library.assembler},
                            {"max_batch", library.max_batch},
                            {"inputs", tensorsJson(library.inputs, library.input_count)},
                            {"outputs", tensorsJson(library.outputs, library.output_count)},
                            {"launches", library.step_count},
                            {"workspace_bytes_per_image", library.workspace_bytes},
                            {"weight_bytes", library.weight_bytes},
                            {"weights_embedded", library.embedded != nullptr},
                            {"ptx_bytes", ptx},
                            {"machine_code_bytes", code}};
}

std::string vitc::reportJson(const Report &report, const vit_library *library) {
  llvm::json::Array kernels, fusions;
  for (const KernelReport &kernel : report.kernels)
    kernels.push_back(kernelJson(kernel));
  for (const FusionNote &note : report.fusions)
    fusions.push_back(llvm::json::Object{
        {"ops", note.ops}, {"loc", note.location}, {"made", note.made}, {"reason", note.reason}});
  llvm::json::Object root{
      {"gpu", report.gpu}, {"kernels", std::move(kernels)}, {"fusions", std::move(fusions)}};
  if (library)
    root["library"] = libraryJson(*library);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}", llvm::json::Value(std::move(root)))
                                 << "\n";
  return text;
}

std::string vitc::reportTable(const Report &report) {
  std::string text;
  llvm::raw_string_ostream out(text);
  auto number = [](const std::optional<int> &value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  size_t width = 6;
  for (const KernelReport &kernel : report.kernels)
    width = std::max(width, kernel.name.size());
  out << "kernels for " << report.gpu << "\n";
  out << llvm::left_justify("kernel", width)
      << "  launches       M x N x K         registers  spill  stack    smem     us  bound by\n";
  for (const KernelReport &kernel : report.kernels) {
    std::string shape = joinSizes({kernel.m, kernel.n});
    if (kernel.k)
      shape += "x" + std::to_string(kernel.k);
    std::string registers =
        number(kernel.registers) + " (" + number(kernel.predictedRegisters) + ")";
    std::string time = "-";
    if (kernel.predictedMicroseconds)
      time = llvm::formatv("{0:f1}", *kernel.predictedMicroseconds).str();
    out << llvm::left_justify(kernel.name, width)
        << llvm::format("  %8u  %-20s  %-10s %5d  %5d  %6lld  %5s  %s\n", kernel.launches,
                        shape.c_str(), registers.c_str(), kernel.spillBytes, kernel.stackBytes,
                        static_cast<long long>(kernel.smemBytes), time.c_str(),
                        kernel.limit.c_str());
  }
  out << "registers: found by ptxas (predicted); M and us at the largest batch\n\nfusions\n";
  for (const FusionNote &note : report.fusions) {
    out << (note.made ? "made     " : "refused  ") << note.ops;
    if (!note.location.empty())
      out << " at " << note.location;
    if (!note.made)
      out << ": " << note.reason;
    out << "\n";
  }
  return text;
}
