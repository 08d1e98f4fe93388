//===- Profile.cpp - Schedules that a profile refutes ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A profile speaks of functions by their names, and those depend on which schedules ptxas left. So
// the model is compiled first as it was for the profile; only then it is known which schedule of
// which kernel each row is about.
//
//===----------------------------------------------------------------------===//

#include "driver/Profile.h"

#include "codegen/nvptx/Functions.h"
#include "driver/run/ReadFile.h"
#include "passes/CostBridge.h"
#include "weights/FileKind.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

namespace {

class Profile {
public:
  Profile(Compiler &compiler, StringRef path)
      : compiler(compiler), session(compiler.session()), path(path) {}

  /// True if schedules have changed.
  FailureOr<bool> apply(std::vector<ProfileNote> &notes);

private:
  LogicalResult join(ArrayRef<NcuKernel> measured);
  bool replace(const KernelCode &function, const NcuKernel &measured, ProfileNote &note);

  Compiler &compiler;
  const Session &session;
  StringRef path;
  std::vector<std::pair<KernelCode, NcuKernel>> joined;
};

} // namespace

llvm::Expected<std::vector<NcuKernel>> driver::readProfile(StringRef path, const Session &session) {
  auto text = readFile(path.str(), session.stop);
  std::string wrong = text ? vitrt::unexpectedKind(*text, vitrt::FileWanted::Text) : text.error();
  if (!wrong.empty())
    return llvm::createStringError("NCU report '" + path + "' " + wrong);
  return parseNcu(path, vitrt::withoutMark(*text));
}

LogicalResult Profile::join(ArrayRef<NcuKernel> measured) {
  ArrayRef<KernelCode> functions = compiler.code();
  std::vector<StringRef> strangers, ours;
  for (const NcuKernel &kernel : measured) {
    auto function =
        llvm::find_if(functions, [&](const KernelCode &code) { return code.name == kernel.name; });
    if (function != functions.end())
      joined.emplace_back(*function, kernel);
    else
      (looksLikeFunction(kernel.name) ? ours : strangers).push_back(kernel.name);
  }
  if (joined.empty())
    return session.error("NCU report '{}' is of another model: it has '{}', this model has '{}'",
                         path, (ours.empty() ? strangers : ours).front(), functions.front().name);
  // Names of two models overlap where they have the same layers, whatever their widths.
  if (!ours.empty())
    return session.error(
        "NCU report '{}' is of another model, or of a build with other options: {} "
        "of its {} kernels are not in this build, the first is '{}'; profile only "
        "the library that these options build",
        path, ours.size(), measured.size(), ours.front());
  if (!strangers.empty())
    session.warn("NCU report '{}': {} of its {} kernels are not of this model, the first is '{}'",
                 path, strangers.size(), measured.size(), strangers.front());
  return success();
}

static std::pair<int64_t, int64_t> rangeOf(vit::ScheduleAttr schedule) {
  return {schedule.getMinBatch(), schedule.getMaxBatch()};
}

/// The next schedule with fewer registers for all batches of the function.
bool Profile::replace(const KernelCode &function, const NcuKernel &measured, ProfileNote &note) {
  auto kernel = compiler.module().lookupSymbol<vit::KernelOp>(function.kernel);
  SmallVector<vit::LaunchOp> launches = launchesOf(compiler.module());
  llvm::erase_if(launches, [&](vit::LaunchOp launch) { return kernelOf(launch) != kernel; });
  std::vector<cost::Use> uses = usesOf(launches);
  const cost::Work &work = cost::mostRows(uses);
  auto registersOf = [&](vit::ScheduleAttr schedule) {
    return cost::predictRegisters(work, scheduleOf(schedule));
  };
  // Both sides predicted: what was found for one alternative is not known for the next.
  int most = registersOf(function.schedule) - 1;
  SmallVector<vit::ScheduleAttr> schedules;
  std::string better;
  std::vector<vit::ScheduleAttr> ranges = *activeSchedules(kernel);
  for (vit::ScheduleAttr active : ranges) {
    bool mine = sameCode(active, function.schedule);
    size_t before = schedules.size();
    for (vit::ScheduleAttr other : compiler.alternatives(function.kernel))
      if (rangeOf(other) == rangeOf(active) && !sameCode(other, function.schedule) &&
          !compiler.isRefuted(function.kernel, other) && (!mine || registersOf(other) <= most))
        schedules.push_back(other);
    if (schedules.size() == before) {
      note.action = fmt::format("no schedule of it is left with fewer than {} registers", most + 1);
      return false;
    }
    if (mine && better.empty())
      better = fmt::format("{}, predicted {} registers, instead of {}, predicted {}",
                           scheduleText(schedules[before]), registersOf(schedules[before]),
                           scheduleText(function.schedule), most + 1);
  }
  note.action = "now " + better;
  std::string problem = "profiled: " + note.finding;
  compiler.refute({function.kernel, function.name, function.schedule,
                   measured.registers.value_or(most + 1), 0, problem});
  compiler.reschedule(kernel, schedules);
  return true;
}

FailureOr<bool> Profile::apply(std::vector<ProfileNote> &notes) {
  auto measured = readProfile(path, session);
  if (!measured)
    return session.error(measured.takeError());
  if (failed(join(*measured)))
    return failure();
  bool changed = false;
  for (const auto &[function, kernel] : joined) {
    NcuVerdict verdict = judge(kernel);
    if (verdict == NcuVerdict::Fine)
      continue;
    ProfileNote note = {function.name,
                        (verdict == NcuVerdict::Spilling ? "spilling: " : "register-bound: ") +
                            ncuReason(kernel),
                        ""};
    changed |= replace(function, kernel, note);
    notes.push_back(std::move(note));
  }
  return changed;
}

LogicalResult driver::generateWithProfiles(Compiler &compiler, Compiler::Oracle oracle,
                                           ArrayRef<std::string> profiles,
                                           std::vector<ProfileNote> &notes) {
  if (failed(compiler.generate(oracle)))
    return failure();
  for (const std::string &path : profiles) {
    FailureOr<bool> changed = Profile(compiler, path).apply(notes);
    if (failed(changed) || (*changed && failed(compiler.generate(oracle))))
      return failure();
  }
  return success();
}
