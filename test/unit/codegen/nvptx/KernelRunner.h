//===- KernelRunner.h - One kernel from text to numbers ---------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
//   KernelRunner runner(R"(vit.kernel @k(...) ... attributes {schedules = [...]} { ... })");
//   REQUIRE(runner.error() == "");
//   auto arguments = runner.randomArguments(/*count=*/3, /*seed=*/1);
//   KernelRun run = runner.run(arguments, 3);         // lowered, PTX, on the emulator
//   REQUIRE(run.error == "");
//   CHECK(worstDistance(run.results, runner.expected(arguments, 3)) < 1e-3);   // f64, by Reference
//
// The driver is the emulator's, or the one that VITC_TEST_DRIVER names: libcuda.so.1 for a GPU.
// A header without MLIR in it, so that tests compile fast. Not for several threads at a time.
//
//===----------------------------------------------------------------------===//
#ifndef TEST_UNIT_KERNELRUNNER_H
#define TEST_UNIT_KERNELRUNNER_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct KernelTensor {
  std::vector<int64_t> shape;
  std::vector<double> values; ///< row-major
};

struct KernelRun {
  std::string error; ///< empty, or what failed; findings of the emulator are on stderr
  std::vector<KernelTensor> results;
};

class KernelRunner {
public:
  /// Parses a module with one vit.kernel of one schedule, lowers it and writes PTX; the functions
  /// of a schedule with splits run one after the other.
  explicit KernelRunner(const std::string &text);
  ~KernelRunner();
  KernelRunner(const KernelRunner &) = delete;
  KernelRunner &operator=(const KernelRunner &) = delete;

  /// Empty, or the diagnostics of what failed.
  const std::string &error() const;
  const std::string &ptx() const;
  /// Runs this text from now on.
  void replacePtx(std::string text);

  /// Normally distributed values (deviation `scale`), already rounded to how they are stored.
  /// `count` is the kernel's last parameter: dimension 0 of every activation.
  std::vector<KernelTensor> randomArguments(int64_t count, uint64_t seed, double scale = 1.0) const;

  KernelRun run(const std::vector<KernelTensor> &arguments, int64_t count) const;

  /// The meaning in f64 without rounding. Fails (throws std::runtime_error) if there is none.
  std::vector<KernelTensor> expected(const std::vector<KernelTensor> &arguments,
                                     int64_t count) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Norm of the difference over norm of `b`; infinite if shapes differ or a value is not finite.
double distance(const KernelTensor &a, const KernelTensor &b);
double worstDistance(const std::vector<KernelTensor> &a, const std::vector<KernelTensor> &b);

/// The largest difference of two elements over the root mean square of `b`: finds one wrong element
/// among many. Infinite as above.
double worstElement(const std::vector<KernelTensor> &a, const std::vector<KernelTensor> &b);

#endif // TEST_UNIT_KERNELRUNNER_H
