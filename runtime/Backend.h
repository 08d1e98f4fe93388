//===- Backend.h - What a target must do -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Plans, arguments and the C API are the same for every target. What differs is
// behind this interface: code and memory of a device, and running launches there.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_BACKEND_H
#define VITC_RUNTIME_BACKEND_H

#include "runtime/LoadOptions.h"
#include "runtime/Plan.h"

#include <functional>
#include <memory>
#include <span>

namespace vitrt {

/// What runs where, for people.
struct BackendText {
  std::string code;   ///< "machine code sm_89", with the reason where it is not what was built
  std::string image;  ///< the same for lines of timings: "sm_89 PTX, JIT"
  std::string device; ///< "NVIDIA GeForce RTX 4090"
  std::string driver; ///< "13.0"; empty where there is none
  std::string isa;    ///< "avx2": the form of code for CPUs; else empty
  int threads = 0;    ///< that work on a CPU
  std::string why;    ///< what is wrong with a better device, of one that nobody named
};

/// Is called after each launch, which is complete then. A failure ends the run.
class LaunchObserver {
public:
  virtual ~LaunchObserver() = default;
  /// True for launches after which the device is waited for and launched() called.
  virtual bool wants(const LaunchRecord &record) = 0;
  virtual Status launched(const LaunchRecord &record) = 0;
};

/// What a backend keeps for the runs of one workspace.
struct BackendState {
  virtual ~BackendState() = default;
};

/// The launches of one batch as the device holds them ready, for runs that are one call then. Made
/// and used by one backend.
struct RecordedRun {
  virtual ~RecordedRun() = default;
};

/// What a run is about. The launches are prepared; one run at a time.
struct RunRequest {
  const vit_library &library;
  const SizedPlan &sized;
  const PlanMemory &memory;
  Launches &launches;
  RecordedRun *recorded;                ///< of these launches; NULL: none
  int maxBatch;                         ///< of the workspace
  std::unique_ptr<BackendState> &state; ///< the backend's own, empty before its first run
  const void *const *inputs;
  void *const *outputs;
  LaunchObserver *observer; ///< NULL: none
};

/// One device with the code and the weights of one model. Addresses are the device's. Threads may
/// share it, each with a RunRequest of its own.
class Backend {
public:
  virtual ~Backend() = default;

  /// allocate() where the device's memory is the host's, so that values are made in their place;
  /// its address is `room`. Else `room` stays NULL.
  virtual Status hostRoom(uint64_t /*bytes*/, const std::string & /*about*/, uint8_t *& /*room*/) {
    return {};
  }
  /// Takes weights and the functions of batch 1 of `native` to the device, once; `arena` has
  /// the bytes of arenaPart(): what hostRoom() gave, or the library's embedded ones, or,
  /// where it gave none, any. After a failure the object can only be destroyed.
  virtual Status load(const vit_library &library, const vit_plan &native, const uint8_t *arena,
                      const LoadOptions &options) = 0;
  /// Takes the functions that batches of 1 to maxBatch run to the device, those of them that are
  /// not there. After a failure it can be called again. Any thread.
  virtual Status loadFunctions(const SizedPlan &sized, int maxBatch) = 0;
  /// `about` says what for, in a failure's text.
  virtual Status allocate(uint64_t bytes, const std::string &about, uint64_t &address) = 0;
  virtual void free(uint64_t address) = 0;
  /// Synchronous copies.
  virtual Status write(uint64_t to, const void *from, uint64_t bytes) = 0;
  virtual Status read(void *to, uint64_t from, uint64_t bytes) = 0;
  /// Has the device hold those of the request's launches ready that `which` names by their place
  /// among its records, in that order; inputs and outputs come with each run.
  virtual Status record(const RunRequest &request, std::span<const uint32_t> which,
                        std::unique_ptr<RecordedRun> &out) = 0;
  /// Enqueues a run, with inputs and outputs on the device: what is recorded of it, unless an
  /// observer looks at each launch or the stream is captured.
  virtual Status run(const RunRequest &request, vit_stream stream) = 0;
  /// Returns when what was enqueued on the stream is done.
  virtual Status wait(vit_stream stream) = 0;
  /// Runs all launches with inputs and outputs in host memory, and returns when they are done.
  virtual Status runHost(const RunRequest &request) = 0;
  /// Calls `work` `count` times, which enqueues on the stream that it is given, and measures each
  /// by the device's clock.
  virtual Status time(int count, const std::function<Status(vit_stream)> &work,
                      std::vector<double> &microseconds) = 0;
  /// Does a run `count` times with the device's clock between its launches: microseconds[i] has the
  /// i-th launch's time in each.
  virtual Status timeEach(const RunRequest &request, int count,
                          std::vector<std::vector<double>> &microseconds) = 0;

  /// After load().
  uint64_t weights() const { return weightArena; }
  const BackendText &text() const { return texts; }
  /// Says why it is not a better device.
  void insteadOf(std::string why) { texts.why = std::move(why); }

protected:
  uint64_t weightArena = 0;
  BackendText texts;
};

/// The device that a text names: "cuda", "cuda:1", "cpu", "cpu:8" (threads), or NULL for the best
/// that the library has code for and that is there. `target` is the library's code for it.
Status openBackend(const vit_library &library, const char *device, uint32_t &target,
                   std::unique_ptr<Backend> &out);

/// One for each kind of target: opens device `number` of the kind.
using OpenBackend = Status(int number, std::unique_ptr<Backend> &out);
OpenBackend openCuda;
/// `number` is how many threads, -1: as many as there are processors.
OpenBackend openCpu;

/// openCuda, unless all libraries that a program is linked with have code for CPUs alone: each of
/// them defines it as NULL, weakly, so that the linker has no reason to take the runtime's, and
/// with it all of runtime/cuda. One that has CUDA code in an archive refers to vit_needs_cuda
/// beside it.
extern "C" OpenBackend *const vit_cuda_backend;

/// vit_set_parallel_for.
void setParallelFor(void (*function)(void *user, int tasks, void (*task)(void *context, int index),
                                     void *context),
                    void *user);

} // namespace vitrt
#endif // VITC_RUNTIME_BACKEND_H
