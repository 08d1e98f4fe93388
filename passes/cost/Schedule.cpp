//===- Schedule.cpp - How a kernel is mapped to the device ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Schedule.h"

#include "passes/cost/Family.h"

#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace vitc::cost;

namespace {

constexpr int mostSize = 65536; // no device takes it; what is computed of it stays in 64 bits

template <typename... Cases> struct Overloaded : Cases... {
  using Cases::operator()...;
};

} // namespace

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

Written vitc::cost::written(const Schedule &schedule) {
  auto ofVectors = [](const VectorSchedule &s) {
    return Written{.block = {s.elements}, .warp = {s.warp}};
  };
  return std::visit(
      Overloaded{[](const GemmSchedule &s) {
                   return Written{.block = {s.tile.begin(), s.tile.end()},
                                  .warp = {s.warp.begin(), s.warp.end()},
                                  .stages = s.stages,
                                  .buffers = s.buffers,
                                  .splits = s.splits};
                 },
                 [](const AttentionSchedule &s) {
                   return Written{.block = {s.rows, s.keys}, .warp = {s.warp}, .stages = s.stages};
                 },
                 [](const NormSchedule &s) {
                   return Written{.block = {s.rows}, .warp = {s.warp}, .recompute = s.recompute};
                 },
                 ofVectors},
      schedule.numbers);
}

std::string vitc::cost::text(const Schedule &schedule) {
  Written s = written(schedule);
  std::string text =
      fmt::format("{}/{}/{}", fmt::join(s.block, "x"), fmt::join(s.warp, "x"), s.stages);
  auto add = [&](const char *name, int value, int usual) {
    if (value != usual)
      text += fmt::format(" {} {}", name, value);
  };
  add("buffers", s.buffers, 1);
  add("splits", s.splits, 1);
  add("registers", schedule.registers, 0);
  return s.recompute ? text + " recompute" : text;
}

/// A positive number at the front of `text`, which is taken off; 0 if there is none.
static int takeNumber(std::string_view &text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0)
    return 0;
  text.remove_prefix(end - text.data());
  return value;
}

static bool take(std::string_view &text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Reads "axbxc", at least one size.
static bool takeSizes(std::string_view &text, std::vector<int> &sizes) {
  do {
    sizes.push_back(takeNumber(text));
    if (sizes.back() < 1 || sizes.back() > mostSize)
      return false;
  } while (take(text, "x"));
  return true;
}

/// The numbers of such a text; empty if it is none of any family.
static std::optional<Written> readNumbers(std::string_view text, int &registers) {
  Written s;
  if (!takeSizes(text, s.block) || !take(text, "/") || !takeSizes(text, s.warp) ||
      !take(text, "/") || !(s.stages = takeNumber(text)))
    return std::nullopt;
  if (take(text, " buffers "))
    s.buffers = takeNumber(text);
  if (take(text, " splits "))
    s.splits = takeNumber(text);
  if (take(text, " registers "))
    registers = takeNumber(text);
  s.recompute = take(text, " recompute");
  bool known = s.buffers >= 1 && s.buffers <= 2 && s.splits >= 1 && s.splits <= 1024 &&
               s.stages <= 64 && registers <= mostBudget;
  return text.empty() && known ? std::optional(s) : std::nullopt;
}

std::optional<Schedule> vitc::cost::readSchedule(const std::string &given, const Work &work,
                                                 const Gpu &gpu) {
  int registers = 0;
  std::optional<Written> numbers = readNumbers(given, registers);
  std::optional<Schedule> schedule =
      numbers ? traitsOf(work).read(*numbers, work, gpu) : std::nullopt;
  if (!schedule)
    return std::nullopt;
  schedule->registers = registers;
  return text(*schedule) == given ? schedule : std::nullopt;
}

std::optional<GemmSchedule> vitc::cost::parseTile(const std::string &text, const Gpu &gpu,
                                                  std::string &error, bool force) {
  constexpr int64_t any = 4096;
  Work work{.family = Family::Gemm, .columns = any, .depth = any};
  std::optional<Schedule> tile =
      text.find(' ') == std::string::npos ? readSchedule(text, work, gpu) : std::nullopt;
  if (!tile) {
    error = fmt::format("expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got "
                        "'{}'",
                        text);
    return std::nullopt;
  }
  // What kernels read is not known here: the tile must be one of halves, or of words.
  Work words = work;
  words.inputBytes = 4;
  Limits limits = limitsOf(gpu, force);
  if (std::string why = objection(work, *tile, limits);
      !why.empty() && !objection(words, *tile, limits).empty()) {
    error = fmt::format("tile '{}': {}", text, why);
    return std::nullopt;
  }
  return tile->gemm();
}

//===----------------------------------------------------------------------===//
// What cannot be built
//===----------------------------------------------------------------------===//

Limits vitc::cost::limitsOf(const Gpu &gpu, bool force) {
  return {gpu.name, gpu.smemPerBlock, force ? mostForcedAccumulators : mostAccumulators};
}

Limits vitc::cost::widestLimits() { return {"", largestSmemPerBlock(), mostForcedAccumulators}; }

std::string vitc::cost::objection(const Work &work, const Schedule &schedule,
                                  const Limits &limits) {
  if (schedule.family() != work.family)
    return fmt::format("expected a schedule of {} kernels, found one of {}", traitsOf(work).name,
                       traitsOf(schedule.family()).name);
  if (std::string why = traitsOf(work).objection(work, schedule, limits); !why.empty())
    return why;
  Geometry geometry = geometryOf(work, schedule);
  if (geometry.threads > mostThreads)
    return fmt::format("expected 1 to {} whole warps per block, found {} threads: choose another "
                       "block or warp tile",
                       mostThreads / 32, geometry.threads);
  if (geometry.shared > limits.smemPerBlock)
    return fmt::format("expected at most {} bytes of shared memory per block{}, found {}: choose a "
                       "smaller tile or fewer stages",
                       limits.smemPerBlock, limits.device.empty() ? "" : " on " + limits.device,
                       geometry.shared);
  return "";
}
