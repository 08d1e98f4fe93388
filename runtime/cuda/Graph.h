//===- Graph.h - A run as one CUDA graph -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A run of one batch is the same chain of kernels every time, but for the
// pointers of the caller. As a graph it is one call instead of one for each
// kernel, and the device goes from one to the next without the host.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_GRAPH_H
#define VITC_RUNTIME_CUDA_GRAPH_H

#include "runtime/Backend.h"
#include "runtime/cuda/Device.h"

namespace vitrt {

/// Whether a step takes a pointer of the caller.
bool takesCallersPointer(const vit_step &step);

/// All functions need the context to be current, but the destructor.
class Graph : public RecordedRun {
public:
  Graph(const Device &device, CUcontext context) : device(device), context(context) {}
  ~Graph() override;

  /// For a run of so many inputs and outputs.
  Status create(const vit_library &library);
  /// Adds a kernel behind those before it. The pointers of the caller, where there are some, are
  /// set by pointTo.
  Status append(const CUkernelNodeParams &kernel, uint32_t record, const vit_step &step);
  Status instantiate();

  /// Sets the kernels that take pointers other than those of the last run; `kernelOf` gives them as
  /// they are now. Launches that are under way keep what they have. Allocates nothing.
  template <class KernelOf> Status pointTo(const RunRequest &request, const KernelOf &kernelOf) {
    bool moved = false;
    for (const Moving &one : moving) {
      if (!differs(*one.step, request))
        continue;
      moved = true;
      if (Status done = set(one, kernelOf(request.launches.records()[one.record])); !done) {
        forgetPointers(); // some of the kernels have the new ones
        return done;
      }
    }
    if (moved)
      keepPointers(request);
    return {};
  }
  Status launch(CUstream stream);

private:
  /// A kernel that takes pointers of the caller.
  struct Moving {
    CUgraphNode node;
    uint32_t record;
    const vit_step *step;
  };
  bool differs(const vit_step &step, const RunRequest &request) const;
  Status set(const Moving &one, const CUkernelNodeParams &kernel);
  void forgetPointers();
  void keepPointers(const RunRequest &request);

  const Device &device;
  CUcontext context;
  CUgraph graph = nullptr; // its nodes name those of the instance
  CUgraphExec instance = nullptr;
  CUgraphNode last = nullptr;
  std::vector<Moving> moving;
  std::vector<const void *> inputs; // of the last run
  std::vector<void *> outputs;
};

} // namespace vitrt
#endif // VITC_RUNTIME_CUDA_GRAPH_H
