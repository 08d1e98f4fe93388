//===- ReportTest.cpp - The report in its three forms --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/report/Report.h"
#include "codegen/report/TextTable.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/JSON.h"

#include <catch2/catch.hpp>

using namespace vitc;
using namespace vitc::codegen;

namespace {

KernelReport linear(const std::string &kernel, const std::string &tile, int64_t first,
                    int64_t last) {
  KernelReport report;
  report.kernel = kernel;
  report.name = kernel + "_" + tile.substr(0, tile.find('/'));
  report.batches = {{first, last}};
  report.root = "linear";
  report.ops = "linear+bias_add+gelu";
  report.m = 197 * last, report.n = 3072, report.k = 768;
  report.dtype = "f16";
  report.tile = tile;
  report.stages = 3;
  report.candidates = {{tile, 120, 300.25, 122, 0, "chosen"},
                       {"160x128x32/80x64", 250, 290, 255, 88, "spilled 88 bytes"}};
  report.launches = 12;
  report.uses = {{{.family = vitc::cost::Family::Gemm, .rows = 197, .after = {1, 1}}, 12}};
  report.predictedRegisters = 120;
  report.registers = 122;
  report.threads = 256;
  report.smemBytes = 49152;
  report.occupancy = {2, 16, 48, "registers"};
  report.predictedMicroseconds = 300.25;
  report.bound = "tensor cores";
  report.places = {"blocks.0.mlp.fc1", "blocks.1.mlp.fc1"};
  return report;
}

Report example() {
  Report report;
  report.model = "b16";
  report.gpu = "rtx4090";
  report.tensorTflops = 165.2;
  report.dramGBs = 1008;
  report.maxBatch = 64;
  report.kernels = {linear("fc1_gelu_f16", "64x96x32/32x48", 1, 4),
                    linear("fc1_gelu_f16", "128x128x32/64x32", 5, 64)};
  for (int i = 0; i < 12; ++i)
    report.fusions.push_back({"linear+layer_norm", "blocks." + std::to_string(i) + ".norm2", false,
                              "'blocks." + std::to_string(i) + ".attn.residual' has rows of 768"});
  report.fusions.push_back({"linear+bias_add+gelu", "blocks.0.mlp.gelu", true, ""});
  report.steps = {
      {"blocks.0.mlp.fc1", "fc1_gelu_f16", "linear+bias_add+gelu", {9.5, std::nullopt}}};
  report.predictions = {{1, true, 400.0, 212.6, "tensor", {{"classic", 600.0}}},
                        {128, false, std::nullopt, 27220, "tensor", {}}};
  report.policy = "model";
  return report;
}

std::vector<std::string> lines(const std::string &text) {
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(text).split(parts, '\n');
  return {parts.begin(), parts.end()};
}

/// The lines that contain `words`.
std::vector<std::string> linesWith(const std::string &text, llvm::StringRef words) {
  std::vector<std::string> found;
  for (const std::string &line : lines(text))
    if (llvm::StringRef(line).contains(words))
      found.push_back(line);
  return found;
}

} // namespace

TEST_CASE("text: the middle goes, the ends stay") {
  CHECK(shorten("fc1_gelu_f16", 12) == "fc1_gelu_f16");
  CHECK(shorten("fc1_gelu_f16", 11) == "fc1_..u_f16"); // 4 + 2 + 5
  CHECK(shorten("abcdef", 3) == "abc");
}

TEST_CASE("text: lines are broken at blanks") {
  CHECK(wrap("aa bb cc", 5) == "aa bb\ncc");
  CHECK(wrap("aa bb cc", 7, 2, 2) == "aa bb\n  cc");
  CHECK(wrap("toolongforit a", 5) == "toolo\nngfor\nit a");
  CHECK(wrap("a blocks.12.attention b", 13, 2, 0) == "a\n  blocks.12.\n  attention b");
  CHECK(wrap("at toolongforit", 6, 2, 0) == "at\n  tool\n  ongf\n  orit");
  CHECK(wrap("\u00e4\u00f6\u00fc\u00e4 \u00e4\u00f6", 7) ==
        "\u00e4\u00f6\u00fc\u00e4 \u00e4\u00f6");
  CHECK(wrap("\u5c42\u5c42\u5c42", 5) == "\u5c42\u5c42\n\u5c42"); // two columns each
  CHECK(wrap("ab\xff\xe4", 3) == "ab\xff\n\xe4");
  CHECK(wrap("abc", 2, 4) == "ab\n    c"); // the indent alone is wider
}

TEST_CASE("text: flexible columns give way, the widest first") {
  TextTable table;
  table.column("name", TextTable::Flexible);
  table.column("n", TextTable::Right);
  table.column("kind", TextTable::Flexible);
  table.row({"a_very_long_name_indeed", "7", "a_long_kind"});
  table.row({"b", "1234", ""}, "\033[31m");
  CHECK(table.text(120) == "name                        n  kind\n"
                           "a_very_long_name_indeed     7  a_long_kind\n"
                           "\033[31mb                        1234\033[0m\n");
  for (const std::string &line : lines(table.text(30)))
    CHECK(line.size() <= 30 + 9); // the escapes
  CHECK(linesWith(table.text(34), "a_long_kind").size() == 1);
}

TEST_CASE("table: variants of a kernel stand below one name") {
  std::string table = reportTable(example());
  auto first = linesWith(table, "64x96x32/32x48/3"),
       second = linesWith(table, "128x128x32/64x32/3");
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0] == "fc1_gelu_f16  linear+bias_add+gelu    12  1-4    64x96x32/32x48/3    120/122  "
                    "16/48 regs  300.2  tensor cores");
  CHECK(second[0].find("fc1") == std::string::npos);
  CHECK(second[0].find("5-64") != std::string::npos);
}

TEST_CASE("table: no line is wider than 120 columns, whatever the names") {
  Report report = example();
  for (KernelReport &kernel : report.kernels) {
    kernel.kernel =
        "a_kernel_with_a_name_that_goes_on_for_much_longer_than_anybody_wants_to_read_f16";
    kernel.ops = "linear+bias_add+gelu+scale+add+add+mul+layer_norm+bias_add+gelu+scale+add+cast";
    kernel.tile = "128x256x32/64x128";
    kernel.decisions = {std::string(50, 'x') + " " + std::string(50, 'y') + " " +
                        std::string(50, 'z')};
    kernel.spillBytes = 1234;
    kernel.predictedMicroseconds = 123456;
  }
  for (FusionNote &note : report.fusions)
    note.reason +=
        " and so on, which takes a while to say in full, and then there is still more to it";
  report.profile = {{"k", "spilling: 1 loads and 2 stores of local memory", "a smaller tile"}};
  for (const std::string &line : lines(reportTable(report)))
    CHECK(line.size() <= reportWidth);
}

TEST_CASE("table: equal notes of all layers are one, with a count and the first place") {
  std::string table = reportTable(example());
  CHECK(linesWith(table, "refused") ==
        std::vector<std::string>{"refused  linear+layer_norm x12, first at blocks.0.norm2: "
                                 "'blocks.0.attn.residual' has rows of 768"});
  CHECK(linesWith(table, "made") ==
        std::vector<std::string>{"made     linear+bias_add+gelu at blocks.0.mlp.gelu"});
}

TEST_CASE("table: the model beside the roofline and the classic policy") {
  auto found = linesWith(reportTable(example()), " x");
  REQUIRE(found.size() >= 1);
  // 1e6 / 400 images/s, 212.6 / 400 of the roofline, 600 / 400 times as fast.
  CHECK(
      found.back() ==
      "    1     400.0      2500        212.6     53 %  tensor            600.0           1.50 x");
  CHECK(linesWith(reportTable(example()), "128 *").size() == 1);
  CHECK(linesWith(reportTable(example()), "more than --max-batch 64").size() == 1);
}

TEST_CASE("table: colour only where it is asked for") {
  CHECK(reportTable(example()).find('\033') == std::string::npos);
  CHECK(reportTable(example(), true).find("\033[1m") != std::string::npos);
}

TEST_CASE("json: what INTERFACE promises, and numbers as they are") {
  auto parsed = llvm::json::parse(reportJson(example(), nullptr));
  REQUIRE(bool(parsed));
  const llvm::json::Object &root = *parsed->getAsObject();
  const llvm::json::Object &kernel = *root.getArray("kernels")->front().getAsObject();
  for (const char *key : {"name",
                          "root",
                          "ops",
                          "m",
                          "n",
                          "k",
                          "dtype",
                          "tile",
                          "stages",
                          "candidates",
                          "predicted_registers",
                          "registers",
                          "spill_bytes",
                          "stack_bytes",
                          "smem_bytes",
                          "predicted_us",
                          "limit",
                          "kernel",
                          "batches",
                          "occupancy",
                          "bound",
                          "decisions"})
    CHECK(kernel.get(key));
  // A work says what is not as by default.
  const llvm::json::Object &use = *kernel.getArray("uses")->front().getAsObject();
  CHECK(use.getInteger("count") == 12);
  CHECK(*use.getObject("work") ==
        llvm::json::Object{
            {"family", "gemm"}, {"rows", 197}, {"after_cheap", 1}, {"after_expensive", 1}});
  CHECK(kernel.getArray("batches")->front() == llvm::json::Value(llvm::json::Array{1, 4}));
  CHECK(*kernel.getString("limit") == "registers");
  const llvm::json::Object &candidate = *(*kernel.getArray("candidates"))[1].getAsObject();
  CHECK(*candidate.getString("verdict") == "spilled 88 bytes");
  const llvm::json::Object &beyond = *(*root.getArray("predictions"))[1].getAsObject();
  CHECK(beyond.get("predicted_us")->kind() == llvm::json::Value::Null);
  CHECK_FALSE(*beyond.getBoolean("served"));
  const llvm::json::Object &step = *root.getArray("steps")->front().getAsObject();
  CHECK((*step.getArray("predicted_us"))[0] == llvm::json::Value(9.5));
}

TEST_CASE("html: the data is in the page, and cannot end its element") {
  Report report = example();
  report.fusions[0].reason = "</script><b>";
  std::string page = reportHtml(report);
  CHECK(page.find("fc1_gelu_f16_64x96x32") != std::string::npos);
  CHECK(page.find("</script><b>") == std::string::npos);
  CHECK(page.find("\\u003c/script>\\u003cb>") != std::string::npos);
  for (const char *mark : {"/*STYLE*/", "/*SCRIPT*/", "/*REPORT*/", "http:", "https:"})
    CHECK(page.find(mark) == std::string::npos);
}
