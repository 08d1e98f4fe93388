//===- DriverGraphTest.cpp - Graphs of the emulator's driver ----------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One kernel: out = 3 * in + add, so that a number says which kernels ran in which order.
//
//===----------------------------------------------------------------------===//

#include "DriverLaunch.h"
#include "EmulatorTesting.h"
#include "vit_emulator.h"

#include <set>

using namespace vitc::emu;
using namespace vitc::emu::testing;

using CUgraph = struct CUgraph_st *;
using CUgraphNode = struct CUgraphNode_st *;
using CUgraphExec = struct CUgraphExec_st *;

extern "C" {
CUresult cuInit(unsigned);
CUresult cuDevicePrimaryCtxRetain(CUcontext *, CUdevice);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice);
CUresult cuCtxSetCurrent(CUcontext);
CUresult cuModuleLoadData(CUmodule *, const void *);
CUresult cuModuleUnload(CUmodule);
CUresult cuModuleGetFunction(CUfunction *, CUmodule, const char *);
CUresult cuMemAlloc_v2(CUdeviceptr *, size_t);
CUresult cuMemFree_v2(CUdeviceptr);
CUresult cuMemcpyHtoD_v2(CUdeviceptr, const void *, size_t);
CUresult cuMemcpyDtoH_v2(void *, CUdeviceptr, size_t);
CUresult cuStreamCreate(CUstream *, unsigned);
CUresult cuStreamDestroy_v2(CUstream);
CUresult cuStreamSynchronize(CUstream);
CUresult cuStreamBeginCapture_v2(CUstream, int);
CUresult cuStreamEndCapture(CUstream, CUgraph *);
CUresult cuStreamIsCapturing(CUstream, int *);
CUresult cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                        unsigned, CUstream, void **, void **);
CUresult cuGraphCreate(CUgraph *, unsigned);
CUresult cuGraphAddKernelNode(CUgraphNode *, CUgraph, const CUgraphNode *, size_t,
                              const CUkernelNodeParams *);
CUresult cuGraphInstantiateWithFlags(CUgraphExec *, CUgraph, unsigned long long);
CUresult cuGraphExecKernelNodeSetParams(CUgraphExec, CUgraphNode, const CUkernelNodeParams *);
CUresult cuGraphLaunch(CUgraphExec, CUstream);
CUresult cuGraphExecDestroy(CUgraphExec);
CUresult cuGraphDestroy(CUgraph);
}

namespace {

const std::string stepText = std::string(prologue) + R"(.visible .entry step(
  .param .u64 in, .param .u64 out, .param .u32 add) {
  .reg .b32 %r<4>; .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  ld.param.u32 %r1, [add];
  ld.global.u32 %r2, [%rd1];
  mad.lo.u32 %r3, %r2, 3, %r1;
  st.global.u32 [%rd2], %r3;
  ret;
}
)";

/// A context, the kernel, a stream that does not block, and eight numbers on the device.
struct Device {
  Device() {
    REQUIRE(vitEmuConfigure("") == 0);
    REQUIRE(cuInit(0) == CUDA_SUCCESS);
    CUcontext context = nullptr;
    REQUIRE(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    REQUIRE(cuCtxSetCurrent(context) == CUDA_SUCCESS);
    REQUIRE(cuModuleLoadData(&module, stepText.c_str()) == CUDA_SUCCESS);
    REQUIRE(cuModuleGetFunction(&step, module, "step") == CUDA_SUCCESS);
    REQUIRE(cuMemAlloc_v2(&numbers, 32) == CUDA_SUCCESS);
    REQUIRE(cuStreamCreate(&stream, 1) == CUDA_SUCCESS);
    REQUIRE(cuGraphCreate(&graph, 0) == CUDA_SUCCESS);
  }
  ~Device() {
    vitEmuConfigure("");
    cuGraphDestroy(graph);
    cuStreamDestroy_v2(stream);
    cuMemFree_v2(numbers);
    cuModuleUnload(module);
    cuCtxSetCurrent(nullptr);
    cuDevicePrimaryCtxRelease_v2(0);
  }

  /// From number `from` to number `to`. What it says holds until the next call.
  const CUkernelNodeParams *say(unsigned from, unsigned to, uint32_t value) {
    in = numbers + 4 * from, out = numbers + 4 * to, add = value;
    said = {step, 1, 1, 1, 1, 1, 1, 0, arguments, nullptr};
    return &said;
  }
  CUgraphNode node(std::vector<CUgraphNode> after, unsigned from, unsigned to, uint32_t value) {
    CUgraphNode made = nullptr;
    REQUIRE(cuGraphAddKernelNode(&made, graph, after.data(), after.size(), say(from, to, value)) ==
            CUDA_SUCCESS);
    return made;
  }
  CUgraphExec instance() {
    CUgraphExec made = nullptr;
    REQUIRE(cuGraphInstantiateWithFlags(&made, graph, 0) == CUDA_SUCCESS);
    return made;
  }
  void set(unsigned place, uint32_t value) {
    REQUIRE(cuMemcpyHtoD_v2(numbers + 4 * place, &value, 4) == CUDA_SUCCESS);
    REQUIRE(cuStreamSynchronize(nullptr) == CUDA_SUCCESS);
  }
  uint32_t get(unsigned place) {
    uint32_t value = 0;
    REQUIRE(cuStreamSynchronize(stream) == CUDA_SUCCESS);
    REQUIRE(cuMemcpyDtoH_v2(&value, numbers + 4 * place, 4) == CUDA_SUCCESS);
    return value;
  }

  CUmodule module = nullptr;
  CUfunction step = nullptr;
  CUdeviceptr numbers = 0, in = 0, out = 0;
  uint32_t add = 0;
  void *arguments[3] = {&in, &out, &add};
  CUkernelNodeParams said = {};
  CUstream stream = nullptr;
  CUgraph graph = nullptr;
};

std::string seeded(unsigned seed) { return "threads=1,async=" + std::to_string(seed); }

} // namespace

TEST_CASE("emulator: a graph runs its kernels as often as it is launched") {
  Device device;
  device.set(0, 1);
  CUgraphNode first = device.node({}, 0, 1, 2);
  device.node({first}, 1, 0, 4);
  CUgraphExec instance = device.instance();
  device.node({first}, 1, 2, 7); // the instance was made before
  uint64_t launches = vitEmuLaunchCount();
  for (uint32_t value : {19u, 181u}) { // 3 * (3 * 1 + 2) + 4, ...
    CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
    CHECK(device.get(0) == value);
  }
  CHECK(vitEmuLaunchCount() == launches + 4);
  CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
  CHECK(cuGraphExecDestroy(instance) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuGraphLaunch(instance, device.stream) == CUDA_ERROR_INVALID_VALUE);
}

TEST_CASE("emulator: what a graph may not be is refused") {
  Device device;
  CUgraphNode node = nullptr, stranger = device.node({}, 0, 1, 0);
  CUgraph other = nullptr;
  REQUIRE(cuGraphCreate(&other, 0) == CUDA_SUCCESS);
  CHECK(cuGraphCreate(&other, 1) == CUDA_ERROR_INVALID_VALUE);
  auto add = [&](const CUgraphNode *after, size_t count, const CUkernelNodeParams *said) {
    return cuGraphAddKernelNode(&node, other, after, count, said);
  };
  CHECK(add(&stranger, 1, device.say(0, 1, 0)) == CUDA_ERROR_INVALID_VALUE);
  CHECK(add(nullptr, 1, device.say(0, 1, 0)) == CUDA_ERROR_INVALID_VALUE);
  CHECK(add(nullptr, 0, nullptr) == CUDA_ERROR_INVALID_VALUE);
  CUkernelNodeParams wrong = *device.say(0, 1, 0);
  wrong.blockX = 2048;
  CHECK(add(nullptr, 0, &wrong) == CUDA_ERROR_INVALID_VALUE);
  wrong = *device.say(0, 1, 0);
  wrong.function = nullptr;
  CHECK(add(nullptr, 0, &wrong) == CUDA_ERROR_INVALID_HANDLE);
  CUgraphExec instance = device.instance();
  REQUIRE(add(nullptr, 0, device.say(0, 1, 0)) == CUDA_SUCCESS); // of the other graph
  CHECK(cuGraphExecKernelNodeSetParams(instance, node, &device.said) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuGraphExecKernelNodeSetParams(instance, stranger, &device.said) == CUDA_SUCCESS);
  CHECK(cuGraphDestroy(other) == CUDA_SUCCESS);
  // Without its graph an instance runs, but cannot be changed: a node is of the graph.
  device.set(0, 1);
  CHECK(cuGraphDestroy(std::exchange(device.graph, nullptr)) == CUDA_SUCCESS);
  CHECK(cuGraphExecKernelNodeSetParams(instance, stranger, &device.said) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
  CHECK(device.get(1) == 3);
  // Without its module it does not.
  REQUIRE(cuModuleUnload(std::exchange(device.module, nullptr)) == CUDA_SUCCESS);
  CHECK(cuGraphLaunch(instance, device.stream) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
}

TEST_CASE(
    "emulator: a launch under way keeps what its graph was, and the next one has the change") {
  Device device;
  CUgraphNode node = device.node({}, 0, 1, 5);
  CUgraphExec instance = device.instance();
  for (unsigned seed = 1; seed != 41; ++seed) {
    device.set(0, 1);
    REQUIRE(vitEmuConfigure(seeded(seed).c_str()) == 0);
    REQUIRE(cuGraphExecKernelNodeSetParams(instance, node, device.say(0, 1, 5)) == CUDA_SUCCESS);
    CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
    REQUIRE(cuGraphExecKernelNodeSetParams(instance, node, device.say(1, 2, 6)) == CUDA_SUCCESS);
    device.say(7, 7, 9); // the parameters were copied
    CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
    CHECK(device.get(2) == 30);
    CHECK(device.get(1) == 8);
  }
  CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
}

TEST_CASE("emulator: launches of one instance come one after the other, on whatever streams") {
  Device device;
  CUstream second = nullptr;
  REQUIRE(cuStreamCreate(&second, 1) == CUDA_SUCCESS);
  device.node({device.node({}, 0, 1, 1)}, 1, 0, 0);
  CUgraphExec instance = device.instance();
  for (unsigned seed = 1; seed != 41; ++seed) {
    device.set(0, 0);
    REQUIRE(vitEmuConfigure(seeded(seed).c_str()) == 0);
    CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
    CHECK(cuGraphLaunch(instance, second) == CUDA_SUCCESS);
    CHECK(cuStreamSynchronize(second) == CUDA_SUCCESS);
    CHECK(device.get(0) == 30); // 3 * (3 * 0 + 1), then 3 * (3 * 3 + 1)
  }
  CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
  CHECK(cuStreamDestroy_v2(second) == CUDA_SUCCESS);
}

TEST_CASE("emulator: only edges order the kernels of a graph, and the stream orders the whole") {
  std::set<uint32_t> seen;
  Device device;
  device.node({}, 0, 1, 5);
  device.node({}, 1, 2, 0); // reads what the first writes, and does not say so
  CUgraphExec instance = device.instance();
  for (unsigned seed = 1; seed != 41; ++seed) {
    device.set(0, 0), device.set(1, 1), device.set(4, 0);
    REQUIRE(vitEmuConfigure(seeded(seed).c_str()) == 0);
    // A kernel of the stream before and one behind.
    device.say(4, 0, 1);
    REQUIRE(cuLaunchKernel(device.step, 1, 1, 1, 1, 1, 1, 0, device.stream, device.arguments,
                           nullptr) == CUDA_SUCCESS);
    CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
    device.say(1, 3, 0);
    REQUIRE(cuLaunchKernel(device.step, 1, 1, 1, 1, 1, 1, 0, device.stream, device.arguments,
                           nullptr) == CUDA_SUCCESS);
    CHECK(device.get(3) == 24); // 3 * (3 * 1 + 5)
    seen.insert(device.get(2));
  }
  CHECK(seen == std::set<uint32_t>{3, 24});
  CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
}

TEST_CASE("emulator: a capture takes launches and graphs, and runs nothing") {
  Device device;
  device.set(0, 1), device.set(1, 0);
  device.node({}, 0, 1, 2);
  CUgraphExec inner = device.instance(), outer = nullptr;
  CUgraph captured = nullptr;
  int status = 1;
  CHECK(cuStreamIsCapturing(device.stream, &status) == CUDA_SUCCESS);
  CHECK(status == 0);
  REQUIRE(cuStreamBeginCapture_v2(device.stream, 1) == CUDA_SUCCESS);
  CHECK(cuStreamIsCapturing(device.stream, &status) == CUDA_SUCCESS);
  CHECK(status == 1);
  CHECK(cuGraphLaunch(inner, device.stream) == CUDA_SUCCESS);
  device.say(1, 0, 0);
  CHECK(cuLaunchKernel(device.step, 1, 1, 1, 1, 1, 1, 0, device.stream, device.arguments,
                       nullptr) == CUDA_SUCCESS);
  REQUIRE(cuStreamEndCapture(device.stream, &captured) == CUDA_SUCCESS);
  CHECK(device.get(0) == 1);
  REQUIRE(cuGraphInstantiateWithFlags(&outer, captured, 0) == CUDA_SUCCESS);
  CHECK(cuGraphDestroy(captured) == CUDA_SUCCESS);
  CHECK(cuGraphLaunch(outer, device.stream) == CUDA_SUCCESS);
  CHECK(device.get(0) == 15); // 3 * (3 * 1 + 2)
  CHECK(cuGraphExecDestroy(inner) == CUDA_SUCCESS);
  CHECK(cuGraphExecDestroy(outer) == CUDA_SUCCESS);
}

TEST_CASE("emulator: a node has the buffers that were registered for it, in every launch") {
  for (const char *options : {"threads=1", "threads=1,async=3"}) {
    Device device;
    REQUIRE(vitEmuConfigure(options) == 0);
    device.set(0, 1);
    // Two buffers in one place, one after the other, as planned memory has them.
    REQUIRE(vitEmuRegister(device.numbers + 4, 4, "small", 1) == 0);
    CUgraphNode first = device.node({}, 0, 1, 2);
    REQUIRE(vitEmuRegister(device.numbers, 8, "large", 0) == 0);
    device.node({first}, 1, 0, 0);
    CUgraphExec instance = device.instance();
    for (uint32_t value : {15u, 141u}) {
      CHECK(cuGraphLaunch(instance, device.stream) == CUDA_SUCCESS);
      CHECK(device.get(0) == value);
    }
    // Another instance: what the first kernel reads counts as not written.
    REQUIRE(vitEmuRegister(device.numbers, 4, "fresh", 1) == 0);
    REQUIRE(cuGraphExecKernelNodeSetParams(instance, first, device.say(0, 1, 2)) == CUDA_SUCCESS);
    device.set(0, 1);
    CUresult launched = cuGraphLaunch(instance, device.stream);
    CUresult waited = cuStreamSynchronize(device.stream);
    CHECK((launched == CUDA_ERROR_LAUNCH_FAILED || waited == CUDA_ERROR_LAUNCH_FAILED));
    CHECK(cuGraphExecDestroy(instance) == CUDA_SUCCESS);
  }
}

TEST_CASE("emulator: each call of a graph can fail, and has no effect then") {
  Device device;
  CUgraph graph = nullptr;
  CUgraphNode node = nullptr;
  CUgraphExec instance = nullptr;
  const CUkernelNodeParams *said = device.say(0, 1, 2);
  auto all = [&](int n) {
    CUresult results[] = {cuGraphCreate(&graph, 0),
                          cuGraphAddKernelNode(&node, device.graph, nullptr, 0, said),
                          cuGraphInstantiateWithFlags(&instance, device.graph, 0),
                          cuGraphExecKernelNodeSetParams(instance, node, said),
                          cuGraphLaunch(instance, device.stream)};
    for (int i = 0; i != 5; ++i)
      CHECK((results[i] == CUDA_SUCCESS) == (i != n - 1));
  };
  device.set(0, 1);
  all(0);
  for (int n = 4; n <= 5; ++n) { // the earlier ones leave nothing to go on with
    REQUIRE(vitEmuConfigure(("fail-call=" + std::to_string(n)).c_str()) == 0);
    all(n);
  }
  REQUIRE(vitEmuConfigure("fail-call=1") == 0);
  CHECK(cuGraphCreate(&graph, 0) == CUDA_ERROR_OUT_OF_MEMORY);
}
