//===- Foreign.h - Kernels that other compilers wrote ------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A case runs the kernels of one PTX file through a driver that is opened at run time, the
// emulator's or a GPU's, and compares every output with plain C++. A new kernel is one entry:
//
//   FOREIGN(saxpy) {                                         // of saxpy.ptx
//     auto x = c.random<float>(1000), y = c.random<float>(1000);
//     auto out = c.output<float>(1000);
//     c.launch("saxpy", {4}, {256}, 2.5f, c.input(x), c.input(y), out, 1000);
//     c.expect(out, each(1000, [&](size_t i) { return 2.5f * x[i] + y[i]; }), 1e-6);
//   }
//
//===----------------------------------------------------------------------===//

#ifndef VITC_TEST_EMULATOR_FOREIGN_H
#define VITC_TEST_EMULATOR_FOREIGN_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace foreign {

/// Thrown by what a case cannot go on after; its text is the case's failure.
using Failure = std::runtime_error;

/// The driver's entry points that a case needs. One context, current on the main thread.
class Device {
public:
  /// Opens `library` and takes its first device; throws Failure.
  explicit Device(const char *library);
  uint64_t allocate(size_t bytes);
  void upload(uint64_t to, const void *from, size_t bytes);
  void download(void *to, uint64_t from, size_t bytes);
  void free(uint64_t pointer);
  void *load(const std::string &ptx);
  void unload(void *module);
  /// Address of a module variable of `bytes` bytes.
  uint64_t variable(void *module, const char *name, size_t bytes);
  void launch(void *module, const char *kernel, const unsigned *grid, const unsigned *block,
              unsigned shared, void **arguments);
  std::string name();

private:
  struct Driver;
  void check(int result, const std::string &what);
  std::shared_ptr<Driver> driver;
};

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

/// Device memory of a case; passed to a kernel it is its address.
struct Buffer {
  uint64_t address = 0;
  size_t bytes = 0;
};

/// What is compared with the results of another device.
using Results = std::map<std::string, std::vector<uint8_t>>;

class Case {
public:
  Case(Device &device, std::string name, std::string ptx, const Results *other);
  ~Case();

  template <class T> std::vector<T> random(size_t count, double low = -1, double high = 1) {
    std::vector<T> values(count);
    for (T &v : values)
      v = T(low + (high - low) * (double(generator() >> 11) * 0x1p-53));
    return values;
  }
  template <class T> Buffer input(const std::vector<T> &values) {
    Buffer b = memory(values.size() * sizeof(T));
    device.upload(b.address, values.data(), b.bytes);
    return b;
  }
  /// Memory that the kernel must write.
  template <class T> Buffer output(size_t count) { return memory(count * sizeof(T)); }
  template <class T> Buffer zeros(size_t count) { return input(std::vector<T>(count)); }
  template <class T> void setVariable(const char *name, const std::vector<T> &values) {
    size_t bytes = values.size() * sizeof(T);
    device.upload(device.variable(module, name, bytes), values.data(), bytes);
  }

  template <class... Args>
  void launch(const char *kernel, Dim grid, Dim block, const Args &...arguments) {
    launchWith(0, kernel, grid, block, arguments...);
  }
  template <class... Args>
  void launchWith(unsigned shared, const char *kernel, Dim grid, Dim block,
                  const Args &...arguments) {
    void *pointers[] = {const_cast<void *>(pointerTo(arguments))..., nullptr};
    unsigned g[] = {grid.x, grid.y, grid.z}, b[] = {block.x, block.y, block.z};
    device.launch(module, kernel, g, b, shared, pointers);
  }
  /// A kernel of Triton: threads, shared memory and its extra arguments are in the file's first
  /// line.
  template <class... Args> void triton(const char *kernel, Dim grid, const Args &...arguments) {
    uint64_t scratch = 0;
    launchWith(tritonValue("shared"), kernel, grid, {tritonValue("threads")}, arguments..., scratch,
               scratch);
  }

  template <class T> std::vector<T> download(const Buffer &b) {
    std::vector<T> values(b.bytes / sizeof(T));
    device.download(values.data(), b.address, b.bytes);
    return values;
  }
  /// |found - reference| <= tolerance * max(1, |reference|) for each element; and likewise for what
  /// another device computed. NaN equals NaN.
  template <class T>
  void expect(const Buffer &found, const std::vector<T> &reference, double tolerance = 0) {
    std::vector<T> values = download<T>(found);
    std::string key = name + "#" + std::to_string(outputs++);
    compare(key, values, reference, tolerance, "the reference");
    std::vector<uint8_t> raw(found.bytes);
    memcpy(raw.data(), values.data(), found.bytes);
    if (other) {
      auto it = other->find(key);
      if (it == other->end() || it->second.size() != found.bytes)
        throw Failure(key + ": expected the other device's output, found none of its size");
      std::vector<T> theirs(values.size());
      memcpy(theirs.data(), it->second.data(), found.bytes);
      compare(key, values, theirs, tolerance, "the other device");
    }
    results[key] = std::move(raw);
  }

  Results results;

private:
  Buffer memory(size_t bytes);
  unsigned tritonValue(const char *key) const;
  static const void *pointerTo(const Buffer &b) { return &b.address; }
  template <class T> static const void *pointerTo(const T &value) { return &value; }

  template <class T>
  static void compare(const std::string &key, const std::vector<T> &found,
                      const std::vector<T> &wanted, double tolerance, const char *whose) {
    if (found.size() != wanted.size())
      throw Failure(key + ": expected " + std::to_string(wanted.size()) + " values, found " +
                    std::to_string(found.size()));
    for (size_t i = 0; i < found.size(); ++i) {
      double a = double(found[i]), b = double(wanted[i]);
      bool equal = found[i] == wanted[i] || (std::isnan(a) && std::isnan(b)) ||
                   std::fabs(a - b) <= tolerance * std::fmax(1, std::fabs(b));
      if (equal)
        continue;
      char text[160];
      snprintf(text, sizeof(text), ": element %zu is %.9g, but %.9g in %s (tolerance %g)", i, a, b,
               whose, tolerance);
      throw Failure(key + text);
    }
  }

  Device &device;
  std::string name, ptx;
  const Results *other;
  void *module = nullptr;
  std::vector<uint64_t> buffers;
  std::mt19937_64 generator;
  unsigned outputs = 0;
};

/// f(0), f(1), ... f(count - 1)
template <class F> auto each(size_t count, F &&f) {
  std::vector<decltype(f(size_t(0)))> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = f(i);
  return values;
}

struct Entry {
  const char *name;
  void (*run)(Case &);
};
/// Every case, in no certain order.
std::vector<Entry> &entries();

#define FOREIGN(NAME)                                                                              \
  static void run_##NAME(::foreign::Case &);                                                       \
  [[maybe_unused]] static const int added_##NAME =                                                 \
      (::foreign::entries().push_back({#NAME, run_##NAME}), 0);                                    \
  static void run_##NAME([[maybe_unused]] ::foreign::Case &c)

} // namespace foreign

#endif // VITC_TEST_EMULATOR_FOREIGN_H
