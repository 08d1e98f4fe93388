//===- ModelBinding.cpp - Compiled models for Python ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/core/Bindings.h"
#include "python/core/Library.h"
#include "python/core/Model.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

using namespace vitc::python;

namespace {

/// (name, dtype, shape), -1 for sizes that are not fixed.
nb::tuple describe(const vit_tensor_info &tensor) {
  nb::list shape;
  for (uint32_t i = 0; i != tensor.rank; ++i)
    shape.append(tensor.shape[i]);
  return nb::make_tuple(tensor.name, tensor.dtype == VIT_U8 ? "uint8" : "float32",
                        nb::tuple(shape));
}

nb::list describe(const std::vector<vit_tensor_info> &tensors) {
  nb::list all;
  for (const vit_tensor_info &tensor : tensors)
    all.append(describe(tensor));
  return all;
}

std::pair<std::unique_ptr<Model>, std::vector<std::string>>
load(std::shared_ptr<Library> library, const std::optional<std::string> &file,
     const std::optional<std::string> &device, bool allowNonfinite) {
  std::vector<std::string> warnings;
  nb::gil_scoped_release released;
  auto model = Model::load(std::move(library), file, device, allowNonfinite, warnings);
  return {std::move(model), std::move(warnings)};
}

/// `array`: one to read, or one to write.
Memory memoryOf(const auto &array) {
  return {const_cast<void *>(static_cast<const void *>(array.data())), array.nbytes(),
          array.device_type() == nb::device::cpu::value ||
              array.device_type() == nb::device::cuda_host::value,
          array.device_id()};
}

void run(Model &model, const Array &input, const std::vector<nb::ndarray<>> &outputs, int64_t batch,
         int height, int width, uintptr_t stream) {
  std::vector<Memory> results;
  for (const nb::ndarray<> &output : outputs)
    results.push_back(memoryOf(output));
  Memory pixels = memoryOf(input);
  nb::gil_scoped_release released;
  model.run({pixels, results, batch, {height, width}, stream});
}

/// The same with addresses, for arrays whose library tells them faster than by DLPack.
void runAt(Model &model, uintptr_t input, size_t inputBytes,
           const std::vector<std::pair<uintptr_t, size_t>> &outputs, bool onHost, int device,
           int64_t batch, int height, int width, uintptr_t stream) {
  std::vector<Memory> results;
  for (auto [address, bytes] : outputs)
    results.push_back({reinterpret_cast<void *>(address), bytes, onHost, device});
  Memory pixels = {reinterpret_cast<void *>(input), inputBytes, onHost, device};
  nb::gil_scoped_release released;
  model.run({pixels, results, batch, {height, width}, stream});
}

} // namespace

void vitc::python::bindModels(nb::module_ &module) {
  nb::class_<Library>(module, "SharedLibrary", "A compiled model that is open in this process.")
      .def_static("open", &Library::open, nb::arg("path"), nb::call_guard<nb::gil_scoped_release>())
      .def_static(
          "of_bytes",
          [](const nb::bytes &bytes, const std::string &name) {
            return Library::ofBytes({bytes.c_str(), bytes.size()}, name);
          },
          nb::arg("bytes"), nb::arg("name"))
      .def_prop_ro("inputs", [](const Library &library) { return describe(library.inputs()); })
      .def_prop_ro("outputs", [](const Library &library) { return describe(library.outputs()); })
      .def_prop_ro("max_batch", &Library::maxBatch)
      .def_prop_ro("embedded", &Library::isEmbedded)
      .def_prop_ro("mixes_images", &Library::mixesImages)
      .def_prop_ro("native_size", &Library::nativeSize)
      .def_prop_ro("labels", &Library::labels)
      .def(
          "preprocess",
          [](const Library &library,
             const nb::ndarray<nb::ro, uint8_t, nb::shape<-1, -1, 3>, nb::c_contig, nb::device::cpu>
                 &rgb,
             const nb::ndarray<nb::c_contig, nb::device::cpu> &out) {
            Picture picture = {rgb.data(), int(rgb.shape(1)), int(rgb.shape(0)), rgb.shape(1) * 3};
            void *values = out.data();
            size_t bytes = out.nbytes();
            nb::gil_scoped_release released;
            library.preprocess(picture, values, bytes);
          },
          nb::arg("rgb"), nb::arg("out"));

  nb::class_<Model>(module, "LoadedModel", "Weights and code on one device.")
      .def_prop_ro("description", &Model::description)
      .def_prop_ro("on_cpu", &Model::isOnCpu)
      .def_prop_ro("device_index", &Model::deviceIndex)
      .def(
          "output_shapes",
          [](const Model &model, int height, int width) {
            return model.outputShapes({height, width});
          },
          nb::arg("height"), nb::arg("width"))
      .def("run", &run, nb::arg("input"), nb::arg("outputs"), nb::arg("batch"), nb::arg("height"),
           nb::arg("width"), nb::arg("stream"))
      .def("run_at", &runAt)
      .def("prepare", &Model::prepare, nb::arg("batch"), nb::arg("height"), nb::arg("width"),
           nb::arg("stream"), nb::call_guard<nb::gil_scoped_release>())
      .def("check", &Model::check, nb::call_guard<nb::gil_scoped_release>());

  module.def("load", &load, nb::arg("library"), nb::arg("file").none(), nb::arg("device").none(),
             nb::arg("allow_nonfinite"));
  module.def("use_emulator", &useEmulator, nb::arg("path"));
  module.def("runtime_version", &vit_version);
}
