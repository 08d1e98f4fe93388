//===- Pictures.h - What a model is told of pictures ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURES_H
#define DRIVER_PICTURES_H

#include "driver/Compiler.h"
#include "runtime/Preprocess.h"

namespace vitc::driver {

/// A recipe as libraries hold it.
vit_preprocessing preprocessingOf(const checkpoint::PictureRecipe &recipe);

/// The recipe of an open model; without one, the session is told why.
llvm::FailureOr<vit_preprocessing> needPreprocessing(const Compiler &compiler);
/// What it reads of one image.
llvm::FailureOr<vitrt::PixelShape> needPixelShape(const Compiler &compiler);

} // namespace vitc::driver

#endif // DRIVER_PICTURES_H
