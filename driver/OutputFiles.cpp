//===- OutputFiles.cpp - Files that appear whole or not at all ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A rename within a folder is atomic, so a file is complete before it gets its
// name.
//
//===----------------------------------------------------------------------===//

#include "driver/OutputFiles.h"

#include "weights/Temporaries.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

using namespace llvm;
using namespace vitc;
using namespace vitc::driver;

//===----------------------------------------------------------------------===//
// Single files
//===----------------------------------------------------------------------===//

static Error problem(const Twine &path, std::error_code code) {
  return createStringError(code, path + ": " + code.message());
}

static Error writeBytes(StringRef path, StringRef bytes) {
  std::error_code code;
  raw_fd_ostream out(path, code);
  if (code)
    return problem(path, code);
  out << bytes;
  out.flush();
  code = out.error();
  out.clear_error();
  return code ? problem(path == "-" ? "stdout" : path, code) : Error::success();
}

//===----------------------------------------------------------------------===//
// OutputFiles
//===----------------------------------------------------------------------===//

Error OutputFiles::open(StringRef path) {
  folder = path.str();
  SmallString<128> at(path);
  sys::path::remove_dots(at);
  SmallVector<std::string> missing;
  for (; !at.empty() && !sys::fs::exists(at); sys::path::remove_filename(at))
    missing.push_back(at.str().str());
  for (const std::string &directory : reverse(missing)) {
    if (auto error = sys::fs::create_directory(directory, false, sys::fs::all_all))
      return problem(directory, error);
    createdFolders.push_back(directory);
    vitrt::rememberTemporary(directory);
  }
  if (!sys::fs::is_directory(path))
    return createStringError(path + ": expected a folder for the output, found a file");
  return add(""); // to see whether it can be
}

Error OutputFiles::add(StringRef name) {
  SmallString<128> model(folder), path;
  sys::path::append(model, "." + name + "-%%%%%%%%.tmp");
  int file;
  if (auto error = sys::fs::createUniqueFile(model, file, path))
    return problem(folder, error);
  ::close(file);
  pending.push_back({name.str(), path.str().str()});
  vitrt::rememberTemporary(pending.back().temporary);
  return Error::success();
}

Error OutputFiles::write(StringRef name, StringRef bytes) {
  if (auto error = add(name))
    return error;
  return writeBytes(pending.back().temporary, bytes);
}

Error OutputFiles::commit() {
  auto inFolder = [&](StringRef name) {
    SmallString<128> path(folder);
    sys::path::append(path, name);
    return path;
  };
  auto target = [&](const Pending &file) { return inFolder(file.name); };
  // What can be refused is refused before the first file is replaced.
  for (const Pending &file : pending)
    if (!file.name.empty() && sys::fs::is_directory(target(file)))
      return createStringError(target(file) + ": is a folder, expected a file to replace");
  for (const std::string &created : createdFolders)
    vitrt::forgetTemporary(created);
  createdFolders.clear();
  while (!pending.empty()) {
    const Pending &file = pending.back();
    if (file.name.empty())
      (void)sys::fs::remove(file.temporary);
    else if (auto error = sys::fs::rename(file.temporary, target(file)))
      return problem(target(file), error);
    vitrt::forgetTemporary(file.temporary);
    pending.pop_back();
  }
  for (const std::string &name : retired)
    if (auto error = sys::fs::remove(inFolder(name)))
      return problem(inFolder(name), error);
  return Error::success();
}

OutputFiles::~OutputFiles() {
  auto drop = [](const std::string &path) {
    (void)sys::fs::remove(path);
    vitrt::forgetTemporary(path);
  };
  for (const Pending &file : pending)
    drop(file.temporary);
  for (const std::string &folder : reverse(createdFolders))
    drop(folder); // stays if somebody else put something there
}

/// Is written as it is.
static bool isStream(StringRef path) {
  sys::fs::file_status status;
  return path == "-" || (!sys::fs::status(path, status) && sys::fs::exists(status) &&
                         !sys::fs::is_regular_file(status) && !sys::fs::is_directory(status));
}

/// The folder of `path`, opened.
static Error openFolderOf(StringRef path, OutputFiles &files) {
  if (sys::fs::is_directory(path))
    return createStringError(path + ": is a directory, expected a file to write");
  StringRef folder = sys::path::parent_path(path);
  if (!folder.empty() && !sys::fs::is_directory(folder))
    return createStringError(path + ": there is no folder '" + folder + "'");
  return files.open(folder.empty() ? "." : folder);
}

Error driver::checkOutput(StringRef path) {
  OutputFiles files;
  return isStream(path) ? Error::success() : openFolderOf(path, files);
}

Error driver::writeOutput(StringRef path, StringRef bytes) {
  if (isStream(path))
    return writeBytes(path, bytes);
  OutputFiles files;
  if (auto error = openFolderOf(path, files))
    return error;
  if (auto error = files.write(sys::path::filename(path), bytes))
    return error;
  return files.commit();
}
