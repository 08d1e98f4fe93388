//===- TuningTest.cpp - Files of measured schedules -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/run/Tuning.h"

#include <catch2/catch.hpp>

using namespace vitc::driver;

static Tuning example() {
  TuningEntry entry{"fc1_gelu_f16", hashText(0xab), 8, "128x128x32/64x32/3", "", 101.5};
  entry.scheduleHash = hashText(scheduleHash(entry.schedule));
  return {"A \"GPU\"", "13.0", {entry}};
}

/// What is said about the file after `from` in it became `to`.
static std::string errorAfter(const std::string &from, const std::string &to) {
  std::string text = tuningJson(example());
  REQUIRE(text.find(from) != std::string::npos);
  text.replace(text.find(from), from.size(), to);
  auto tuning = parseTuning(text);
  return tuning ? "" : tuning.error();
}

TEST_CASE("tuning: hashes are those of FNV-1a, in sixteen digits") {
  CHECK(hashText(scheduleHash("")) == "cbf29ce484222325");
  CHECK(hashText(scheduleHash("a")) == "af63dc4c8601ec8c"); // published test vector
  CHECK(hashText(0xab) == "00000000000000ab");
}

TEST_CASE("tuning: a file reads back") {
  auto read = parseTuning(tuningJson(example()));
  REQUIRE(bool(read));
  CHECK(read->gpu == "A \"GPU\"");
  CHECK(read->driver == "13.0");
  REQUIRE(read->entries.size() == 1);
  const TuningEntry &entry = read->entries[0], expected = example().entries[0];
  CHECK(entry.kernel == expected.kernel);
  CHECK(entry.kernelHash == expected.kernelHash);
  CHECK(entry.batch == 8);
  CHECK(entry.schedule == expected.schedule);
  CHECK(entry.scheduleHash == expected.scheduleHash);
  CHECK(entry.microseconds == 101.5);
  CHECK(tuningJson(*read) == tuningJson(example()));
}

TEST_CASE("tuning: what later versions add is passed over") {
  CHECK(errorAfter("\"us\"", "\"spread\": [1, 2], \"us\"") == "");
}

TEST_CASE("tuning: a schedule that is not that of its hash is stale, and named") {
  CHECK(errorAfter("128x128x32", "64x128x32") ==
        "the entry of kernel 'fc1_gelu_f16' at batch 8 is stale: schedule '64x128x32/64x32/3' has "
        "hash " +
            hashText(scheduleHash("64x128x32/64x32/3")) + ", not " +
            example().entries[0].scheduleHash + "; tune again");
}

TEST_CASE("tuning: files of another form are refused") {
  CHECK(errorAfter("\"entries\"", "\"things\"") ==
        "has no entries; expected what vit-run --tune writes");
  CHECK(errorAfter("\"schedule\"", "\"plan\"") ==
        "expected kernel, kernel_hash, batch, schedule and schedule_hash in every entry");
  CHECK(errorAfter("8,", "0,").find("expected kernel") == 0);
  CHECK(errorAfter("8,", "-8,").find("expected ") == 0);
  CHECK(errorAfter("]", "").find("expected ") == 0);
  Tuning twice = example();
  twice.entries.push_back(twice.entries[0]);
  CHECK(parseTuning(tuningJson(twice)).error() ==
        "kernel 'fc1_gelu_f16' stands there twice for batch 8");
}

TEST_CASE("tuning: measurements of another device, or of none, are refused by name") {
  CHECK(objectionToDevice("NVIDIA GeForce RTX 4090", "rtx4090") == "");
  CHECK(objectionToDevice("NVIDIA GeForce RTX 4060 Ti", "rtx4060ti") == "");
  CHECK(objectionToDevice("NVIDIA A100-SXM4-80GB", "a100") == "");
  CHECK(objectionToDevice("NVIDIA A100-PCIE-40GB", "a100") == "");
  CHECK(objectionToDevice("NVIDIA H200", "h200") == "");
  CHECK(objectionToDevice("Tesla L4", "l4") == "");
  CHECK(objectionToDevice("NVIDIA RTX 6000 Ada Generation", "rtx6000ada") == "");
  CHECK(objectionToDevice("NVIDIA H100 80GB HBM3", "h100") == "");
  CHECK(objectionToDevice("NVIDIA H200", "rtx4090") ==
        "expected measurements of rtx4090, found those of 'NVIDIA H200'; run vit-run --tune on a "
        "GPU of "
        "that kind, or build with --gpu of what was measured");
  for (const char *other : {"NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 4090 D",
                            "NVIDIA GeForce RTX 4080"})
    CHECK(objectionToDevice(other, "rtx4090") != "");
  CHECK(objectionToDevice("NVIDIA L40S", "l4") != "");
  CHECK(objectionToDevice("NVIDIA GeForce RTX 4060", "rtx4060ti") != "");
  CHECK(objectionToDevice("vitc PTX emulator (sm_89)", "rtx4090") ==
        "expected measurements of rtx4090, found those of 'vitc PTX emulator (sm_89)', whose times "
        "say "
        "nothing about a GPU; run vit-run --tune on one");
  CHECK(objectionToDevice("", "rtx4090").find("found no name of a GPU") != std::string::npos);
}
