//===- OutputFiles.h - Files that appear whole or not at all ---*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_OUTPUTFILES_H
#define DRIVER_OUTPUTFILES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>
#include <vector>

namespace vitc::driver {

/// A file in memory.
struct Artifact {
  std::string name; ///< without a folder
  std::unique_ptr<llvm::MemoryBuffer> bytes;
};

/// Files of one folder that are written under temporary names and renamed together. Until commit
/// nothing that was there has changed; without commit nothing new stays, not even the folder.
class OutputFiles {
public:
  /// One at a time.
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  ~OutputFiles();

  /// Creates `folder` and the folders above it where they are missing. Fails at once if no file can
  /// be written there, before somebody computes for minutes.
  llvm::Error open(llvm::StringRef folder);
  /// A file that will be named `name`.
  llvm::Error write(llvm::StringRef name, llvm::StringRef bytes);
  /// A file of the folder that goes away at commit, after the others have got their names.
  void retire(llvm::StringRef name) { retired.push_back(name.str()); }
  llvm::Error commit();

private:
  llvm::Error add(llvm::StringRef name);

  struct Pending {
    std::string name, temporary; // no name: goes away at commit
  };
  std::string folder;
  std::vector<Pending> pending;
  std::vector<std::string> retired;
  std::vector<std::string> createdFolders; // the outermost first
};

/// Whether writeOutput could write there, before somebody computes for minutes. Leaves nothing.
llvm::Error checkOutput(llvm::StringRef path);

/// Writes a file whole or not at all; what is no regular file (a terminal, a pipe, /dev/null; "-"
/// is stdout) is written as it is.
llvm::Error writeOutput(llvm::StringRef path, llvm::StringRef bytes);

} // namespace vitc::driver

#endif // DRIVER_OUTPUTFILES_H
