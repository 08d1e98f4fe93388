//===- Console.cpp - What command-line tools share -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "tools/common/Console.h"

#include "weights/Temporaries.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace vitc {

int fail(const char *tool, std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  fprintf(stderr, "%s: %s\n", tool, text.c_str());
  return exitFailed;
}

Progress::Progress() : terminal(isatty(STDERR_FILENO)) {}

void Progress::show(std::string_view step, size_t done, size_t all) {
  if (!terminal || all < 2)
    return;
  fprintf(stderr, "\r\033[K%.*s %zu of %zu", int(step.size()), step.data(), done, all);
  fflush(stderr);
  shown = true;
}

void Progress::clear() {
  if (shown)
    fprintf(stderr, "\r\033[K");
  shown = false;
}

bool wantsColour(FILE *stream) {
  const char *without = getenv("NO_COLOR"), *terminal = getenv("TERM");
  return isatty(fileno(stream)) && !(without && *without) &&
         !(terminal && std::string_view(terminal) == "dumb");
}

int finish(const char *tool, int code) {
  errno = 0;
  bool written = fflush(stdout) == 0 && !ferror(stdout);
  if (written || code != exitDone)
    return code;
  if (!errno) { // of an earlier write, whose reason only another one tells
    clearerr(stdout);
    fputc('\n', stdout);
    fflush(stdout);
  }
  return fail(tool, std::string("stdout: ") + (errno ? strerror(errno) : "cannot be written"));
}

static std::atomic<const char *> running{"vitc"};

void endTool(const char *text) noexcept {
  // Where memory is used up, several threads find it so: the first one ends them all.
  static std::atomic<pid_t> ending{0};
  pid_t none = 0, self = gettid();
  if (!ending.compare_exchange_strong(none, self)) {
    if (none == self)
      _exit(exitFailed);
    for (;;)
      pause();
  }
  auto part = [](const char *bytes) { return iovec{const_cast<char *>(bytes), strlen(bytes)}; };
  iovec line[] = {part(running), part(": "), part(text), part("\n")};
  (void)!writev(STDERR_FILENO, line, 4);
  vitrt::removeTemporaries();
  _exit(exitFailed);
}

/// MLIR does not ask whether malloc gave it memory. An access near address 0 when none is left is
/// that; any other is a fault as before.
static void onFault(int signal, siginfo_t *info, void *) {
  constexpr uintptr_t nearNull = 1 << 16;
  constexpr size_t least = 1 << 20; // that malloc asks the system for
  if (reinterpret_cast<uintptr_t>(info->si_addr) < nearNull &&
      mmap(nullptr, least, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
    endTool("out of memory");
  ::signal(signal, SIG_DFL); // the access is tried again
}

static void watchMemory() {
  // Much of what is below was compiled without exceptions, so that none is thrown to begin with.
  std::set_new_handler([] { endTool("out of memory"); });
  struct sigaction action = {};
  sigaction(SIGSEGV, nullptr, &action);
  if (action.sa_handler != SIG_DFL) // a sanitizer reports faults itself
    return;
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

int runTool(const char *tool, const std::function<int()> &body) {
  running = tool;
  watchMemory();
  try {
    return finish(tool, body());
  } catch (const std::system_error &problem) {
    return fail(tool, std::string("the system refused: ") + problem.what());
  } catch (const std::exception &problem) {
    return fail(tool, problem.what());
  }
}

std::string emulatorPath() {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  std::string program(path, length > 0 ? size_t(length) : 0);
  std::string folder = program.substr(0, program.find_last_of('/'));
  return folder.substr(0, folder.find_last_of('/')) + "/lib/emulator/libcuda.so.1";
}

//===----------------------------------------------------------------------===//
// Interrupts
//===----------------------------------------------------------------------===//
//
// A handler may do next to nothing, so it writes a byte into a pipe, and a thread that reads it
// does the rest. The destructor writes another byte to end the thread.

static int wakeUp[2] = {-1, -1};
static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
static constexpr char ended = 'e', interrupted = 'i';

static void tellWatcher(int) {
  int saved = errno;
  (void)!write(wakeUp[1], &interrupted, 1);
  errno = saved;
}

Interrupt::Interrupt(const char *tool, bool patient) {
  if (pipe2(wakeUp, O_CLOEXEC) != 0)
    return; // signals do what they did before
  try {
    watcher = std::thread([=, this] { watch(tool, patient); });
  } catch (const std::system_error &) { // no more threads: the same
    close(wakeUp[0]);
    close(wakeUp[1]);
    return;
  }
  std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of the write
  struct sigaction action = {};
  action.sa_handler = tellWatcher;
  action.sa_flags = SA_RESTART;
  for (int signal : signals)
    sigaction(signal, &action, nullptr);
}

Interrupt::~Interrupt() {
  if (!watcher.joinable())
    return;
  for (int signal : signals)
    std::signal(signal, SIG_DFL);
  (void)!write(wakeUp[1], &ended, 1);
  watcher.join();
  close(wakeUp[0]);
  close(wakeUp[1]);
}

void Interrupt::watch(const char *tool, bool patient) {
  char byte = ended;
  auto receive = [&] {
    while (read(wakeUp[0], &byte, 1) < 0 && errno == EINTR)
      ;
    return byte;
  };
  if (receive() == ended)
    return;
  source.request_stop();
  pollfd next = {wakeUp[0], POLLIN, 0};
  if (poll(&next, 1, patient ? -1 : 2000) > 0 && receive() == ended)
    return;
  int code = report(tool);
  vitrt::removeTemporaries();
  _exit(code);
}

int Interrupt::report(const char *tool) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r\033[K");
  return fail(tool, "interrupted, nothing written");
}

} // namespace vitc
