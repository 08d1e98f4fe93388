//===- Driver.h - The CUDA driver, opened at run time ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Applications must start where no driver is installed, so libcuda.so.1 is
// opened when the first model is loaded. Types and numbers are those of the
// driver's stable ABI; no CUDA header is needed.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_DRIVER_H
#define VITC_RUNTIME_CUDA_DRIVER_H

#include "runtime/Errors.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace vitrt {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUlinkState = struct CUlinkState_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphNode = struct CUgraphNode_st *;
using CUgraphExec = struct CUgraphExec_st *;

/// A launch as a node of a graph: CUDA_KERNEL_NODE_PARAMS_v1, which every driver takes.
struct CUkernelNodeParams {
  CUfunction function;
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  void **parameters, **extra;
};

enum : CUresult {
  cudaSuccess = 0,
  cudaOutOfMemory = 2,
  cudaNoDevice = 100,
  cudaInvalidImage = 200,
  cudaNoBinaryForGpu = 209,
  cudaInvalidPtx = 218,
  cudaUnsupportedPtxVersion = 222,
  cudaInvalidSource = 300
};
enum { cudaComputeMajor = 75, cudaComputeMinor = 76 };    // CUdevice_attribute
enum { cudaMaxDynamicSharedBytes = 8 };                   // CUfunction_attribute
enum { cudaJitErrorLog = 5, cudaJitErrorLogBytes = 6 };   // CUjit_option
enum { cudaJitInputPtx = 1 };                             // CUjitInputType
enum { cudaStreamNonBlocking = 1, cudaEventDefault = 0 }; // flags

/// The entry points, by the names under which the driver exports them.
#define VIT_DRIVER_FUNCTIONS(X)                                                                    \
  X(cuInit, cuInit, (unsigned flags))                                                              \
  X(cuDriverGetVersion, cuDriverGetVersion, (int *version))                                        \
  X(cuGetErrorName, cuGetErrorName, (CUresult error, const char **text))                           \
  X(cuGetErrorString, cuGetErrorString, (CUresult error, const char **text))                       \
  X(cuDeviceGetCount, cuDeviceGetCount, (int *count))                                              \
  X(cuDeviceGet, cuDeviceGet, (CUdevice * device, int ordinal))                                    \
  X(cuDeviceGetName, cuDeviceGetName, (char *name, int length, CUdevice device))                   \
  X(cuDeviceGetAttribute, cuDeviceGetAttribute, (int *value, int attribute, CUdevice device))      \
  X(cuDevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))    \
  X(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, (CUdevice device))                    \
  X(cuCtxPushCurrent, cuCtxPushCurrent_v2, (CUcontext context))                                    \
  X(cuCtxPopCurrent, cuCtxPopCurrent_v2, (CUcontext * context))                                    \
  X(cuModuleLoadDataEx, cuModuleLoadDataEx,                                                        \
    (CUmodule * module, const void *image, unsigned count, int *options, void **values))           \
  X(cuLinkCreate, cuLinkCreate_v2,                                                                 \
    (unsigned count, int *options, void **values, CUlinkState *state))                             \
  X(cuLinkAddData, cuLinkAddData_v2,                                                               \
    (CUlinkState state, int type, void *data, size_t bytes, const char *name, unsigned count,      \
     int *options, void **values))                                                                 \
  X(cuLinkComplete, cuLinkComplete, (CUlinkState state, void **image, size_t *bytes))              \
  X(cuLinkDestroy, cuLinkDestroy, (CUlinkState state))                                             \
  X(cuModuleUnload, cuModuleUnload, (CUmodule module))                                             \
  X(cuModuleGetFunction, cuModuleGetFunction,                                                      \
    (CUfunction * function, CUmodule module, const char *name))                                    \
  X(cuFuncSetAttribute, cuFuncSetAttribute, (CUfunction function, int attribute, int value))       \
  X(cuMemAlloc, cuMemAlloc_v2, (CUdeviceptr * pointer, size_t bytes))                              \
  X(cuMemFree, cuMemFree_v2, (CUdeviceptr pointer))                                                \
  X(cuMemcpyHtoD, cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes))               \
  X(cuMemcpyDtoH, cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes))                     \
  X(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                                       \
    (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                             \
  X(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2,                                                       \
    (void *to, CUdeviceptr from, size_t bytes, CUstream stream))                                   \
  X(cuStreamCreate, cuStreamCreate, (CUstream * stream, unsigned flags))                           \
  X(cuStreamDestroy, cuStreamDestroy_v2, (CUstream stream))                                        \
  X(cuStreamSynchronize, cuStreamSynchronize, (CUstream stream))                                   \
  X(cuLaunchKernel, cuLaunchKernel,                                                                \
    (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,         \
     unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters,   \
     void **extra))                                                                                \
  X(cuEventCreate, cuEventCreate, (CUevent * event, unsigned flags))                               \
  X(cuEventDestroy, cuEventDestroy_v2, (CUevent event))                                            \
  X(cuEventRecord, cuEventRecord, (CUevent event, CUstream stream))                                \
  X(cuEventSynchronize, cuEventSynchronize, (CUevent event))                                       \
  X(cuEventElapsedTime, cuEventElapsedTime, (float *milliseconds, CUevent from, CUevent to))

/// Those for graphs, of which drivers may lack some.
#define VIT_GRAPH_FUNCTIONS(X)                                                                     \
  X(cuStreamIsCapturing, cuStreamIsCapturing, (CUstream stream, int *status))                      \
  X(cuGraphCreate, cuGraphCreate, (CUgraph * graph, unsigned flags))                               \
  X(cuGraphAddKernelNode, cuGraphAddKernelNode,                                                    \
    (CUgraphNode * node, CUgraph graph, const CUgraphNode *after, size_t count,                    \
     const CUkernelNodeParams *parameters))                                                        \
  X(cuGraphInstantiate, cuGraphInstantiateWithFlags,                                               \
    (CUgraphExec * instance, CUgraph graph, unsigned long long flags))                             \
  X(cuGraphExecKernelNodeSetParams, cuGraphExecKernelNodeSetParams,                                \
    (CUgraphExec instance, CUgraphNode node, const CUkernelNodeParams *parameters))                \
  X(cuGraphLaunch, cuGraphLaunch, (CUgraphExec instance, CUstream stream))                         \
  X(cuGraphExecDestroy, cuGraphExecDestroy, (CUgraphExec instance))                                \
  X(cuGraphDestroy, cuGraphDestroy, (CUgraph graph))

/// The opened driver: one function pointer per entry point, all set but those of graphs.
struct Driver {
#define VIT_DECLARE(member, symbol, parameters) CUresult(*member) parameters = nullptr;
  VIT_DRIVER_FUNCTIONS(VIT_DECLARE)
  VIT_GRAPH_FUNCTIONS(VIT_DECLARE)
#undef VIT_DECLARE

  /// The first function of graphs that the driver lacks; NULL: it has them all.
  const char *missingOfGraphs = nullptr;
  /// Drivers since 12.4: loads a function's code now instead of at its first launch. Else NULL.
  CUresult (*cuFuncLoad)(CUfunction function) = nullptr;
  /// Only the emulator has it: [pointer, pointer + bytes) is one buffer; `fresh`: holds no values.
  int (*registerRange)(uint64_t pointer, size_t bytes, const char *name, int fresh) = nullptr;

  /// Needed to say how much memory is free. Else NULL.
  CUresult (*cuMemGetInfo)(size_t *available, size_t *all) = nullptr;

  /// "CUDA_ERROR_...: out of memory": the driver's own words.
  std::string words(CUresult error) const;
  /// The status of a failed call, "cuMemAlloc, 1024 bytes: CUDA_ERROR_...: out of memory", with
  /// what to do. Where a device is open, its failure() says more.
  Status failure(CUresult error, const char *call, const std::string &about = {}) const;
};

/// Opens and initializes the driver, once per process; a failure is tried again by the next call.
/// The result lives as long as the process.
Status openDriver(const Driver *&out);
/// The file to open instead of libcuda.so.1. Only before the first openDriver().
void setDriverPath(const std::string &path);

/// Whether this process was forked from one that had opened the driver, and has none therefore: any
/// call of it, to free something too, may crash. What it had belongs to the parent.
bool isForked();
/// What a user can do about an error; empty where its words say it.
std::string adviceFor(CUresult error);

struct Device;

/// Makes a context current and restores the caller's on every path.
class ContextScope {
public:
  explicit ContextScope(const Device &device) : device(device) {}
  ContextScope(const ContextScope &) = delete;
  ~ContextScope() { (void)leave(); }
  Status enter(CUcontext context);
  Status leave();

private:
  const Device &device;
  bool entered = false;
};

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_DRIVER_H
