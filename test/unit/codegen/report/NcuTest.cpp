//===- NcuTest.cpp - Profiles, read and judged ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/report/Ncu.h"
#include "codegen/report/Csv.h"

#include <catch2/catch.hpp>

using namespace vitc;
using namespace vitc::codegen;

namespace {

const std::string header =
    R"("ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size",)"
    R"("Grid Size","Device","CC","launch__occupancy_limit_blocks","launch__occupancy_limit_registers",)"
    R"("launch__occupancy_limit_shared_mem","launch__occupancy_limit_warps",)"
    R"("sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active",)"
    R"("smsp__inst_executed_op_local_ld.sum","smsp__inst_executed_op_local_st.sum")"
    "\n";
const std::string units =
    R"("","","","","","","","","","","","block","block","block","block","%","inst","inst")"
    "\n";

/// A row of `header`: blocks by registers and shared memory, tensor pipe, local loads and stores.
std::string row(const std::string &kernel, const std::string &registers, const std::string &smem,
                const std::string &tensor, const std::string &loads = "0",
                const std::string &stores = "0") {
  return R"row("0","12","vit-run","localhost",")row" + kernel +
         R"row(","1","13","(128, 1, 1)","(99, 24, 1)","0","8.9","24",")row" + registers + "\",\"" +
         smem + R"row(","12",")row" + tensor + "\",\"" + loads + "\",\"" + stores + "\"\n";
}

std::string errorOf(const std::string &text) {
  auto kernels = parseNcu("x.csv", text);
  if (kernels)
    return "";
  std::string message = toString(kernels.takeError());
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find("NCU report 'x.csv' ") == 0);
  return message.substr(strlen("NCU report 'x.csv' "));
}

NcuKernel only(const std::string &rows) {
  auto kernels = parseNcu("x.csv", header + units + rows);
  REQUIRE(bool(kernels));
  REQUIRE(kernels->size() == 1);
  return kernels->front();
}

} // namespace

TEST_CASE("csv: quotes, doubled quotes, commas, empty fields, both ends of line") {
  CsvReader csv("skipped\na,\"b,c\",\"say \"\"x\"\"\",\"\",\r\nlast");
  REQUIRE(csv.skipTo("a,"));
  auto fields = csv.next();
  REQUIRE(bool(fields));
  CHECK(*fields == std::vector<std::string>{"a", "b,c", "say \"x\"", "", ""});
  CHECK(csv.line() == 2);
  CHECK(csv.ended());
  auto last = csv.next();
  REQUIRE(bool(last));
  CHECK(*last == std::vector<std::string>{"last"});
  CHECK(csv.atEnd());
  CHECK_FALSE(csv.ended());
  CHECK_FALSE(CsvReader("a\nb\n").skipTo("c"));
}

TEST_CASE("csv: a quote that stays open, and text after one that is closed") {
  for (auto [text, message] :
       {std::pair("a,\"b", "a quote is not closed"), std::pair("\"a\nb\"", "a quote is not closed"),
        std::pair("\"a\"b", "expected a comma after a closing quote")}) {
    auto fields = CsvReader(text).next();
    REQUIRE(!fields);
    CHECK(toString(fields.takeError()) == message);
  }
}

TEST_CASE("ncu: launches of a kernel are joined") {
  NcuKernel kernel = only(row("fc1", "2", "5", "40.5", "1,234", "0") +
                          row("fc1", "2", "5", "60.5", "1,000,000", "7"));
  CHECK(kernel.name == "fc1");
  CHECK(kernel.launches == 2);
  CHECK(kernel.localLoads == 1001234);
  CHECK(kernel.localStores == 7);
  CHECK(kernel.tensorPercent == Approx(50.5));
  CHECK(kernel.byRegisters == 2);
  CHECK(kernel.bySharedMemory == 5);
  CHECK(kernel.byWarps == 12);
  CHECK(kernel.byBlocks == 24);
  CHECK_FALSE(kernel.microseconds);
}

TEST_CASE("ncu: what is printed around the table is passed over") {
  auto kernels =
      parseNcu("x.csv", "==PROF== Connected to process 12\ndevice: cuda\n\n" + header + units +
                            row("fc1", "2", "5", "90") + "==PROF== Disconnected from process 12\n");
  REQUIRE(bool(kernels));
  CHECK(kernels->size() == 1);
}

TEST_CASE("ncu: durations in any unit become microseconds") {
  std::string top = header, below = units, line = row("fc1", "2", "5", "90");
  auto append = [](std::string text, const char *field) {
    return text.substr(0, text.size() - 1) + ",\"" + field + "\"\n";
  };
  for (auto [unit, value, expected] :
       {std::tuple("nsecond", "12,345", 12.345), std::tuple("us", "12.5", 12.5),
        std::tuple("ms", "0.5", 500.0), std::tuple("second", "1e-6", 1.0)}) {
    auto kernels = parseNcu("x.csv", append(top, "gpu__time_duration.sum") + append(below, unit) +
                                         append(line, value));
    REQUIRE(bool(kernels));
    CHECK(*kernels->front().microseconds == Approx(expected));
  }
  CHECK(
      errorOf(append(top, "gpu__time_duration.sum") + append(below, "hour") + append(line, "1")) ==
      "line 2: the unit of gpu__time_duration.sum is 'hour', expected ns, us, ms or s");
}

TEST_CASE("ncu: local memory means spilling, whatever else is true") {
  CHECK(judge(only(row("k", "1", "4", "20", "0", "1"))) == NcuVerdict::Spilling);
  CHECK(judge(only(row("k", "9", "4", "99", "32", "0"))) == NcuVerdict::Spilling);
  CHECK(ncuReason(only(row("k", "1", "4", "20", "96", "48"))) ==
        "96 loads and 48 stores of local memory");
}

TEST_CASE("ncu: register-bound below all other limits while the tensor pipe idles") {
  CHECK(judge(only(row("k", "2", "3", "84.9"))) == NcuVerdict::RegisterBound);
  CHECK(judge(only(row("k", "2", "3", "85"))) == NcuVerdict::Fine); // busy
  CHECK(judge(only(row("k", "3", "3", "20"))) == NcuVerdict::Fine); // shared memory binds too
  CHECK(ncuReason(only(row("k", "1", "4", "41.25"))) ==
        "registers allow 1 block on an SM, all else at least 4; tensor pipe busy 41.2 %, below 85");
}

TEST_CASE("ncu: one line says what is wrong with a file") {
  CHECK(errorOf("").find("is empty; write one with ncu --csv --page raw --metrics launch__") == 0);
  CHECK(errorOf("a,b\n1,2\n") ==
        "has no line that begins with \"ID\", the header of ncu --csv --page raw");
  CHECK(errorOf(R"("ID","Kernel Name","Metric Name","Metric Value")"
                "\n") == "has a row for each metric; expected a column, as ncu --page raw writes");
  std::string without = header;
  without.replace(without.find("op_local_st"), 11, "op_shared_st");
  CHECK(errorOf(without + units + row("k", "1", "4", "20")) ==
        "has no column smsp__inst_executed_op_local_st.sum; ask ncu for it with --metrics");
  CHECK(errorOf(header) == "line 1: expected a row of units below the header; the file is cut off");
  CHECK(errorOf(header + units) == "has a header but no kernel");
  CHECK(errorOf(header + row("k", "1", "4", "20")) ==
        "line 2: expected units, not a kernel; the row below the header is missing");
  CHECK(errorOf(header + units + row("k", "1", "4", "n/a")) ==
        "line 3: sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active is 'n/a', expected "
        "a number");
  CHECK(errorOf(header + units + row("k", "-1", "4", "20")).find("line 3: launch__") == 0);
  std::string longer = row("k", "1", "4", "20");
  longer.insert(longer.size() - 1, ",\"1\"");
  CHECK(errorOf(header + units + longer) ==
        "line 3: expected 18 fields, as in the header, but got 19");
}

TEST_CASE("ncu: a file cut off anywhere in a row is refused with the line") {
  std::string whole = header + units + row("first", "1", "4", "20");
  std::string last = row("second", "1", "4", "20");
  for (size_t length = 1; length < last.size(); ++length) {
    std::string message = errorOf(whole + last.substr(0, length));
    CAPTURE(message);
    CHECK(message.find("line 4: ") == 0);
    CHECK(message.find("; the file is cut off") != std::string::npos);
  }
}
