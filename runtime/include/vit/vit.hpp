/*===- vit.hpp - The runtime for C++ ----------------------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/* See LICENSE for license information.                                        */
/*                                                                             */
/* Owners for what runtime.h hands out, and nothing else: C++17, header only,  */
/* without exceptions and RTTI. What can fail returns a vit_status; its text   */
/* is vit::lastError(). Moved-from and default-constructed owners are empty.   */
/*===-----------------------------------------------------------------------===*/
#ifndef VIT_VIT_HPP
#define VIT_VIT_HPP

#include "vit/runtime.h"

#include <utility>

namespace vit {

/// Of this thread, valid until its next call.
inline const char *lastError() { return vit_last_error(); }

/// The name of a class, nullptr where none is known.
inline const char *label(const vit_library *library, uint32_t classIndex) {
  return vit_library_label(library, classIndex);
}

/// See vit_preprocess: `pixelValues` of one image from rows of red, green, blue.
inline vit_status preprocess(const vit_library *library, const uint8_t *rgb, int width, int height,
                             size_t rowBytes, float *pixelValues) {
  return vit_preprocess(library, rgb, width, height, rowBytes, pixelValues);
}
/// The same for a model that reads bytes: see vit_preprocess_u8.
inline vit_status preprocess(const vit_library *library, const uint8_t *rgb, int width, int height,
                             size_t rowBytes, uint8_t *pixelValues) {
  return vit_preprocess_u8(library, rgb, width, height, rowBytes, pixelValues);
}

/// Weights and kernels on one device. Threads may share it. What workspaces do after it is gone is
/// a status, VIT_BAD_ARGUMENT.
class Model {
public:
  Model() = default;
  Model(Model &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Model &operator=(Model &&other) noexcept {
    std::swap(handle, other.handle);
    return *this;
  }
  ~Model() { vit_model_free(handle); }

  /// `weights` is a safetensors file, or nullptr where they are embedded. `device` is "cuda",
  /// "cuda:1", or nullptr for the best there is. Replaces what is held, also when it fails: then
  /// the model is empty. Workspaces of what was held must be created again.
  vit_status load(const vit_library *library, const char *weights = nullptr,
                  const char *device = nullptr) {
    vit_model_free(std::exchange(handle, nullptr));
    return vit_model_load(library, weights, device, &handle);
  }
  vit_status loadFrom(const vit_library *library, vit_weight_reader reader, void *user,
                      const char *device = nullptr) {
    vit_model_free(std::exchange(handle, nullptr));
    return vit_model_load_from(library, reader, user, device, &handle);
  }

  /// See vit_model_check. For the text without a buffer there is lastError().
  vit_status check(char *report = nullptr, size_t reportBytes = 0) const {
    return vit_model_check(handle, report, reportBytes);
  }

  explicit operator bool() const { return handle != nullptr; }
  const vit_model *get() const { return handle; }
  const char *description() const { return vit_model_description(handle); }

private:
  vit_model *handle = nullptr;
};

/// Activations for batches of 1 to maxBatch images; one run at a time.
class Workspace {
public:
  Workspace() = default;
  Workspace(Workspace &&other) noexcept
      : model(std::exchange(other.model, nullptr)), handle(std::exchange(other.handle, nullptr)) {}
  Workspace &operator=(Workspace &&other) noexcept {
    std::swap(model, other.model);
    std::swap(handle, other.handle);
    return *this;
  }
  ~Workspace() { vit_workspace_free(handle); }

  /// Replaces what is held, also when it fails.
  vit_status create(const Model &newModel, int maxBatch) {
    vit_workspace_free(std::exchange(handle, nullptr));
    model = newModel.get();
    return vit_workspace_create(model, maxBatch, &handle);
  }
  /// The same for images of another size than the library's own.
  vit_status create(const Model &newModel, int maxBatch, int height, int width) {
    vit_workspace_free(std::exchange(handle, nullptr));
    model = newModel.get();
    return vit_workspace_create_sized(model, maxBatch, height, width, &handle);
  }
  /// VIT_CHECK_FINITE, or 0 for none.
  vit_status setChecks(unsigned checks) { return vit_workspace_set_checks(handle, checks); }
  vit_status prepare(int batch) { return vit_workspace_prepare(model, handle, batch); }

  /// Device memory, in the order of the generated header: enqueues on `stream` and returns.
  template <int n, int m>
  vit_status run(int batch, const void *const (&inputs)[n], void *const (&outputs)[m],
                 vit_stream stream = nullptr) {
    return vit_model_run(model, handle, batch, inputs, n, outputs, m, stream);
  }
  /// Host memory: returns when the outputs are there.
  template <int n, int m>
  vit_status runHost(int batch, const void *const (&inputs)[n], void *const (&outputs)[m]) {
    return vit_model_run_host(model, handle, batch, inputs, n, outputs, m);
  }

  explicit operator bool() const { return handle != nullptr; }
  vit_workspace *get() const { return handle; }

private:
  const vit_model *model = nullptr;
  vit_workspace *handle = nullptr;
};

} // namespace vit
#endif // VIT_VIT_HPP
