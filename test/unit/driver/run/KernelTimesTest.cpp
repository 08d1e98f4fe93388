//===- KernelTimesTest.cpp - What each kernel takes of a run ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Times are measured on the emulator in test/tools/vit-run; here is what is made of them.
//===----------------------------------------------------------------------===//
#include "driver/run/KernelTimes.h"

#include <catch2/catch.hpp>

using namespace vitc::driver;

static KernelTimes someTimes() {
  KernelTimes times;
  times.model = "m";
  times.image = "machine code sm_89";
  times.batch = 8;
  times.clocked = 30;
  times.plain = 25.55;
  times.kernels = {{"fc1_gelu_f16", "128x128x32", 2, 12, 24, 0.8, {}},
                   {"norm", "32", 1, 6, 6, 0.2, {}}};
  times.steps = {{"a \"quoted\" label", "norm_32", 6}};
  return times;
}

TEST_CASE("kernel times: a table, with predictions where there are some") {
  KernelTimes times = someTimes();
  CHECK(kernelTable(times) ==
        "m batch 8: 1 launches, 30.0 us with the clock between them, 25.6 us without; machine code "
        "sm_89\n"
        "kernel        launches   us each    us all   share\n"
        "fc1_gelu_f16         2     12.00      24.0  80.0 %\n"
        "norm                 1      6.00       6.0  20.0 %\n");
  times.predictedFor = "rtx4090";
  times.kernels[1].predicted = 4.321;
  CHECK(kernelTable(times).find("share  predicted for rtx4090\n") != std::string::npos);
  CHECK(
      kernelTable(times).find("norm                 1      6.00       6.0  20.0 %       4.32\n") !=
      std::string::npos);
}

TEST_CASE("kernel times: one object of JSON") {
  KernelTimes times = someTimes();
  times.kernels[0].predicted = 11;
  CHECK(kernelJson(times) ==
        R"({
  "model": "m", "batch": 8, "image": "machine code sm_89",
  "clocked_us": 30.000, "us": 25.550,
  "kernels": [
    {"kernel": "fc1_gelu_f16", "schedule": "128x128x32", "launches": 2, "us": 12.000, "all_us": 24.000, "share": 0.8000, "predicted_us": 11.000},
    {"kernel": "norm", "schedule": "32", "launches": 1, "us": 6.000, "all_us": 6.000, "share": 0.2000, "predicted_us": null}
  ],
  "steps": [
    {"label": "a \"quoted\" label", "function": "norm_32", "us": 6.000}
  ]
})");
}

TEST_CASE("kernel times: what a report predicts, and reports that are none") {
  auto report = parseReportTimes(
      R"({"gpu": "h200", "more": [1], "predictions": [{"batch": 1, "x": {}}, {"batch": 8}],
          "steps": [{"kernel": "a", "label": "l", "predicted_us": [1.5, 2]},
                    {"predicted_us": [3, 4], "kernel": "b"}]})");
  REQUIRE(report);
  CHECK(report->gpu == "h200");
  CHECK(report->batches == std::vector<int64_t>{1, 8});
  REQUIRE(report->steps.size() == 2);
  CHECK(report->steps[0].kernel == "a");
  CHECK(report->steps[1].microseconds == std::vector<double>{3, 4});
  auto problem = [](const char *text) { return parseReportTimes(text).error(); };
  CHECK(problem("{}") == "has no steps with predictions; expected the N.report.json of a build");
  CHECK(problem(
            R"({"predictions": [{"batch": 1}], "steps": [{"kernel": "a", "predicted_us": []}]})") ==
        "has 0 predictions for kernel 'a', expected 1, as many as batches");
  CHECK(problem("[]").find("expected '{'") != std::string::npos);
  CHECK(problem(R"({"steps": 1})").find("expected '['") != std::string::npos);
}
