//===- SelfCheckTest.cpp - Does a device compute what it should? -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model with code for both kinds of device, the GPU's by the emulator. What a
// check must find is planted: in the device's memory, in a kernel, in one form.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"

#include "runtime/Handles.h"
#include "runtime/cpu/Machine.h"
#include "vit/vit.hpp"
#include "weights/HashWeights.h"

#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace tiny;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// y = relu(x * w + b), as the kernels for GPUs have it; `off` is what is wrong with it.
template <int off> void affineRelu(const uint64_t *args, uint32_t, uint32_t, void *) {
  auto at = [&](int i) { return reinterpret_cast<const float *>(args[i]); };
  auto *y = reinterpret_cast<float *>(args[3]);
  for (uint64_t i = 0; i != args[4]; ++i) {
    float value = std::fma(at(0)[i], at(1)[i % tinyValues], at(2)[i % tinyValues]);
    y[i] = (value > 0 ? value : 0) + float(off);
  }
}

/// The same with two roundings.
void roundedTwice(const uint64_t *args, uint32_t, uint32_t, void *) {
  auto at = [&](int i) { return reinterpret_cast<const float *>(args[i]); };
  auto *y = reinterpret_cast<float *>(args[3]);
  for (uint64_t i = 0; i != args[4]; ++i) {
    volatile float product = at(0)[i] * at(1)[i % tinyValues];
    float value = product + at(2)[i % tinyValues];
    y[i] = value > 0 ? value : 0;
  }
}

/// The tiny library, with code for CPUs in one form.
struct Both {
  Both() {
    code = {forms, 1, 0};
    targets[0] = tinyTargets[0];
    targets[1] = {VIT_TARGET_CPU, 1, &kernel, 0, 0};
    std::copy_n(tinyAffineArgs, 5, args);
    args[3] = {VIT_ARG_OUTPUT, 0, 1, {}};
    vit_extent one = {{1, 0, 0, 0}, 1, 1};
    step = {"affine", 0, 1, tinyMaxBatch, 0, {one, one, one}, 5, args, {}};
    plans[0] = tinyPlans[0];
    plans[1] = tinyPlans[0];
    plans[1].target = 1;
    plans[1].step_count = 1;
    plans[1].steps = &step;
    library.targets = targets;
    library.plans = plans;
    library.target_count = library.plan_count = 2;
  }
  Both(const Both &) = delete;

  vit_cpu_form forms[2] = {{VIT_ISA_AVX2, affineRelu<0>}, {VIT_ISA_AVX512, affineRelu<0>}};
  vit_cpu_code code;
  vit_kernel kernel = {"affine_relu", "affine_relu", "", 1, &code};
  vit_arg args[5];
  vit_step step;
  vit_target targets[2];
  vit_plan plans[2];
  vit_library library = tiny::library;
};

struct Model {
  Model(const vit_library &library, const std::string &file, const char *device) {
    configure("");
    vit_status status =
        vit_model_load(&library, file.empty() ? nullptr : file.c_str(), device, &handle);
    INFO(vit_last_error());
    REQUIRE(status == VIT_OK);
  }
  ~Model() { vit_model_free(handle); }
  vit_status check() {
    std::vector<char> text(1000, '?');
    vit_status status = vit_model_check(handle, text.data(), text.size());
    report = text.data();
    CHECK((status == VIT_OK) == std::string(vit_last_error()).empty());
    return status;
  }
  vit_model *handle = nullptr;
  std::string report;
};

void overwrite(const Model &model, float value) {
  std::vector<float> values(tinyValues, value);
  vitrt::Backend &backend = *model.handle->backend;
  REQUIRE(backend.write(backend.weights(), values.data(), values.size() * sizeof(float)));
}

} // namespace

TEST_CASE("self-check: a GPU is held against the CPU, and nothing stays behind") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  Model model(both.library, checkpoint.path, "cuda");
  size_t before = deviceBytes();
  CHECK(model.check() == VIT_OK);
  CHECK_THAT(model.report, StartsWith("device: PTX JIT for ") &&
                               Contains("\nheld against: CPU code avx2, ") &&
                               EndsWith("\nlogits error 0.000e+00 tolerance 1e-05 ok\n"));
  CHECK(deviceBytes() == before);
}

TEST_CASE("self-check: in C++") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  configure("");
  vit::Model model;
  CHECK(model.check() == VIT_BAD_ARGUMENT); // it is empty
  REQUIRE(model.load(&both.library, checkpoint.path.c_str(), "cuda") == VIT_OK);
  char report[500];
  CHECK(model.check(report, sizeof report) == VIT_OK);
  CHECK_THAT(std::string(report), EndsWith(" ok\n"));
  CHECK(model.check() == VIT_OK);
}

TEST_CASE("self-check: weights that the device's memory has lost are found") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  Model model(both.library, checkpoint.path, "cuda");
  overwrite(model, 0.25f);
  CHECK(model.check() == VIT_DEVICE_ERROR);
  CHECK_THAT(model.report, Contains("\nlogits error ") && EndsWith(" tolerance 1e-05 FAIL\n"));
  CHECK_THAT(vit_last_error(), StartsWith("vit: output 0 'logits' of PTX JIT for ") &&
                                   Contains(" is not that of CPU code avx2, ") &&
                                   Contains(": error ") && Contains(", tolerance 1e-05; "));
  overwrite(model, std::numeric_limits<float>::infinity());
  CHECK(model.check() == VIT_DEVICE_ERROR);
  CHECK_THAT(model.report, EndsWith("\nlogits error inf tolerance 1e-05 FAIL\n"));
}

TEST_CASE("self-check: a kernel that computes something else is found") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  configure("");
  auto file = vitrt::Safetensors::open(checkpoint.path);
  REQUIRE(file);
  vitrt::FileSource source(*file);
  std::string wrong = tinyRelu; // what is negative stays
  size_t at = wrong.find("max.f32");
  REQUIRE(at != wrong.npos);
  wrong.replace(at, 7, "min.f32");
  auto model = vitrt::loadModelFrom(&both.library, &source, "cuda", {wrong});
  REQUIRE(model);
  CHECK(vit_model_check(model->get(), nullptr, 0) == VIT_DEVICE_ERROR);
  std::string report;
  auto checked = vitrt::checkModel(model->get(), &source, report);
  REQUIRE_FALSE(checked);
  CHECK_THAT(checked.error(), Contains("'logits'"));
  CHECK_THAT(report, EndsWith(" FAIL\n"));
}

TEST_CASE("self-check: what rounding can do to few values is no error, and more is") {
  Both both;
  both.forms[0].run = roundedTwice;
  Checkpoint checkpoint{"selfcheck"};
  // A bias that takes nearly all of the product away: a millionth is left, and its rounding.
  std::vector<float> x(tinyValues), w(tinyValues), bias(tinyValues), o(8, 0);
  vitrt::hashUniform("pixel_values", 0, x);
  for (size_t i = 0; i != tinyValues; ++i) {
    w[i] = 1 + weight(i);
    bias[i] = float(1e-6 - double(x[i]) * w[i]);
  }
  using vitrt::FileType;
  REQUIRE(vitrt::writeSafetensors(
      checkpoint.path,
      std::vector<vitrt::NewTensor>{{"block.weight", FileType::F32, {4, 8}, w.data()},
                                    {"block.one", FileType::F32, {8}, o.data()},
                                    {"block.bias", FileType::F32, {32}, bias.data()}}));
  Model model(both.library, checkpoint.path, "cuda");
  INFO(model.report);
  CHECK(model.check() == VIT_OK);
  CHECK_THAT(model.report, EndsWith(" ok\n") && !Contains("tolerance 1e-05"));
  overwrite(model, 1.5f);
  CHECK(model.check() == VIT_DEVICE_ERROR);
}

TEST_CASE("self-check: files that are gone or have changed are named") {
  Both both;
  auto checkpoint = std::make_unique<Checkpoint>("selfcheck");
  std::string path = checkpoint->path;
  Model model(both.library, path, "cuda");
  REQUIRE(rename(path.c_str(), (path + ".away").c_str()) == 0);
  CHECK(model.check() == VIT_BAD_FILE);
  CHECK(std::string(vit_last_error()) ==
        "vit: weights '" + path +
            "' is gone since the model was loaded from it, and a check reads it again; put it "
            "back, or load the model again");
  CHECK_THAT(model.report, StartsWith("device: PTX JIT") && !Contains("logits"));
  Checkpoint same{"selfcheck"}; // equal bytes, but who knows
  CHECK(model.check() == VIT_BAD_FILE);
  CHECK_THAT(vit_last_error(), Contains("' has changed since the model was loaded from it"));
  REQUIRE(rename((path + ".away").c_str(), path.c_str()) == 0);
  CHECK(model.check() == VIT_OK);
  timespec now[2] = {{1, 0}, {1, 0}}; // written in its place
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), now, 0) == 0);
  CHECK(model.check() == VIT_BAD_FILE);
}

TEST_CASE("self-check: a relative path is that of the load") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  std::string before = std::unique_ptr<char, decltype(&free)>(getcwd(nullptr, 0), free).get();
  REQUIRE(chdir("/tmp") == 0);
  Model model(both.library, checkpoint.path.substr(5), "cuda");
  REQUIRE(chdir("/") == 0);
  CHECK(model.check() == VIT_OK);
  REQUIRE(chdir(before.c_str()) == 0);
}

TEST_CASE("self-check: embedded weights are there, a function's are not") {
  Both both;
  configure("");
  auto fill = [](void *, const char *name, uint32_t, const int64_t *, float *values) {
    bool one = std::string(name) == "block.one";
    std::fill_n(values, one ? 8 : tinyValues, 0.5f);
    return VIT_OK;
  };
  vit_model *read = nullptr;
  REQUIRE(vit_model_load_from(&both.library, fill, nullptr, "cuda", &read) == VIT_OK);
  CHECK(vit_model_check(read, nullptr, 0) == VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(), Contains("weights came from a function") &&
                                   Contains("load the model from a file, or build with "
                                            "--embed-weights"));
  vit_model_free(read);
  alignas(64) static float arena[128] = {1, 2, 3, 4};
  both.library.embedded = arena;
  Model model(both.library, "", "cuda");
  CHECK(model.check() == VIT_OK);
  overwrite(model, 1);
  CHECK(model.check() == VIT_DEVICE_ERROR);
}

TEST_CASE("self-check: a library without code for CPUs says what to build") {
  Checkpoint checkpoint{"selfcheck"};
  Model model(tiny::library, checkpoint.path, "cuda");
  CHECK(model.check() == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) ==
        "vit: library 'tiny' has no code for CPUs, which a check holds the GPU's outputs against; "
        "build it with --target cuda,cpu");
}

TEST_CASE("self-check: a report ends where its buffer does") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  Model model(both.library, checkpoint.path, "cuda");
  REQUIRE(model.check() == VIT_OK);
  for (size_t bytes :
       {size_t(1), size_t(2), size_t(20), model.report.size(), model.report.size() + 1}) {
    std::vector<char> text(bytes + 1, '?');
    CHECK(vit_model_check(model.handle, text.data(), bytes) == VIT_OK);
    CHECK(text[bytes] == '?');
    CHECK(std::string(text.data()) == model.report.substr(0, bytes - 1));
  }
  char untouched = '?';
  CHECK(vit_model_check(model.handle, &untouched, 0) == VIT_OK);
  CHECK(untouched == '?');
  CHECK(vit_model_check(model.handle, nullptr, 0) == VIT_OK);
  CHECK(vit_model_check(model.handle, nullptr, 7) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) == "vit: report is NULL, but report_bytes is 7");
  CHECK(vit_model_check(nullptr, &untouched, 1) == VIT_BAD_ARGUMENT);
  CHECK(untouched == 0);
}

TEST_CASE("self-check: on a CPU forms are held against each other") {
  Both both;
  both.code.form_count = 2;
  Checkpoint checkpoint{"selfcheck"};
  if (!vitrt::hasIsa(VIT_ISA_AVX512))
    return;
  Model model(both.library, checkpoint.path, "cpu:2");
  remove(checkpoint.path.c_str()); // their weights are in memory
  CHECK(model.check() == VIT_OK);
  CHECK_THAT(model.report, StartsWith("device: CPU code avx512, 2 threads, ") &&
                               Contains("\nheld against: CPU code avx2, 2 threads, ") &&
                               EndsWith("\nlogits error 0.000e+00 tolerance 1e-05 ok\n"));
  both.forms[0].run = affineRelu<1>; // not the one that the model runs
  CHECK(model.check() == VIT_DEVICE_ERROR);
  CHECK_THAT(vit_last_error(), Contains("'logits' of CPU code avx512, ") &&
                                   Contains("is not that of CPU code avx2, "));
}

TEST_CASE("self-check: on a CPU with one form threads are held against each other") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  for (const char *device : {"cpu:3", "cpu:1"}) {
    Model model(both.library, checkpoint.path, device);
    CHECK(model.check() == VIT_OK);
    CHECK_THAT(model.report,
               Contains(device[4] == '1' ? "\nheld against: CPU code avx2, 2 threads, "
                                         : "\nheld against: CPU code avx2, 1 thread, ") &&
                   Contains(": the only form of the code that runs on this processor, with other "
                            "threads\nlogits error 0.000e+00"));
  }
}

TEST_CASE("self-check: runs of other workspaces go on") {
  Both both;
  Checkpoint checkpoint{"selfcheck"};
  Model model(both.library, checkpoint.path, "cuda");
  std::vector<float> x = pixels(4), right = expected(x);
  vit_workspace *workspace = nullptr;
  REQUIRE(vit_workspace_create(model.handle, 4, &workspace) == VIT_OK);
  std::atomic<bool> ends{false};
  std::atomic<int> failed{0};
  std::thread checks([&] {
    for (int i = 0; i != 20; ++i)
      failed += vit_model_check(model.handle, nullptr, 0) != VIT_OK;
    ends = true;
  });
  int wrong = 0;
  do {
    std::vector<float> y(x.size(), -1);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    wrong += vit_model_run_host(model.handle, workspace, 4, inputs, 1, outputs, 1) != VIT_OK;
    wrong += y != right;
  } while (!ends);
  checks.join();
  vit_workspace_free(workspace);
  CHECK(wrong == 0);
  CHECK(failed == 0);
}
