//===- Bindings.h - The module vitc._core -----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PYTHON_CORE_BINDINGS_H
#define PYTHON_CORE_BINDINGS_H

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>
#include <string>

namespace vitc::python {

namespace nb = nanobind;

/// Becomes the exception of vitc._errors for this vit_status; -1: CompileError.
struct Failure : std::runtime_error {
  Failure(int status, const std::string &text) : std::runtime_error(text), status(status) {}
  int status;
};

/// An array of any library that speaks DLPack or the buffer protocol, which is only read.
using Array = nb::ndarray<nb::ro>;
void bindCompiler(nb::module_ &module);
void bindModels(nb::module_ &module);

} // namespace vitc::python

#endif // PYTHON_CORE_BINDINGS_H
