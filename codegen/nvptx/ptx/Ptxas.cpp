//===- Ptxas.cpp - Machine code from PTX ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// ptxas takes most of the time of a build and serves one file at a time, so as many run side by
// side as the caller allows. Each works in a directory of its own under fixed names, since what
// it writes may hold the names it was given, and builds have to be alike.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <condition_variable>
#include <csignal>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace mlir;
namespace path = llvm::sys::path;

extern char **environ;

namespace vitc::codegen {

namespace {

std::string readFile(const llvm::Twine &name) {
  auto buffer = llvm::MemoryBuffer::getFile(name);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

/// A directory that is removed with the files put into it.
class WorkingDirectory {
public:
  WorkingDirectory() {
    path::system_temp_directory(/*ErasedOnReboot=*/true, model);
    path::append(model, "vitc-XXXXXX");
    if (const char *made = mkdtemp(const_cast<char *>(model.c_str())))
      root = made;
  }
  ~WorkingDirectory() {
    for (const std::string &name : files)
      (void)llvm::sys::fs::remove(name);
    if (!root.empty())
      (void)llvm::sys::fs::remove(root);
  }
  WorkingDirectory(const WorkingDirectory &) = delete;
  WorkingDirectory &operator=(const WorkingDirectory &) = delete;

  bool valid() const { return !root.empty(); }
  /// What could not be made, if it is not valid.
  llvm::StringRef wanted() const { return model; }
  const std::string &directory() const { return root; }
  /// The path of a file here.
  std::string file(llvm::StringRef name) {
    files.push_back(root + "/" + name.str());
    return files.back();
  }

private:
  llvm::SmallString<128> model;
  std::string root;
  std::vector<std::string> files;
};

/// Runs `arguments` in `directory` with all it prints in `log`, until `stop` is asked for. Returns
/// its exit status, 128 + signal, or -1 with `error` set if it did not start.
int runIn(const std::string &directory, const std::string &log,
          llvm::ArrayRef<std::string> arguments, std::string &error,
          const std::stop_token &stop = {}) {
  std::vector<char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  auto destroy = llvm::scope_exit([&] { posix_spawn_file_actions_destroy(&actions); });
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);

  pid_t process;
  if (int code = posix_spawn(&process, argv[0], &actions, nullptr, argv.data(), environ)) {
    error = arguments[0] + ": " + std::strerror(code);
    return -1;
  }
  {
    std::stop_callback end(stop, [process] { kill(process, SIGKILL); });
    // Leaves the process its number, so that the callback cannot meet another's.
    siginfo_t ended;
    while (waitid(P_PID, pid_t(process), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR)
      ;
  }
  int status = 0;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) {
      error = arguments[0] + ": " + std::strerror(errno);
      return -1;
    }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The number before `unit` in text such as "16 bytes spill stores".
int numberBefore(llvm::StringRef text, llvm::StringRef unit) {
  size_t end = text.find(unit);
  if (end == llvm::StringRef::npos)
    return 0;
  llvm::StringRef digits = text.take_front(end).rtrim();
  digits = digits.take_back(digits.size() - digits.find_last_not_of("0123456789") - 1);
  int value = 0;
  digits.getAsInteger(10, value);
  return value;
}

Resources parseLog(std::string log) {
  Resources found;
  found.registers = numberBefore(log, " registers");
  found.spillStores = numberBefore(log, " bytes spill stores");
  found.spillLoads = numberBefore(log, " bytes spill loads");
  found.stack = numberBefore(log, " bytes stack frame");
  found.staticSmem = numberBefore(log, " bytes smem");
  found.log = std::move(log);
  return found;
}

/// One kernel for one architecture. Returns an error, or nothing.
std::string assembleOne(const Assembler &assembler, const KernelCode &kernel, MachineCode &code) {
  auto failed = [&](const llvm::Twine &why) {
    return ("kernel '" + kernel.name + "': " + why).str();
  };
  WorkingDirectory work;
  if (!work.valid())
    return failed("cannot create the temporary folder '" + work.wanted() +
                  "': " + std::strerror(errno) + "; set TMPDIR");
  std::error_code writeError;
  {
    llvm::raw_fd_ostream source(work.file("kernel.ptx"), writeError);
    source << kernel.ptx;
    source.close();
    if (source.has_error() || writeError)
      return failed("cannot write " + work.directory() + "/kernel.ptx");
  }
  std::string image = work.file("kernel.cubin"), log = work.file("log"), error;
  int status = runIn(
      work.directory(), log,
      {assembler.ptxas, "-v", "-O3", "--gpu-name", code.arch, "kernel.ptx", "-o", "kernel.cubin"},
      error, assembler.stop);
  if (assembler.stop.stop_requested())
    return failed("stopped");
  code.resources = parseLog(readFile(log));
  if (status < 0)
    return failed(error);
  if (status != 0)
    return failed("ptxas failed with status " + llvm::Twine(status) + " for " + code.arch + "\n" +
                  llvm::StringRef(code.resources.log).trim());
  code.image = readFile(image);
  if (code.image.empty() || code.resources.registers == 0)
    return failed("ptxas wrote no code for " + code.arch + "\n" +
                  llvm::StringRef(code.resources.log).trim());
  return {};
}

bool canRun(llvm::StringRef file) {
  return llvm::sys::fs::can_execute(file) && !llvm::sys::fs::is_directory(file);
}

constexpr const char *placesInWheels[] = {"nvidia/cu13/bin/ptxas", "nvidia/cuda_nvcc/bin/ptxas"};

/// ptxas of the wheel that the Python package depends on: beside the folder vitc/, of whose lib/
/// this code is then. "" where it is not.
std::string findBesidePackage() {
  Dl_info here;
  if (!dladdr(reinterpret_cast<void *>(&findBesidePackage), &here) || !here.dli_fname)
    return {};
  llvm::SmallString<128> folder(here.dli_fname); // .../site-packages/vitc/lib/libvitc.so
  (void)llvm::sys::fs::make_absolute(folder);
  llvm::sys::path::remove_dots(folder, /*remove_dot_dot=*/true);
  for (int level = 0; level != 3; ++level)
    llvm::sys::path::remove_filename(folder);
  for (const char *inside : placesInWheels)
    if (std::string file = (folder + "/" + inside).str(); canRun(file))
      return file;
  return {};
}

/// ptxas inside the wheels nvidia-cuda-nvcc(-cuNN) of python3, or "".
std::string findInWheels() {
  if (std::string beside = findBesidePackage(); !beside.empty())
    return beside;
  auto python = llvm::sys::findProgramByName("python3");
  if (!python)
    return {};
  WorkingDirectory work;
  if (!work.valid())
    return {};
  std::string log = work.file("log"), error;
  if (runIn(work.directory(), log, {*python, "-c", "import sys; print('\\n'.join(sys.path))"},
            error) != 0)
    return {};
  std::string printed = readFile(log);
  llvm::SmallVector<llvm::StringRef> folders;
  llvm::StringRef(printed).split(folders, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef folder : folders)
    for (const char *inside : placesInWheels)
      if (std::string file = (folder + "/" + inside).str(); canRun(file))
        return file;
  return {};
}

} // namespace

std::string findPtxas(llvm::StringRef request, std::string &error) {
  const char *variable = std::getenv("VITC_PTXAS");
  bool fromVariable = request.empty() && variable && *variable;
  if (fromVariable)
    request = variable;
  if (request == "none")
    return {};
  if (!request.empty()) {
    auto found = llvm::sys::findProgramByName(request);
    llvm::SmallString<128> file(found ? *found : request.str());
    (void)llvm::sys::fs::make_absolute(file); // it runs in another directory
    if (found && canRun(file))
      return std::string(file);
    error = (llvm::Twine("expected a ptxas that can be run, found '") + request +
             (fromVariable ? "' in VITC_PTXAS" : "'"))
                .str();
    return {};
  }
  if (auto found = llvm::sys::findProgramByName("ptxas")) {
    llvm::SmallString<128> file(*found);
    (void)llvm::sys::fs::make_absolute(file);
    return std::string(file);
  }
  std::vector<std::string> candidates;
  if (const char *home = std::getenv("CUDA_HOME"); home && *home)
    candidates.push_back(std::string(home) + "/bin/ptxas");
  candidates.push_back("/usr/local/cuda/bin/ptxas");
  for (const std::string &candidate : candidates)
    if (canRun(candidate))
      return candidate;
  return findInWheels();
}

std::string ptxasIdentity(llvm::StringRef ptxas) {
  WorkingDirectory work;
  if (!work.valid())
    return {};
  std::string log = work.file("log"), error;
  if (runIn(work.directory(), log, {ptxas.str(), "--version"}, error) != 0)
    return {};
  std::string printed = readFile(log);
  // "... Cuda compilation tools, release 13.0, V13.0.88"
  llvm::StringRef text(printed);
  size_t version = text.find(", V");
  if (version == llvm::StringRef::npos)
    return "ptxas";
  return "ptxas " + text.drop_front(version + 2).take_until(llvm::isSpace).str();
}

LogicalResult assemble(const Assembler &assembler, std::vector<KernelCode> &kernels,
                       std::string &error) {
  struct Work {
    const KernelCode *kernel;
    MachineCode *code;
    std::string error;
  };
  std::vector<Work> work;
  for (KernelCode &kernel : kernels) {
    if (!kernel.codes.empty())
      continue;
    kernel.codes.assign(assembler.archs.size(), {});
    for (auto [code, arch] : llvm::zip_equal(kernel.codes, assembler.archs)) {
      code.arch = arch;
      work.push_back({&kernel, &code, {}});
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  size_t next = 0, done = 0;
  bool stop = false;
  auto serve = [&] {
    std::unique_lock lock(mutex);
    while (!stop && next < work.size()) {
      Work &mine = work[next++];
      lock.unlock();
      mine.error = assembleOne(assembler, *mine.kernel, *mine.code);
      lock.lock();
      stop |= !mine.error.empty();
      ++done;
      changed.notify_one();
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0, n = std::min<size_t>(std::max(assembler.jobs, 1u), work.size()); i < n; ++i)
    threads.emplace_back(serve);
  {
    std::unique_lock lock(mutex);
    for (size_t seen = 0; seen < work.size() && !stop;) {
      changed.wait(lock, [&] { return done > seen || stop; });
      seen = done;
      if (assembler.progress && !stop) {
        lock.unlock();
        assembler.progress(seen, work.size());
        lock.lock();
      }
    }
  }
  for (std::thread &thread : threads)
    thread.join();
  // The first in the order of the kernels, whichever failed first.
  for (const Work &one : work)
    if (!one.error.empty()) {
      error = one.error;
      return failure();
    }
  return success();
}

} // namespace vitc::codegen
