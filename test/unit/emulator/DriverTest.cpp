//===- DriverTest.cpp - The driver API of the emulator ----------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a driver refuses must be refused here, or a program that is wrong would pass.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "EmulatorGemm.h"
#include "EmulatorTesting.h"
#include "vit_emulator.h"

#include <fstream>
#include <sstream>
#include <thread>

using namespace vitc::emu;
using namespace vitc::emu::testing;

extern "C" {
CUresult cuInit(unsigned);
CUresult cuDriverGetVersion(int *);
CUresult cuGetErrorName(CUresult, const char **);
CUresult cuGetErrorString(CUresult, const char **);
CUresult cuDeviceGetCount(int *);
CUresult cuDeviceGet(CUdevice *, int);
CUresult cuDeviceGetName(char *, int, CUdevice);
CUresult cuDeviceGetAttribute(int *, int, CUdevice);
CUresult cuDeviceTotalMem_v2(size_t *, CUdevice);
CUresult cuDevicePrimaryCtxRetain(CUcontext *, CUdevice);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice);
CUresult cuCtxGetCurrent(CUcontext *);
CUresult cuCtxSetCurrent(CUcontext);
CUresult cuCtxPushCurrent_v2(CUcontext);
CUresult cuCtxPopCurrent_v2(CUcontext *);
CUresult cuCtxSynchronize(void);
CUresult cuModuleLoadData(CUmodule *, const void *);
CUresult cuModuleLoadDataEx(CUmodule *, const void *, unsigned, int *, void **);
CUresult cuModuleUnload(CUmodule);
CUresult cuModuleGetFunction(CUfunction *, CUmodule, const char *);
CUresult cuFuncGetAttribute(int *, int, CUfunction);
CUresult cuFuncSetAttribute(CUfunction, int, int);
CUresult cuMemAlloc_v2(CUdeviceptr *, size_t);
CUresult cuMemFree_v2(CUdeviceptr);
CUresult cuMemGetInfo_v2(size_t *, size_t *);
CUresult cuMemcpyHtoD_v2(CUdeviceptr, const void *, size_t);
CUresult cuMemcpyDtoH_v2(void *, CUdeviceptr, size_t);
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, size_t, CUstream);
CUresult cuMemsetD8_v2(CUdeviceptr, unsigned char, size_t);
CUresult cuStreamCreate(CUstream *, unsigned);
CUresult cuStreamDestroy_v2(CUstream);
CUresult cuStreamSynchronize(CUstream);
CUresult cuEventCreate(CUevent *, unsigned);
CUresult cuEventRecord(CUevent, CUstream);
CUresult cuEventSynchronize(CUevent);
CUresult cuEventElapsedTime(float *, CUevent, CUevent);
CUresult cuEventDestroy_v2(CUevent);
CUresult cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                        unsigned, CUstream, void **, void **);
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *, CUfunction, int, size_t);
}

namespace {

/// A current context for one test, which must leave nothing behind.
struct Context {
  Context() {
    REQUIRE(vitEmuConfigure("") == 0);
    REQUIRE(cuInit(0) == CUDA_SUCCESS);
    CUcontext context = nullptr;
    REQUIRE(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    REQUIRE(cuCtxSetCurrent(context) == CUDA_SUCCESS);
  }
  ~Context() {
    vitEmuConfigure("");
    cuCtxSetCurrent(nullptr);
    cuDevicePrimaryCtxRelease_v2(0);
  }
};

const std::string fillText = std::string(prologue) + R"(.extern .shared .align 16 .b8 dynamic[];
.visible .entry fill(.param .u64 out, .param .u32 value)
.maxntid 256, 1, 1
{
  .reg .b32 %r<8>; .reg .b64 %rd<4>;
  .shared .align 4 .b8 fixed[1024];
  ld.param.u64 %rd1, [out];
  ld.param.u32 %r1, [value];
  mov.u32 %r2, %tid.x;
  mov.u32 %r3, %ctaid.x;
  mov.u32 %r4, %ntid.x;
  mad.lo.u32 %r2, %r3, %r4, %r2;
  mul.wide.u32 %rd2, %r2, 4;
  add.s64 %rd1, %rd1, %rd2;
  mov.u32 %r5, fixed;
  mov.u32 %r6, dynamic;
  st.global.u32 [%rd1], %r1;
  ret;
}
)";

CUresult launchFill(CUfunction f, CUdeviceptr out, uint32_t value, unsigned grid, unsigned block,
                    unsigned shared = 0) {
  void *arguments[] = {&out, &value};
  return cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, nullptr, arguments, nullptr);
}

} // namespace

TEST_CASE("emulator: a program's way through the driver") {
  Context context;
  int value = 0;
  CHECK(cuDriverGetVersion(&value) == CUDA_SUCCESS);
  CHECK(value == 13000);
  CHECK(cuDeviceGetCount(&value) == CUDA_SUCCESS);
  CHECK(value == 1);
  char name[64];
  CHECK(cuDeviceGetName(name, 64, 0) == CUDA_SUCCESS);
  CHECK(std::string(name) == "vitc PTX emulator (sm_89)");
  const int expected[][2] = {{1, 1024}, {8, 49152}, {10, 32},     {16, 128},
                             {75, 8},   {76, 9},    {97, 101376}, {6, 65535}};
  for (auto [attribute, number] : expected) {
    CHECK(cuDeviceGetAttribute(&value, attribute, 0) == CUDA_SUCCESS);
    CHECK(value == number);
  }
  CUmodule module;
  CUfunction f;
  REQUIRE(cuModuleLoadData(&module, fillText.c_str()) == CUDA_SUCCESS);
  REQUIRE(cuModuleGetFunction(&f, module, "fill") == CUDA_SUCCESS);
  CHECK(cuModuleGetFunction(&f, module, "fil") == CUDA_ERROR_NOT_FOUND);
  CUdeviceptr out;
  REQUIRE(cuMemAlloc_v2(&out, 4096) == CUDA_SUCCESS);
  CHECK(out % 256 == 0);
  size_t available, total;
  CHECK(cuMemGetInfo_v2(&available, &total) == CUDA_SUCCESS);
  CHECK(total - available == 4096);
  CUstream stream;
  REQUIRE(cuStreamCreate(&stream, 1) == CUDA_SUCCESS);
  CUevent start, end;
  REQUIRE(cuEventCreate(&start, 0) == CUDA_SUCCESS);
  REQUIRE(cuEventCreate(&end, 0) == CUDA_SUCCESS);
  float ms;
  CHECK(cuEventElapsedTime(&ms, start, end) == CUDA_ERROR_INVALID_HANDLE); // not recorded yet
  CHECK(cuEventRecord(start, stream) == CUDA_SUCCESS);
  uint64_t launches = vitEmuLaunchCount();
  CHECK(launchFill(f, out, 42, 4, 256) == CUDA_SUCCESS);
  CHECK(vitEmuLaunchCount() == launches + 1);
  CHECK(cuEventRecord(end, stream) == CUDA_SUCCESS);
  CHECK(cuEventSynchronize(end) == CUDA_SUCCESS);
  CHECK(cuEventElapsedTime(&ms, start, end) == CUDA_SUCCESS);
  CHECK(ms >= 0);
  std::vector<uint32_t> host(1024);
  CHECK(cuMemcpyDtoH_v2(host.data(), out, 4096) == CUDA_SUCCESS);
  CHECK(host == std::vector<uint32_t>(1024, 42));
  CHECK(cuMemsetD8_v2(out, 1, 8) == CUDA_SUCCESS);
  CHECK(cuMemcpyDtoDAsync_v2(out + 8, out, 4, stream) == CUDA_SUCCESS);
  CHECK(cuMemcpyDtoH_v2(host.data(), out, 16) == CUDA_SUCCESS);
  CHECK(host[2] == 0x01010101);
  CHECK(host[3] == 42);
  CHECK(cuEventDestroy_v2(start) == CUDA_SUCCESS);
  CHECK(cuEventDestroy_v2(start) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(cuStreamDestroy_v2(stream) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(cuMemFree_v2(out) == CUDA_SUCCESS);
  CHECK(cuModuleUnload(module) == CUDA_SUCCESS);
  CHECK(launchFill(f, out, 42, 4, 256) == CUDA_ERROR_INVALID_HANDLE);
}

TEST_CASE("emulator: the driver's limits") {
  Context context;
  CUmodule module;
  CUfunction f;
  CUdeviceptr out;
  REQUIRE(cuModuleLoadData(&module, fillText.c_str()) == CUDA_SUCCESS);
  REQUIRE(cuModuleGetFunction(&f, module, "fill") == CUDA_SUCCESS);
  REQUIRE(cuMemAlloc_v2(&out, 4096) == CUDA_SUCCESS);
  CHECK(launchFill(f, out, 1, 0, 256) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launchFill(f, out, 1, 1, 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launchFill(f, out, 1, 1, 2048) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launchFill(f, out, 1, 1, 512) == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES); // .maxntid 256
  void *arguments[] = {&out, &out};
  CHECK(cuLaunchKernel(f, 1, 65536, 1, 32, 1, 1, 0, nullptr, arguments, nullptr) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, nullptr, arguments, nullptr) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, reinterpret_cast<CUstream>(77), arguments,
                       nullptr) == CUDA_ERROR_INVALID_HANDLE);
  // 1 KB static: 47 KB dynamic are left by default, 98 KB by request.
  CHECK(launchFill(f, out, 1, 1, 32, 47 * 1024) == CUDA_SUCCESS);
  CHECK(launchFill(f, out, 1, 1, 32, 47 * 1024 + 1) == CUDA_ERROR_INVALID_VALUE);
  int value;
  CHECK(cuFuncGetAttribute(&value, 1, f) == CUDA_SUCCESS);
  CHECK(value == 1024);
  CHECK(cuFuncSetAttribute(f, 8, 98 * 1024 + 1) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuFuncSetAttribute(f, 8, 98 * 1024) == CUDA_SUCCESS);
  CHECK(launchFill(f, out, 1, 1, 32, 98 * 1024) == CUDA_SUCCESS);
  CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, 256, 47 * 1024) == CUDA_SUCCESS);
  CHECK(value == 2);
  // The packed form of the arguments.
  struct {
    CUdeviceptr out;
    uint32_t value, pad;
  } packed{out, 9, 0};
  size_t size = 12;
  void *extra[] = {reinterpret_cast<void *>(1), &packed, reinterpret_cast<void *>(2), &size,
                   nullptr};
  CHECK(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra) == CUDA_SUCCESS);
  uint32_t word;
  CHECK(cuMemcpyDtoH_v2(&word, out, 4) == CUDA_SUCCESS);
  CHECK(word == 9);
  // Memory.
  CHECK(cuMemcpyHtoD_v2(out + 4092, &word, 8) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuMemcpyDtoH_v2(&word, out - 4, 4) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuMemFree_v2(out + 256) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuMemAlloc_v2(&out, 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuMemAlloc_v2(&out, 25ull << 30) == CUDA_ERROR_OUT_OF_MEMORY);
}

TEST_CASE("emulator: contexts") {
  CHECK(cuDevicePrimaryCtxRelease_v2(0) == CUDA_ERROR_INVALID_CONTEXT);
  CUdeviceptr out;
  {
    Context context;
    CUcontext current, popped;
    CHECK(cuCtxGetCurrent(&current) == CUDA_SUCCESS);
    CHECK(cuCtxPushCurrent_v2(current) == CUDA_SUCCESS);
    CHECK(cuCtxPopCurrent_v2(&popped) == CUDA_SUCCESS);
    CHECK(popped == current);
    CHECK(cuCtxSetCurrent(reinterpret_cast<CUcontext>(16)) == CUDA_ERROR_INVALID_CONTEXT);
    std::thread([&] { CHECK(cuMemAlloc_v2(&out, 16) == CUDA_ERROR_INVALID_CONTEXT); }).join();
    REQUIRE(cuMemAlloc_v2(&out, 16) == CUDA_SUCCESS);
  }
  CHECK(cuCtxSynchronize() == CUDA_ERROR_INVALID_CONTEXT);
  CHECK(Driver::get().memory.used() == 0); // the last release freed what was left
  CHECK(cuInit(1) == CUDA_ERROR_INVALID_VALUE);
}

TEST_CASE("emulator: machine code is refused and bad PTX explains itself") {
  Context context;
  CUmodule module;
  const unsigned char elf[64] = {0x7f, 'E', 'L', 'F'};
  CHECK(cuModuleLoadData(&module, elf) == CUDA_ERROR_NO_BINARY_FOR_GPU);
  char log[200] = "", small[8] = "";
  int options[] = {5, 6};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  std::string bad = edited(fillText, "mul.wide.u32", "mull.wide.u32");
  CHECK(cuModuleLoadDataEx(&module, bad.c_str(), 2, options, values) == CUDA_ERROR_INVALID_PTX);
  CHECK(std::string(log) == "ptx line 16: 'mull.wide.u32': unknown opcode");
  CHECK(reinterpret_cast<size_t>(values[1]) == std::string(log).size());
  void *few[] = {small, reinterpret_cast<void *>(sizeof(small))};
  CHECK(cuModuleLoadDataEx(&module, bad.c_str(), 2, options, few) == CUDA_ERROR_INVALID_PTX);
  CHECK(std::string(small) == "ptx lin");
  const char *text;
  CHECK(cuGetErrorName(CUDA_ERROR_INVALID_PTX, &text) == CUDA_SUCCESS);
  CHECK(std::string(text) == "CUDA_ERROR_INVALID_PTX");
  CHECK(cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text) == CUDA_SUCCESS);
  CHECK(std::string(text) == "an illegal memory access was encountered");
}

TEST_CASE("emulator: findings reach stderr, the report and the status") {
  Context context;
  std::string report = VITC_BINARY_DIR "/emulator-report.txt";
  std::remove(report.c_str());
  REQUIRE(vitEmuConfigure(("report=" + report).c_str()) == 0);
  CUmodule module;
  CUfunction f;
  CUdeviceptr out;
  REQUIRE(cuModuleLoadData(&module, fillText.c_str()) == CUDA_SUCCESS);
  REQUIRE(cuModuleGetFunction(&f, module, "fill") == CUDA_SUCCESS);
  REQUIRE(cuMemAlloc_v2(&out, 4096) == CUDA_SUCCESS);
  CHECK(launchFill(f, out, 1, 5, 256) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(launchFill(f, out, 1, 4, 256) == CUDA_SUCCESS); // nothing sticks
  REQUIRE(vitEmuRegister(out, 1024, "mine", 1) == 0);
  CHECK(launchFill(f, out, 1, 4, 256) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(vitEmuRegister(out, 5000, "mine", 1) == 1);
  std::stringstream text;
  text << std::ifstream(report).rdbuf();
  INFO(text.str());
  CHECK(text.str().find("fill:20:4,0,0/0: out-of-bounds: st.global.u32 writes 4 bytes at byte 4096 "
                        "of a buffer, which has 4096 bytes\n") != std::string::npos);
  CHECK(text.str().find("of 'mine', which has 1024 bytes") != std::string::npos);
  CHECK(text.str().find("launch fill: 4 ctas") != std::string::npos);
  std::remove(report.c_str());
}

TEST_CASE("emulator: the n-th call fails, once") {
  Context context;
  REQUIRE(vitEmuConfigure("fail-call=2") == 0);
  CUdeviceptr out = 0;
  CHECK(cuMemAlloc_v2(&out, 64) == CUDA_SUCCESS);
  CHECK(cuMemFree_v2(out) == CUDA_ERROR_UNKNOWN); // and freed nothing
  CHECK(cuMemFree_v2(out) == CUDA_SUCCESS);
  CHECK(vitEmuCallCount() == 3);
  REQUIRE(vitEmuConfigure("fail-call=1") == 0);
  const char *text;
  CHECK(cuGetErrorName(CUDA_SUCCESS, &text) == CUDA_SUCCESS); // not counted
  CHECK(cuMemAlloc_v2(&out, 64) == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(cuMemAlloc_v2(&out, 64) == CUDA_SUCCESS);
  CHECK(vitEmuConfigure("fail-call=x") == 1);
  CHECK(vitEmuConfigure("report=/nowhere/report") == 1); // which would be missed later
}

TEST_CASE("emulator: threads launch at the same time") {
  Context context;
  CUmodule module;
  CUfunction f;
  REQUIRE(cuModuleLoadData(&module, fillText.c_str()) == CUDA_SUCCESS);
  REQUIRE(cuModuleGetFunction(&f, module, "fill") == CUDA_SUCCESS);
  CUcontext current;
  cuCtxGetCurrent(&current);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      cuCtxSetCurrent(current);
      CUdeviceptr out = 0;
      std::vector<uint32_t> host(1024);
      for (uint32_t i = 0; i < 20; ++i) {
        wrong += cuMemAlloc_v2(&out, 4096) != CUDA_SUCCESS;
        wrong += vitEmuRegister(out, 4096, "out", 1) != 0;
        wrong += launchFill(f, out, t * 100 + i, 4, 256) != CUDA_SUCCESS;
        wrong += cuMemcpyDtoH_v2(host.data(), out, 4096) != CUDA_SUCCESS;
        wrong += host != std::vector<uint32_t>(1024, t * 100 + i);
        wrong += cuMemFree_v2(out) != CUDA_SUCCESS;
      }
      cuCtxSetCurrent(nullptr);
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(wrong == 0);
}
