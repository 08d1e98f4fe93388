//===- Library.cpp - A compiled model, open in this process ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/core/Library.h"

#include "driver/run/Library.h"
#include "python/core/Bindings.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace vitc::python;

std::shared_ptr<Library> Library::load(const std::string &path, const std::string &symbol) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw Failure(VIT_BAD_FILE, std::string("library ") + dlerror());
  using Function = const vit_library *(*)(uint32_t abi);
  auto function = reinterpret_cast<Function>(dlsym(handle, symbol.c_str()));
  const vit_library *library = function ? function(VIT_ABI) : nullptr;
  if (!library) {
    dlclose(handle);
    throw Failure(VIT_BAD_ABI, "library '" + path + "' does not speak ABI " +
                                   std::to_string(VIT_ABI) +
                                   "; compile the model again with this version of vitc");
  }
  std::shared_ptr<Library> opened(new Library(handle, library));
  if (vitrt::Status good = vitrt::checkLibrary(library); !good)
    throw Failure(good.status(), "library '" + path + "': " + good.message());
  return opened;
}

std::shared_ptr<Library> Library::open(const std::string &path) {
  auto symbol = vitc::driver::findLibrarySymbol(path);
  if (!symbol)
    throw Failure(VIT_BAD_FILE, symbol.error());
  // A name without a slash would be searched in the system's folders.
  return load(path.find('/') == path.npos ? "./" + path : path, *symbol);
}

std::shared_ptr<Library> Library::ofBytes(std::string_view bytes, const std::string &name) {
  int file = memfd_create(name.c_str(), MFD_CLOEXEC);
  auto fail = [&] {
    int problem = errno;
    if (file >= 0)
      close(file);
    throw Failure(VIT_OUT_OF_MEMORY,
                  "a file in memory for the library '" + name + "': " + std::strerror(problem));
  };
  if (file < 0)
    fail();
  for (size_t done = 0; done != bytes.size();) {
    ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno != EINTR)
      fail();
    done += size_t(std::max<ssize_t>(count, 0));
  }
  // The loader knows an object again by its path, so the descriptor, which is in the path, belongs
  // to the library as long as it is loaded: models hold it.
  try {
    std::shared_ptr<Library> opened = load(
        "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file), name + "_library");
    opened->file = file;
    return opened;
  } catch (...) {
    close(file);
    throw;
  }
}

Library::~Library() {
  dlclose(handle);
  if (file >= 0)
    close(file);
}

std::vector<vit_tensor_info> Library::inputs() const {
  std::vector<vit_tensor_info> all(vit_library_input_count(library));
  for (uint32_t i = 0; i != all.size(); ++i)
    (void)vit_library_input(library, i, &all[i]);
  return all;
}

std::vector<vit_tensor_info> Library::outputs() const {
  std::vector<vit_tensor_info> all(vit_library_output_count(library));
  for (uint32_t i = 0; i != all.size(); ++i)
    (void)vit_library_output(library, i, &all[i]);
  return all;
}

std::optional<std::pair<int64_t, int64_t>> Library::nativeSize() const {
  if (library->input_count == 0 || library->inputs[0].rank != 4)
    return std::nullopt;
  const vit_tensor &input = library->inputs[0];
  vitrt::ImageAxes axes = vitrt::axesOf(input);
  if (input.shape[axes.height] >= 0 && input.shape[axes.width] >= 0)
    return std::pair(input.shape[axes.height], input.shape[axes.width]);
  return std::pair(int64_t(library->plans[0].height), int64_t(library->plans[0].width));
}

std::optional<std::vector<std::string>> Library::labels() const {
  std::vector<std::string> all;
  for (uint32_t i = 0; const char *label = vit_library_label(library, i); ++i)
    all.push_back(label);
  return all.empty() ? std::nullopt : std::optional(all);
}

size_t Library::imageBytes() const {
  vitrt::SizedPlan sized;
  if (library->input_count == 0)
    return 0;
  if (vitrt::Status chosen =
          vitrt::choosePlan(*library, library->plans[0].target, vitrt::ImageSize(), sized);
      !chosen)
    throw Failure(chosen.status(), chosen.message());
  return sized.inputBytes(*library, 0, 1);
}

void Library::preprocess(const Picture &picture, void *values, size_t bytes) const {
  if (bytes != imageBytes())
    throw Failure(VIT_BAD_ARGUMENT, "pixel values of one image are " +
                                        std::to_string(imageBytes()) + " bytes, found " +
                                        std::to_string(bytes));
  bool inBytes = library->inputs[0].dtype == VIT_U8;
  vit_status status = inBytes
                          ? vit_preprocess_u8(library, picture.rgb, picture.width, picture.height,
                                              picture.rowBytes, static_cast<uint8_t *>(values))
                          : vit_preprocess(library, picture.rgb, picture.width, picture.height,
                                           picture.rowBytes, static_cast<float *>(values));
  if (status != VIT_OK)
    throw Failure(status, vit_last_error());
}
