//===- Code.cpp - Machine code, else PTX -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Machine code starts at once but fits one architecture and may be too new for
// the driver; PTX always works and is compiled here, at load. Which of the two
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

Status loadPtx(const Device &device, const vit_kernel &kernel, std::string_view text,
               LoadedCode &out) {
  PtxHeader header = readPtxHeader(text);
  if (Status good = device.refusePtx(header); !good)
    return good;
  std::string log(8192, '\0');
  int options[] = {cudaJitErrorLog, cudaJitErrorLogBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  CUresult error = device.driver->cuModuleLoadDataEx(&out.module, text.data(), 2, options, values);
  if (!error)
    return {};
  out.module = nullptr;
  std::string about = "PTX of kernel " + quoted(kernel.name);
  if (std::string reason = oneLine(log); !reason.empty())
    about += " (" + reason + ")";
  if (error == cudaUnsupportedPtxVersion && header.version)
    about += ", which is version " + std::to_string(header.version / 10) + "." +
             std::to_string(header.version % 10) + " and needs a driver " +
             Device::leastDriver(header.version) + " or later";
  return device.failure(error, "cuModuleLoadDataEx", about);
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

Status loadCode(const Device &device, const vit_kernel &kernel, const LoadOptions &options,
                LoadedCode &out) {
  const Driver &driver = *device.driver;
  bool replaced = !options.ptx.empty() && hasEntry(options.ptx, kernel.name);
  const vit_cuda_code &own = codeOf(kernel);
  const vit_machine_code *code = replaced ? nullptr : chooseCode(own, device.major, device.minor);
  if (code) {
    CUresult error = driver.cuModuleLoadDataEx(&out.module, code->image, 0, nullptr, nullptr);
    out.machineCode = !error;
    if (error) {
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
  }
  if (!out.module)
    if (Status status = loadPtx(
            device, kernel, replaced ? options.ptx : std::string_view(own.ptx, own.ptx_size), out);
        !status)
      return out.refusal.empty()
                 ? status
                 : Status(status.status(), status.message() + " (" + out.refusal + ")");
  if (CUresult error = driver.cuModuleGetFunction(&out.function, out.module, kernel.name))
    return device.failure(error, "cuModuleGetFunction", quoted(kernel.name));
  // Above 48 KB a kernel must ask; static shared memory counts too, so ask whenever there is some.
  if (own.dynamic_smem)
    if (CUresult error = driver.cuFuncSetAttribute(out.function, cudaMaxDynamicSharedBytes,
                                                   int(own.dynamic_smem)))
      return device.failure(error, "cuFuncSetAttribute",
                            std::to_string(own.dynamic_smem) +
                                " bytes of shared memory for kernel " + quoted(kernel.name));
  // Lazy loading would move this work, and its memory, into the first run.
  if (driver.cuFuncLoad)
    if (CUresult error = driver.cuFuncLoad(out.function))
      return device.failure(error, "cuFuncLoad", quoted(kernel.name));
  return {};
}

} // namespace vitrt
