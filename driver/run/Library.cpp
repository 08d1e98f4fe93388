//===- Library.cpp - A model library, opened at run time -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The function's name holds the model's name, which the caller does not know,
// so it is looked up among the file's dynamic symbols. The file is read with
// checks: a wrong path must give a message, not a crash.
//===----------------------------------------------------------------------===//
#include "driver/run/Library.h"
#include "driver/run/ReadFile.h"
#include "weights/FileKind.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <vector>

namespace vitc::driver {
namespace {

/// `count` structs at `offset` of the file, or nothing if they are not all inside.
template <class T> std::vector<T> readAt(const std::string &file, uint64_t offset, uint64_t count) {
  if (offset > file.size() || count > (file.size() - offset) / sizeof(T))
    return {};
  std::vector<T> out(count);
  std::memcpy(out.data(), file.data() + offset, count * sizeof(T));
  return out;
}

std::string symbolName(const std::string &file, const Elf64_Shdr &strings, uint32_t name) {
  if (name >= strings.sh_size || strings.sh_offset > file.size() ||
      strings.sh_size > file.size() - strings.sh_offset)
    return {};
  const char *begin = file.data() + strings.sh_offset + name;
  return std::string(begin, strnlen(begin, strings.sh_size - name));
}

} // namespace

Result<std::string> findLibrarySymbol(const std::string &path) {
  auto bytes = readRegularFile(path);
  if (!bytes)
    return Error{"library '" + path + "' " + bytes.error()};
  const std::string &file = *bytes;
  if (std::string wrong = vitrt::unexpectedKind(file, vitrt::FileWanted::Library, path);
      !wrong.empty())
    return Error{"library '" + path + "' is not a shared library: " + wrong};
  auto header = readAt<Elf64_Ehdr>(file, 0, 1);
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
      header[0].e_ident[EI_CLASS] != ELFCLASS64 || header[0].e_type != ET_DYN)
    return Error{"library '" + path + "' is not a shared library; build it with vitc --shared"};
  auto sections = readAt<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum);
  std::vector<std::string> found;
  for (const Elf64_Shdr &section : sections) {
    if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size())
      continue;
    for (const Elf64_Sym &symbol :
         readAt<Elf64_Sym>(file, section.sh_offset, section.sh_size / sizeof(Elf64_Sym))) {
      std::string name = symbolName(file, sections[section.sh_link], symbol.st_name);
      constexpr std::string_view suffix = "_library";
      if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC &&
          name.size() > suffix.size() && name.ends_with(suffix))
        found.push_back(name);
    }
  }
  if (found.size() != 1)
    return Error{"library '" + path + "' exports " + std::to_string(found.size()) +
                 " functions named <model>_library, expected 1; build it with vitc --shared"};
  return found[0];
}

Result<const vit_library *> openLibrary(const std::string &path) {
  auto symbol = findLibrarySymbol(path);
  if (!symbol)
    return symbol.takeError();
  // A name without a slash would be searched in the system's folders.
  std::string exact = path.find('/') == path.npos ? "./" + path : path;
  void *handle = dlopen(exact.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Error{std::string("library ") + dlerror()};
  using Function = const vit_library *(*)(uint32_t abi);
  auto function = reinterpret_cast<Function>(dlsym(handle, symbol->c_str()));
  const vit_library *library = function ? function(VIT_ABI) : nullptr;
  if (!library)
    return Error{"library '" + path + "' does not speak ABI " + std::to_string(VIT_ABI) +
                 "; rebuild the model or use its vit-run"};
  return library;
}

namespace {

/// The shape of a tensor of which an image has `values` values, of a library that is checked. Sizes
/// that it leaves open are those of the image, or the one number of tokens.
ValueShape shapeOf(const vit_tensor &tensor, uint64_t values, vitrt::ImageSize size) {
  ValueShape value = {tensor.name, {}, tensor.dtype == VIT_U8};
  int64_t known = 1, *open = nullptr;
  for (uint32_t i = 1; i < tensor.rank; ++i)
    value.perImage.push_back(tensor.shape[i]);
  if (tensor.rank == 4) {
    vitrt::ImageAxes axes = vitrt::axesOf(tensor);
    if (int64_t &height = value.perImage[axes.height - 1]; height < 0)
      height = size.height;
    if (int64_t &width = value.perImage[axes.width - 1]; width < 0)
      width = size.width;
  }
  for (int64_t &extent : value.perImage)
    extent < 0 ? (void)(open = &extent) : (void)(known *= extent);
  if (open && known > 0) // 0 where sides are open, but the library is not for images
    *open = int64_t(values) / known;
  return value;
}

Error damagedShape(const vit_tensor &tensor) {
  return Error{"the library is damaged: '" + std::string(tensor.name) +
               "' has another number of values than its shape"};
}

bool has(const ValueShape &shape, uint64_t values) {
  uint64_t product = 1;
  for (int64_t extent : shape.perImage)
    product *= uint64_t(extent);
  return product == values;
}

/// The native size, where a library has several.
vitrt::ImageSize nativeSize(const vit_library &library) {
  return {int(library.plans[0].height), int(library.plans[0].width)};
}

} // namespace

vitrt::ImageSize imageSizeFor(const vit_library &library, const std::string &path) {
  if (library.input_count == 0 || library.inputs[0].rank != 4)
    return {};
  const vit_tensor &input = library.inputs[0];
  vitrt::ImageAxes axes = vitrt::axesOf(input);
  if (input.shape[axes.height] >= 0 && input.shape[axes.width] >= 0)
    return {};
  constexpr int64_t most = 1 << 24; // of a side: no file has more
  auto size = imageSizeIn(path, input.dtype == VIT_U8);
  if (!size || size->first < 1 || size->second < 1 || size->first > most || size->second > most)
    return {};
  return {int(size->first), int(size->second)};
}

Result<RunnableModel> runnableModel(const vit_library &library, int64_t maxBatch,
                                    vitrt::ImageSize size) {
  vitrt::SizedPlan sized;
  if (vitrt::Status good = vitrt::checkLibrary(&library); !good)
    return Error{good.message()};
  if (library.plan_count == 0)
    return Error{"the library is damaged: it has no plan"};
  if (vitrt::Status chosen = vitrt::choosePlan(library, library.plans[0].target, size, sized);
      !chosen)
    return Error{chosen.message()};
  if (size.height == 0)
    size = nativeSize(library);
  if (library.input_count != 1)
    return Error{"the model has " + std::to_string(library.input_count) +
                 " inputs, vit-run runs models of 1"};
  RunnableModel model;
  uint64_t values = sized.inputBytes(library, 0, 1) / vitrt::sizeOf(library.inputs[0].dtype);
  model.input = shapeOf(library.inputs[0], values, size);
  if (!has(model.input, values))
    return damagedShape(library.inputs[0]);
  bool f32 = library.inputs[0].dtype == VIT_F32 || library.inputs[0].dtype == VIT_U8;
  for (uint32_t i = 0; i != library.output_count; ++i) {
    values = sized.outputBytes(library, i, 1) / vitrt::sizeOf(library.outputs[i].dtype);
    model.outputs.push_back(shapeOf(library.outputs[i], values, size));
    if (!has(model.outputs.back(), values))
      return damagedShape(library.outputs[i]);
    f32 &= library.outputs[i].dtype == VIT_F32;
  }
  if (!f32)
    return Error{"the model has an input that is neither f32 nor u8, or an output that is not f32, "
                 "which vit-run does not pass"};
  model.maxBatch = library.max_batch;
  if (maxBatch > 0)
    model.maxBatch = std::min(model.maxBatch, maxBatch);
  model.batchAxis = library.batch_axis != 0;
  return model;
}

} // namespace vitc::driver
