//===- AnySizeTest.cpp - What one library for all sizes costs -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model of real width, for any size against builds for one: memory of workspaces, and the time
// that the cost model predicts for the launches on rows.
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"
#include "driver/Compiler.h"
#include "passes/CostBridge.h"
#include "runtime/Inspect.h"
#include "runtime/Plan.h"
#include "weights/HashWeights.h"

#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace vitc;
using namespace vitc::driver;

namespace {

const std::string models = VITC_SOURCE_DIR "/test/golden/models/";

struct Compiled {
  explicit Compiled(const std::string &imageSize, bool forAnySize = false,
                    const std::string &name = "wide-b16-224-1block")
      : Compiled(optionsFor(models + name, imageSize, forAnySize)) {
    REQUIRE(succeeded(compiler.lowerTo(Compiler::kernels)));
  }
  explicit Compiled(const CompileOptions &options) : compiler(options, session) {
    REQUIRE(succeeded(compiler.open()));
  }
  static CompileOptions optionsFor(const std::string &model, const std::string &imageSize,
                                   bool forAnySize) {
    CompileOptions options;
    options.model = model;
    options.imageSize = imageSize;
    options.forAnySize = forAnySize;
    options.maxBatch = 8;
    options.ptxas = "none";
    return options;
  }
  std::unique_ptr<codegen::LibraryData> link() {
    REQUIRE(succeeded(compiler.generate(Compiler::Oracle::none)));
    auto data = compiler.link("model");
    REQUIRE(data);
    return data;
  }
  Session session;
  Compiler compiler;
};

uint64_t workspaceBytes(const vit_library &library, vitrt::ImageSize size, int batch) {
  vitrt::SizedPlan sized;
  REQUIRE(vitrt::choosePlan(library, 0, size, sized));
  return vitrt::valueOf(sized.plan->workspace_bytes, uint64_t(batch), sized.tokens) +
         vitrt::scratchBytes(sized, uint64_t(batch)) + vitrt::counterBytes(sized, uint64_t(batch));
}

} // namespace

TEST_CASE("any size: a workspace takes what one of a build for its size takes") {
  auto any = Compiled("any").link();
  REQUIRE(any->view()->plan_count == 2);
  for (auto [height, width] : {std::pair(160, 160), {224, 336}, {384, 384}, {528, 640}}) {
    auto one = Compiled(std::to_string(height) + "x" + std::to_string(width)).link();
    INFO(height << "x" << width);
    auto with = double(workspaceBytes(*any->view(), {height, width}, 8));
    auto without = double(workspaceBytes(*one->view(), {}, 8));
    CHECK(with <= 1.05 * without);
    CHECK(with >= 0.5 * without); // it is for that size
  }
}

TEST_CASE("any size: launches on rows are predicted to take little more than built for the size") {
  const std::string full = "wide-b16-224-full";
  Compiled any("any", /*forAnySize=*/true, full);
  mlir::SmallVector<vit::LaunchOp> launches = launchesOf(any.compiler.module());
  const cost::Gpu &gpu = *cost::findGpu("rtx4090");
  for (auto [height, width] : {std::pair(224, 336), {528, 640}}) {
    Compiled one(std::to_string(height) + "x" + std::to_string(width), false, full);
    mlir::SmallVector<vit::LaunchOp> others = launchesOf(one.compiler.module());
    REQUIRE(launches.size() == others.size());
    for (int64_t batch : {1, 8}) {
      double with = 0, without = 0;
      std::string slower; // which launches
      for (auto [launch, other] : llvm::zip_equal(launches, others)) {
        vit::KernelOp kernel = kernelOf(launch);
        if (kernel.getFamily() == vit::KernelFamily::Attention)
          continue;
        vit::TokenCount rows = measureOf(launch);
        int64_t measure = batch * (rows.constant + rows.perPatch * (height / 16) * (width / 16));
        auto seconds = [&](vit::ScheduleAttr schedule) {
          REQUIRE(schedule);
          return cost::predict(workOf(other), scheduleOf(schedule), batch, gpu).seconds;
        };
        double now = seconds(scheduleAt(kernel, measure));
        double best = seconds(scheduleAt(kernelOf(other), batch));
        with += now;
        without += best;
        if (now > 1.05 * best)
          slower += "; " + kernel.getSymName().str() + " " + std::to_string(now * 1e6) + " to " +
                    std::to_string(best * 1e6);
      }
      INFO(height << "x" << width << ", batch " << batch << ": " << with * 1e6
                  << " us, built for it " << without * 1e6 << slower);
      CHECK(with <= 1.05 * without);
    }
  }
}

TEST_CASE(
    "any size: workspaces of several sizes live in threads, and those of one have equal bits") {
  auto data = Compiled("any", /*forAnySize=*/false, "hf-vit-anysize").link();
  vitrt::setDriverPath(VITC_BINARY_DIR "/lib/emulator/libcuda.so.1");
  auto file = vitrt::Safetensors::open(models + "hf-vit-anysize/model.safetensors");
  REQUIRE(file);
  vitrt::FileSource source(*file);
  auto model = vitrt::loadModelFrom(data->view(), &source, "cuda", {});
  REQUIRE(model);
  const vitrt::ImageSize sizes[] = {{24, 40}, {40, 40}, {24, 40}, {40, 40}, {32, 32}};
  std::vector<float> outputs[std::size(sizes)];
  std::string problems[std::size(sizes)];
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::size(sizes); ++i)
    threads.emplace_back([&, i] {
      auto workspace = vitrt::createWorkspace(model->get(), 2, sizes[i]);
      if (!workspace)
        return void(problems[i] = workspace.error());
      std::vector<float> pixels(size_t(2 * 3 * sizes[i].height * sizes[i].width));
      vitrt::hashTensor("pixel_values", std::vector<int64_t>{int64_t(pixels.size())}, 0, pixels);
      outputs[i].resize(20);
      const void *in[] = {pixels.data()};
      void *out[] = {outputs[i].data()};
      if (auto done = vitrt::runHostObserved(workspace->get(), 2, in, 1, out, 1, {}); !done)
        problems[i] = done.error();
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &problem : problems)
    CHECK(problem.empty());
  CHECK(outputs[0] == outputs[2]);
  CHECK(outputs[1] == outputs[3]);
  CHECK(outputs[0] != outputs[1]);
}

namespace {

/// The logits of `batch` images of a size, from the `first` of a row of images on.
std::vector<float> logitsOf(const vit_library *library, const std::string &device,
                            vitrt::ImageSize size, int first, int batch) {
  auto file = vitrt::Safetensors::open(models + "hf-dinov2-anysize/model.safetensors");
  REQUIRE(file);
  vitrt::FileSource source(*file);
  auto model = vitrt::loadModelFrom(library, &source, device.c_str(), {});
  INFO((model ? "" : model.error()));
  REQUIRE(model);
  auto workspace = vitrt::createWorkspace(model->get(), batch, size);
  REQUIRE(workspace);
  size_t values = size_t(3 * size.height * size.width), classes = 10;
  std::vector<float> pixels(size_t(first + batch) * values), logits(size_t(batch) * classes);
  vitrt::hashTensor("pixel_values", std::vector<int64_t>{int64_t(pixels.size())}, 0, pixels);
  const void *in[] = {pixels.data() + size_t(first) * values};
  void *out[] = {logits.data()};
  auto done = vitrt::runHostObserved(workspace->get(), batch, in, 1, out, 1, {});
  INFO((done ? "" : done.error()));
  REQUIRE(done);
  return logits;
}

} // namespace

TEST_CASE("any size: code for CPUs has equal bits on any threads and anywhere in a batch") {
  CompileOptions options =
      Compiled::optionsFor(models + "hf-dinov2-anysize", "any", /*forAnySize=*/false);
  options.targets = {"cpu"};
  for (const char *dtype : {"f32", "bf16"}) {
    options.dtype = dtype;
    auto data = Compiled(options).link();
    REQUIRE(data->view()->plan_count == 2);
    auto object = codegen::emitObject(*data->view(), /*exported=*/true, data->cpuBitcode);
    REQUIRE(bool(object));
    auto loaded = codegen::LoadedObject::load(std::move(*object), "model");
    REQUIRE(bool(loaded));
    const vit_library *library = (*loaded)->view();
    for (vitrt::ImageSize size : {vitrt::ImageSize{7, 7}, {30, 45}, {98, 84}}) {
      INFO(dtype << ", " << size.height << "x" << size.width);
      std::vector<float> all = logitsOf(library, "cpu:1", size, 0, 5);
      CHECK(all == logitsOf(library, "cpu:4", size, 0, 5));
      std::vector<float> last = logitsOf(library, "cpu:3", size, 4, 1);
      CHECK(last == std::vector<float>(all.end() - long(last.size()), all.end()));
      CHECK(last != std::vector<float>(all.begin(), all.begin() + long(last.size())));
    }
  }
}

TEST_CASE("any size: functions for CPUs that only see rows are there once") {
  CompileOptions options =
      Compiled::optionsFor(models + "hf-vit-anysize", "any", /*forAnySize=*/false);
  options.targets = {"cpu"};
  auto data = Compiled(options).link();
  const vit_library &library = *data->view();
  REQUIRE(library.target_count == 1);
  std::set<uint32_t> kernels[2];
  for (int i : {0, 1})
    for (const vit_step &step : llvm::ArrayRef(library.plans[i].steps, library.plans[i].step_count))
      kernels[i].insert(step.kernel);
  std::set<std::string> names;
  for (const vit_kernel &kernel :
       llvm::ArrayRef(library.targets[0].kernels, library.targets[0].kernel_count))
    CHECK(names.insert(kernel.name).second);
  for (uint32_t kernel : kernels[1]) {
    std::string name = library.targets[0].kernels[kernel].name;
    CHECK(kernels[0].count(kernel) == !llvm::StringRef(name).ends_with("_any"));
  }
  CHECK(kernels[0].size() + kernels[1].size() > names.size() + 3); // products of all layers, norms
}
