//===- CpuModel.cpp - Text of a model, run by code for CPUs ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "test/unit/codegen/cpu/CpuModel.h"

#include "codegen/cpu/CpuCode.h"
#include "dialect/ModelFunction.h"
#include "dialect/reference/Reference.h"
#include "passes/Passes.h"
#include "runtime/Recipe.h"
#include "runtime/cpu/Machine.h"
#include "weights/HashWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/Support/MathExtras.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::test;

CpuModel::Compiled CpuModel::compile(ModuleOp from, const std::vector<vit_isa> &isas,
                                     const std::string &dtype, const CpuCode *beside) {
  OwningOpRef<ModuleOp> kernels = from.clone();
  PassManager manager(&context);
  PipelineOptions pipeline;
  pipeline.maxBatch = 512;
  pipeline.dtype = dtype;
  buildCpuPipeline(manager, pipeline);
  REQUIRE(succeeded(manager.run(*kernels)));
  FailureOr<CpuCode> code = generateCpu(*kernels, isas, beside);
  REQUIRE(succeeded(code));
  return {std::move(kernels), std::move(*code)};
}

CpuModel::CpuModel(const std::string &text, std::vector<vit_isa> isas, const std::string &dtype,
                   const std::string &anySize) {
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  context.disableMultithreading();
  model = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(model);
  Compiled one = compile(*model, isas, dtype), any;
  std::vector<PlanSource> sources = {{*one.kernels, {}, &one.code}};
  if (!anySize.empty()) {
    OwningOpRef<ModuleOp> other = parseSourceString<ModuleOp>(anySize, &context);
    REQUIRE(other);
    any = compile(*other, isas, dtype, &one.code);
    sources.push_back({*any.kernels, {}, &any.code});
  }
  LibraryOptions options;
  options.name = "tested";
  options.maxBatch = 512;
  auto built = buildLibrary(sources, options);
  REQUIRE(succeeded(built));
  data = std::move(*built);
  auto bytes = emitObject(*data->view(), /*exported=*/true, data->cpuBitcode);
  REQUIRE(bool(bytes));
  auto loaded = LoadedObject::load(std::move(*bytes), "tested");
  REQUIRE(bool(loaded));
  object = std::move(*loaded);
}

namespace {
/// Memory between pages that nobody may touch: right behind the first of them, or right in front of
/// the second.
class Guarded {
public:
  Guarded(size_t bytes, bool atEnd) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), inside = llvm::alignTo(bytes, page);
    mapped = inside + 2 * page;
    void *pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    begin = static_cast<char *>(pages);
    REQUIRE(mprotect(begin, page, PROT_NONE) == 0);
    REQUIRE(mprotect(begin + page + inside, page, PROT_NONE) == 0);
    memory = begin + page + (atEnd ? inside - bytes : 0);
  }
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;
  ~Guarded() { munmap(begin, mapped); }

  char *memory;

private:
  char *begin;
  size_t mapped;
};
} // namespace

static size_t valuesOf(const vit_tensor &tensor) {
  size_t values = 1;
  for (uint32_t i = 1; i < tensor.rank; ++i)
    values *= static_cast<size_t>(tensor.shape[i]);
  return values;
}
size_t CpuModel::inputValues() const { return valuesOf(library().inputs[0]); }
size_t CpuModel::outputValues() const { return valuesOf(library().outputs[0]); }

std::vector<float> CpuModel::run(const std::vector<float> &input, int batch, int threads,
                                 vitrt::ImageSize size) {
  vitrt::SizedPlan sized;
  REQUIRE(bool(vitrt::choosePlan(library(), 0, size, sized)));
  bool bytes = library().inputs[0].dtype == VIT_U8;
  size_t inputBytes = sized.inputBytes(library(), 0, batch),
         values = sized.outputBytes(library(), 0, batch) / sizeof(float);
  REQUIRE(input.size() * (bytes ? sizeof(uint8_t) : sizeof(float)) == inputBytes);
  vitrt::FunctionSource weights = vitrt::hashSource();
  std::string device = "cpu:" + std::to_string(threads);
  auto loaded = vitrt::loadModelFrom(&library(), &weights, device.c_str());
  INFO((loaded ? "" : loaded.error()));
  REQUIRE(bool(loaded));
  auto workspace = vitrt::createWorkspace(loaded->get(), batch, size);
  INFO((workspace ? "" : workspace.error()));
  REQUIRE(bool(workspace));
  // What reads or writes beside its buffers ends the test; on which side, one and more threads try.
  Guarded from(inputBytes, threads == 1), to(values * sizeof(float), threads == 1);
  if (bytes)
    std::copy(input.begin(), input.end(), reinterpret_cast<uint8_t *>(from.memory));
  else
    std::copy(input.begin(), input.end(), reinterpret_cast<float *>(from.memory));
  auto *found = reinterpret_cast<float *>(to.memory);
  std::fill(found, found + values, std::nanf("")); // what nobody wrote shows
  const void *inputs[] = {from.memory};
  void *outputs[] = {to.memory};
  REQUIRE(vit_model_run_host(loaded->get(), workspace->get(), batch, inputs, 1, outputs, 1) ==
          VIT_OK);
  return {found, found + values};
}

std::vector<double> vitc::test::referenceOf(ModuleOp model, const std::vector<float> &input,
                                            int batch) {
  reference::Interpreter interpreter(
      model,
      [](const reference::Weight &weight, std::vector<double> &values) {
        std::vector<float> made(values.size());
        int64_t count = 1;
        for (int64_t size : weight.shape)
          count *= size;
        made.resize(size_t(count));
        vitrt::hashTensor(weight.key.str().c_str(), {weight.shape.begin(), weight.shape.end()}, 0,
                          made);
        values.assign(made.begin(), made.end());
        return std::string();
      },
      2);
  reference::Tensor tensor;
  tensor.shape = {batch};
  auto function = llvm::cantFail(vit::findModel(model));
  auto type = cast<RankedTensorType>(function.getArgumentTypes().front());
  llvm::append_range(tensor.shape, type.getShape().drop_front());
  tensor.values.assign(input.begin(), input.end());
  auto outputs = interpreter.run({std::move(tensor)});
  REQUIRE(bool(outputs));
  return outputs->front().tensor.values;
}

std::vector<double> vitc::test::referenceOf(const std::string &text,
                                            const std::vector<float> &input, int batch) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> model = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(model);
  return referenceOf(*model, input, batch);
}

std::vector<vit_isa> vitc::test::formsHere(const std::string &dtype) {
  std::vector<vit_isa> forms;
  for (vit_isa isa : {VIT_ISA_AVX2, VIT_ISA_AVX512, VIT_ISA_AVX512_VNNI, VIT_ISA_AVX512_BF16})
    if (vitrt::hasIsa(isa) && (dtype == "bf16" || isa != VIT_ISA_AVX512_BF16) &&
        (dtype == "i8" || isa != VIT_ISA_AVX512_VNNI))
      forms.push_back(isa);
  return forms;
}

std::vector<float> vitc::test::randomValues(size_t count, uint64_t seed, float scale) {
  std::vector<float> values(count);
  vitrt::hashUniform("values", int64_t(seed << 32), values);
  for (float &value : values)
    value *= scale;
  return values;
}

double vitc::test::distance(const std::vector<float> &found, const std::vector<double> &expected) {
  REQUIRE(found.size() == expected.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    difference += (found[i] - expected[i]) * (found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}
