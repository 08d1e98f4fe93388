//===- vitc.cpp - Compiles Vision Transformers into libraries -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/vitc/CommandLine.h"

int main(int argc, char **argv) { return vitc::runCommandLine(argc, argv); }
