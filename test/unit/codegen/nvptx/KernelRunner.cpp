//===- KernelRunner.cpp - One kernel from text to numbers -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "codegen/library/PtxText.h"
#include "codegen/nvptx/Codegen.h"
#include "dialect/reference/Reference.h"
#include "passes/CostBridge.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/ScopeExit.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <stdexcept>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

namespace {

/// The entry points of a CUDA driver that a kernel needs.
class Driver {
public:
  using Result = int;
  using Pointer = uint64_t;

  static Driver &get() {
    static Driver driver;
    return driver;
  }

  std::string error;
  Result (*memAlloc)(Pointer *, size_t) = nullptr;
  Result (*memFree)(Pointer) = nullptr;
  Result (*copyIn)(Pointer, const void *, size_t) = nullptr;
  Result (*copyOut)(void *, Pointer, size_t) = nullptr;
  Result (*moduleLoad)(void **, const void *) = nullptr;
  Result (*moduleUnload)(void *) = nullptr;
  Result (*getFunction)(void **, void *, const char *) = nullptr;
  Result (*setAttribute)(void *, int, int) = nullptr;
  Result (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                   void *, void **, void **) = nullptr;
  Result (*synchronize)() = nullptr;
  Result (*errorName)(Result, const char **) = nullptr;

  std::string describe(const char *what, Result code) {
    const char *name = nullptr;
    errorName(code, &name);
    return std::string(what) + ": " + (name ? name : std::to_string(code).c_str());
  }

private:
  Driver() {
    const char *request = std::getenv("VITC_TEST_DRIVER");
    std::string file = request ? request : VITC_BINARY_DIR "/lib/emulator/libcuda.so.1";
    void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      error = dlerror();
      return;
    }
    auto find = [&](auto &function, const char *name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (!function)
        error = file + " has no " + name;
    };
    Result (*init)(unsigned) = nullptr;
    Result (*retain)(void **, int) = nullptr;
    Result (*setCurrent)(void *) = nullptr;
    find(init, "cuInit");
    find(retain, "cuDevicePrimaryCtxRetain");
    find(setCurrent, "cuCtxSetCurrent");
    find(memAlloc, "cuMemAlloc_v2");
    find(memFree, "cuMemFree_v2");
    find(copyIn, "cuMemcpyHtoD_v2");
    find(copyOut, "cuMemcpyDtoH_v2");
    find(moduleLoad, "cuModuleLoadData");
    find(moduleUnload, "cuModuleUnload");
    find(getFunction, "cuModuleGetFunction");
    find(setAttribute, "cuFuncSetAttribute");
    find(launch, "cuLaunchKernel");
    find(synchronize, "cuCtxSynchronize");
    find(errorName, "cuGetErrorName");
    if (!error.empty())
      return;
    void *context = nullptr;
    if (Result code = init(0))
      error = describe("cuInit", code);
    else if (Result code = retain(&context, 0))
      error = describe("cuDevicePrimaryCtxRetain", code);
    else if (Result code = setCurrent(context))
      error = describe("cuCtxSetCurrent", code);
  }
};

/// Bits of a value in how it is stored, and back.
uint32_t encode(double value, Type type) {
  if (type.isUnsignedInteger(8))
    return static_cast<uint32_t>(value);
  llvm::APFloat number(value);
  bool inexact = false;
  number.convert(cast<FloatType>(type).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &inexact);
  auto bits = static_cast<uint32_t>(number.bitcastToAPInt().getZExtValue());
  return type.isTF32() ? bits << 13 : bits; // in memory an f32
}

/// NaN for a tf32 that was stored without rounding.
double decode(uint32_t bits, Type type) {
  if (type.isUnsignedInteger(8))
    return bits;
  if (type.isTF32())
    return bits & 0x1fff ? NAN : std::bit_cast<float>(bits);
  unsigned width = type.getIntOrFloatBitWidth();
  llvm::APFloat number(cast<FloatType>(type).getFloatSemantics(), llvm::APInt(width, bits));
  bool inexact = false;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return number.convertToDouble();
}

std::vector<int64_t> shapeOf(RankedTensorType type, int64_t count) {
  std::vector<int64_t> shape(type.getShape());
  if (type.isDynamicDim(0))
    shape[0] = count;
  return shape;
}

int64_t elementsOf(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

/// A buffer on the device for as long as this lives.
struct Buffer {
  Buffer() = default;
  Buffer(const Buffer &) = delete;
  Buffer(Buffer &&other) : pointer(std::exchange(other.pointer, 0)) {}
  ~Buffer() {
    if (pointer)
      Driver::get().memFree(pointer);
  }
  Driver::Pointer pointer = 0;
};

} // namespace

struct KernelRunner::Impl {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module, source; ///< lowered, and as parsed
  vit::KernelOp kernel, sourceKernel;
  std::string error, ptx;
  std::vector<vitc::codegen::KernelCode> functions; ///< in the order they run

  void prepare(const std::string &text);
  std::string run(const std::vector<KernelTensor> &arguments, int64_t count,
                  std::vector<KernelTensor> &results);
  std::string launch(const vitc::codegen::KernelCode &code, std::vector<void *> parameters,
                     int32_t count, void *loaded);
  std::string addScratch(int64_t count, std::vector<Buffer> &buffers);
};

void KernelRunner::Impl::prepare(const std::string &text) {
  DialectRegistry registry;
  registry.insert<vit::VitDialect, func::FuncDialect, arith::ArithDialect, scf::SCFDialect,
                  gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    error += (error.empty() ? "" : "\n") + diagnostic.str();
    return success();
  });
  source = parseSourceString<ModuleOp>(text, &context);
  module = parseSourceString<ModuleOp>(text, &context);
  if (!source || !module)
    return;
  auto kernels = module->getOps<vit::KernelOp>();
  if (std::distance(kernels.begin(), kernels.end()) != 1) {
    error = "expected one vit.kernel";
    return;
  }
  kernel = *kernels.begin();
  sourceKernel = *source->getOps<vit::KernelOp>().begin();
  if (failed(vitc::codegen::lowerKernels(*module)))
    return;
  FailureOr<std::vector<vitc::codegen::KernelCode>> code = vitc::codegen::readFunctions(kernel);
  if (failed(code) || failed(vitc::codegen::translateToPtx(*module, "sm_89", *code)))
    return;
  functions = std::move(*code);
  if (llvm::any_of(functions, [&](const vitc::codegen::KernelCode &function) {
        return function.schedule != functions.front().schedule;
      })) {
    error = "expected one schedule";
    return;
  }
  ptx = vitc::codegen::joinPtx(functions);
}

/// Memory for sums and zeros for counters, for a kernel whose K is split.
std::string KernelRunner::Impl::addScratch(int64_t count, std::vector<Buffer> &buffers) {
  Driver &driver = Driver::get();
  vitc::cost::Geometry geometry =
      vitc::cost::geometryOf(vitc::workOf(kernel), vitc::scheduleOf(functions.front().schedule));
  if (!geometry.sums)
    return {};
  std::vector<char> zeros(vitc::cost::counterBytes(geometry, count));
  for (size_t bytes : {size_t(vitc::cost::scratchBytes(geometry, count)), zeros.size()}) {
    buffers.emplace_back();
    if (auto code = driver.memAlloc(&buffers.back().pointer, bytes))
      return driver.describe("cuMemAlloc", code);
  }
  if (auto code = driver.copyIn(buffers.back().pointer, zeros.data(), zeros.size()))
    return driver.describe("cuMemcpyHtoD", code);
  return {};
}

/// `parameters` are pointers of the kernel; the last one follows here.
std::string KernelRunner::Impl::launch(const vitc::codegen::KernelCode &code,
                                       std::vector<void *> parameters, int32_t count,
                                       void *loaded) {
  Driver &driver = Driver::get();
  void *function = nullptr;
  if (auto status = driver.getFunction(&function, loaded, code.name.c_str()))
    return driver.describe("cuModuleGetFunction", status);
  constexpr int maxDynamicSharedSize = 8;
  const vitc::codegen::LaunchShape &shape = code.launch;
  if (auto status =
          driver.setAttribute(function, maxDynamicSharedSize, static_cast<int>(shape.dynamicSmem)))
    return driver.describe("cuFuncSetAttribute", status);
  auto extent = [&](const vitc::cost::Extent &e) { return static_cast<unsigned>(e.at(count)); };
  parameters.push_back(&count);
  if (auto status = driver.launch(function, extent(shape.grid[0]), extent(shape.grid[1]),
                                  extent(shape.grid[2]), shape.threads, 1, 1, shape.dynamicSmem,
                                  nullptr, parameters.data(), nullptr))
    return driver.describe("cuLaunchKernel", status);
  if (auto status = driver.synchronize())
    return driver.describe("cuCtxSynchronize", status);
  return {};
}

std::string KernelRunner::Impl::run(const std::vector<KernelTensor> &arguments, int64_t count,
                                    std::vector<KernelTensor> &results) {
  Driver &driver = Driver::get();
  if (!driver.error.empty())
    return driver.error;
  if (arguments.size() != kernel.getArgumentTypes().size())
    return "expected " + std::to_string(kernel.getArgumentTypes().size()) + " arguments";

  std::vector<Buffer> buffers;
  auto types =
      llvm::to_vector(llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes()));
  for (auto [i, type] : llvm::enumerate(types)) {
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes = vitc::vit::bytesOf(tensor.getElementType());
    int64_t elements = elementsOf(shapeOf(tensor, count));
    buffers.emplace_back();
    if (auto code = driver.memAlloc(&buffers.back().pointer, elements * bytes))
      return driver.describe("cuMemAlloc", code);
    if (i >= arguments.size())
      continue;
    if (int64_t(arguments[i].values.size()) != elements)
      return "expected " + std::to_string(elements) + " values in argument " + std::to_string(i);
    std::vector<char> raw(elements * bytes);
    for (int64_t j = 0; j < elements; ++j) {
      uint32_t bits = encode(arguments[i].values[j], tensor.getElementType());
      std::memcpy(&raw[j * bytes], &bits, bytes);
    }
    if (auto code = driver.copyIn(buffers.back().pointer, raw.data(), raw.size()))
      return driver.describe("cuMemcpyHtoD", code);
  }

  if (std::string problem = addScratch(count, buffers); !problem.empty())
    return problem;

  void *loaded = nullptr;
  if (auto code = driver.moduleLoad(&loaded, ptx.c_str()))
    return driver.describe("cuModuleLoadData", code);
  auto unload = llvm::scope_exit([&] { driver.moduleUnload(loaded); });
  std::vector<void *> parameters;
  for (Buffer &buffer : buffers)
    parameters.push_back(&buffer.pointer);
  for (const vitc::codegen::KernelCode &code : functions)
    if (std::string problem = launch(code, parameters, count, loaded); !problem.empty())
      return problem;

  for (size_t i = arguments.size(); i < types.size(); ++i) {
    auto tensor = cast<RankedTensorType>(types[i]);
    int64_t bytes = vitc::vit::bytesOf(tensor.getElementType());
    KernelTensor result{shapeOf(tensor, count), {}};
    std::vector<char> raw(elementsOf(result.shape) * bytes);
    if (auto code = driver.copyOut(raw.data(), buffers[i].pointer, raw.size()))
      return driver.describe("cuMemcpyDtoH", code);
    for (size_t j = 0; j < raw.size(); j += bytes) {
      uint32_t bits = 0;
      std::memcpy(&bits, &raw[j], bytes);
      result.values.push_back(decode(bits, tensor.getElementType()));
    }
    results.push_back(std::move(result));
  }
  return {};
}

KernelRunner::KernelRunner(const std::string &text) : impl(std::make_unique<Impl>()) {
  impl->prepare(text);
}
KernelRunner::~KernelRunner() = default;

const std::string &KernelRunner::error() const { return impl->error; }
const std::string &KernelRunner::ptx() const { return impl->ptx; }
void KernelRunner::replacePtx(std::string text) { impl->ptx = std::move(text); }

std::vector<KernelTensor> KernelRunner::randomArguments(int64_t count, uint64_t seed,
                                                        double scale) const {
  std::mt19937_64 bits(seed);
  // Not std::normal_distribution: its values differ between libraries.
  auto uniform = [&] { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; };
  std::vector<KernelTensor> arguments;
  for (Type type : impl->kernel.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    KernelTensor argument{shapeOf(tensor, count), {}};
    for (int64_t i = 0, n = elementsOf(argument.shape); i < n; ++i) {
      double value = std::sqrt(-2 * std::log(uniform())) * std::cos(2 * M_PI * uniform()) * scale;
      Type element = tensor.getElementType();
      if (element.isUnsignedInteger(8)) // all of them, in the ratio of a deviation
        value = std::clamp(std::floor(128 + 64 * value), 0.0, 255.0);
      argument.values.push_back(decode(encode(value, element), element));
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

KernelRun KernelRunner::run(const std::vector<KernelTensor> &arguments, int64_t count) const {
  KernelRun run;
  run.error = impl->run(arguments, count, run.results);
  return run;
}

std::vector<KernelTensor> KernelRunner::expected(const std::vector<KernelTensor> &arguments,
                                                 int64_t count) const {
  reference::Interpreter reference(
      *impl->source,
      [](const reference::Weight &, std::vector<double> &) { return "kernels have no weights"; });
  std::vector<reference::Tensor> inputs;
  for (const KernelTensor &argument : arguments)
    inputs.push_back({argument.shape, argument.values});
  auto outputs = reference.runKernel(impl->sourceKernel, std::move(inputs), count);
  if (!outputs)
    throw std::runtime_error(llvm::toString(outputs.takeError()));
  std::vector<KernelTensor> results;
  for (reference::Tensor &output : *outputs)
    results.push_back({std::move(output.shape), std::move(output.values)});
  return results;
}

double distance(const KernelTensor &a, const KernelTensor &b) {
  if (a.shape != b.shape || a.values.size() != b.values.size())
    return INFINITY;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    difference += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
    norm += b.values[i] * b.values[i];
  }
  double result = difference == 0 ? 0 : std::sqrt(difference / norm);
  return std::isfinite(result) ? result : INFINITY;
}

double worstDistance(const std::vector<KernelTensor> &a, const std::vector<KernelTensor> &b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, distance(a[i], b[i]));
  return worst;
}

double worstElement(const std::vector<KernelTensor> &a, const std::vector<KernelTensor> &b) {
  double worst = std::isfinite(worstDistance(a, b)) ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    double norm = 0, largest = 0;
    for (double value : b[i].values)
      norm += value * value;
    for (size_t j = 0; j < a[i].values.size() && j < b[i].values.size(); ++j)
      largest = std::max(largest, std::abs(a[i].values[j] - b[i].values[j]));
    if (largest > 0)
      worst = std::max(worst, largest / std::sqrt(norm / b[i].values.size()));
  }
  return worst;
}
