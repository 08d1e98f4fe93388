//===- DriverModule.cpp - Modules and functions ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "DriverQueue.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

using namespace vitc::emu;

namespace {

/// The log buffers of cuModuleLoadDataEx: CU_JIT_INFO_LOG_BUFFER 3, its size 4, error log 5 and 6.
struct JitLog {
  char *text = nullptr;
  size_t size = 0;
  void **sizeOut = nullptr;

  /// Picks them out of the options of a call; false if there are some and no values.
  static bool read(unsigned count, int *options, void **values, JitLog &info, JitLog &errors) {
    if (count && (!options || !values))
      return false;
    for (unsigned i = 0; i < count; ++i) {
      JitLog &log = options[i] == 3 || options[i] == 4 ? info : errors;
      if (options[i] == 3 || options[i] == 5) {
        log.text = static_cast<char *>(values[i]);
      } else if (options[i] == 4 || options[i] == 6) {
        log.size = reinterpret_cast<size_t>(values[i]) & 0xffffffffu;
        log.sizeOut = &values[i];
      }
    }
    return true;
  }

  void write(const std::string &message) {
    size_t used = 0;
    if (text && size) {
      used = std::min(message.size(), size - 1);
      memcpy(text, message.data(), used);
      text[used] = '\0';
    }
    if (sizeOut)
      *sizeOut = reinterpret_cast<void *>(used);
  }
};

/// The number behind a directive of the text's head: 78 for "7.8", 89 for "sm_89"; 0 if none.
unsigned headNumber(std::string_view text, std::string_view directive) {
  size_t at = text.find(directive);
  unsigned number = 0;
  bool digits = false;
  for (size_t i = at == text.npos ? text.size() : at + directive.size(); i < text.size(); ++i) {
    char c = text[i];
    if (c == '\n' || (digits && c != '.' && (c < '0' || c > '9')))
      break;
    if (c >= '0' && c <= '9' && number < 1000)
      number = 10 * number + unsigned(c - '0'), digits = true;
  }
  return number;
}

/// The newest PTX of a driver: 7.8 for CUDA 11.8, 8.5 for 12.5 and 12.6.
unsigned newestPtx(unsigned driver) {
  unsigned major = driver / 1000, minor = driver % 1000 / 10;
  if (major == 11)
    return 70 + minor;
  if (major == 12)
    return 80 + (minor > 5 ? minor - 1 : minor);
  return major < 11 ? 65 : 90 + 10 * (major - 13) + minor;
}

/// What a driver says of text that it or its device is too old for.
CUresult checkHead(std::string_view text, JitLog errors) {
  Driver &driver = Driver::get();
  text = text.substr(0, 4096);
  if (headNumber(text, ".version") > newestPtx(driver.version))
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  if (headNumber(text, ".target") <= driver.sm)
    return CUDA_SUCCESS;
  errors.write("ptxas application ptx input, line 2; fatal   : SM version specified by .target is "
               "higher than default SM version assumed");
  return CUDA_ERROR_INVALID_PTX;
}

/// Text, for this device runs nothing else.
CUresult parse(const void *image, JitLog errors, std::unique_ptr<Module> &out) {
  const auto *bytes = static_cast<const unsigned char *>(image);
  static const unsigned char elf[] = {0x7f, 'E', 'L', 'F'}, fatbin[] = {0x50, 0xed, 0x55, 0xba};
  if (!memcmp(bytes, elf, 4) || !memcmp(bytes, fatbin, 4)) {
    errors.write("this device runs PTX only");
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  if (CUresult refused = checkHead(static_cast<const char *>(image), errors);
      refused != CUDA_SUCCESS)
    return refused;
  PtxError error;
  out = Module::load(static_cast<const char *>(image), Driver::get().memory, error);
  if (out)
    return CUDA_SUCCESS;
  std::string text = "ptx line " + std::to_string(error.line) + ": " + error.text;
  errors.write(text);
  fprintf(stderr, "vitc emulator: %s\n", text.c_str());
  return CUDA_ERROR_INVALID_PTX;
}

} // namespace

/// What a linker makes of PTX is its text, which has been parsed: the first module takes that over.
struct CUlinkState_st {
  JitLog errors;
  std::string text;
  std::unique_ptr<Module> module;
};

namespace {

std::mutex linkMutex;
auto &links = *new std::map<CUlinkState_st *, std::unique_ptr<CUlinkState_st>>;

std::unique_ptr<Module> takeLinked(const void *image) {
  std::lock_guard lock(linkMutex);
  for (auto &[handle, state] : links)
    if (state->text.data() == image)
      return std::move(state->module);
  return nullptr;
}

CUresult load(CUmodule *out, const void *image, JitLog info, JitLog errors) {
  if (!out || !image)
    return CUDA_ERROR_INVALID_VALUE;
  auto made = std::make_unique<CUmod_st>();
  made->module = takeLinked(image);
  if (!made->module)
    if (CUresult refused = parse(image, errors, made->module); refused != CUDA_SUCCESS)
      return refused;
  info.write("");
  errors.write("");
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  *out = made.get();
  driver.modules.emplace(*out, std::move(made));
  return CUDA_SUCCESS;
}

} // namespace

VIT_EXPORT CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count,
                                       int *options, void **values) {
  VIT_ENTER_CONTEXT();
  JitLog info, errors;
  return JitLog::read(count, options, values, info, errors) ? load(module, image, info, errors)
                                                            : CUDA_ERROR_INVALID_VALUE;
}

VIT_EXPORT CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  VIT_ENTER_CONTEXT();
  return load(module, image, {}, {});
}

VIT_EXPORT CUresult cuLinkCreate_v2(unsigned count, int *options, void **values,
                                    CUlinkState_st **out) {
  VIT_ENTER_CONTEXT(CUDA_ERROR_OUT_OF_MEMORY);
  auto made = std::make_unique<CUlinkState_st>();
  JitLog info;
  if (!out || !JitLog::read(count, options, values, info, made->errors))
    return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard lock(linkMutex);
  *out = made.get();
  links.emplace(*out, std::move(made));
  return CUDA_SUCCESS;
}

/// One text of PTX, 1 by the numbers of CUjitInputType. A state is used by one thread at a time.
VIT_EXPORT CUresult cuLinkAddData_v2(CUlinkState_st *state, int type, void *data, size_t bytes,
                                     const char *, unsigned, int *, void **) {
  VIT_ENTER_CONTEXT();
  {
    std::lock_guard lock(linkMutex);
    if (!links.count(state) || type != 1 || !data || !bytes || !state->text.empty())
      return CUDA_ERROR_INVALID_VALUE;
  }
  std::string text(static_cast<const char *>(data), bytes);
  std::unique_ptr<Module> module;
  if (CUresult refused = parse(text.c_str(), state->errors, module); refused != CUDA_SUCCESS)
    return refused;
  std::lock_guard lock(linkMutex);
  state->text = std::move(text);
  state->module = std::move(module);
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuLinkComplete(CUlinkState_st *state, void **image, size_t *bytes) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(linkMutex);
  if (!links.count(state) || state->text.empty() || !image)
    return CUDA_ERROR_INVALID_VALUE;
  *image = state->text.data();
  if (bytes)
    *bytes = state->text.size();
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuLinkDestroy(CUlinkState_st *state) {
  VIT_ENTER_CONTEXT();
  std::lock_guard lock(linkMutex);
  return links.erase(state) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VIT_EXPORT CUresult cuModuleUnload(CUmodule module) {
  VIT_ENTER_CONTEXT();
  queue().finishAll();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  for (auto it = driver.functions.begin(); it != driver.functions.end();)
    it = it->second->owner == module ? driver.functions.erase(it) : std::next(it);
  return driver.modules.erase(module) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

VIT_EXPORT CUresult cuModuleGetFunction(CUfunction *out, CUmodule module, const char *name) {
  VIT_ENTER_CONTEXT();
  if (!out || !name)
    return CUDA_ERROR_INVALID_VALUE;
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  auto owner = driver.modules.find(module);
  if (owner == driver.modules.end())
    return CUDA_ERROR_INVALID_HANDLE;
  const Function *function = owner->second->module->find(name);
  if (!function)
    return CUDA_ERROR_NOT_FOUND;
  for (auto &[handle, known] :
       driver.functions) // the attribute belongs to the function, not the handle
    if (known->function == function) {
      *out = handle;
      return CUDA_SUCCESS;
    }
  auto made = std::make_unique<CUfunc_st>();
  made->owner = module;
  made->function = function;
  made->maximumDynamic = sharedPerBlock - int(function->staticShared);
  *out = made.get();
  driver.functions.emplace(*out, std::move(made));
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuModuleGetGlobal_v2(CUdeviceptr *pointer, size_t *bytes, CUmodule module,
                                         const char *name) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  auto owner = driver.modules.find(module);
  if (owner == driver.modules.end() || !name)
    return CUDA_ERROR_INVALID_VALUE;
  for (const Variable &v : owner->second->module->variables)
    if (v.name == name) {
      if (pointer)
        *pointer = v.storage->address();
      if (bytes)
        *bytes = v.storage->size;
      return CUDA_SUCCESS;
    }
  return CUDA_ERROR_NOT_FOUND;
}

/// CUfunction_attribute numbers.
enum : int {
  MaxThreads = 0,
  SharedSize = 1,
  NumRegs = 4,
  PtxVersion = 5,
  BinaryVersion = 6,
  MaxDynamicShared = 8,
  Carveout = 9,
  LastAttribute = 15
};

VIT_EXPORT CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!value || attribute < 0 || attribute > LastAttribute)
    return CUDA_ERROR_INVALID_VALUE;
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  const Function &f = *function->function;
  uint32_t required = f.requiredThreads[0] * f.requiredThreads[1] * f.requiredThreads[2];
  switch (attribute) {
  case MaxThreads:
    *value = int(required ? required : f.maximumThreads);
    break;
  case SharedSize:
    *value = int(f.staticShared);
    break;
  case NumRegs:
    *value = 0;
    break; // PTX has virtual registers only
  case PtxVersion:
    *value = 84;
    break;
  case BinaryVersion:
    *value = 89;
    break;
  case MaxDynamicShared:
    *value = function->maximumDynamic;
    break;
  default:
    *value = 0;
    break;
  }
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  if (attribute == Carveout)
    return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  if (attribute != MaxDynamicShared || value < 0 ||
      value > sharedPerBlockOptIn - int(function->function->staticShared))
    return CUDA_ERROR_INVALID_VALUE;
  function->maximumDynamic = value;
  return CUDA_SUCCESS;
}

VIT_EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function,
                                                                int threads, size_t dynamicShared) {
  VIT_ENTER_CONTEXT();
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (!blocks || threads < 1)
    return CUDA_ERROR_INVALID_VALUE;
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  size_t shared = dynamicShared + function->function->staticShared;
  *blocks = 0;
  if (threads > threadsPerBlock || shared > size_t(sharedPerBlockOptIn))
    return CUDA_SUCCESS;
  int warps = (threads + 31) / 32, byThreads = threadsPerMultiprocessor / 32 / warps;
  int byShared = int(size_t(sharedPerMultiprocessor) / (shared + sharedReserved));
  *blocks = std::min({blocksPerMultiprocessor, byThreads, byShared});
  return CUDA_SUCCESS;
}
