//===- Program.cpp - The program vitc of the Python package ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/shared/Compile.h"

int main(int argc, char **argv) { return vitc::package::runProgram(argc, argv); }
