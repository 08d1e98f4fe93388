//===- Code.cpp - Machine code, else PTX -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Machine code starts at once but fits one architecture and may be too new for
// the driver; PTX always works and is compiled here. Which of the two
// runs is kept for vit_model_description, because their speed differs.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Code.h"
#include "weights/Safetensors.h"

#include <cctype>
#include <cstdlib>

namespace vitrt {
namespace {

/// A driver's log as part of one line.
std::string oneLine(std::string_view text) {
  std::string line;
  for (char c : text.substr(0, text.find('\0')))
    if (c != '\n')
      line += (unsigned char)c < 0x20 ? ' ' : c;
    else if (!line.empty() && line.back() != ' ')
      line += "; ";
  while (!line.empty() && (line.back() == ' ' || line.back() == ';'))
    line.pop_back();
  return line;
}

/// The code of the highest architecture that runs on a device: same major, no higher minor. A
/// letter ("sm_90a") ties code to exactly its device.
const vit_machine_code *chooseCode(const vit_cuda_code &kernel, int major, int minor) {
  const vit_machine_code *best = nullptr;
  int bestMinor = -1;
  for (uint32_t i = 0; i != kernel.code_count; ++i) {
    std::string_view arch = kernel.codes[i].arch;
    if (arch.substr(0, 3) != "sm_")
      continue;
    char *end;
    int number = int(std::strtol(kernel.codes[i].arch + 3, &end, 10));
    bool exact = *end != 0;
    if (number / 10 != major || number % 10 > minor || (exact && number % 10 != minor))
      continue;
    if (number % 10 > bestMinor) {
      bestMinor = number % 10;
      best = &kernel.codes[i];
    }
  }
  return best;
}

/// Errors that speak about the image, after which PTX may still work. Anything else (no memory, a
/// broken device) would only be hidden by trying on.
bool isRefusal(CUresult error) {
  return error == cudaInvalidImage || error == cudaNoBinaryForGpu || error == cudaInvalidPtx ||
         error == cudaUnsupportedPtxVersion || error == cudaInvalidSource;
}

/// Makes machine code of PTX. cuModuleLoadDataEx would do that too, but one module at a time in the
/// whole process; linkers work beside each other, and share the driver's cache with it.
class PtxLinker {
public:
  explicit PtxLinker(const Driver &driver) : driver(driver) {}
  PtxLinker(const PtxLinker &) = delete;
  ~PtxLinker() {
    if (state)
      driver.cuLinkDestroy(state);
  }
  /// The image lives as long as the linker. `call` is the one that failed.
  CUresult link(std::string_view ptx, const char *name, void *&image, const char *&call) {
    call = "cuLinkCreate";
    if (CUresult error = driver.cuLinkCreate(2, options, values, &state)) {
      state = nullptr;
      return error;
    }
    call = "cuLinkAddData"; // does not write to the text, which ends with a zero byte
    if (CUresult error =
            driver.cuLinkAddData(state, cudaJitInputPtx, const_cast<char *>(ptx.data()),
                                 ptx.size() + 1, name, 0, nullptr, nullptr))
      return error;
    call = "cuLinkComplete";
    size_t bytes = 0;
    return driver.cuLinkComplete(state, &image, &bytes);
  }
  /// Gives the image back; what fails is tried once more at the end.
  CUresult close() {
    CUresult error = driver.cuLinkDestroy(state);
    if (!error)
      state = nullptr;
    return error;
  }
  std::string reason() const { return oneLine(log); }

private:
  const Driver &driver;
  CUlinkState state = nullptr;
  std::string log = std::string(8192, '\0');
  int options[2] = {cudaJitErrorLog, cudaJitErrorLogBytes};
  void *values[2] = {log.data(), reinterpret_cast<void *>(log.size())};
};

Status loadPtx(const Device &device, const vit_kernel &kernel, std::string_view text,
               LoadedCode &out) {
  PtxHeader header = readPtxHeader(text);
  if (Status good = device.refusePtx(header); !good)
    return good;
  PtxLinker linker(*device.driver);
  void *image = nullptr;
  const char *call = nullptr;
  CUresult error = linker.link(text, kernel.name, image, call);
  if (!error) {
    call = "cuModuleLoadDataEx";
    error = device.driver->cuModuleLoadDataEx(&out.module, image, 0, nullptr, nullptr);
  }
  if (error) {
    out.module = nullptr;
  } else {
    call = "cuLinkDestroy";
    error = linker.close();
  }
  if (!error)
    return {};
  std::string about = "PTX of kernel " + quoted(kernel.name);
  if (std::string reason = linker.reason(); !reason.empty())
    about += " (" + reason + ")";
  if (error == cudaUnsupportedPtxVersion && header.version)
    about += ", which is version " + std::to_string(header.version / 10) + "." +
             std::to_string(header.version % 10) + " and needs a driver " +
             Device::leastDriver(header.version) + " or later";
  return device.failure(error, call, about);
}

} // namespace

bool hasEntry(std::string_view ptx, std::string_view name) {
  constexpr std::string_view keyword = ".entry";
  for (size_t at = ptx.find(keyword); at != ptx.npos; at = ptx.find(keyword, at)) {
    at += keyword.size();
    size_t begin = ptx.find_first_not_of(" \t\r\n", at);
    if (begin == ptx.npos || begin == at || ptx.substr(begin, name.size()) != name)
      continue;
    size_t end = begin + name.size();
    if (end == ptx.size() ||
        !(std::isalnum((unsigned char)ptx[end]) || ptx[end] == '_' || ptx[end] == '$'))
      return true;
  }
  return false;
}

bool hasMachineCode(const Device &device, const vit_kernel &kernel, std::string_view ptx) {
  return !hasEntry(ptx, kernel.name) && chooseCode(codeOf(kernel), device.major, device.minor);
}

/// The module; `function` is still to be found in it.
static Status loadModule(const Device &device, const vit_kernel &kernel, const std::string &ptx,
                         LoadedCode &out) {
  const Driver &driver = *device.driver;
  const vit_cuda_code &own = codeOf(kernel);
  bool replaced = hasEntry(ptx, kernel.name);
  if (const vit_machine_code *code =
          replaced ? nullptr : chooseCode(own, device.major, device.minor)) {
    CUresult error = driver.cuModuleLoadDataEx(&out.module, code->image, 0, nullptr, nullptr);
    out.machineCode = !error;
    if (!error)
      return {};
    out.module = nullptr;
    std::string about = std::string(code->arch) + " code of kernel " + quoted(kernel.name);
    if (!isRefusal(error))
      return device.failure(error, "cuModuleLoadDataEx", about);
    // That a device takes PTX only, as the emulator does, is no failure.
    out.refusal =
        error == cudaNoBinaryForGpu
            ? "it takes no " + std::string(code->arch) + " machine code"
            : "machine code refused: cuModuleLoadDataEx, " + about + ": " + driver.words(error);
  }
  Status loaded =
      loadPtx(device, kernel, replaced ? ptx : std::string_view(own.ptx, own.ptx_size), out);
  return loaded || out.refusal.empty()
             ? loaded
             : Status(loaded.status(), loaded.message() + " (" + out.refusal + ")");
}

static Status findFunction(const Device &device, const vit_kernel &kernel, LoadedCode &out) {
  const Driver &driver = *device.driver;
  if (CUresult error = driver.cuModuleGetFunction(&out.function, out.module, kernel.name))
    return device.failure(error, "cuModuleGetFunction", quoted(kernel.name));
  // Above 48 KB a kernel must ask; static shared memory counts too, so ask whenever there is some.
  if (uint32_t bytes = codeOf(kernel).dynamic_smem)
    if (CUresult error =
            driver.cuFuncSetAttribute(out.function, cudaMaxDynamicSharedBytes, int(bytes)))
      return device.failure(error, "cuFuncSetAttribute",
                            std::to_string(bytes) + " bytes of shared memory for kernel " +
                                quoted(kernel.name));
  // Lazy loading would move this work, and its memory, into the first run.
  if (driver.cuFuncLoad)
    if (CUresult error = driver.cuFuncLoad(out.function))
      return device.failure(error, "cuFuncLoad", quoted(kernel.name));
  return {};
}

Status loadCode(const Device &device, const vit_kernel &kernel, const std::string &ptx,
                LoadedCode &out) {
  LoadedCode code;
  Status loaded = loadModule(device, kernel, ptx, code);
  if (loaded)
    loaded = findFunction(device, kernel, code);
  if (loaded)
    out = std::move(code);
  else if (code.module)
    device.driver->cuModuleUnload(code.module);
  return loaded;
}

} // namespace vitrt
