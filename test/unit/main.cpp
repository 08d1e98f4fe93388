//===- main.cpp - The main() of every Catch2 executable --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// By itself, because it takes longer to compile than most tests.
//===----------------------------------------------------------------------===//
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
