//===- Backend.cpp - Devices by their names --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Backend.h"
#include "weights/Safetensors.h"

#include <charconv>
#include <cstring>
#include <utility>

namespace vitrt {
namespace {

struct Kind {
  const char *name;
  vit_target_kind target;
  OpenBackend *const *openFunction;
  int unnumbered; ///< the number where a text has none

  Status open(int number, std::unique_ptr<Backend> &out) const {
    if (*openFunction)
      return (*openFunction)(number, out);
    return {VIT_DEVICE_ERROR, "the program is linked with libraries that have code for CPUs alone, "
                              "and so without the runtime's part for CUDA; link it with "
                              "-Wl,--undefined=vit_needs_cuda"};
  }
};
constexpr OpenBackend *cpuBackend = openCpu;
/// The best first.
constexpr Kind kinds[] = {{"cuda", VIT_TARGET_CUDA, &vit_cuda_backend, 0},
                          {"cpu", VIT_TARGET_CPU, &cpuBackend, -1}};

/// Of the library's targets; target_count if there is none of the kind.
uint32_t findTarget(const vit_library &library, const Kind &kind) {
  uint32_t i = 0;
  while (i != library.target_count && library.targets[i].kind != kind.target)
    ++i;
  return i;
}

/// "cuda or cuda:N" of the targets that the library has.
std::string expectedText(const vit_library &library) {
  std::string text;
  for (const Kind &kind : kinds)
    if (findTarget(library, kind) != library.target_count)
      text += std::string(text.empty() ? "" : ", ") + kind.name + " or " + kind.name + ":N";
  return text.empty() ? "a library with code for this runtime" : text;
}

/// The number behind "cuda:"; false if there is something else.
bool readNumber(std::string_view text, int &number) {
  const char *begin = text.data(), *end = begin + text.size();
  auto [last, error] = std::from_chars(begin, end, number);
  return error == std::errc() && last == end && number >= 0;
}

} // namespace

Status openBackend(const vit_library &library, const char *device, uint32_t &target,
                   std::unique_ptr<Backend> &out) {
  std::string_view text = device ? device : "", name = text.substr(0, text.find(':'));
  bool malformed = device && text.empty();
  Status first; // what is wrong with the best device, where none is named
  bool failed = false;
  for (const Kind &kind : kinds) {
    target = findTarget(library, kind);
    if (target == library.target_count || (device && name != kind.name))
      continue;
    int number = kind.unnumbered;
    malformed = name.size() != text.size() && !readNumber(text.substr(name.size() + 1), number);
    if (malformed)
      break;
    Status opened = kind.open(number, out);
    if (opened && failed)
      out->insteadOf(first.message());
    if (opened || device)
      return opened;
    if (!std::exchange(failed, true))
      first = std::move(opened);
  }
  if (failed)
    return first;
  return badArgument(
      (device ? "device is " + quoted(text) : "device is NULL") +
      (malformed ? ", which is malformed; expected "
                 : ", for which library " + quoted(library.name) + " holds no code; expected ") +
      expectedText(library));
}

} // namespace vitrt
