//===- ModelTest.cpp - Load, run, refuse ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"

#include "vit/vit.hpp"

#include <cmath>
#include <cstring>

using Catch::Matchers::Contains;
using namespace tiny;

static std::string lastError() { return vit_last_error(); }

TEST_CASE("runtime: every batch gives the right values in one workspace") {
  Loaded tiny;
  for (int batch : {1, 2, 3, 7, 8, 1, 5}) { // 1 and 2 run another kernel than the rest
    std::vector<float> x = pixels(batch), y;
    REQUIRE(tiny.runHost(batch, x, y) == VIT_OK);
    CHECK(y == expected(x));
  }
}

TEST_CASE("runtime: device memory of the caller, on a stream of the caller") {
  Loaded tiny;
  REQUIRE(vit_workspace_prepare(tiny.model, tiny.workspace, 3) == VIT_OK);
  auto in = vitrt::DeviceMemory::allocate(tiny.model, 3 * 128);
  auto out = vitrt::DeviceMemory::allocate(tiny.model, 3 * 128);
  REQUIRE(in);
  REQUIRE(out);
  std::vector<float> x = pixels(3), y(x.size());
  REQUIRE(in->upload(x.data(), x.size() * 4));
  const void *inputs[] = {in->data()};
  void *outputs[] = {out->data()};
  REQUIRE(vit_model_run(tiny.model, tiny.workspace, 3, inputs, 1, outputs, 1, nullptr) == VIT_OK);
  CHECK(currentContext() == nullptr);
  REQUIRE(out->download(y.data(), y.size() * 4));
  CHECK(y == expected(x));
}

TEST_CASE("runtime: the caller's context comes back, whatever it was") {
  Loaded tiny;
  void *context = nullptr;
  REQUIRE(emulator<int (*)(void **, int)>("cuDevicePrimaryCtxRetain")(&context, 0) == 0);
  REQUIRE(emulator<int (*)(void *)>("cuCtxPushCurrent_v2")(context) == 0);
  std::vector<float> x = pixels(1), y;
  CHECK(tiny.runHost(1, x, y) == VIT_OK);
  CHECK(currentContext() == context);
  CHECK(tiny.runHost(9, x, y) == VIT_BAD_ARGUMENT);
  CHECK(currentContext() == context);
  REQUIRE(emulator<int (*)(void **)>("cuCtxPopCurrent_v2")(&context) == 0);
  REQUIRE(emulator<int (*)(int)>("cuDevicePrimaryCtxRelease_v2")(0) == 0);
}

TEST_CASE("runtime: wrong arguments are refused with value, limit and name") {
  Loaded tiny(library, 5);
  std::vector<float> x = pixels(8), y;
  CHECK(tiny.runHost(6, x, y) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: batch is 6, but the workspace holds at most 5");
  CHECK(tiny.runHost(0, x, y) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: batch is 0, but must be at least 1");
  CHECK(vit_workspace_prepare(tiny.model, tiny.workspace, 6) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: batch is 6, but the workspace holds at most 5");

  alignas(16) char memory[256];
  const void *inputs[] = {memory, memory};
  void *outputs[] = {memory};
  auto run = [&](int n, int m) {
    return vit_model_run(tiny.model, tiny.workspace, 1, inputs, n, outputs, m, nullptr);
  };
  CHECK(run(2, 1) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: model has 1 input (input 0 'pixel_values'), got 2");
  CHECK(run(1, 0) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: model has 1 output (output 0 'logits'), got 0");
  inputs[0] = memory + 4;
  CHECK(run(1, 1) == VIT_BAD_ARGUMENT);
  CHECK_THAT(lastError(), Contains("input 0 'pixel_values' is at address") &&
                              Contains("expected a multiple of 16"));
  inputs[0] = nullptr;
  CHECK(run(1, 1) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: input 0 'pixel_values' is NULL");
  inputs[0] = memory;
  outputs[0] = nullptr;
  CHECK(run(1, 1) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: output 0 'logits' is NULL");
  CHECK(vit_model_run(tiny.model, tiny.workspace, 1, nullptr, 1, outputs, 1, nullptr) ==
        VIT_BAD_ARGUMENT);
  CHECK(vit_model_run(nullptr, tiny.workspace, 1, inputs, 1, outputs, 1, nullptr) ==
        VIT_BAD_ARGUMENT);
  CHECK(vit_model_run(tiny.model, nullptr, 1, inputs, 1, outputs, 1, nullptr) == VIT_BAD_ARGUMENT);

  vit_workspace *other = nullptr;
  CHECK(vit_workspace_create(tiny.model, 9, &other) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: max_batch is 9, expected 1 to the library's 8");
  CHECK(vit_workspace_create(tiny.model, 0, &other) == VIT_BAD_ARGUMENT);
  CHECK(other == nullptr);
  Loaded second;
  CHECK(vit_workspace_prepare(second.model, tiny.workspace, 1) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: the workspace belongs to another model");
}

TEST_CASE("runtime: libraries and devices that cannot be loaded") {
  configure("");
  Checkpoint checkpoint;
  vit_model *model = nullptr;
  auto load = [&](vit_library changed, const char *weights, const char *device = nullptr) {
    model = reinterpret_cast<vit_model *>(1);
    vit_status status = vit_model_load(&changed, weights, device, &model);
    CHECK(model == nullptr);
    return status;
  };
  const char *good = checkpoint.path.c_str();
  vit_library changed = library;
  changed.abi = 1;
  CHECK(load(changed, good) == VIT_BAD_ABI);
  CHECK(lastError() ==
        "vit: library has ABI 1, this runtime has ABI 6; rebuild the model or update "
        "the runtime");
  changed = library;
  changed.size = 8;
  CHECK(load(changed, good) == VIT_BAD_ABI);
  CHECK(load(library, nullptr) == VIT_BAD_ARGUMENT);
  CHECK_THAT(lastError(), Contains("weights is NULL, but the library has no embedded weights"));
  CHECK(load(library, "/none.safetensors") == VIT_BAD_FILE);
  CHECK_THAT(lastError(), Contains("vit: weights '/none.safetensors': No such file"));
  CHECK(load(library, good, "cuda:1") == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: device is 'cuda:1', but there is 1 CUDA device");
  for (const char *device : {"", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999"}) {
    CHECK(load(library, good, device) == VIT_BAD_ARGUMENT);
    CHECK(lastError() == "vit: device is '" + std::string(device) +
                             "', which is malformed; expected cuda or cuda:N");
  }
  for (const char *device : {"cpu", "cpu:8", "gpu", "cuda1"}) {
    CHECK(load(library, good, device) == VIT_BAD_ARGUMENT);
    CHECK(lastError() == "vit: device is '" + std::string(device) +
                             "', for which library 'tiny' holds no code; expected cuda or cuda:N");
  }
  CHECK(vit_model_load(nullptr, good, nullptr, &model) == VIT_BAD_ABI);
  CHECK(vit_model_load(&library, good, nullptr, nullptr) == VIT_BAD_ARGUMENT);

  // Code for a target that this runtime does not know is passed over.
  Changed unknown;
  unknown.target.kind = 77;
  CHECK(load(unknown.library, good) == VIT_BAD_ARGUMENT);
  CHECK_THAT(lastError(), Contains("device is NULL, for which library 'tiny' holds no code"));
}

TEST_CASE("runtime: a damaged library is refused, whatever is damaged") {
  configure("");
  Checkpoint checkpoint;
  auto damaged = [&](auto change) {
    Changed changed;
    change(changed);
    vit_model *model = nullptr;
    CHECK(vit_model_load(&changed.library, checkpoint.path.c_str(), nullptr, &model) ==
          VIT_BAD_ABI);
    CHECK(model == nullptr);
    return lastError();
  };
  auto damagedStep = [&](auto change) { return damaged([&](Changed &c) { change(c.steps[1]); }); };
  CHECK_THAT(damagedStep([](vit_step &s) { s.kernel = 3; }),
             Contains("the library is damaged: step 'relu of h' names no kernel"));
  CHECK_THAT(damagedStep([](vit_step &s) { s.grid[0].divisor = 0; }), Contains("divides by zero"));
  constexpr uint64_t huge = uint64_t(1) << 63;
  for (vit_extent grid : {vit_extent{TINY_COUNT(1), 1, 65536}, vit_extent{TINY_COUNT(1), 1, 0},
                          vit_extent{TINY_COUNT(65536), 1, 1}, vit_extent{TINY_COUNT(0), 1, 1},
                          vit_extent{TINY_PER_IMAGE(huge), 1, 1}})
    CHECK_THAT(damagedStep([&](vit_step &s) { s.grid[1] = grid; }), Contains("beyond the device"));
  auto withArgument = [&](vit_arg argument) {
    return damagedStep([&](vit_step &s) { s.args = &argument, s.arg_count = 1; });
  };
  for (uint32_t kind : {VIT_ARG_INPUT, VIT_ARG_OUTPUT, VIT_ARG_BUFFER, VIT_ARG_WEIGHT})
    CHECK_THAT(withArgument({kind, 2, 0, {}}), Contains("unknown argument"));
  CHECK_THAT(withArgument({9, 0, 0, {}}), Contains("unknown argument"));
  CHECK_THAT(withArgument({VIT_ARG_SCRATCH, 0, 0, TINY_COUNT(1)}), Contains("more scratch memory"));
  CHECK_THAT(withArgument({VIT_ARG_COUNTERS, 0, 0, TINY_COUNT(1)}), Contains("more counters"));
  CHECK_THAT(withArgument({VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(0x7FFFFFFF)}),
             Contains("beyond 31 bits"));
  CHECK_THAT(withArgument({VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(huge)}), Contains("beyond 31 bits"));

  vit_plan plans[] = {tinyPlans[0], tinyPlans[0]};
  plans[1].target = 1;
  CHECK_THAT(damaged([&](Changed &c) { c.library.plans = plans, c.library.plan_count = 2; }),
             Contains("a plan is for no target"));
  CHECK_THAT(damaged([](Changed &c) { c.library.plan_count = 0; }), Contains("no plan for it"));
  CHECK_THAT(damaged([](Changed &c) { c.kernels[2].code = nullptr; }),
             Contains("kernel 'relu_wide' has no code"));
  CHECK_THAT(damaged([](Changed &c) { c.plan.max_tokens = 1; }),
             Contains("native plan is for any image size"));
  CHECK_THAT(damaged([](Changed &c) { c.plan.workspace_bytes = TINY_PER_IMAGE(383); }),
             Contains("buffer 'hidden' is outside the workspace"));
  CHECK_THAT(damaged([](Changed &c) { c.plan.workspace_bytes = TINY_COUNT(uint64_t(1) << 40); }),
             Contains("buffer 'spare' is outside the workspace"));
  CHECK_THAT(damaged([](Changed &c) { c.plan.workspace_bytes = TINY_PER_IMAGE(huge); }),
             Contains("exceeds 2^62 bytes"));
  vit_count values = TINY_PER_IMAGE(uint64_t(1) << 60);
  CHECK_THAT(damaged([&](Changed &c) { c.plan.input_values = &values; }),
             Contains("input 'pixel_values' has a type, a rank or a size"));
  vit_tensor tensor = tinyOutputs[0];
  tensor.dtype = VIT_TF32 + 1;
  CHECK_THAT(damaged([&](Changed &c) { c.library.outputs = &tensor; }),
             Contains("output 'logits' has a type"));
  vit_prepared weights[] = {tinyWeights[0], tinyWeights[1]};
  weights[1].value = 4;
  CHECK_THAT(damaged([&](Changed &c) { c.library.weights = weights; }),
             Contains("weight 1 is no value of the recipe"));
  weights[1] = {3, VIT_F32, 512, 1};
  CHECK_THAT(damaged([&](Changed &c) { c.library.weights = weights; }),
             Contains("weight 1 is outside the weight arena"));
  CHECK_THAT(damaged([](Changed &c) { c.library.max_batch = 0; }), Contains("largest batch is 0"));
}

TEST_CASE("runtime: shapes of a damaged library are refused") {
  configure("");
  Checkpoint checkpoint;
  auto load = [&](uint32_t rank, std::initializer_list<int64_t> shape) {
    Changed changed;
    vit_tensor tensor = {"logits", VIT_F32, rank, {}};
    std::copy(shape.begin(), shape.end(), tensor.shape);
    changed.library.outputs = &tensor;
    vit_model *model = nullptr;
    vit_status status = vit_model_load(&changed.library, checkpoint.path.c_str(), nullptr, &model);
    vit_model_free(model);
    return status == VIT_OK ? "" : lastError();
  };
  CHECK(load(2, {-1, 32}).empty());
  CHECK(load(3, {-1, -1, 8}).empty());
  CHECK(load(4, {-1, 3, -1, -1}).empty());
  const std::string text = "output 'logits' has a type, a rank or a size that no tensor has";
  CHECK_THAT(load(2, {-1, 0}), Contains(text));
  CHECK_THAT(load(2, {-1, -2}), Contains(text));
  CHECK_THAT(load(3, {-1, -1, 0}), Contains(text));
  CHECK_THAT(load(3, {-1, -1, -1}), Contains(text));
  CHECK_THAT(load(4, {-1, -1, -1, -1}), Contains(text));
  CHECK_THAT(load(3, {-1, int64_t(1) << 32, int64_t(1) << 32}), Contains(text));
  CHECK_THAT(load(5, {-1}), Contains(text));
}

TEST_CASE("runtime: weights that are not wholly in their target's part are refused") {
  configure("");
  Checkpoint checkpoint;
  Changed changed;
  vit_target targets[] = {changed.target, changed.target};
  vit_plan plans[] = {changed.plan, changed.plan};
  vit_prepared weights[] = {tinyWeights[0], tinyWeights[1], {2, VIT_F32, 512, 128}};
  plans[1].target = 1;
  changed.library.targets = targets;
  changed.library.plans = plans;
  changed.library.weights = weights;
  changed.library.target_count = changed.library.plan_count = 2;
  changed.library.weight_count = 3;
  changed.library.weight_bytes = 768;
  // The second reads all of the arena, so it has the first one's weights, too.
  auto load = [&](uint64_t begin, uint64_t end) {
    targets[0].weight_begin = begin;
    targets[0].weight_end = end;
    vit_model *model = nullptr;
    vit_status status = vit_model_load(&changed.library, checkpoint.path.c_str(), "cuda", &model);
    vit_model_free(model);
    return status == VIT_OK ? "" : lastError();
  };
  const std::string outside =
      "step 'affine of x' reads a weight that is not in its target's part of the weight arena";
  CHECK(load(0, 512) == "");
  CHECK(load(0, 768) == "");
  CHECK(load(0, 384) == "");
  CHECK_THAT(load(0, 640 - 1), Contains("weight 2 lies in a target's part of the weight arena and "
                                        "beyond it"));
  CHECK_THAT(load(0, 320), Contains(outside));
  CHECK_THAT(load(0, 256), Contains(outside));
  CHECK_THAT(load(64, 512), Contains(outside));
}

TEST_CASE("runtime: what a library is can be asked without a device") {
  CHECK(std::string(vit_version()).find('.') != std::string::npos);
  CHECK(vit_library_input_count(&library) == 1);
  CHECK(vit_library_output_count(&library) == 1);
  CHECK(vit_library_max_batch(&library) == 8);
  vit_tensor_info info;
  REQUIRE(vit_library_input(&library, 0, &info) == VIT_OK);
  CHECK(std::string(info.name) == "pixel_values");
  CHECK(info.dtype == VIT_F32);
  CHECK(info.rank == 3);
  CHECK(std::equal(info.shape, info.shape + 3, tinyInputs[0].shape));
  REQUIRE(vit_library_output(&library, 0, &info) == VIT_OK);
  CHECK(std::string(info.name) == "logits");
  CHECK(vit_library_output(&library, 1, &info) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: output is 1, but the model has 1");
  CHECK(vit_library_input(&library, 0, nullptr) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_library_label(&library, 1)) == "one");
  CHECK(vit_library_label(&library, 2) == nullptr);
  vit_library other = library;
  other.abi = 2;
  for (const vit_library *unreadable :
       {(const vit_library *)nullptr, (const vit_library *)&other}) {
    CHECK(vit_library_input_count(unreadable) == 0);
    CHECK(vit_library_output_count(unreadable) == 0);
    CHECK(vit_library_max_batch(unreadable) == 0);
    CHECK(vit_library_label(unreadable, 0) == nullptr);
    CHECK(vit_library_input(unreadable, 0, &info) == VIT_BAD_ARGUMENT);
  }
}

TEST_CASE("runtime: wrong checkpoints name tensor and shapes") {
  configure("");
  float values[64] = {};
  std::string path = "/tmp/vitc-wrong-" + std::to_string(getpid()) + ".safetensors";
  using vitrt::FileType;
  auto load = [&](std::vector<vitrt::NewTensor> tensors) {
    REQUIRE(vitrt::writeSafetensors(path, tensors));
    vit_model *model = nullptr;
    CHECK(vit_model_load(&library, path.c_str(), nullptr, &model) == VIT_BAD_FILE);
    CHECK(model == nullptr);
    remove(path.c_str());
    return lastError();
  };
  vitrt::NewTensor w = {"block.weight", FileType::F16, {4, 8}, values},
                   o = {"block.one", FileType::F32, {8}, values},
                   b = {"block.bias", FileType::BF16, {32}, values};
  vitrt::NewTensor turned = w, extra = o;
  turned.shape = {8, 4};
  extra.name = "block.two";
  CHECK_THAT(load({turned, o, b}), Contains("weights '" + path +
                                            "': 'block.weight' is 8x4, the "
                                            "model expects 4x8"));
  CHECK_THAT(load({w, o}), Contains("'block.bias' is missing"));
  CHECK_THAT(load({w, o, b, extra}), Contains("'block.two' (8) is not a tensor of the model"));
}

TEST_CASE("runtime: which code runs is said") {
  Loaded tiny;
  CHECK_THAT(vit_model_description(tiny.model), Contains("PTX JIT for sm_") && Contains("driver"));
  CHECK_THAT(vitrt::imageText(tiny.model), Contains("sm_80 PTX, JIT, driver"));
  CHECK(std::string(vit_model_description(nullptr)).empty());

  // Code for this device that the driver refuses: PTX runs, and the reason is kept.
  Changed changed;
  vit_machine_code image = {"sm_89", tinyCode, sizeof tinyCode};
  for (vit_cuda_code &code : changed.codes)
    code.codes = &image;
  Loaded refused(changed.library);
  CHECK_THAT(vit_model_description(refused.model),
             Contains("(machine code refused: cuModuleLoadDataEx, sm_89 code of kernel 'affine'"));
  std::vector<float> x = pixels(2), y;
  REQUIRE(refused.runHost(2, x, y) == VIT_OK);
  CHECK(y == expected(x));
}

TEST_CASE("runtime: PTX that does not compile names the kernel and the line") {
  configure("");
  Changed changed;
  std::string broken = tinyRelu;
  broken.replace(broken.find("max.f32"), 7, "frobnic");
  changed.codes[1].ptx = broken.c_str();
  Checkpoint checkpoint;
  vit_model *model = nullptr;
  size_t before = deviceBytes();
  CHECK(vit_model_load(&changed.library, checkpoint.path.c_str(), nullptr, &model) ==
        VIT_DEVICE_ERROR);
  CHECK_THAT(lastError(), Contains("PTX of kernel 'relu'") && Contains("frobnic"));
  CHECK(lastError().find('\n') == std::string::npos);
  CHECK(deviceBytes() == before);
}

TEST_CASE("runtime: weights from a function, and embedded ones") {
  configure("");
  auto reader = [](void *user, const char *name, uint32_t rank, const int64_t *shape,
                   float *values) -> vit_status {
    ++*static_cast<int *>(user);
    std::string tensor = name;
    CHECK(rank == (tensor == "block.weight" ? 2 : 1));
    int64_t count = rank == 2 ? shape[0] * shape[1] : shape[0];
    for (int64_t i = 0; i != count; ++i)
      values[i] = tensor == "block.weight" ? weight(i) : tensor == "block.one" ? one(i) : bias(i);
    return VIT_OK;
  };
  int calls = 0;
  vit::Model model;
  REQUIRE(model.loadFrom(&library, reader, &calls) == VIT_OK);
  CHECK(calls == 3);
  vit::Workspace workspace;
  REQUIRE(workspace.create(model, 2) == VIT_OK);
  std::vector<float> x = pixels(2), y(x.size());
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  REQUIRE(workspace.runHost(2, inputs, outputs) == VIT_OK);
  CHECK(y == expected(x));
  workspace = vit::Workspace(); // before its model

  auto failing = [](void *, const char *, uint32_t, const int64_t *, float *) {
    vit_set_error("the disk is gone");
    return VIT_BAD_FILE;
  };
  CHECK(model.loadFrom(&library, failing, nullptr) == VIT_BAD_FILE);
  CHECK(lastError() == "vit: weights: 'block.weight': the disk is gone");
  auto shouting = [](void *, const char *, uint32_t, const int64_t *, float *) {
    vit_set_error("two\nlines\x1b[31m, \xc3\xa4");
    return VIT_BAD_FILE;
  };
  CHECK(model.loadFrom(&library, shouting, nullptr) == VIT_BAD_FILE);
  CHECK(lastError() == "vit: weights: 'block.weight': two lines?[31m, \xc3\xa4");
  CHECK_FALSE(model);

  Checkpoint checkpoint;
  auto file = vitrt::Safetensors::open(checkpoint.path);
  REQUIRE(file);
  vitrt::FileSource source(*file);
  std::vector<uint8_t> arena(library.weight_bytes);
  REQUIRE(vitrt::prepareWeights(library, source, arena));
  vit_library embedded = library;
  embedded.embedded = arena.data();
  REQUIRE(model.load(&embedded) == VIT_OK);
  REQUIRE(workspace.create(model, 2) == VIT_OK);
  std::fill(y.begin(), y.end(), 0.0f);
  REQUIRE(workspace.runHost(2, inputs, outputs) == VIT_OK);
  CHECK(y == expected(x));
  workspace = vit::Workspace(); // before its model
}

TEST_CASE("runtime: tools see every step and may exchange kernels") {
  configure("");
  Checkpoint checkpoint;
  auto file = vitrt::Safetensors::open(checkpoint.path);
  REQUIRE(file);
  vitrt::FileSource source(*file);
  std::string doubled = tinyRelu;
  doubled.replace(doubled.find("max.f32 %f3, %f1, %f2"), 21, "add.f32 %f3, %f1, %f1");
  auto model = vitrt::loadModelFrom(&library, &source, nullptr, {doubled});
  INFO(model.error());
  REQUIRE(model);
  auto workspace = vitrt::createWorkspace(model->get(), 4);
  REQUIRE(workspace);
  CHECK(*vitrt::countLaunches(workspace->get(), 2) == 2);
  std::vector<float> x = pixels(2), y(x.size());
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  std::vector<std::string> seen;
  std::vector<float> hidden(x.size());
  auto observer = [&](const vitrt::StepView &view) -> vitrt::Result<void> {
    REQUIRE(view.written.size() == 1);
    seen.push_back(std::string(view.step->label) + ": " + view.written[0].name);
    if (view.index == 0)
      std::memcpy(hidden.data(), view.written[0].bytes.data(), hidden.size() * 4);
    return {};
  };
  REQUIRE(vitrt::runHostObserved(workspace->get(), 2, inputs, 1, outputs, 1, observer));
  CHECK(seen == std::vector<std::string>{"affine of x: hidden", "relu of h: logits"});
  for (size_t i = 0; i != y.size(); ++i)
    REQUIRE(y[i] == 2 * hidden[i]);
  auto stop = [](const vitrt::StepView &) { return vitrt::Result<void>(vitrt::Error{"enough"}); };
  CHECK(vitrt::runHostObserved(workspace->get(), 2, inputs, 1, outputs, 1, stop).error() ==
        "enough");
  auto none =
      vitrt::loadModelFrom(&library, &source, nullptr, {".visible .entry relux() { ret; }"});
  CHECK_THAT(none.error(), Contains("no entry with the name of a kernel"));
}

TEST_CASE("runtime: times of runs and of single steps") {
  Loaded tiny;
  auto tensors = vitrt::makeTensors(tiny.workspace, 4);
  REQUIRE(tensors);
  auto runs = vitrt::timeRuns(tiny.workspace, 4, *tensors, 1, 3);
  REQUIRE(runs);
  CHECK(runs->size() == 3);
  const uint32_t wide[] = {2}, narrow[] = {1};
  auto steps = vitrt::timeSteps(tiny.workspace, 4, wide, *tensors, 2, 5);
  REQUIRE(steps);
  CHECK(steps->size() == 5);
  CHECK_THAT(vitrt::timeSteps(tiny.workspace, 4, narrow, *tensors, 2, 5).error(),
             Contains("step 1 does not run with batch 4"));
}

TEST_CASE("runtime: the emulator sees each buffer by itself") {
  configure("");
  // One element beyond the workspace's buffer is still inside the arena, but not inside the buffer.
  Changed changed;
  std::string beyond = tinyRelu;
  beyond.replace(beyond.find("[%rd4]"), 6, "[%rd4+128]");
  changed.codes[1].ptx = beyond.c_str();
  changed.codes[1].ptx_size = beyond.size();
  Loaded tiny(changed.library);
  std::vector<float> x = pixels(2), y;
  CHECK(tiny.runHost(2, x, y) == VIT_DEVICE_ERROR);
  CHECK_THAT(lastError(), Contains("kernel 'relu' of step 'relu of h'"));
  CHECK(tiny.runHost(3, x = pixels(3), y) == VIT_OK); // another kernel, the same workspace
}
