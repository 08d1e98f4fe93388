//===- DriverGraph.cpp - Graphs, and streams that are captured ------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// As much of graphs as a program needs that captures one stream or puts kernel nodes together:
// between the begin and the end of a capture launches and copies are written down, one after the
// other, and nothing can wait for the stream. An instance is a copy: what is done to its graph
// later does not change it, and what is done to the instance does not change launches that are
// under way.
//
//===----------------------------------------------------------------------===//

#include "DriverLaunch.h"

#include <algorithm>
#include <optional>

using namespace vitc::emu;

struct CUgraphNode_st {};
using CUgraphNode = CUgraphNode_st *;

namespace {

/// A kernel, or work that a capture has written down.
struct Node {
  CUgraphNode handle = nullptr;
  std::optional<KernelLaunch> kernel;
  Queue::Work work;
  std::vector<size_t> after; ///< nodes before this one
};

} // namespace

struct CUgraph_st {
  std::vector<Node> nodes;
  std::vector<std::unique_ptr<CUgraphNode_st>> handles;
};
struct CUgraphExec_st {
  std::vector<Node> nodes;
  CUgraph_st *graph = nullptr; ///< that it was made from, if it is still there
  uint64_t last = 0;           ///< of the queue: the end of its last launch
};
using CUgraph = CUgraph_st *;
using CUgraphExec = CUgraphExec_st *;

namespace {

struct Capture {
  std::vector<Node> nodes;
  bool invalid = false;
};

/// Guards all below, and what it points to.
std::mutex mutex;
auto &captures = *new std::map<CUstream, Capture>;
auto &graphs = *new std::map<CUgraph, std::unique_ptr<CUgraph_st>>;
auto &instances = *new std::map<CUgraphExec, std::unique_ptr<CUgraphExec_st>>;

bool isNamed(CUstream stream) { return reinterpret_cast<uintptr_t>(stream) > 2; }

/// The place of a node in a list, which it ends if it is not there.
size_t placeOf(const std::vector<Node> &nodes, CUgraphNode handle) {
  size_t i = 0;
  while (i != nodes.size() && (!handle || nodes[i].handle != handle))
    ++i;
  return i;
}

void append(Capture &capture, Queue::Work work) {
  Node node;
  node.work = std::move(work);
  if (!capture.nodes.empty())
    node.after.push_back(capture.nodes.size() - 1);
  capture.nodes.push_back(std::move(node));
}

CUresult addKernelNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *after, size_t count,
                       const CUkernelNodeParams *said) {
  Node node;
  if (!out || !said || (count && !after))
    return CUDA_ERROR_INVALID_VALUE;
  KernelLaunch &kernel = node.kernel.emplace();
  if (CUresult bad = KernelLaunch::make(*said, kernel); bad != CUDA_SUCCESS)
    return bad;
  std::lock_guard lock(mutex);
  if (!graphs.count(graph))
    return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; i != count; ++i) {
    node.after.push_back(placeOf(graph->nodes, after[i]));
    if (node.after.back() == graph->nodes.size())
      return CUDA_ERROR_INVALID_VALUE;
  }
  graph->handles.push_back(std::make_unique<CUgraphNode_st>());
  *out = node.handle = graph->handles.back().get();
  graph->nodes.push_back(std::move(node));
  return CUDA_SUCCESS;
}

/// The node's place in its graph must still be there, as drivers want it.
CUresult setKernel(CUgraphExec instance, CUgraphNode handle, const CUkernelNodeParams *said) {
  if (!said)
    return CUDA_ERROR_INVALID_VALUE;
  KernelLaunch kernel;
  if (CUresult bad = KernelLaunch::make(*said, kernel); bad != CUDA_SUCCESS)
    return bad;
  std::lock_guard lock(mutex);
  if (!instances.count(instance) || !instance->graph)
    return CUDA_ERROR_INVALID_VALUE;
  size_t place = placeOf(instance->nodes, handle);
  if (place == instance->nodes.size() || !instance->nodes[place].kernel)
    return CUDA_ERROR_INVALID_VALUE;
  instance->nodes[place].kernel = std::move(kernel);
  return CUDA_SUCCESS;
}

/// What a launch does: the nodes as they are now, with the emulator's options of now, behind what
/// the thread has registered.
CUresult workOf(const CUgraphExec_st &instance, std::vector<Queue::Work> &out) {
  out.push_back([registrations = queue().takeRegistrations()] {
    apply(registrations);
    return CUDA_SUCCESS;
  });
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  for (const Node &node : instance.nodes) {
    if (!node.kernel) {
      out.push_back(node.work);
      continue;
    }
    if (!driver.functions.count(node.kernel->function)) // its module was unloaded
      return CUDA_ERROR_INVALID_HANDLE;
    out.push_back(
        [kernel = *node.kernel, options = driver.options] { return kernel.run(options); });
    ++driver.launches;
  }
  return CUDA_SUCCESS;
}

/// Launches into a capture or the queue; else `now` is what to do at once.
CUresult launch(CUgraphExec instance, CUstream stream, std::vector<Queue::Work> &now) {
  std::lock_guard lock(mutex);
  if (!instances.count(instance))
    return CUDA_ERROR_INVALID_VALUE;
  std::vector<Queue::Work> work;
  if (CUresult bad = workOf(*instance, work); bad != CUDA_SUCCESS)
    return bad;
  if (auto it = captures.find(stream); it != captures.end()) {
    for (Queue::Work &one : work)
      append(it->second, std::move(one));
  } else if (queue().isOn()) {
    std::vector<Queue::GraphWork> all = {{std::move(work[0]), {}}};
    for (size_t i = 0; i != instance->nodes.size(); ++i) {
      all.push_back({std::move(work[i + 1]), {0}});
      for (size_t before : instance->nodes[i].after)
        all.back().after.push_back(before + 1);
    }
    instance->last = queue().enqueueGraph(stream, std::move(all), instance->last);
  } else {
    now = std::move(work);
  }
  return CUDA_SUCCESS;
}

} // namespace

bool vitc::emu::capture(CUstream stream, const std::function<CUresult()> &work) {
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  if (it == captures.end())
    return false;
  append(it->second, work);
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

VIT_EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  if (!graph || it == captures.end())
    return CUDA_ERROR_INVALID_VALUE;
  *graph = nullptr;
  Capture capture = std::move(it->second);
  captures.erase(it);
  if (capture.invalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  auto made = std::make_unique<CUgraph_st>();
  made->nodes = std::move(capture.nodes);
  *graph = made.get();
  graphs.emplace(*graph, std::move(made));
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  VIT_ENTER_CONTEXT();
  if (!status)
    return CUDA_ERROR_INVALID_VALUE;
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  std::lock_guard lock(mutex);
  auto it = captures.find(stream);
  *status = it == captures.end() ? 0 : it->second.invalid ? 2 : 1;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphCreate(CUgraph *graph, unsigned flags) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  if (!graph || flags)
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUgraph_st>();
  std::lock_guard lock(mutex);
  *graph = made.get();
  graphs.emplace(*graph, std::move(made));
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                         size_t count, const CUkernelNodeParams *parameters) {
  VIT_ENTER_LAUNCH(CUDA_ERROR_OUT_OF_MEMORY);
  return addKernelNode(node, graph, after, count, parameters);
}
VIT_EXPORT CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph,
                                            const CUgraphNode *after, size_t count,
                                            const CUkernelNodeParams *parameters) {
  VIT_ENTER_LAUNCH(CUDA_ERROR_OUT_OF_MEMORY);
  return addKernelNode(node, graph, after, count, parameters);
}

/// Their number; captured work has no handles.
VIT_EXPORT CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  if (!count || !graphs.count(graph))
    return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; nodes && i != std::min(*count, graph->nodes.size()); ++i)
    nodes[i] = graph->nodes[i].handle;
  *count = graph->nodes.size();
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec *instance, CUgraph graph,
                                                unsigned long long) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  std::lock_guard lock(mutex);
  if (!instance || !graphs.count(graph))
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUgraphExec_st>();
  made->nodes = graph->nodes;
  made->graph = graph;
  *instance = made.get();
  instances.emplace(*instance, std::move(made));
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuGraphExecKernelNodeSetParams(CUgraphExec instance, CUgraphNode node,
                                                   const CUkernelNodeParams *parameters) {
  VIT_ENTER_LAUNCH();
  return setKernel(instance, node, parameters);
}
VIT_EXPORT CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec instance, CUgraphNode node,
                                                      const CUkernelNodeParams *parameters) {
  VIT_ENTER_LAUNCH();
  return setKernel(instance, node, parameters);
}

/// Nodes that are not queued run in the order in which they were added, one that they allow.
VIT_EXPORT CUresult cuGraphLaunch(CUgraphExec instance, CUstream stream) {
  VIT_ENTER_LAUNCH();
  if (CUresult known = checkStream(stream); known != CUDA_SUCCESS)
    return known;
  std::vector<Queue::Work> now;
  CUresult done = launch(instance, stream, now);
  for (size_t i = 0; i != now.size() && done == CUDA_SUCCESS; ++i)
    done = now[i]();
  return done;
}

VIT_EXPORT CUresult cuGraphDestroy(CUgraph graph) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  for (auto &[handle, instance] : instances)
    if (instance->graph == graph)
      instance->graph = nullptr;
  return graphs.erase(graph) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
VIT_EXPORT CUresult cuGraphExecDestroy(CUgraphExec instance) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(mutex);
  return instances.erase(instance) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
