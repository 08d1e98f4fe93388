//===- OptionsTest.cpp - What an option may be given as -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Options.h"

#include <catch2/catch.hpp>

using namespace vitc;

TEST_CASE("a form has numbers where it has capital letters", "[options]") {
  OptionValue tile = option::form("BMxBNxBK/WMxWN/STAGES");
  CHECK(objection(tile, "128x64x32/64x32/3") == "");
  CHECK(objection(tile, "128x128") == "expected BMxBNxBK/WMxWN/STAGES, found '128x128'");
  CHECK(objection(tile, "128x64x32/64x32/3x") != "");
  CHECK(objection(tile, "128x64x32/64x32/") != "");
  CHECK(objection(option::form("HxW"), "224x") == "expected HxW, found '224x'");
  CHECK(objection(option::form("HxW"), "12345678901234567890x2") == ""); // a number, if a large one
  CHECK(objection(option::form("sm_NN"), "sm_89") == "");
  CHECK(objection(option::form("sm_NN"), "ada") == "expected sm_NN, found 'ada'");
}

TEST_CASE("words, requirements and numbers", "[options]") {
  CHECK(objection(option::oneOf("auto|keep"), "keep") == "");
  CHECK(objection(option::oneOf("auto|keep"), "auto|keep") != "");
  CHECK(objection(option::oneOf("auto|keep"), "") != "");
  CHECK(objection(option::requirement(), "no-spill") == "");
  CHECK(objection(option::requirement(), "fuse:linear+bias_add") == "");
  CHECK(objection(option::requirement(), "fuse:linear+") != "");
  CHECK(objection(option::requirement(), "no-spills") != "");
  CHECK(objection(option::integer(24, 255), 255) == "");
  CHECK(objection(option::integer(24, 255), 256) == "expected 24 to 255, found 256");
  CHECK(objection(option::text("FILE"), "anything") == "");
}
