//===- GoldenTest.cpp - Batches, references, labels, without a device ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Golden.h"
#include "driver/run/Bench.h"
#include "driver/run/Finite.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitc::driver;
using Catch::Matchers::Contains;
using vitrt::FileType;
using vitrt::NewTensor;

namespace {

/// y = 2x on [batch, 2] values, and their sum as logits of three classes: s, -s, 0.
const RunnableModel model = {{"pixel_values", {2}}, {{"y", {2}}, {"logits", {3}}}, 4, false};

Result<void> run(int64_t batch, std::span<const float> input,
                 std::span<std::vector<double>> outputs) {
  REQUIRE(input.size() == size_t(2 * batch));
  REQUIRE(outputs[1].size() == size_t(3 * batch));
  for (int64_t i = 0; i != batch; ++i) {
    for (int64_t j = 0; j != 2; ++j)
      outputs[0][2 * i + j] = 2.0 * input[2 * i + j];
    double sum = double(input[2 * i]) + input[2 * i + 1];
    outputs[1][3 * i] = sum;
    outputs[1][3 * i + 1] = -sum;
    outputs[1][3 * i + 2] = 0;
  }
  return {};
}

/// A golden file that goes away.
struct File {
  explicit File(std::vector<NewTensor> tensors) { REQUIRE(vitrt::writeSafetensors(path, tensors)); }
  ~File() { remove(path.c_str()); }
  Golden open() const {
    auto golden = Golden::open(path);
    INFO(golden.error());
    REQUIRE(golden);
    return std::move(*golden);
  }
  std::string path = "/tmp/vitc-golden-" + std::to_string(getpid()) + ".safetensors";
};

const std::vector<float> x = {1, 2, 3, -4, 5, 6, 7, 8, -9, 1}; // five images
const std::vector<double> y = {2, 4, 6, -8, 10, 12, 14, 16, -18, 2};
const std::vector<int32_t> labels = {0, 1, 0, 0, 0}; // the last is wrong
const NewTensor input = {"pixel_values", FileType::F32, {5, 2}, x.data()};
const NewTensor reference = {"y.f64", FileType::F64, {5, 2}, y.data()};

} // namespace

TEST_CASE("golden: chunks cover the batch once, in order") {
  std::vector<int64_t> firsts, counts, progress;
  auto take = [&](int64_t first, int64_t count, std::span<const std::vector<double>> outputs) {
    firsts.push_back(first);
    counts.push_back(count);
    for (int64_t i = 0; i != 2 * count; ++i)
      CHECK(outputs[0][i] == y[2 * first + i]);
  };
  REQUIRE(
      runChunks(model, x, 5, run, take, [&](int64_t done, int64_t) { progress.push_back(done); }));
  CHECK(firsts == std::vector<int64_t>{0, 4});
  CHECK(counts == std::vector<int64_t>{4, 1});
  CHECK(progress == std::vector<int64_t>{0, 1, 2});
  RunnableModel attending = model;
  attending.batchAxis = true;
  CHECK_THAT(runChunks(attending, x, 5, run, take).error(),
             Contains("batch is 5") && Contains("at most 4"));
}

TEST_CASE("golden: errors, labels and notes") {
  File file({input,
             reference,
             {"labels", FileType::I32, {5}, labels.data()},
             {"other", FileType::F32, {5, 2}, x.data()},
             {"side.f32", FileType::F32, {1, 2}, x.data()}});
  Golden golden = file.open();
  CHECK(golden.batch() == 5);
  CHECK(golden.outputNames() == std::vector<std::string>{"other", "y"});
  auto report = checkGolden(golden, model, run, 1e-10);
  REQUIRE(report);
  CHECK(report->ok());
  CHECK(reportText(*report) == "y error 0.000e+00 tolerance 1e-10 ok\n4 of 5 right\n"
                               "note: 'other' is not an output of the model, not compared\n");
}

TEST_CASE("golden: labels alone ask for something right, and nothing is right of NaN") {
  auto judged = [](const RunFunction &run, std::vector<NewTensor> tensors) {
    File file(tensors);
    auto report = checkGolden(file.open(), model, run, 1e-10);
    REQUIRE(report);
    return std::pair(report->ok(), reportText(*report));
  };
  auto withLabels = [](const std::vector<int32_t> &labels) {
    return NewTensor{"labels", FileType::I32, {5}, labels.data()};
  };
  const std::vector<int32_t> wrong = {1, 0, 2, 2, 0};
  CHECK(judged(run, {input, withLabels(labels)}) == std::pair(true, std::string("4 of 5 right\n")));
  CHECK(judged(run, {input, withLabels(wrong)}) ==
        std::pair(false, std::string("0 of 5 right FAIL\n")));
  CHECK(judged(run, {input, reference, withLabels(wrong)}).first); // values are the better judges

  auto spoilt = [](int64_t batch, std::span<const float> in,
                   std::span<std::vector<double>> outputs) {
    auto done = run(batch, in, outputs);
    if (batch == 4) // the first chunk
      outputs[1][4] = std::nan("");
    return done;
  };
  for (bool compared : {false, true}) {
    std::vector<NewTensor> tensors = {input, withLabels(labels)};
    if (compared)
      tensors.push_back(reference);
    auto [good, text] = judged(spoilt, tensors);
    CHECK_FALSE(good);
    CHECK_THAT(text, Contains("3 of 5 right, 1 with nan FAIL\n"));
  }
}

TEST_CASE("golden: labels are classes") {
  auto error = [](FileType type, const void *data) {
    File file({input, reference, {"labels", type, {5}, data}});
    return checkGolden(file.open(), model, run, 1).error();
  };
  const std::vector<int32_t> above = {0, 0, 0, 3, 0}, below = {-1, 0, 0, 0, 0};
  const std::vector<float> between = {0, 1, 0.5, 0, 0}, none = {0, 0, 0, 0, std::nanf("")},
                           whole = {0, 1, 0, 0, 0};
  CHECK_THAT(error(FileType::I32, above.data()),
             Contains("'labels' has 3 for image 3, expected a class from 0 to 2"));
  CHECK_THAT(error(FileType::I32, below.data()), Contains("'labels' has -1 for image 0"));
  CHECK_THAT(error(FileType::F32, between.data()), Contains("'labels' has 0.5 for image 2"));
  CHECK_THAT(error(FileType::F32, none.data()), Contains("'labels' has nan for image 4"));
  CHECK(error(FileType::F32, whole.data()).empty());
}

TEST_CASE("golden: the error is the norm of the difference over the norm of the reference") {
  File file({input, reference});
  auto off = [&](double by) {
    auto wrong = [by](int64_t batch, std::span<const float> in,
                      std::span<std::vector<double>> outputs) {
      auto done = run(batch, in, outputs);
      outputs[0][1] += by; // once per chunk
      return done;
    };
    auto report = checkGolden(file.open(), model, wrong, 1e-3);
    REQUIRE(report);
    return report->outputs[0];
  };
  double norm = 0;
  for (double value : y)
    norm += value * value;
  OutputCheck check = off(3);
  CHECK(check.error == Approx(std::sqrt(18 / norm)));
  CHECK_FALSE(check.ok);
  CHECK(off(1e-4).ok);
  CHECK_FALSE(off(std::nan("")).ok);
  CHECK_FALSE(off(std::numeric_limits<double>::infinity()).ok);
}

TEST_CASE("golden: an output that is never written fails") {
  File file({input, reference});
  auto lazy = [](int64_t, std::span<const float>, std::span<std::vector<double>>) {
    return Result<void>();
  };
  CHECK_FALSE(checkGolden(file.open(), model, lazy, 1e9)->ok());
}

TEST_CASE("golden: a zero reference allows only zero") {
  std::vector<double> zeros(10);
  File file({input, {"y", FileType::F64, {5, 2}, zeros.data()}});
  CHECK(checkGolden(file.open(), model, run, 1e9)->outputs[0].error ==
        std::numeric_limits<double>::infinity());
}

TEST_CASE("golden: inputs of the hash rule where the file has none") {
  File file({reference});
  auto made = file.open().input(model.input);
  REQUIRE(made);
  REQUIRE(made->size() == 10);
  CHECK((*made)[0] == -0x1.fea184p-1f); // as in HashWeightsTest
}

TEST_CASE("golden: files that do not fit the model") {
  auto error = [](std::vector<NewTensor> tensors) {
    File file(tensors);
    auto golden = Golden::open(file.path);
    return golden ? checkGolden(*golden, model, run, 1).error() : golden.error();
  };
  NewTensor shape = input, batch = reference;
  shape.shape = {5, 1, 2};
  CHECK_THAT(error({shape, reference}), Contains("'pixel_values' is 5x1x2, the model expects 5x2"));
  batch.shape = {10, 1};
  CHECK_THAT(error({input, batch}), Contains("'y.f64' is 10x1, the model expects 5x2"));
  CHECK_THAT(error({input}), Contains("has no reference of an output of the model"));
  CHECK_THAT(error({{"labels", FileType::I32, {5}, labels.data()}}), Contains("has no images"));
  CHECK_THAT(error({input, {"labels", FileType::I32, {4}, labels.data()}}),
             Contains("'labels' is 4, expected 5"));
  CHECK_THAT(Golden::open("/none").error(), Contains("golden '/none'"));
}

TEST_CASE("golden: bytes are U8 with channels last, and nothing else") {
  const RunnableModel bytes = {{"pixel_values", {1, 2, 1}, true}, {{"y", {2}}}, 4, false};
  const std::vector<uint8_t> pixels = {0, 255, 7, 8, 128, 1, 2, 3, 4, 5};
  NewTensor images = {"pixel_values", FileType::U8, {5, 1, 2, 1}, pixels.data()};
  auto inputOf = [&](NewTensor tensor) {
    File file({std::move(tensor), reference});
    return std::pair(readInput(file.path, bytes.input), imageSizeIn(file.path, true));
  };
  auto [read, size] = inputOf(images);
  REQUIRE(read);
  CHECK(read->batch == 5);
  CHECK(read->values == std::vector<float>{0, 255, 7, 8, 128, 1, 2, 3, 4, 5});
  CHECK(size == std::pair<int64_t, int64_t>(1, 2));
  std::vector<uint8_t> memory;
  const void *stored = asStored(bytes.input, read->values, memory);
  CHECK(stored == memory.data());
  CHECK(memory == pixels);
  CHECK(asStored(model.input, read->values, memory) == read->values.data());

  NewTensor floats = {"pixel_values", FileType::F32, {5, 1, 2, 1}, x.data()};
  CHECK(inputOf(floats).second == std::nullopt);
  CHECK_THAT(inputOf(floats).first.error(),
             Contains("'pixel_values' is F32, the model reads bytes, U8 [batch, height, width, "
                      "channels]; give pictures as vitc preprocess --input-type u8 writes them"));
  File file({floats, reference});
  CHECK_THAT(checkGolden(file.open(), bytes, run, 1).error(), Contains("the model reads bytes"));
  images.shape = {5, 1, 1, 2};
  CHECK_THAT(inputOf(images).first.error(), Contains("is 5x1x1x2, the model expects batchx1x2x1"));

  std::vector<float> made = hashInput({"pixel_values", {32, 32, 3}, true}, 1);
  CHECK(*std::min_element(made.begin(), made.end()) == 0);
  CHECK(*std::max_element(made.begin(), made.end()) == 255);
  CHECK(made[0] == std::floor((-0x1.fea184p-1f + 1) * 128));
  CHECK(inputWarnings(bytes.input, read->values).empty());
}

TEST_CASE("golden: meta.json says how weights are made") {
  char folder[] = "/tmp/vitc-meta-XXXXXX";
  REQUIRE(mkdtemp(folder));
  std::string path = std::string(folder) + "/meta.json";
  auto read = [&](const char *text) {
    std::ofstream(path) << text;
    return readHashCase(folder);
  };
  auto rule = read(R"({"weights": "tools/hash_weights.py", "add": {"p": 8.0}, "shapes": {}})");
  REQUIRE(rule);
  REQUIRE(*rule);
  CHECK((*rule)->add == std::vector<std::pair<std::string, double>>{{"p", 8.0}});
  CHECK_FALSE(*read(R"({"source": "transformers"})"));
  CHECK_THAT(read("{").error(), Contains("meta.json': expected"));
  remove(path.c_str());
  CHECK_FALSE(*readHashCase(folder));
  rmdir(folder);
}

TEST_CASE("golden: classes by probability") {
  std::vector<float> logits = {1, 3, 2, 3};
  auto top = topClasses(logits, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].index == 1); // of equals, the first
  CHECK(top[1].index == 3);
  CHECK(top[2].index == 2);
  CHECK(top[0].probability == Approx(1 / (2 + std::exp(-1.0) + std::exp(-2.0))));
  CHECK(argmax(std::vector<double>{1, 3, 2, 3}) == 1);
  CHECK(argmax(std::vector<double>{1, NAN, 2}) == -1);
}

TEST_CASE("bench: the median and the tenths around it") {
  std::vector<double> values;
  for (int i = 100; i >= 0; --i)
    values.push_back(i);
  Spread spread = spreadOf(values);
  CHECK(spread.median == 50);
  CHECK(spread.low == Approx(10));
  CHECK(spread.high == Approx(90));
  CHECK(spreadOf({7}).high == 7);
}
