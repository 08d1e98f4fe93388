//===- Temporaries.h - Files that go when the process does -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A file under its temporary name is removed by whoever made it. Where the process
// must end at once (memory is used up, a second Ctrl-C) no destructor runs, so what
// is not finished is on a list that can be read even then.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_TEMPORARIES_H
#define VITC_RUNTIME_WEIGHTS_TEMPORARIES_H

#include <string>

namespace vitrt {

/// From now on `path`, a file or a folder that is empty by then, goes with the process.
void rememberTemporary(const std::string &path);
/// It is renamed, removed, or to stay.
void forgetTemporary(const std::string &path);
/// Removes what is remembered, the newest first. Allocates nothing and waits for nobody: for
/// handlers that end the process.
void removeTemporaries() noexcept;

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_TEMPORARIES_H
