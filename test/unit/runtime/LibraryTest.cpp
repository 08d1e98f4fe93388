//===- LibraryTest.cpp - A library that vitc built, through the C API ----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The promises about runs, on kernels that the compiler wrote: bits depend
// neither on an image's neighbours nor on the batch, a run allocates nothing,
// every failing driver call can be survived, threads share a model.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>

using namespace interpose;
using Catch::Matchers::Contains;

namespace {

constexpr int channels = 3, size = 24, classes = 7, maxBatch = 33;
constexpr int imageValues = channels * size * size;

/// ViTForImageClassification with 10 tokens of width 48: no extent fills a tile.
std::string config(int layers) {
  return R"({"architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": 24,
    "patch_size": 8, "num_channels": 3, "hidden_size": 48, "num_attention_heads": 3,
    "intermediate_size": 104, "num_labels": 7, "num_hidden_layers": )" +
         std::to_string(layers) + "}";
}

std::string text(const std::string &path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Builds a library with vitc and opens it, once for each set of options. It stays open: its
/// constants are used until the process ends.
const vit_library *build(int layers, const std::string &options) {
  static std::map<std::pair<int, std::string>, const vit_library *> built;
  const vit_library *&library = built[{layers, options}];
  if (library)
    return library;
  char folder[] = "/tmp/vitc-library-XXXXXX";
  REQUIRE(mkdtemp(folder));
  std::string at = folder;
  std::ofstream(at + "/config.json") << config(layers);
  const char *other = std::getenv("VITC_COMPILER"); // where this build has none
  std::string compiler = other && *other ? other : VITC_BINARY_DIR "/bin/vitc";
  std::string command = compiler + " build " + at + " -o " + at +
                        " --name model --shared --max-batch 33 " + options + " > " + at +
                        "/log 2>&1";
  int status = system(command.c_str());
  INFO(command << "\n" << text(at + "/log"));
  REQUIRE(status == 0);
  void *handle = dlopen((at + "/libmodel.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(system(("rm -r " + at).c_str()) == 0);
  REQUIRE(handle);
  auto function =
      reinterpret_cast<const vit_library *(*)(uint32_t abi)>(dlsym(handle, "model_library"));
  REQUIRE(function);
  library = function(VIT_ABI);
  REQUIRE(library);
  return library;
}

/// Numbers in (-1, 1) that follow from `seed` and `i` alone.
float noise(uint64_t seed, uint64_t i) {
  uint64_t z = seed * 0x9E3779B97F4A7C15u + i * 0xBF58476D1CE4E5B9u + 1;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return float(int64_t((z ^ z >> 31) >> 40)) / float(1 << 23) - 1;
}

vit_status readWeights(void *, const char *name, uint32_t rank, const int64_t *shape,
                       float *values) {
  int64_t count = 1;
  for (uint32_t i = 0; i != rank; ++i)
    count *= shape[i];
  uint64_t seed = 0;
  for (const char *c = name; *c; ++c)
    seed = seed * 131 + uint64_t(*c);
  for (int64_t i = 0; i != count; ++i)
    values[i] = 0.3f * noise(seed, uint64_t(i));
  return VIT_OK;
}

/// `count` images, those from number `first` on.
std::vector<float> images(int first, int count) {
  std::vector<float> x(size_t(count) * imageValues);
  for (size_t i = 0; i != x.size(); ++i)
    x[i] = noise(1, size_t(first) * imageValues + i);
  return x;
}

/// A model and a workspace for the largest batch.
struct Built {
  explicit Built(const vit_library *library, const char *device = nullptr) {
    tiny::configure("");
    vit_status status = vit_model_load_from(library, readWeights, nullptr, device, &model);
    INFO(vit_last_error());
    REQUIRE(status == VIT_OK);
    REQUIRE(vit_workspace_create(model, maxBatch, &workspace) == VIT_OK);
  }
  ~Built() {
    vit_workspace_free(workspace);
    vit_model_free(model);
  }
  vit_status run(const std::vector<float> &x, std::vector<float> &y) {
    int batch = int(x.size() / imageValues);
    y.assign(size_t(batch) * classes, -1);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    return vit_model_run_host(model, workspace, batch, inputs, 1, outputs, 1);
  }
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
};

bool sameBits(const float *a, const float *b) {
  return std::memcmp(a, b, classes * sizeof(float)) == 0;
}

std::string firstRun(const vit_library *library, std::vector<float> &y) {
  y.assign(2 * classes, -1);
  auto load = [&](vit_model **model) {
    return vit_model_load_from(library, readWeights, nullptr, nullptr, model);
  };
  return tiny::runOnce(load, 2, 2, images(0, 2), y);
}

} // namespace

TEST_CASE("library: bits depend neither on neighbours nor on the batch") {
  std::string dtype = GENERATE("f16", "bf16");
  INFO(dtype);
  Built built(build(2, "--ptxas none --dtype " + dtype));
  std::vector<float> all, y;
  REQUIRE(built.run(images(0, maxBatch), all) == VIT_OK);
  // Images differ, and so do their results.
  for (int i = 1; i != maxBatch; ++i)
    CHECK_FALSE(sameBits(&all[0], &all[size_t(i) * classes]));
  // Up and down, and at places of the largest batch that no tile begins with.
  for (int batch : {1, 2, 3, 7, maxBatch, 7, 3, 2, 1})
    for (int first : {0, 5, maxBatch - batch}) {
      if (first + batch > maxBatch)
        continue;
      REQUIRE(built.run(images(first, batch), y) == VIT_OK);
      for (int i = 0; i != batch; ++i) {
        INFO("image " << first + i << " at place " << i << " of a batch of " << batch);
        CHECK(sameBits(&y[size_t(i) * classes], &all[size_t(first + i) * classes]));
      }
    }
  // Neighbours that are no numbers, before and behind.
  for (int batch : {2, 3, 7, maxBatch}) {
    std::vector<float> x = images(0, batch);
    for (size_t i = 0; i != x.size(); ++i)
      if (int(i / imageValues) % 2)
        x[i] = i % 3 ? std::numeric_limits<float>::quiet_NaN() : 1e38f;
    REQUIRE(built.run(x, y) == VIT_OK);
    for (int i = 0; i != batch; ++i) {
      INFO("image " << i << " of " << batch);
      const float *row = &y[size_t(i) * classes];
      if (i % 2)
        CHECK(std::isnan(row[0]));
      else
        CHECK(sameBits(row, &all[size_t(i) * classes]));
    }
  }
  // What they left in the workspace is no neighbour either.
  REQUIRE(built.run(images(0, maxBatch), y) == VIT_OK);
  CHECK(y == all);
}

TEST_CASE("library: a prepared batch has the bits of one that is not") {
  Built built(build(2, "--ptxas none"));
  std::vector<float> x[2], right[2], y;
  constexpr int batches[] = {7, maxBatch};
  for (int i = 0; i != 2; ++i) {
    x[i] = images(i, batches[i]);
    REQUIRE(built.run(x[i], right[i]) == VIT_OK);
    REQUIRE(vit_workspace_prepare(built.model, built.workspace, batches[i]) == VIT_OK);
  }
  for (unsigned seed : {0u, 1u, 2u, 3u}) // 0: what is enqueued runs at once
    for (int i = 0; i != 2; ++i) {
      tiny::configure("async=" + std::to_string(seed));
      INFO("batch " << batches[i] << ", seed " << seed);
      REQUIRE(built.run(x[i], y) == VIT_OK);
      CHECK(y == right[i]);
    }
  tiny::configure("");
}

TEST_CASE("library: beyond the largest batch there is a message with value and limit") {
  const vit_library *library = build(1, "--ptxas none");
  Built built(library);
  std::vector<float> y;
  CHECK(built.run(images(0, maxBatch + 1), y) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) == "vit: batch is 34, but the workspace holds at most 33");
  vit_workspace *larger = nullptr;
  CHECK(vit_workspace_create(built.model, maxBatch + 1, &larger) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) == "vit: max_batch is 34, expected 1 to the library's 33");
  CHECK(larger == nullptr);
  CHECK(built.run(images(0, maxBatch), y) == VIT_OK);
}

TEST_CASE("library: a run calls no allocator") {
  Built built(build(1, "--ptxas none"));
  auto in = vitrt::DeviceMemory::allocate(built.model, maxBatch * imageValues * sizeof(float));
  auto out = vitrt::DeviceMemory::allocate(built.model, maxBatch * classes * sizeof(float));
  REQUIRE(in);
  REQUIRE(out);
  std::vector<float> x = images(0, maxBatch);
  REQUIRE(in->upload(x.data(), x.size() * sizeof(float)));
  const void *inputs[] = {in->data()};
  void *outputs[] = {out->data()};
  Interposed interposed;
  interposed.table->registerRange = nullptr; // a real driver has none
  deviceAllocations = 0;
  int good = 0, counted = 0;
  for (int batch : {1, 2, 3, 7, maxBatch, 1}) { // none of them prepared
    allocations = 0;
    counting = true;
    good += vit_model_run(built.model, built.workspace, batch, inputs, 1, outputs, 1, nullptr) ==
            VIT_OK;
    counting = false;
    counted += allocations;
  }
  CHECK(good == 6);
  CHECK(counted == 0);
  CHECK(deviceAllocations == 0);
}

TEST_CASE("library: every failing driver call gives a status and a text, and can be tried again") {
  const vit_library *library = build(1, "--ptxas none --target cuda");
  tiny::configure("");
  std::vector<float> right, y;
  REQUIRE(firstRun(library, right) == "");
  size_t before = tiny::deviceBytes();
  Interposed interposed;
  int failures = 0;
  for (int n = 1;; ++n) {
    tiny::configure("fail-call=" + std::to_string(n));
    std::string problem = firstRun(library, y);
    INFO("call " << n << ": " << problem);
    tiny::configure("");
    if (problem.empty()) // beyond the first run: nothing but frees can fail
      break;
    ++failures;
    CHECK_THAT(problem, Contains("CUDA_ERROR_") && !Contains("\n"));
    CHECK(tiny::deviceBytes() == before);
    CHECK(live == 0);
    CHECK(tiny::currentContext() == nullptr);
    CHECK(firstRun(library, y) == "");
    CHECK(y == right);
  }
  // At least a module, a function and a launch for each kernel.
  CHECK(failures > int(3 * library->targets[0].kernel_count));
}

TEST_CASE("library: on a device that takes no machine code PTX runs, and that is said") {
  const vit_library *library = build(1, "");
  REQUIRE(static_cast<const vit_cuda_code *>(library->targets[0].kernels[0].code)->code_count == 1);
  Built built(library), plain(build(1, "--ptxas none"));
  CHECK_THAT(vit_model_description(built.model),
             Contains("PTX JIT for sm_89 (it takes no sm_89 machine code)"));
  CHECK_THAT(vit_model_description(plain.model), Contains("PTX JIT for sm_89, "));
  std::vector<float> x = images(0, 3), y, z;
  REQUIRE(built.run(x, y) == VIT_OK);
  REQUIRE(plain.run(x, z) == VIT_OK);
  CHECK(y == z);
}

static void onEightThreads(Built &built) {
  std::vector<float> right;
  REQUIRE(built.run(images(0, 16), right) == VIT_OK);
  tiny::onEightThreads(built.model, 4, [&](int thread, int run, vit_workspace *workspace) {
    int batch = 1 + (thread + run) % 4, first = thread + batch;
    std::vector<float> x = images(first, batch), y(size_t(batch) * classes);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    int wrong = vit_model_run_host(built.model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK;
    return wrong + !std::equal(y.begin(), y.end(), right.begin() + first * classes);
  });
}

TEST_CASE("library: eight threads with eight workspaces share a model") {
  Built built(build(1, "--ptxas none"));
  onEightThreads(built);
}

TEST_CASE("library: eight threads with eight workspaces share a model of a CPU") {
  Built built(build(1, "--target cpu"), "cpu:2");
  onEightThreads(built);
}
