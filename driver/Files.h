//===- Files.h - Files that appear whole or not at all ---------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_FILES_H
#define DRIVER_FILES_H

#include "codegen/nvptx/Interrupt.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace vitc {

/// Files of one folder that are written under temporary names and renamed together. Until commit
/// nothing that was there has changed; without commit, also when the process is interrupted,
/// nothing new stays, not even the folder.
class OutputFiles {
public:
  /// One at a time.
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  ~OutputFiles();

  /// Creates `folder` and the folders above it where they are missing. Fails at once if no file can
  /// be written there, before somebody computes for minutes.
  llvm::Error open(llvm::StringRef folder);
  /// The path of an empty temporary file that will be named `name`.
  llvm::Expected<std::string> add(llvm::StringRef name);
  /// The path of a temporary file that goes away at commit.
  llvm::Expected<std::string> addScratch();
  /// add, and the file's bytes.
  llvm::Error write(llvm::StringRef name, llvm::StringRef bytes);
  llvm::Error commit();

private:
  struct CreatedFolder {
    explicit CreatedFolder(std::string path) : path(path), onSignal(path) {}
    std::string path;
    RemoveFolderOnSignal onSignal;
  };
  struct Pending {
    std::string name, temporary; // no name: scratch
  };
  std::string folder;
  std::vector<Pending> pending;
  std::vector<std::unique_ptr<CreatedFolder>> createdFolders; // the outermost first
};

/// Writes to a file as it is: a temporary one of OutputFiles, or a stream ("-" is stdout).
llvm::Error writeBytes(llvm::StringRef path, llvm::StringRef bytes);

/// Whether writeOutput could write there, before somebody computes for minutes. Leaves nothing.
llvm::Error checkOutput(llvm::StringRef path);

/// Writes a file whole or not at all; what is no regular file (a terminal, a pipe, /dev/null) is
/// written as it is.
llvm::Error writeOutput(llvm::StringRef path, llvm::StringRef bytes);

} // namespace vitc

#endif // DRIVER_FILES_H
