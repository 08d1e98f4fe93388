//===- Advice.cpp - What to do about a driver's error ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The driver says what it did not do. What a user can do about it stands here, by
// the driver's numbers, which are the same in all its versions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Driver.h"

#include <cstdlib>

namespace vitrt {
namespace {

struct Advice {
  CUresult first, last;
  const char *text;
};
constexpr Advice advices[] = {
    {3, 3, // CUDA_ERROR_NOT_INITIALIZED, which only a fork leaves behind
     "a process that was forked from one that used CUDA cannot use it; load models after the fork, "
     "or "
     "start the process with exec (Python: the start method 'spawn')"},
    {4, 4, // ..._DEINITIALIZED
     "the driver has shut down, as it does while a process exits; free models before main returns"},
    {34, 34, // ..._STUB_LIBRARY
     "this libcuda.so.1 is the CUDA toolkit's stub for linkers, not a driver; take its folder "
     "(.../lib64/stubs) out of LD_LIBRARY_PATH and install the NVIDIA driver"},
    {46, 46, // ..._DEVICE_UNAVAILABLE
     "another process has the device to itself; end it, or allow more with nvidia-smi "
     "--compute-mode=DEFAULT"},
    {201, 201, // ..._INVALID_CONTEXT
     "the device's primary context is not there; was it reset (cudaDeviceReset) while a model was "
     "loaded? load the model again"},
    {221, 221, // ..._JIT_COMPILER_NOT_FOUND
     "the driver lacks its compiler of PTX, libnvidia-ptxjitcompiler.so.1; install all of the "
     "driver "
     "(containers: NVIDIA_DRIVER_CAPABILITIES=compute,utility), or build with machine code for "
     "this "
     "device: --arch, and a ptxas"},
    {214, 214, // ..._ECC_UNCORRECTABLE
     "the device's memory has an error that ECC cannot correct, and fails until it is reset: "
     "nvidia-smi --gpu-reset, or a reboot; nvidia-smi -q -d ECC,ROW_REMAPPER says whether it is "
     "worn"},
    {304, 304, // ..._OPERATING_SYSTEM
     "the system refused the driver something: may this process use /dev/nvidia* and lock memory "
     "(ulimit -l, a container's device rules)? dmesg tells of NVRM and Xid"},
    {700, 700, nullptr}, // ..._ILLEGAL_ADDRESS: see below, as the next ones
    {702, 702, nullptr}, // ..._LAUNCH_TIMEOUT
    {709, 709,           // ..._CONTEXT_IS_DESTROYED
     "the device's primary context was destroyed (cudaDeviceReset) while a model was loaded; load "
     "the "
     "model again"},
    {710, 710, nullptr}, // ..._ASSERT
    {714, 719, nullptr}, // ..._HARDWARE_STACK_ERROR to ..._LAUNCH_FAILED
    {802, 802,           // ..._SYSTEM_NOT_READY
     "the system is not ready; start nvidia-fabricmanager, of the driver's version"},
    {803, 803, // ..._SYSTEM_DRIVER_MISMATCH
     "libcuda.so.1 and the kernel's NVIDIA module are of different versions, as after an update; "
     "reboot, or install the libcuda.so.1 of the module (/proc/driver/nvidia/version)"},
    {804, 804, // ..._COMPAT_NOT_SUPPORTED_ON_DEVICE
     "a cuda-compat package does not serve this device; take its folder out of LD_LIBRARY_PATH"},
    {805, 810, // ..._MPS_CONNECTION_FAILED to ..._MPS_CLIENT_TERMINATED
     "the multi-process service (MPS) does not serve this process; see nvidia-cuda-mps-control and "
     "its "
     "logs, or unset CUDA_MPS_PIPE_DIRECTORY to go without it"},
    {900, 909, // ..._STREAM_CAPTURE_UNSUPPORTED and its kin
     "the stream is captured into a graph; only vit_model_run can be, without "
     "vit_workspace_set_checks"},
    {999, 999, // ..._UNKNOWN
     "the driver says no more; does nvidia-smi work? After an update or a suspend the kernel's "
     "module "
     "must be loaded again (nvidia-modprobe -u, or a reboot); dmesg tells of NVRM and Xid"}};

constexpr const char *broken =
    "every later CUDA call of this process fails likewise; the cause may be a kernel of the "
    "application that ran before: compute-sanitizer finds it. Start the process again";

} // namespace

std::string adviceFor(CUresult error) {
  if (error == 100) { // CUDA_ERROR_NO_DEVICE
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return "does nvidia-smi show a device? CUDA_VISIBLE_DEVICES is " +
           (visible ? "'" + std::string(visible) + "'" : std::string("not set"));
  }
  for (const Advice &advice : advices)
    if (error >= advice.first && error <= advice.last)
      return advice.text ? advice.text : broken;
  return "";
}

} // namespace vitrt
