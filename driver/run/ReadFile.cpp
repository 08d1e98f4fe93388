//===- ReadFile.cpp - The bytes of a file ----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Not with std::ifstream: of a directory it opens, and its iterators throw.
//===----------------------------------------------------------------------===//
#include "driver/run/ReadFile.h"
#include "weights/FileKind.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace vitrt;

namespace vitc::driver {

Result<std::string> readFile(const std::string &path) {
  auto unreadable = [](int problem) {
    return Error{std::string("cannot be read: ") + std::strerror(problem)};
  };
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return unreadable(errno);
  std::string text;
  char part[1 << 16];
  int problem = 0;
  while (ssize_t count = read(file, part, sizeof part)) {
    if (count > 0)
      text.append(part, size_t(count));
    else if (errno != EINTR) {
      problem = errno;
      break;
    }
  }
  close(file);
  if (problem)
    return unreadable(problem);
  return text;
}

Result<std::string> readText(const std::string &path, const char *what) {
  auto text = readFile(path);
  if (!text)
    return text;
  if (text->empty())
    return Error{std::string("is empty, expected ") + what};
  if (std::string wrong = unexpectedKind(*text, FileWanted::Text, path); !wrong.empty())
    return Error{"is no " + std::string(what) + ": " + wrong};
  return std::string(withoutMark(*text));
}

} // namespace vitc::driver
