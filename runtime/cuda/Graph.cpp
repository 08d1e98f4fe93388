//===- Graph.cpp - A run as one CUDA graph ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Graph.h"
#include "weights/Safetensors.h"

#include <algorithm>

namespace vitrt {

bool takesCallersPointer(const vit_step &step) {
  return std::any_of(step.args, step.args + step.arg_count, [](const vit_arg &arg) {
    return arg.kind == VIT_ARG_INPUT || arg.kind == VIT_ARG_OUTPUT;
  });
}

Graph::~Graph() {
  if (isForked())
    return;
  ContextScope scope(device);
  (void)scope.enter(context);
  if (instance)
    device.driver->cuGraphExecDestroy(instance);
  if (graph)
    device.driver->cuGraphDestroy(graph);
}

Status Graph::create(const vit_library &library) {
  if (const char *missing = device.driver->missingOfGraphs)
    return {VIT_DEVICE_ERROR, "the driver has no " + std::string(missing) +
                                  ", and no graph of a run can be made; install a newer NVIDIA "
                                  "driver, or run batches that are not prepared; on " +
                                  device.text()};
  inputs.resize(library.input_count);
  outputs.resize(library.output_count);
  if (CUresult error = device.driver->cuGraphCreate(&graph, 0)) {
    graph = nullptr;
    return device.failure(error, "cuGraphCreate");
  }
  return {};
}

Status Graph::append(const CUkernelNodeParams &kernel, uint32_t record, const vit_step &step) {
  CUgraphNode node = nullptr;
  if (CUresult error =
          device.driver->cuGraphAddKernelNode(&node, graph, &last, last ? 1 : 0, &kernel))
    return device.failure(error, "cuGraphAddKernelNode", "step " + quoted(step.label));
  last = node;
  if (takesCallersPointer(step))
    moving.push_back({node, record, &step});
  return {};
}

Status Graph::instantiate() {
  if (CUresult error = device.driver->cuGraphInstantiate(&instance, graph, 0)) {
    instance = nullptr;
    return device.failure(error, "cuGraphInstantiateWithFlags");
  }
  return {};
}

bool Graph::differs(const vit_step &step, const RunRequest &request) const {
  return std::any_of(step.args, step.args + step.arg_count, [&](const vit_arg &arg) {
    return (arg.kind == VIT_ARG_INPUT && inputs[arg.index] != request.inputs[arg.index]) ||
           (arg.kind == VIT_ARG_OUTPUT && outputs[arg.index] != request.outputs[arg.index]);
  });
}

Status Graph::set(const Moving &one, const CUkernelNodeParams &kernel) {
  if (CUresult error = device.driver->cuGraphExecKernelNodeSetParams(instance, one.node, &kernel))
    return device.failure(error, "cuGraphExecKernelNodeSetParams",
                          "step " + quoted(one.step->label));
  return {};
}

/// No pointer of a run is NULL.
void Graph::forgetPointers() {
  std::fill(inputs.begin(), inputs.end(), nullptr);
  std::fill(outputs.begin(), outputs.end(), nullptr);
}

void Graph::keepPointers(const RunRequest &request) {
  std::copy_n(request.inputs, inputs.size(), inputs.begin());
  std::copy_n(request.outputs, outputs.size(), outputs.begin());
}

Status Graph::launch(CUstream stream) {
  if (CUresult error = device.driver->cuGraphLaunch(instance, stream))
    return device.failure(error, "cuGraphLaunch");
  return {};
}

} // namespace vitrt
