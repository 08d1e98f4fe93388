//===- DriverErrorTest.cpp - What a driver's errors become ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "runtime/cuda/Device.h"

using Catch::Matchers::Contains;
using namespace tiny;

namespace {

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

/// The error of a load while the emulator poses as `options` say. The code is PTX for `target`.
std::string errorOf(const std::string &options, const std::string &target = "sm_89",
                    const char *machine = nullptr) {
  Changed changed;
  std::vector<std::string> texts;
  for (vit_cuda_code &code : changed.codes)
    texts.push_back(replaced(code.ptx, "sm_80", target));
  vit_machine_code image = {machine, tinyCode, sizeof tinyCode};
  for (size_t i = 0; i != texts.size(); ++i) {
    changed.codes[i].ptx = texts[i].c_str();
    changed.codes[i].ptx_size = texts[i].size();
    changed.codes[i].codes = &image;
    changed.codes[i].code_count = machine != nullptr;
  }
  configure("");
  Checkpoint checkpoint("driver");
  size_t before = deviceBytes();
  configure(options);
  vit_model *model = nullptr;
  vit_status status = vit_model_load(&changed.library, checkpoint.path.c_str(), nullptr, &model);
  std::string text = vit_last_error();
  vit_model_free(model);
  configure("");
  CHECK(deviceBytes() == before);
  CHECK((status == VIT_OK) == text.empty());
  return text;
}

} // namespace

TEST_CASE("runtime: a library for another device says which, and what to build") {
  CHECK(errorOf("sm=86") == "vit: the library is built for sm_89, this device is vitc PTX emulator "
                            "(sm_86), sm_86; build with --arch sm_86");
  CHECK(errorOf("sm=75", "sm_80") == "vit: the library is built for sm_80, this device is vitc PTX "
                                     "emulator (sm_75), sm_75; vitc builds for sm_80 and later");
  CHECK_THAT(errorOf("sm=80", "sm_86", "sm_89"), Contains("built for sm_89 and sm_86"));
  CHECK(errorOf("sm=89") == "");
  CHECK(errorOf("sm=120") == ""); // PTX runs on what is newer
  // Text for one target alone.
  CHECK_THAT(errorOf("sm=100", "sm_90a"),
             Contains("built for sm_90a") && Contains("--arch sm_100"));
}

TEST_CASE("runtime: a driver that is too old for the PTX names the least that will do") {
  CHECK(errorOf("driver=11080", "sm_80") == "");
  std::string text = errorOf("driver=11040");
  CHECK_THAT(text, Contains("PTX of kernel 'affine', which is version 7.8 and needs a driver for "
                            "CUDA 11.8 (R520) or later: CUDA_ERROR_UNSUPPORTED_PTX_VERSION"));
  CHECK_THAT(text, Contains("; on vitc PTX emulator (sm_89), driver for CUDA 11.4, library "
                            "built for sm_89"));
  // Machine code that it does not take either is mentioned.
  CHECK_THAT(errorOf("driver=11040", "sm_89", "sm_89"),
             Contains("(it takes no sm_89 machine code)") || Contains("machine code refused"));
  CHECK(vitrt::Device::leastDriver(78) == "for CUDA 11.8 (R520)");
  CHECK(vitrt::Device::leastDriver(84) == "for CUDA 12.4 (R550)");
  CHECK(vitrt::Device::leastDriver(99) == "newer than R580");
}

TEST_CASE("runtime: the head of PTX text") {
  vitrt::PtxHeader head =
      vitrt::readPtxHeader("// .target sm_50\n.version 7.8\n.target\tsm_90a, x\n");
  CHECK(head.version == 78);
  CHECK(head.target == 90);
  CHECK(head.onlyThatTarget);
  CHECK(head.targetText == "sm_90a");
  head = vitrt::readPtxHeader("nothing");
  CHECK(head.version + head.target == 0);
  CHECK(vitrt::readPtxHeader(".target sm_99999999999").onlyThatTarget);
}

TEST_CASE("runtime: every error of a driver says what to do, and where it happened") {
  struct Case {
    int code;
    const char *text;
  };
  const Case cases[] = {{2, "bytes are free: lower max_batch"},
                        {3, "load models after the fork"},
                        {4, "free models before main returns"},
                        {34, "stub for linkers"},
                        {46, "--compute-mode=DEFAULT"},
                        {100, "does nvidia-smi show a device? CUDA_VISIBLE_DEVICES is "},
                        {201, "load the model again"},
                        {214, "nvidia-smi --gpu-reset"},
                        {221, "libnvidia-ptxjitcompiler.so.1"},
                        {304, "/dev/nvidia*"},
                        {700, "Start the process again"},
                        {709, "cudaDeviceReset"},
                        {716, "Start the process again"},
                        {719, "Start the process again"},
                        {803, "reboot"},
                        {804, "cuda-compat"},
                        {805, "(MPS)"},
                        {807, "(MPS)"},
                        {900, "captured"},
                        {906, "captured"},
                        {999, "does nvidia-smi work?"}};
  Loaded tiny;
  std::vector<float> x = pixels(1), y;
  REQUIRE(tiny.runHost(1, x, y) == VIT_OK);
  for (const Case &one : cases) {
    // The fourth call of a run is one of its launches or copies.
    configure("fail-call=4,fail-code=" + std::to_string(one.code));
    CHECK(tiny.runHost(1, x, y) == (one.code == 2 ? VIT_OUT_OF_MEMORY : VIT_DEVICE_ERROR));
    std::string text = vit_last_error();
    INFO(text);
    CHECK_THAT(text, Contains(one.text));
    CHECK_THAT(text, Contains("; on vitc PTX emulator (sm_89), driver for CUDA 13.0, library "
                              "built for sm_"));
    CHECK(text.find('\n') == std::string::npos);
  }
  configure("");
  CHECK(tiny.runHost(1, x, y) == VIT_OK);
}

TEST_CASE("runtime: memory that runs out says how much was asked for and how much is free") {
  configure("");
  Changed changed;
  changed.plan.workspace_bytes = TINY_PER_IMAGE(uint64_t(20) << 30);
  Checkpoint checkpoint("memory");
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  REQUIRE(vit_model_load(&changed.library, checkpoint.path.c_str(), nullptr, &model) == VIT_OK);
  CHECK(vit_workspace_create(model, 2, &workspace) == VIT_OUT_OF_MEMORY);
  CHECK_THAT(
      vit_last_error(),
      Contains("vit: cuMemAlloc, 42949672960 bytes for 2 images: CUDA_ERROR_OUT_OF_MEMORY") &&
          Contains(" of 25769803776 bytes are free: lower max_batch"));
  vit_model_free(model);
}
