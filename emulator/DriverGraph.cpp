//===- DriverGraph.cpp - Streams that are captured ------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// As much of graphs as a program needs that captures one stream: between the begin and the end of a
// capture its launches and copies are written down, and a launch of the graph does them. Nothing
// can wait for a stream that is captured.
//
//===----------------------------------------------------------------------===//

#include "DriverQueue.h"

using namespace vitc::emu;

struct CUgraph_st {
  std::vector<Queue::Work> nodes;
};

namespace {

struct Capture {
  std::vector<Queue::Work> nodes;
  bool invalid = false;
};

/// Guards all below.
std::mutex mutex;
auto &captures = *new std::map<CUstream, Capture>;
auto &graphs = *new std::map<CUgraph_st *, std::unique_ptr<CUgraph_st>>; ///< and instances

CUresult add(std::vector<Queue::Work> nodes, CUgraph_st **out) {
  auto made = std::make_unique<CUgraph_st>();
  made->nodes = std::move(nodes);
  *out = made.get();
  graphs.emplace(*out, std::move(made));
  return CUDA_SUCCESS;
}

CUresult remove(CUgraph_st *graph) {
  std::lock_guard lock(mutex);
  return graphs.erase(graph) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

bool isNamed(CUstream stream) { return reinterpret_cast<uintptr_t>(stream) > 2; }

} // namespace

bool vitc::emu::capture(CUstream stream, const std::function<CUresult()> &work) {
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  if (it == captures.end())
    return false;
  it->second.nodes.push_back(work);
  return true;
}

CUresult vitc::emu::refuseWait(CUstream stream) {
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  if (it == captures.end())
    return CUDA_SUCCESS;
  it->second.invalid = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

VIT_EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
  VIT_ENTER_CONTEXT();
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  if (mode < 0 || mode > 2)
    return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard lock(mutex);
  if (!isNamed(stream))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  return captures.try_emplace(stream).second ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VIT_EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph_st **graph) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  if (!graph || it == captures.end())
    return CUDA_ERROR_INVALID_VALUE;
  *graph = nullptr;
  Capture capture = std::move(it->second);
  captures.erase(it);
  return capture.invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                         : add(std::move(capture.nodes), graph);
}

VIT_EXPORT CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  VIT_ENTER_CONTEXT();
  if (!status)
    return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  *status = it == captures.end() ? 0 : it->second.invalid ? 2 : 1;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraph_st **instance, CUgraph_st *graph,
                                                unsigned long long) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  if (!instance || !graphs.count(graph))
    return CUDA_ERROR_INVALID_VALUE;
  return add(graph->nodes, instance);
}

VIT_EXPORT CUresult cuGraphLaunch(CUgraph_st *instance, CUstream stream) {
  VIT_ENTER_CONTEXT();
  std::vector<Queue::Work> nodes;
  {
    std::lock_guard lock(mutex);
    if (!graphs.count(instance))
      return CUDA_ERROR_INVALID_VALUE;
    nodes = instance->nodes;
  }
  for (const Queue::Work &node : nodes)
    if (CUresult done = order(stream, node); done != CUDA_SUCCESS)
      return done;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphDestroy(CUgraph_st *graph) {
  VIT_ENTER_CONTEXT();
  return remove(graph);
}
VIT_EXPORT CUresult cuGraphExecDestroy(CUgraph_st *instance) {
  VIT_ENTER_CONTEXT();
  return remove(instance);
}
