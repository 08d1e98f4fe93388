//===- ArgumentsTest.cpp - What is wrong with a command line --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/common/Arguments.h"

#include <catch2/catch.hpp>

using namespace vitc;

TEST_CASE("a misspelt word is taken for the nearest", "[tools]") {
  std::vector<std::string> flags = {"--batch", "--bench", "--max-batch", "--name"};
  CHECK(nearest("--batc", flags) == "--batch");
  CHECK(nearest("--bnech", flags) == "--bench");
  CHECK(nearest("--maxbatch", flags) == "--max-batch");
  CHECK(nearest("--colour", flags) == "");
  CHECK(nearest("chek", {"check", "run"}) == "check");
  CHECK(nearest("rin", {"check", "run"}) == "run");
}

TEST_CASE("integers are refused for what they are", "[tools]") {
  CHECK(parseInteger("--n", "12", {1, 20}) == 12);
  CHECK_THROWS_AS(parseInteger("--n", "12x", {1, 20}), CLI::ValidationError);
  CHECK_THROWS_WITH(parseInteger("--n", "21", {1, 20}), "--n is 21, expected 1 to 20");
}
