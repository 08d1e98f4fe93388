//===- CpuBackend.cpp - A model on the processors of this machine ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Device memory is the program's memory, streams there are none: a run is done
// when it returns. The code is part of the library; which of its forms runs is
// decided when a model is loaded.
//===----------------------------------------------------------------------===//
#include "runtime/Backend.h"
#include "runtime/cpu/Machine.h"
#include "runtime/cpu/Run.h"
#include "weights/Safetensors.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>

namespace vitrt {
namespace {

/// What vit_set_parallel_for was given.
struct ParallelFor {
  void (*function)(void *, int, void (*)(void *, int), void *) = nullptr;
  void *user = nullptr;
  const ParallelFor *before = nullptr; ///< kept, for runs may still read it
};
/// Of the program. No lock, which the child of a process could find locked.
std::atomic<const ParallelFor *> parallelForOfProgram{nullptr};

ParallelFor currentParallelFor() {
  const ParallelFor *current = parallelForOfProgram.load(std::memory_order_acquire);
  return current ? *current : ParallelFor();
}

/// Calls a program's function, which may do anything but crash. Returns what went wrong, or
/// nothing.
std::string callParallelFor(const ParallelFor &own, int tasks, void (*task)(void *, int),
                            void *context) {
  try {
    CallersCancellation acts;
    own.function(own.user, tasks, task, context);
    return {};
  } catch (abi::__forced_unwind &) {
    throw; // the thread is cancelled
  } catch (const std::exception &exception) {
    return std::string("parallel_for threw an exception: ") + exception.what();
  } catch (...) {
    return "parallel_for threw something that is no std::exception";
  }
}

class CpuBackend : public Backend {
public:
  Status open(int threads);

  Status hostRoom(uint64_t bytes, const std::string &about, uint8_t *&room) override;
  Status load(const vit_library &library, const vit_plan &native, const uint8_t *arena,
              const LoadOptions &options) override;
  Status loadFunctions(const SizedPlan &, int) override { return {}; } // they are loaded
  Status allocate(uint64_t bytes, const std::string &about, uint64_t &address) override;
  void free(uint64_t address) override;
  Status write(uint64_t to, const void *from, uint64_t bytes) override {
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return {};
  }
  Status read(void *to, uint64_t from, uint64_t bytes) override {
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return {};
  }
  Status record(const RunRequest &request, std::span<const uint32_t>,
                std::unique_ptr<RecordedRun> &out) override {
    out.reset(); // what a run needs is allocated now, and there is nothing to hold ready
    return prepareState(request);
  }
  Status run(const RunRequest &request, vit_stream stream) override;
  Status wait(vit_stream) override { return {}; }
  Status runHost(const RunRequest &request) override;
  Status time(int count, const std::function<Status(vit_stream)> &work,
              std::vector<double> &microseconds) override;
  Status timeEach(const RunRequest &request, int count,
                  std::vector<std::vector<double>> &microseconds) override;

private:
  Status chooseForm(const vit_target &target, const LoadOptions &options);
  void describe(int there);
  Status prepareState(const RunRequest &request);
  Status runLaunches(const RunRequest &request, std::span<const LaunchRecord> records);

  int threads = 1;
  std::shared_ptr<Pool> pool;
  std::vector<vit_cpu_function> functions; ///< of each kernel, in the form that runs
  uint64_t scratchOfEach = 64;
  std::mutex mutex; ///< of the allocations
  std::vector<HostMemory> allocations;
};

Status CpuBackend::open(int number) {
  if (number == 0)
    return badArgument("device is 'cpu:0', expected at least one thread");
  constexpr int most = 1024;
  if (number > most)
    return badArgument("device is 'cpu:" + std::to_string(number) + "', expected at most " +
                       std::to_string(most) + " threads");
  threads = number < 0 ? std::min(most, usableProcessors()) : number;
  texts.device = processorName();
  return {};
}

/// The best that the library has and the processor can, or what the options or VIT_CPU_ISA name.
Status CpuBackend::chooseForm(const vit_target &target, const LoadOptions &options) {
  if (target.kernel_count == 0)
    return {};
  const auto &first = *static_cast<const vit_cpu_code *>(target.kernels[0].code);
  const char *wish = options.isa.empty() ? std::getenv("VIT_CPU_ISA") : options.isa.c_str();
  if (wish && !*wish)
    wish = nullptr;
  std::string there;
  int chosen = -1;
  bool wished = false;
  for (uint32_t i = 0; i != first.form_count; ++i) {
    const char *name = isaName(first.forms[i].isa);
    there += (there.empty() ? "" : ", ") + std::string(name);
    wished |= wish && std::string_view(wish) == name;
    if (hasIsa(first.forms[i].isa) && (!wish || std::string_view(wish) == name))
      chosen = int(i);
  }
  if (chosen < 0)
    return {VIT_DEVICE_ERROR,
            !wish ? "the library's code is for " + there + ", which the processor, " +
                        texts.device + ", does not have"
            : wished
                ? "VIT_CPU_ISA is " + quoted(wish) + ", which the processor, " + texts.device +
                      ", does not have; unset it"
                : "VIT_CPU_ISA is " + quoted(wish) + ", but the library's code is for " + there};
  for (const vit_kernel &kernel : std::span(target.kernels, target.kernel_count)) {
    const auto &code = *static_cast<const vit_cpu_code *>(kernel.code);
    if (code.form_count != first.form_count || code.forms[chosen].isa != first.forms[chosen].isa ||
        !code.forms[chosen].run)
      return {VIT_BAD_ABI, "the library is damaged: kernel " + quoted(kernel.name) +
                               " has no code for " + isaName(first.forms[chosen].isa)};
    functions.push_back(code.forms[chosen].run);
    scratchOfEach = std::max(scratchOfEach, alignUp(code.scratch_bytes));
  }
  texts.isa = isaName(first.forms[chosen].isa);
  return {};
}

/// `there`: how many threads can work.
void CpuBackend::describe(int there) {
  texts.threads = threads;
  texts.image = "CPU code " + (texts.isa.empty() ? "" : texts.isa + ", ") + std::to_string(there) +
                (there == 1 ? " thread" : " threads");
  if (there != threads)
    texts.image += " (" + std::to_string(threads) + " were wanted, the system let no more start)";
  texts.code = texts.image;
}

Status CpuBackend::hostRoom(uint64_t bytes, const std::string &about, uint8_t *&room) {
  uint64_t address = 0;
  if (bytes)
    if (Status allocated = allocate(bytes, about, address); !allocated)
      return allocated;
  room = reinterpret_cast<uint8_t *>(address);
  return {};
}

Status CpuBackend::load(const vit_library &library, const vit_plan &native, const uint8_t *arena,
                        const LoadOptions &options) {
  if (!options.ptx.empty())
    return badArgument("PTX replaces kernels of CUDA devices, but the device is a CPU");
  const vit_target &target = library.targets[native.target];
  if (Status chosen = chooseForm(target, options); !chosen)
    return chosen;
  weightArena = reinterpret_cast<uintptr_t>(arena); // it is memory already, ours or the library's
  bool programs = currentParallelFor().function;
  pool = Pool::get(programs ? 1 : threads);
  describe(programs ? threads : std::min(threads, pool->size()));
  return {};
}

Status CpuBackend::allocate(uint64_t bytes, const std::string &about, uint64_t &address) {
  HostMemory memory;
  if (Status allocated = HostMemory::allocate(bytes, about, memory); !allocated)
    return allocated;
  address = reinterpret_cast<uintptr_t>(memory.data());
  std::lock_guard lock(mutex);
  allocations.push_back(std::move(memory));
  return {};
}

void CpuBackend::free(uint64_t address) {
  std::lock_guard lock(mutex);
  std::erase_if(allocations, [&](const HostMemory &memory) {
    return reinterpret_cast<uintptr_t>(memory.data()) == address;
  });
}

Status CpuBackend::prepareState(const RunRequest &request) {
  if (request.state)
    return {};
  auto made = std::make_unique<CpuState>();
  uint32_t steps = request.sized.plan->step_count;
  made->progress = std::vector<TileProgress>(steps);
  made->launches.reserve(steps);
  if (Status allocated = HostMemory::allocate(scratchOfEach * uint64_t(threads),
                                              " that threads work in", made->scratch);
      !allocated)
    return allocated;
  request.state = std::move(made);
  return {};
}

/// One launch of a program's own threads.
struct ProgramTask {
  TileRun &run;
  size_t launch;
  static void call(void *context, int index) {
    auto &task = *static_cast<ProgramTask *>(context);
    task.run.workOn(task.launch, index);
  }
};

Status CpuBackend::runLaunches(const RunRequest &request, std::span<const LaunchRecord> records) {
  auto &state = static_cast<CpuState &>(*request.state);
  state.launches.clear();
  for (const LaunchRecord &record : records) {
    const vit_step &step = request.launches.stepOf(record);
    auto *args = static_cast<const uint64_t *>(request.launches.parametersOf(record)[0]);
    state.launches.push_back(
        {functions[step.kernel], args, record.grid[0], uint64_t(record.grid[0]) * record.grid[1]});
  }
  TileRun run(state.launches, std::span(state.progress).first(records.size()), state.scratch.data(),
              scratchOfEach, threads);
  ParallelFor own = currentParallelFor();
  if (!own.function)
    return pool->run(run), Status();
  for (size_t i = 0; i != records.size(); ++i) {
    ProgramTask task = {run, i};
    int tasks = int(std::min<uint64_t>(uint64_t(threads), state.launches[i].count));
    if (std::string problem = callParallelFor(own, tasks, ProgramTask::call, &task);
        !problem.empty())
      return badArgument(problem);
    if (uint64_t done = state.progress[i].done.load(); done != state.launches[i].count)
      return badArgument("parallel_for returned after " + std::to_string(done) + " of " +
                         std::to_string(state.launches[i].count) +
                         " tiles, expected it to call every task before");
  }
  return {};
}

Status CpuBackend::run(const RunRequest &request, vit_stream stream) {
  if (stream)
    return badArgument("stream is not NULL, but runs on a CPU have none: they are done when they "
                       "return");
  if (Status prepared = prepareState(request); !prepared)
    return prepared;
  request.launches.bind(request.inputs, request.outputs);
  std::span<const LaunchRecord> records = request.launches.records();
  if (!request.observer)
    return runLaunches(request, records);
  for (size_t i = 0; i != records.size(); ++i) {
    if (Status done = runLaunches(request, records.subspan(i, 1)); !done)
      return done;
    if (request.observer->wants(records[i]))
      if (Status seen = request.observer->launched(records[i]); !seen)
        return seen;
  }
  return {};
}

/// Runs are in the caller's memory, and tiles write outputs while others still read inputs: inputs
/// that an output lies over are copied.
Status CpuBackend::runHost(const RunRequest &request) {
  const vit_library &library = request.library;
  int batch = request.launches.batch();
  std::vector<const void *> inputs(request.inputs, request.inputs + library.input_count);
  std::vector<HostMemory> copies;
  for (uint32_t i = 0; i != library.input_count; ++i) {
    uint64_t bytes = request.sized.inputBytes(library, i, batch);
    auto begin = reinterpret_cast<uintptr_t>(inputs[i]);
    bool under = false;
    for (uint32_t j = 0; j != library.output_count; ++j) {
      auto other = reinterpret_cast<uintptr_t>(request.outputs[j]);
      under |=
          other < begin + bytes && begin < other + request.sized.outputBytes(library, j, batch);
    }
    if (!under)
      continue;
    if (Status allocated =
            HostMemory::allocate(bytes, " for an input under an output", copies.emplace_back());
        !allocated)
      return allocated;
    std::memcpy(copies.back().data(), inputs[i], bytes);
    inputs[i] = copies.back().data();
  }
  RunRequest own = request;
  own.inputs = inputs.data();
  return run(own, nullptr);
}

using Clock = std::chrono::steady_clock;

double microsecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

Status CpuBackend::time(int count, const std::function<Status(vit_stream)> &work,
                        std::vector<double> &microseconds) {
  microseconds.resize(size_t(count));
  for (double &time : microseconds) {
    Clock::time_point begin = Clock::now();
    if (Status done = work(nullptr); !done)
      return done;
    time = microsecondsSince(begin);
  }
  return {};
}

Status CpuBackend::timeEach(const RunRequest &request, int count,
                            std::vector<std::vector<double>> &microseconds) {
  if (Status prepared = prepareState(request); !prepared)
    return prepared;
  request.launches.bind(request.inputs, request.outputs);
  std::span<const LaunchRecord> records = request.launches.records();
  microseconds.assign(records.size(), std::vector<double>(size_t(count)));
  for (int run = 0; run != count; ++run)
    for (size_t i = 0; i != records.size(); ++i) {
      Clock::time_point begin = Clock::now();
      if (Status done = runLaunches(request, records.subspan(i, 1)); !done)
        return done;
      microseconds[i][size_t(run)] = microsecondsSince(begin);
    }
  return {};
}

} // namespace

Status openCpu(int number, std::unique_ptr<Backend> &out) {
  auto backend = std::make_unique<CpuBackend>();
  if (Status opened = backend->open(number); !opened)
    return opened;
  out = std::move(backend);
  return {};
}

void setParallelFor(void (*function)(void *, int, void (*)(void *, int), void *), void *user) {
  auto *made = new ParallelFor{function, user, parallelForOfProgram.load()};
  while (!parallelForOfProgram.compare_exchange_weak(made->before, made))
    ;
}

} // namespace vitrt
