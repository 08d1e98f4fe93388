//===- Ncu.cpp - What Nsight Compute measured of our kernels --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The file may be the whole standard output of the profiled program: what stands before the header
// and lines of ncu itself ("==PROF== ...") are passed over. Below the header is a row of units.
// Numbers have commas between thousands unless the locale has none.
//
//===----------------------------------------------------------------------===//

#include "codegen/report/Ncu.h"
#include "codegen/report/Csv.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

static int byOthers(const NcuKernel &kernel) {
  return std::min({kernel.bySharedMemory, kernel.byWarps, kernel.byBlocks});
}

NcuVerdict vitc::codegen::judge(const NcuKernel &kernel) {
  if (kernel.localLoads > 0 || kernel.localStores > 0)
    return NcuVerdict::Spilling;
  if (kernel.byRegisters < byOthers(kernel) && kernel.tensorPercent < ncuBusyTensorPercent)
    return NcuVerdict::RegisterBound;
  return NcuVerdict::Fine;
}

std::string vitc::codegen::ncuReason(const NcuKernel &kernel) {
  if (judge(kernel) == NcuVerdict::Spilling)
    return formatv("{0:f0} loads and {1:f0} stores of local memory", kernel.localLoads,
                   kernel.localStores);
  std::string text = formatv("registers allow {0} block{1} on an SM, all else at least {2}; tensor "
                             "pipe busy {3:f1} %",
                             kernel.byRegisters, kernel.byRegisters == 1 ? "" : "s",
                             byOthers(kernel), kernel.tensorPercent);
  if (judge(kernel) == NcuVerdict::RegisterBound)
    text += formatv(", below {0:f0}", ncuBusyTensorPercent);
  return text;
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

namespace {

enum Column {
  KernelName,
  LimitRegisters,
  LimitSharedMemory,
  LimitWarps,
  LimitBlocks,
  TensorActive,
  LocalLoads,
  LocalStores,
  // Those below may be missing.
  Registers,
  Duration,
  columnCount,
};

constexpr StringLiteral columnNames[columnCount] = {
    "Kernel Name",
    "launch__occupancy_limit_registers",
    "launch__occupancy_limit_shared_mem",
    "launch__occupancy_limit_warps",
    "launch__occupancy_limit_blocks",
    "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active",
    "smsp__inst_executed_op_local_ld.sum",
    "smsp__inst_executed_op_local_st.sum",
    "launch__registers_per_thread",
    "gpu__time_duration.sum",
};

Error error(StringRef name, const Twine &text) {
  return createStringError("NCU report '" + name + "' " + text);
}

/// One file, row by row.
class NcuParser {
public:
  NcuParser(StringRef name, StringRef text) : name(name), csv(text) {}

  Expected<std::vector<NcuKernel>> parse();

private:
  Error readHeader();
  Error readUnits();
  Error readRow();
  /// The fields of the next line, as many as the header has.
  Expected<std::vector<std::string>> fields();
  NcuKernel &kernelNamed(const std::string &function) {
    auto found = find_if(kernels, [&](const NcuKernel &k) { return k.name == function; });
    if (found != kernels.end())
      return *found;
    kernels.emplace_back().name = function;
    return kernels.back();
  }
  Expected<double> number(ArrayRef<std::string> row, Column column);
  Error atLine(const Twine &text) { return error(name, "line " + Twine(csv.line()) + ": " + text); }

  StringRef name;
  CsvReader csv;
  size_t width = 0;
  std::optional<size_t> places[columnCount];
  double toMicroseconds = 0; ///< what one unit of the duration is
  std::vector<NcuKernel> kernels;
};

} // namespace

std::string vitc::codegen::ncuMetrics() { return join(ArrayRef(columnNames).drop_front(), ","); }

Expected<std::vector<std::string>> NcuParser::fields() {
  auto row = csv.next();
  if (!row)
    return atLine(toString(row.takeError()) + "; the file is cut off");
  if (!csv.ended())
    return atLine("expected a line's end; the file is cut off");
  if (width && row->size() != width)
    return atLine("expected " + Twine(width) + " fields, as in the header, but got " +
                  Twine(row->size()) + (row->size() < width ? "; the file is cut off" : ""));
  return row;
}

Error NcuParser::readHeader() {
  if (csv.atEnd())
    return error(name, "is empty; write one with ncu --csv --page raw --metrics " + ncuMetrics());
  if (!csv.skipTo("\"ID\","))
    return error(name, "has no line that begins with \"ID\", the header of ncu --csv --page raw");
  auto header = fields();
  if (!header)
    return header.takeError();
  for (size_t i = 0; i < header->size(); ++i)
    for (int column = 0; column < columnCount; ++column)
      if ((*header)[i] == columnNames[column])
        places[column] = i;
  if (is_contained(*header, "Metric Name"))
    return error(name, "has a row for each metric; expected a column, as ncu --page raw writes");
  std::vector<StringRef> missing;
  for (int column = 0; column < Registers; ++column)
    if (!places[column])
      missing.push_back(columnNames[column]);
  if (!missing.empty())
    return error(name, "has no column " + join(missing, ", ") + "; ask ncu for it with --metrics");
  width = header->size();
  return Error::success();
}

Error NcuParser::readUnits() {
  if (csv.atEnd())
    return atLine("expected a row of units below the header; the file is cut off");
  auto units = fields();
  if (!units)
    return units.takeError();
  if (!(*units)[*places[KernelName]].empty())
    return atLine("expected units, not a kernel; the row below the header is missing");
  if (!places[Duration])
    return Error::success();
  toMicroseconds = StringSwitch<double>((*units)[*places[Duration]])
                       .Cases({"nsecond", "ns"}, 1e-3)
                       .Cases({"usecond", "us"}, 1)
                       .Cases({"msecond", "ms"}, 1e3)
                       .Cases({"second", "s"}, 1e6)
                       .Default(0);
  if (toMicroseconds == 0)
    return atLine("the unit of " + columnNames[Duration] + " is '" + (*units)[*places[Duration]] +
                  "', expected ns, us, ms or s");
  return Error::success();
}

Expected<double> NcuParser::number(ArrayRef<std::string> row, Column column) {
  std::string text = row[*places[column]];
  llvm::erase(text, ',');
  double value;
  if (StringRef(text).getAsDouble(value) || !(value >= 0 && value < 1e18))
    return atLine(columnNames[column] + " is '" + row[*places[column]] + "', expected a number");
  return value;
}

Error NcuParser::readRow() {
  auto row = fields();
  if (!row)
    return row.takeError();
  double values[columnCount] = {};
  for (int column = LimitRegisters; column < columnCount; ++column)
    if (places[column]) {
      auto value = number(*row, Column(column));
      if (!value)
        return value.takeError();
      values[column] = *value;
    }
  NcuKernel &kernel = kernelNamed((*row)[*places[KernelName]]);
  ++kernel.launches;
  kernel.localLoads += values[LocalLoads];
  kernel.localStores += values[LocalStores];
  auto average = [&](double mean, double value) { return mean + (value - mean) / kernel.launches; };
  kernel.tensorPercent = average(kernel.tensorPercent, values[TensorActive]);
  auto whole = [&](Column column) { return int(std::min(values[column], 1e6)); };
  kernel.byRegisters = whole(LimitRegisters);
  kernel.bySharedMemory = whole(LimitSharedMemory);
  kernel.byWarps = whole(LimitWarps);
  kernel.byBlocks = whole(LimitBlocks);
  if (places[Registers])
    kernel.registers = whole(Registers);
  if (places[Duration])
    kernel.microseconds =
        average(kernel.microseconds.value_or(0), values[Duration] * toMicroseconds);
  return Error::success();
}

Expected<std::vector<NcuKernel>> NcuParser::parse() {
  if (Error bad = readHeader())
    return bad;
  if (Error bad = readUnits())
    return bad;
  while (!csv.atEnd()) {
    StringRef line = csv.peekLine();
    if (line.starts_with("==") || line.trim().empty())
      csv.skipLine();
    else if (Error bad = readRow())
      return bad;
  }
  if (kernels.empty())
    return error(name, "has a header but no kernel");
  return std::move(kernels);
}

Expected<std::vector<NcuKernel>> vitc::codegen::parseNcu(StringRef name, StringRef text) {
  return NcuParser(name, text).parse();
}
