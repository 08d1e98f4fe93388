//===- Names.h - What a library may be called -------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A library's name is in its files (libN.a, N.h) and in what its header
// declares (N_library, N_max_batch, N_<tensor>). Beside the words of C, names
// are taken that would make a header or an archive stand where the system's or
// the runtime's is looked for, or declare what the runtime declares.
//
//===----------------------------------------------------------------------===//
#ifndef DRIVER_NAMES_H
#define DRIVER_NAMES_H

#include "driver/Session.h"
#include "vit/library.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

namespace vitc::driver {

/// Everything that vit/runtime.h and vit/library.h declare in lower case.
extern const llvm::ArrayRef<llvm::StringRef> runtimeNames;

/// Why no library can have this name; empty where one can.
std::string objectionToName(llvm::StringRef name);

/// The name of a library: `given`, or that of `model`, with "_model" behind it where it is taken.
/// `note` says so then, for whoever looks for the files.
llvm::FailureOr<std::string> libraryName(const std::string &given, const std::string &model,
                                         const Session &session, std::string &note);
/// The error of a name that somebody gave, or of the model's.
llvm::LogicalResult refuseName(bool given, llvm::StringRef name, const std::string &why,
                               const Session &session);

/// Fails if the header of `library` would declare for a tensor what the runtime declares.
llvm::LogicalResult checkTensorNames(const vit_library &library, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_NAMES_H
