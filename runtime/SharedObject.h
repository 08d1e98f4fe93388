//===- SharedObject.h - Keeps a loaded library loaded ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_SHAREDOBJECT_H
#define VITC_RUNTIME_SHAREDOBJECT_H

namespace vitrt {

/// Keeps the shared object that holds an address mapped, though its opener calls dlclose. One that
/// holds this runtime too is not kept: it could not be unmapped from within itself, and whoever
/// unloads the runtime knows that no model may be left.
class SharedObject {
public:
  SharedObject() = default;
  SharedObject(const SharedObject &) = delete;
  ~SharedObject();
  /// Once. Does nothing for what is in no object that was opened.
  void hold(const void *address);

private:
  void *handle = nullptr;
};

} // namespace vitrt
#endif // VITC_RUNTIME_SHAREDOBJECT_H
