//===- SharedObject.cpp - Keeps a loaded library loaded --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/SharedObject.h"

#include <dlfcn.h>

namespace vitrt {

namespace {
const char inThisRuntime = 0;
} // namespace

void SharedObject::hold(const void *address) {
  Dl_info theirs, ours;
  if (dladdr(address, &theirs) && dladdr(&inThisRuntime, &ours) &&
      theirs.dli_fbase != ours.dli_fbase)
    handle = dlopen(theirs.dli_fname, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
}

SharedObject::~SharedObject() {
  if (handle)
    dlclose(handle);
}

} // namespace vitrt
