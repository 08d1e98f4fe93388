//===- Linker.cpp - LLD in this process -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/shared/Linker.h"

#include "lld/Common/Driver.h"
#include "llvm/Plugins/PassPlugin.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

// LLVM's link-time optimisation, which LLD has and no object of vitc asks for, would register
// Polly.
llvm::PassPluginLibraryInfo getPollyPluginInfo();
llvm::PassPluginLibraryInfo getPollyPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "none", "none", [](llvm::PassBuilder &) {}, nullptr};
}

bool vitc::package::linkWithLld(llvm::ArrayRef<const char *> arguments, std::string &log) {
  static std::mutex one;
  static bool broken = false; // a crash inside of LLD leaves it so
  std::lock_guard lock(one);
  if (broken) {
    log = "the linker in this process has failed before; start the program again";
    return false;
  }
  llvm::raw_string_ostream out(log);
  lld::Result result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  broken = !result.canRunAgain;
  return result.retCode == 0;
}
