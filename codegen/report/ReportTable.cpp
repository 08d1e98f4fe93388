//===- ReportTable.cpp - The report for a terminal ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Kernels, what was decided about them, fusions, the whole model: in the order in which somebody
// asks. Twelve layers say the same thing twelve times, so equal notes are counted, not repeated.
//
//===----------------------------------------------------------------------===//

#include "codegen/report/Report.h"
#include "codegen/report/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

namespace {

class TableWriter {
public:
  TableWriter(const Report &report, bool colour) : report(report), colour(colour) {}

  std::string write() {
    if (!report.kernels.empty() || !report.cpu) {
      writeKernels();
      writeDecisions();
      writeProfile();
      writeFusions();
      writePredictions();
    }
    if (report.cpu)
      writeCpu(*report.cpu);
    return std::move(text);
  }

private:
  void writeKernels();
  void writeDecisions();
  void writeProfile();
  void writeFusions();
  void writePredictions();
  void writeCpu(const CpuReport &cpu);
  void heading(const Twine &line) { text += paint(bold, line.str()) + "\n"; }
  /// A verb of 9 columns or none, and what it did.
  void paragraph(const std::string &verb, StringRef rest) {
    text += verb + wrap(rest, reportWidth, 9, verb.empty() ? 0 : 9) + "\n";
  }

  static constexpr const char *bold = "\033[1m", *dim = "\033[2m", *red = "\033[31m",
                              *yellow = "\033[33m", *green = "\033[32m";
  std::string paint(const char *escape, StringRef words) const {
    return colour ? escape + words.str() + "\033[0m" : words.str();
  }

  const Report &report;
  bool colour;
  std::string text;
};

} // namespace

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static std::string orDash(const std::optional<int> &value) {
  return value ? std::to_string(*value) : "-";
}

/// Times of a microsecond and of ten milliseconds in one column.
static std::string microseconds(const std::optional<double> &value) {
  if (!value)
    return "-";
  return *value < 1000 ? formatv("{0:f1}", *value).str() : formatv("{0:f0}", *value).str();
}

static std::string batchText(const KernelReport &kernel) {
  std::string text;
  for (auto [first, last] : kernel.batches)
    text += (text.empty() ? "" : ",") + std::to_string(first) +
            (last > first ? "-" + std::to_string(last) : "");
  return text;
}

static std::string occupancyText(const OccupancyReport &occupancy) {
  if (!occupancy.mostWarps)
    return "-";
  StringRef limit = occupancy.limit;
  return formatv("{0}/{1} {2}", occupancy.warps, occupancy.mostWarps,
                 limit == "shared memory" ? "smem"
                 : limit == "registers"   ? "regs"
                                          : limit);
}

void TableWriter::writeKernels() {
  heading("kernels for " + report.gpu);
  TextTable table;
  table.column("kernel", TextTable::Flexible);
  table.column("ops fused", TextTable::Flexible);
  table.column("runs", TextTable::Right);
  table.column("batch", TextTable::Left);
  table.column("tile", TextTable::Left);
  table.column("regs", TextTable::Left);
  table.column("occupancy", TextTable::Left);
  table.column("us", TextTable::Right);
  table.column("bound", TextTable::Left);
  bool spills = false;
  for (size_t i = 0; i < report.kernels.size(); ++i) {
    const KernelReport &kernel = report.kernels[i];
    // Variants of one kernel stand together; its name and ops are said once.
    bool again = i && report.kernels[i - 1].kernel == kernel.kernel;
    std::string tile = kernel.tile;
    if (kernel.stages > 1)
      tile += "/" + std::to_string(kernel.stages);
    if (kernel.splits > 1)
      tile += " k" + std::to_string(kernel.splits);
    std::string registers = orDash(kernel.predictedRegisters) + "/" + orDash(kernel.registers);
    if (kernel.spillBytes)
      registers += " !" + std::to_string(kernel.spillBytes);
    spills |= kernel.spillBytes > 0;
    table.row({again ? "" : kernel.kernel, again ? "" : kernel.ops,
               again ? "" : std::to_string(kernel.launches), batchText(kernel), tile, registers,
               occupancyText(kernel.occupancy), microseconds(kernel.predictedMicroseconds),
               kernel.bound},
              colour && kernel.spillBytes ? red : "");
  }
  text += table.text(reportWidth, colour ? bold : "");
  std::string legend = "regs: of a thread, predicted/found by ptxas; ";
  if (spills)
    legend += "!n: spills n bytes; ";
  legend += "occupancy: warps on an SM of the most it holds, and what limits them; us and bound: "
            "predicted time of a launch at the largest batch, and what bounds it";
  text += paint(dim, wrap(legend, reportWidth)) + "\n";
}

void TableWriter::writeDecisions() {
  bool any = false;
  for (const KernelReport &kernel : report.kernels)
    for (const std::string &decision : kernel.decisions) {
      if (!std::exchange(any, true)) {
        text += "\n";
        heading("kept or recomputed");
      }
      paragraph("", kernel.name + ": " + decision);
    }
}

void TableWriter::writeProfile() {
  if (report.profile.empty())
    return;
  text += "\n";
  heading("profile");
  for (const ProfileNote &note : report.profile)
    paragraph("", note.kernel + ": " + note.finding + "; " + note.action);
}

//===----------------------------------------------------------------------===//
// Fusions
//===----------------------------------------------------------------------===//

/// Names of one layer and of the next differ in the number alone: "blocks.3.mlp" is "blocks.*.mlp".
static std::string withoutLayers(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, '.');
  std::string result;
  for (auto [i, part] : enumerate(parts))
    result += (i ? "." : "") + (i && i + 1 < parts.size() && !part.empty() && all_of(part, isDigit)
                                    ? std::string("*")
                                    : part.str());
  return result;
}

void TableWriter::writeFusions() {
  if (report.fusions.empty())
    return;
  struct Group {
    const FusionNote *first;
    std::string key;               // what makes notes equal
    std::vector<StringRef> places; // different ones
  };
  std::vector<Group> groups;
  for (const FusionNote &note : report.fusions) {
    // A refusal is its reason; what one op is refused for is refused for those after it, too.
    std::string key = note.made ? note.ops : withoutLayers(note.reason);
    auto equal = find_if(groups, [&](const Group &group) {
      return group.first->made == note.made && group.key == key;
    });
    if (equal == groups.end())
      groups.push_back({&note, std::move(key), {note.location}});
    else if (!is_contained(equal->places, note.location))
      equal->places.push_back(note.location);
  }
  stable_sort(groups, [](const Group &a, const Group &b) { return a.first->made > b.first->made; });
  text += "\n";
  heading("fusions");
  for (const Group &group : groups) {
    const FusionNote &note = *group.first;
    std::string line = note.ops;
    size_t count = group.places.size();
    if (count > 1)
      line += " x" + std::to_string(count);
    if (!note.location.empty())
      line += (count > 1 ? ", first at " : " at ") + note.location;
    if (!note.made)
      line += ": " + note.reason;
    paragraph(note.made ? paint(green, "made     ") : paint(yellow, "refused  "), line);
  }
}

//===----------------------------------------------------------------------===//
// The whole model
//===----------------------------------------------------------------------===//

void TableWriter::writePredictions() {
  if (report.predictions.empty())
    return;
  text += "\n";
  heading(formatv("whole model, predicted for {0} ({1:f1} TFLOP/s, {2:f0} GB/s)", report.gpu,
                  report.tensorTflops, report.dramGBs)
              .str());
  std::vector<std::string> others;
  for (const ModelPrediction &prediction : report.predictions)
    for (const auto &[policy, time] : prediction.others)
      if (!is_contained(others, policy))
        others.push_back(policy);
  TextTable table;
  for (std::string header : {"batch", "", "images/s", "roofline us", "reached"})
    table.column(header.empty() ? report.policy + " us" : header, TextTable::Right);
  table.column("roofline is", TextTable::Left);
  for (const std::string &policy : others) {
    table.column(policy + " us", TextTable::Right);
    table.column(report.policy + " is faster", TextTable::Right);
  }
  bool beyond = false;
  for (const ModelPrediction &prediction : report.predictions) {
    beyond |= !prediction.served;
    std::string images = "-", reached = "-";
    if (auto time = prediction.microseconds) {
      images = formatv("{0:f0}", 1e6 * double(prediction.batch) / *time);
      reached = formatv("{0:f0} %", 100 * prediction.rooflineMicroseconds / *time);
    }
    std::vector<std::string> cells = {std::to_string(prediction.batch) +
                                          (prediction.served ? "" : " *"),
                                      microseconds(prediction.microseconds),
                                      images,
                                      microseconds(prediction.rooflineMicroseconds),
                                      reached,
                                      prediction.rooflineBound};
    for (const std::string &policy : others) {
      auto other = find_if(prediction.others, [&](const auto &o) { return o.first == policy; });
      bool known = other != prediction.others.end();
      cells.push_back(known ? microseconds(other->second) : "-");
      cells.push_back(known && prediction.microseconds
                          ? formatv("{0:f2} x", other->second / *prediction.microseconds).str()
                          : "-");
    }
    table.row(std::move(cells));
  }
  text += table.text(reportWidth, colour ? bold : "");
  if (beyond)
    text += paint(dim, "*: more than --max-batch " + std::to_string(report.maxBatch) +
                           "; predicted as if it had been built for that batch") +
            "\n";
}

//===----------------------------------------------------------------------===//
// Code for CPUs
//===----------------------------------------------------------------------===//

void TableWriter::writeCpu(const CpuReport &cpu) {
  if (!text.empty())
    text += "\n";
  heading(formatv("code for CPUs ({0}), predicted for {1} ({2:f0} GFLOP/s, L2 {3:f0} GB/s, DRAM "
                  "{4:f0} GB/s)",
                  join(cpu.forms, ", "), cpu.core, cpu.gflops, cpu.l2GBs, cpu.dramGBs)
              .str());
  TextTable table;
  table.column("kernel", TextTable::Flexible);
  table.column("ops fused", TextTable::Flexible);
  for (const char *header : {"runs", "m", "n", "k"})
    table.column(header, TextTable::Right);
  table.column("tile", TextTable::Left);
  table.column("us", TextTable::Right);
  table.column("bound", TextTable::Left);
  double all = 0;
  for (const CpuKernelReport &kernel : cpu.kernels) {
    all += kernel.launches * kernel.predictedMicroseconds;
    table.row({kernel.name, kernel.ops, std::to_string(kernel.launches), std::to_string(kernel.m),
               std::to_string(kernel.n), kernel.k ? std::to_string(kernel.k) : "-", kernel.tile,
               microseconds(kernel.predictedMicroseconds), kernel.bound});
  }
  text += table.text(reportWidth, colour ? bold : "");
  text +=
      paint(dim,
            wrap(formatv("tile: what a thread takes at a time, of products rows x columns; us and "
                         "bound: one launch by one thread at batch {0}, and what it waits "
                         "for; all launches {1:f1} ms",
                         report.maxBatch, all * 1e-3)
                     .str(),
                 reportWidth)) +
      "\n";
}

std::string vitc::codegen::reportTable(const Report &report, bool colour) {
  return TableWriter(report, colour).write();
}
