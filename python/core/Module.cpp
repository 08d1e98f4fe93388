//===- Module.cpp - The module vitc._core ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/core/Bindings.h"

using namespace vitc::python;

/// Failures become exceptions that Python code declares.
static void translate(const std::exception_ptr &pointer, void *) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Failure &failure) {
    nb::object type = nb::module_::import_("vitc._errors").attr("by_status")(failure.status);
    PyErr_SetString(type.ptr(), failure.what());
  }
}

NB_MODULE(_core, module) {
  module.doc() = "The compiler and the runtime of vitc; what is for users is in vitc.";
  nb::register_exception_translator(translate);
  bindCompiler(module);
  bindModels(module);
}
