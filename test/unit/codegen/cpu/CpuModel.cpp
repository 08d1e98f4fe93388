//===- CpuModel.cpp - Text of a model, run by code for CPUs ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "test/unit/codegen/cpu/CpuModel.h"

#include "codegen/cpu/CpuCode.h"
#include "dialect/reference/Reference.h"
#include "passes/Passes.h"
#include "runtime/Recipe.h"
#include "runtime/cpu/Machine.h"
#include "weights/HashWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::test;

CpuModel::CpuModel(const std::string &text, std::vector<vit_isa> isas) {
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  context.disableMultithreading();
  model = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(model);
  OwningOpRef<ModuleOp> kernels = model->clone();
  PassManager manager(&context);
  PipelineOptions pipeline;
  pipeline.maxBatch = 512;
  buildCpuPipeline(manager, pipeline);
  REQUIRE(succeeded(manager.run(*kernels)));
  FailureOr<CpuCode> code = generateCpu(*kernels, std::move(isas));
  REQUIRE(succeeded(code));
  LibraryOptions options;
  options.name = "tested";
  options.maxBatch = 512;
  auto built = buildLibrary(PlanSource{*kernels, {}, &*code}, options);
  REQUIRE(succeeded(built));
  data = std::move(*built);
  auto bytes = emitObject(*data->view(), /*exported=*/true, data->cpuBitcode);
  REQUIRE(bool(bytes));
  auto loaded = LoadedObject::load(std::move(*bytes), "tested");
  REQUIRE(bool(loaded));
  object = std::move(*loaded);
}

static size_t valuesOf(const vit_tensor &tensor) {
  size_t values = 1;
  for (uint32_t i = 1; i < tensor.rank; ++i)
    values *= static_cast<size_t>(tensor.shape[i]);
  return values;
}
size_t CpuModel::inputValues() const { return valuesOf(library().inputs[0]); }
size_t CpuModel::outputValues() const { return valuesOf(library().outputs[0]); }

std::vector<float> CpuModel::run(const std::vector<float> &input, int batch, int threads) {
  REQUIRE(input.size() == inputValues() * size_t(batch));
  vitrt::FunctionSource weights = vitrt::hashSource();
  std::string device = "cpu:" + std::to_string(threads);
  auto loaded = vitrt::loadModelFrom(&library(), &weights, device.c_str());
  INFO((loaded ? "" : loaded.error()));
  REQUIRE(bool(loaded));
  auto workspace = vitrt::createWorkspace(loaded->get(), batch);
  REQUIRE(bool(workspace));
  // What nobody wrote shows.
  std::vector<float> output(outputValues() * size_t(batch), std::nanf(""));
  const void *inputs[] = {input.data()};
  void *outputs[] = {output.data()};
  REQUIRE(vit_model_run_host(loaded->get(), workspace->get(), batch, inputs, 1, outputs, 1) ==
          VIT_OK);
  return output;
}

std::vector<double> CpuModel::reference(const std::vector<float> &input, int batch) {
  reference::Interpreter interpreter(
      *model,
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
  const vit_tensor &described = library().inputs[0];
  for (uint32_t i = 1; i < described.rank; ++i)
    tensor.shape.push_back(described.shape[i]);
  tensor.values.assign(input.begin(), input.end());
  auto outputs = interpreter.run({std::move(tensor)});
  REQUIRE(bool(outputs));
  return outputs->front().tensor.values;
}

std::vector<vit_isa> vitc::test::formsHere() {
  std::vector<vit_isa> forms;
  for (vit_isa isa : {VIT_ISA_AVX2, VIT_ISA_AVX512})
    if (vitrt::hasIsa(isa))
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
