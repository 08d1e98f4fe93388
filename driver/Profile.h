//===- Profile.h - Schedules that a profile refutes -------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PROFILE_H
#define DRIVER_PROFILE_H

#include "codegen/report/Ncu.h"
#include "driver/Compiler.h"

namespace vitc::driver {

/// Reads what `ncu --csv --page raw` wrote. The error names the file.
llvm::Expected<std::vector<codegen::NcuKernel>> readProfile(llvm::StringRef path,
                                                            const Session &session);

/// Compiler::generate. Then, for each profile (what `ncu --csv --page raw` wrote) in turn, kernels
/// that spilled or were bound by their registers get their next schedule with fewer registers, and
/// code is generated again. Adds to `notes` what was found of every kernel that is not as it should
/// be, and what follows. A profile without any kernel of the model is an error. A second profile is
/// one of a build with the first.
mlir::LogicalResult generateWithProfiles(Compiler &compiler, Compiler::Oracle oracle,
                                         llvm::ArrayRef<std::string> profiles,
                                         std::vector<codegen::ProfileNote> &notes);

} // namespace vitc::driver

#endif // DRIVER_PROFILE_H
