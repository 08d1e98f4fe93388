//===- ReadFile.cpp - The bytes of a file ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Not with std::ifstream: of a directory it opens, and its iterators throw. Nothing
// here blocks but poll(), which comes back to ask whether to stop: a signal handler
// that restarts calls would keep a blocked open() or read() waiting.
//===----------------------------------------------------------------------===//
#include "driver/run/ReadFile.h"
#include "weights/FileKind.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitrt;

namespace vitc::driver {
namespace {

/// An open file, closed at the end.
struct File {
  explicit File(int number) : number(number) {}
  File(const File &) = delete;
  ~File() {
    if (number >= 0)
      close(number);
  }
  const int number;
};

Error unreadable(int problem) {
  return Error{std::string("cannot be read: ") + std::strerror(problem)};
}

/// What is not read; empty where it is.
std::string objection(int file, const struct stat &status, bool pipes) {
  const char *expected = pipes ? ", expected a file or a pipe" : ", expected a regular file";
  if (S_ISSOCK(status.st_mode))
    return std::string("is a socket") + expected;
  if (S_ISBLK(status.st_mode))
    return std::string("is a block device") + expected;
  if (S_ISCHR(status.st_mode) && !(pipes && isatty(file)))
    return std::string("is a character device") + expected;
  if (S_ISFIFO(status.st_mode) && !pipes)
    return std::string("is a pipe") + expected;
  return "";
}

/// How long a pipe may be without its first writer.
constexpr auto patience = std::chrono::seconds(10);

/// Whether there is something to read, or the end, within a time that is short to a user.
bool awaitInput(int file) {
  pollfd input = {file, POLLIN, 0};
  constexpr int milliseconds = 50;
  return poll(&input, 1, milliseconds) != 0 && input.revents;
}

/// `pipe`: one that is opened by its name, which does not block and which nobody may ever write to.
Result<std::string> readAll(int file, bool pipe, size_t most, const std::stop_token &stop) {
  std::string text;
  char part[1 << 16];
  auto begin = std::chrono::steady_clock::now();
  for (;;) {
    if (stop.stop_requested())
      return Error{"was not read to its end: stopped"};
    bool ready = awaitInput(file);
    if (!ready && !pipe)
      continue;
    ssize_t count = read(file, part, sizeof part);
    if (count == 0 && ready)
      return text;
    if (count == 0 && std::chrono::steady_clock::now() - begin > patience)
      return Error{"is a pipe that nobody writes to, expected a file, or a writer within " +
                   std::to_string(patience.count()) + " s"};
    if (count < 0 && errno != EINTR && errno != EAGAIN)
      return unreadable(errno);
    text.append(part, size_t(std::max<ssize_t>(count, 0)));
    if (text.size() > most)
      return Error{"has more than " + std::to_string(most >> 20) + " MiB, more than is read"};
  }
}

Result<std::string> read(const std::string &path, size_t most, bool pipes,
                         const std::stop_token &stop) {
  struct stat status;
  // A socket has a name that cannot be opened, for a reason that helps nobody.
  if (path != "-" && stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode))
    return Error{objection(-1, status, pipes)};
  File file(path == "-" ? dup(STDIN_FILENO)
                        : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number < 0 || fstat(file.number, &status) != 0)
    return unreadable(errno);
  if (std::string why = objection(file.number, status, pipes || path == "-"); !why.empty())
    return Error{why};
  bool pipe = path != "-" && S_ISFIFO(status.st_mode);
  return readAll(file.number, pipe, most, stop);
}

} // namespace

Result<std::string> readFile(const std::string &path, const std::stop_token &stop) {
  return read(path, mostTextBytes, /*pipes=*/true, stop);
}

Result<std::string> readRegularFile(const std::string &path) {
  return read(path, SIZE_MAX, /*pipes=*/false, {});
}

Result<std::string> readText(const std::string &path, const char *what,
                             const std::stop_token &stop) {
  auto text = readFile(path, stop);
  if (!text)
    return text;
  if (text->empty())
    return Error{std::string("is empty, expected ") + what};
  if (std::string wrong = unexpectedKind(*text, FileWanted::Text, path); !wrong.empty())
    return Error{"is no " + std::string(what) + ": " + wrong};
  return std::string(withoutMark(*text));
}

} // namespace vitc::driver
