//===- Report.h - What was built, and why so --------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// One value holds every decision with its numbers: what passes/cost predicted and what ptxas found,
// side by side. It is printed in three forms, which say the same: JSON for programs, a table for
// the terminal, a page for the browser.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_REPORT_H
#define CODEGEN_LIBRARY_REPORT_H

#include "codegen/cpu/CpuCode.h"
#include "codegen/nvptx/Codegen.h"
#include "passes/cost/Search.h"

#include "vit/library.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitc::codegen {

/// A fusion that vit-fuse made or refused.
struct FusionNote {
  std::string ops;      ///< "linear+bias_add+gelu"
  std::string location; ///< names in the model
  bool made = false;
  std::string reason; ///< of a refusal
};

/// A schedule that could have been chosen.
struct Candidate {
  std::string tile;
  int predictedRegisters = 0;
  double predictedMicroseconds = 0;
  std::optional<int> registers; ///< of ptxas, where it was asked
  int spillBytes = 0;
  std::string verdict; ///< "chosen", "spilled 40 bytes", "slower by 12 %", "fallback"
};

/// What one SM holds of a kernel.
struct OccupancyReport {
  int blocks = 0, warps = 0, mostWarps = 0; ///< mostWarps: of the device
  std::string limit;                        ///< the resource that bounds the blocks
};

/// One function: a kernel as it runs for some batches.
struct KernelReport {
  std::string name;   ///< of the function, in PTX and in profilers
  std::string kernel; ///< of the kernel it is a variant of
  std::string hash;   ///< of its ops, types and shapes, as tuning files have it
  /// First and last batch of each range it serves, ascending.
  std::vector<std::pair<int64_t, int64_t>> batches;
  std::string root;            ///< "linear"; "elementwise" where no op is more than that
  std::string ops;             ///< all of them, joined by '+'
  int64_t m = 0, n = 0, k = 0; ///< rows at its largest batch, columns, summed length (or keys)
  std::string dtype;           ///< of its first activation
  std::string schedule;        ///< scheduleText: "128x128x32/64x32/3 splits 4 registers 168"
  std::string tile;            ///< "128x128x32/64x32", "208x197", "8 rows", "2048 elements"
  int stages = 0, splits = 1;
  std::vector<Candidate> candidates;
  uint32_t launches = 0;                            ///< in one run
  std::vector<cost::Use> uses;                      ///< the same, as passes/cost sees them
  std::optional<int> predictedRegisters, registers; ///< registers: of ptxas
  int spillBytes = 0, stackBytes = 0;
  int threads = 0;       ///< per block
  int64_t smemBytes = 0; ///< static and dynamic, per block
  OccupancyReport occupancy;
  std::optional<double> predictedMicroseconds; ///< of one launch, at its largest batch
  std::string bound;                           ///< what bounds that time
  std::vector<std::string> decisions;          ///< kept or recomputed, and why
  std::vector<std::string> places;             ///< names in the model, in order of the launches
};

/// One launch of a run.
struct StepReport {
  std::string label;  ///< its place in the model
  std::string kernel; ///< as in KernelReport::kernel
  std::string ops;
  /// For each of Report::predictions; none where it cannot be predicted.
  std::vector<std::optional<double>> microseconds;
};

/// A whole run, predicted, with the gaps between launches.
struct ModelPrediction {
  int64_t batch = 0;
  bool served = true; ///< false: beyond the largest batch, as if it had been built for this one
  std::optional<double> microseconds;
  double rooflineMicroseconds = 0; ///< what no schedule can beat
  std::string rooflineBound;       ///< "tensor", "L2" or "DRAM"
  /// With other policies, by name; only where somebody compares.
  std::vector<std::pair<std::string, double>> others;
};

/// What a profile changed.
struct ProfileNote {
  std::string kernel;  ///< the function that was profiled
  std::string finding; ///< "spilling: 96 loads and 48 stores of local memory"
  std::string action;  ///< "128x64x32/64x32/3 instead of ...", or why nothing follows
};

/// A kernel of the code for CPUs.
struct CpuKernelReport {
  std::string name, ops, tile;
  uint32_t launches = 0;            ///< in one run
  int64_t m = 0, n = 0, k = 0;      ///< rows at the largest batch, columns, summed length
  double predictedMicroseconds = 0; ///< of one launch at the largest batch, by one thread
  std::string bound;                ///< "FMA", "L2" or "DRAM"
};

struct CpuReport {
  std::string core; ///< that times are of
  double gflops = 0, l2GBs = 0, dramGBs = 0;
  std::vector<std::string> forms;
  std::vector<CpuKernelReport> kernels; ///< in the order of their first launch
};

struct Report {
  std::string model; ///< its name
  std::string gpu;
  double tensorTflops = 0, dramGBs = 0; ///< of the device
  double launchGapMicroseconds = 0;     ///< from one launch to the next
  std::string policy;                   ///< that chose the schedules
  int64_t maxBatch = 0;
  std::string
      noPictures; ///< why there is no recipe for pictures, if the checkpoint's was not understood
  std::vector<KernelReport> kernels; ///< in the order of their first launch
  std::vector<FusionNote> fusions;
  std::vector<StepReport> steps;
  std::vector<ModelPrediction> predictions;
  std::vector<ProfileNote> profile;
  std::optional<CpuReport> cpu; ///< where there is code for CPUs
};

/// The schedules of a kernel before ptxas was asked, in the order of preference.
struct KernelAlternatives {
  std::string kernel;
  std::vector<vit::ScheduleAttr> schedules;
};

/// What a report is made from.
struct ReportSource {
  mlir::ModuleOp module; ///< lowered
  llvm::ArrayRef<KernelCode> functions;
  llvm::ArrayRef<RefutedSchedule> refuted;
  llvm::ArrayRef<KernelAlternatives> alternatives;
  llvm::ArrayRef<FusionNote> fusions;
  cost::Preferences preferences; ///< with the device
  std::string policy;
  int64_t maxBatch = 0;
};

Report makeReport(const ReportSource &source);
/// `module`: after buildCpuPipeline.
CpuReport makeCpuReport(mlir::ModuleOp module, const CpuCode &code, int64_t maxBatch);

/// The form of INTERFACE.md, with the library's identity and sizes if there is one. Equal builds
/// give equal text.
std::string reportJson(const Report &report, const vit_library *library);

inline constexpr unsigned reportWidth = 120; ///< columns of the table at most
/// For people; `colour` with the escapes of a terminal.
std::string reportTable(const Report &report, bool colour = false);

/// One page that needs nothing else: the JSON form and the script that draws it.
std::string reportHtml(const Report &report);

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_REPORT_H
