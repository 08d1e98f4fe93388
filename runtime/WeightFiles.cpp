//===- WeightFiles.cpp - The files that weights came from ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/WeightFiles.h"
#include "weights/Safetensors.h"

#include <cstdlib>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace vitrt {
namespace {

/// Symbolic links stay: the shards of an index lie beside its name, not beside what that points to.
std::string fromRoot(const std::string &path) {
  if (path.empty() || path[0] == '/')
    return path;
  struct Free {
    void operator()(char *text) const { std::free(text); }
  };
  std::unique_ptr<char, Free> directory(getcwd(nullptr, 0));
  return directory ? directory.get() + ("/" + path) : path;
}

} // namespace

WeightFiles::WeightFiles(const std::string &path) : name(fromRoot(path)), files(look(name)) {}

std::vector<WeightFiles::File> WeightFiles::look(const std::string &path) {
  std::vector<File> files;
  for (std::string &each : Safetensors::filesOf(path)) {
    File &file = files.emplace_back();
    file.path = std::move(each);
    struct stat status;
    if (stat(file.path.c_str(), &status) != 0)
      continue;
    file.there = true;
    file.device = status.st_dev;
    file.node = status.st_ino;
    file.bytes = uint64_t(status.st_size);
    file.seconds = status.st_mtim.tv_sec;
    file.nanoseconds = status.st_mtim.tv_nsec;
  }
  return files;
}

Status WeightFiles::checkUnchanged() const {
  std::vector<File> now = look(name);
  if (now == files)
    return {};
  // The first that differs; where there are others than there were, the index has changed.
  size_t i = 0;
  while (i < now.size() && i < files.size() && now[i] == files[i])
    ++i;
  const File &file = i < files.size() ? files[i] : now[i];
  bool gone = i < now.size() && file.there && !now[i].there && now[i].path == file.path;
  return badFile("weights " + quoted(file.path) + (gone ? " is gone" : " has changed") +
                 " since the model was loaded from it, and a check reads it again; " +
                 (gone ? "put it back, or load the model again" : "load the model again"));
}

} // namespace vitrt
