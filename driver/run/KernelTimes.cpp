//===- KernelTimes.cpp - What each kernel takes of a run -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Every launch of a run is timed where it stands, with the caches as the launch
// before left them, and summed up by kernel. Beside it stands what the build
// predicted, if its report is there.
//===----------------------------------------------------------------------===//
#include "driver/run/KernelTimes.h"
#include "driver/run/Bench.h"
#include "driver/run/ReadFile.h"
#include "weights/Json.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <fmt/format.h>

namespace vitc::driver {

using namespace vitrt;

//===----------------------------------------------------------------------===//
// Predictions
//===----------------------------------------------------------------------===//

namespace {

void readNumbers(JsonCursor &json, std::vector<double> &out) {
  json.beginArray();
  for (bool first = true; json.nextElement(first);)
    if (double number = 0; json.number(number))
      out.push_back(number);
}

/// Calls `field` for each key of each object of an array; it reads the value or passes over it.
template <class Begin, class Field>
void readObjects(JsonCursor &json, const Begin &begin, const Field &field) {
  json.beginArray();
  for (bool first = true; json.nextElement(first);) {
    begin();
    std::string key;
    json.beginObject();
    for (bool firstKey = true; json.nextKey(key, firstKey);)
      field(key);
  }
}

} // namespace

Result<ReportTimes> parseReportTimes(std::string_view text) {
  ReportTimes report;
  JsonCursor json(text);
  std::string key;
  json.beginObject();
  for (bool first = true; json.nextKey(key, first);) {
    if (key == "gpu")
      json.string(report.gpu);
    else if (key == "predictions")
      readObjects(
          json, [] {},
          [&](const std::string &name) {
            uint64_t batch = 0;
            if (name != "batch")
              json.skip();
            else if (json.unsignedInteger(batch))
              report.batches.push_back(int64_t(std::min<uint64_t>(batch, 1 << 30)));
          });
    else if (key == "steps")
      readObjects(
          json, [&] { report.steps.emplace_back(); },
          [&](const std::string &name) {
            if (name == "kernel")
              json.string(report.steps.back().kernel);
            else if (name == "predicted_us")
              readNumbers(json, report.steps.back().microseconds);
            else
              json.skip();
          });
    else
      json.skip();
  }
  json.end();
  if (json.failed())
    return Error{json.error()};
  if (report.steps.empty() || report.batches.empty())
    return Error{"has no steps with predictions; expected the N.report.json of a build"};
  for (const ReportTimes::Step &step : report.steps)
    if (step.microseconds.size() != report.batches.size())
      return Error{"has " + std::to_string(step.microseconds.size()) + " predictions for kernel " +
                   quoted(step.kernel) + ", expected " + std::to_string(report.batches.size()) +
                   ", as many as batches"};
  return report;
}

Result<ReportTimes> readReportTimes(const std::string &path) {
  auto text = readText(path, "a report");
  if (!text)
    return Error{"report " + quoted(path) + " " + text.error()};
  auto report = parseReportTimes(*text);
  if (!report)
    return Error{"report " + quoted(path) + ": " + report.error()};
  return report;
}

/// Which of the report's batches it is.
static Result<size_t> placeOf(const ReportTimes &report, int batch) {
  auto place = std::find(report.batches.begin(), report.batches.end(), batch);
  if (place != report.batches.end())
    return size_t(place - report.batches.begin());
  std::string known;
  for (int64_t one : report.batches)
    known += (known.empty() ? "" : ", ") + std::to_string(one);
  return Error{"the report has no prediction of batch " + std::to_string(batch) + ", only of " +
               known};
}

/// Fills in `predicted`; an error if the report is of another library.
static Result<void> predict(const ReportTimes &report, size_t place, KernelTimes &times) {
  for (KernelTime &kernel : times.kernels) {
    double sum = 0;
    unsigned launches = 0;
    for (const ReportTimes::Step &step : report.steps)
      if (step.kernel == kernel.kernel) {
        sum += step.microseconds[place];
        ++launches;
      }
    if (launches != kernel.launches)
      return Error{"the report has " + std::to_string(launches) + " launches of kernel " +
                   quoted(kernel.kernel) + ", the library " + std::to_string(kernel.launches) +
                   "; expected the report of this library's build"};
    kernel.predicted = sum / launches;
  }
  times.predictedFor = report.gpu;
  return {};
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

namespace {

/// The launches of one kernel, by repetition.
struct Sum {
  KernelTime kernel;
  uint32_t lastLaunch = 0;
  std::vector<double> microseconds;
};

void add(std::vector<double> &to, const std::vector<double> &what) {
  to.resize(what.size());
  for (size_t i = 0; i != what.size(); ++i)
    to[i] += what[i];
}

Sum &sumOf(std::vector<Sum> &sums, const vit_kernel &kernel) {
  for (Sum &sum : sums)
    if (sum.kernel.kernel == kernel.base)
      return sum;
  sums.emplace_back();
  sums.back().kernel.kernel = kernel.base;
  sums.back().kernel.schedule = kernel.schedule;
  return sums.back();
}

void sumUp(const vit_library &library, const vit_plan &plan,
           const std::vector<LaunchTimes> &launches, KernelTimes &out) {
  std::vector<Sum> sums;
  std::vector<double> all;
  for (const LaunchTimes &launch : launches) {
    const vit_step &step = plan.steps[launch.step];
    const vit_kernel &kernel = kernelOf(library, plan, step);
    out.steps.push_back({step.label, kernel.name, spreadOf(launch.microseconds).median});
    Sum &sum = sumOf(sums, kernel);
    sum.kernel.launches += sum.kernel.launches == 0 || sum.lastLaunch != step.launch;
    sum.lastLaunch = step.launch;
    add(sum.microseconds, launch.microseconds);
    add(all, launch.microseconds);
  }
  out.clocked = spreadOf(all).median;
  double total = 0;
  for (Sum &sum : sums) {
    sum.kernel.all = spreadOf(sum.microseconds).median;
    sum.kernel.each = sum.kernel.all / sum.kernel.launches;
    total += sum.kernel.all;
  }
  for (Sum &sum : sums) {
    sum.kernel.share = total > 0 ? sum.kernel.all / total : 0;
    out.kernels.push_back(std::move(sum.kernel));
  }
  std::stable_sort(out.kernels.begin(), out.kernels.end(),
                   [](const KernelTime &a, const KernelTime &b) { return a.all > b.all; });
}

} // namespace

Result<KernelTimes> timeKernels(const vit_library &library, const vit_model *model, int batch,
                                int repetitions, const ReportTimes *report) {
  size_t place = 0;
  if (report) { // before anything is timed
    auto found = placeOf(*report, batch);
    if (!found)
      return found.takeError();
    place = *found;
  }
  auto prepared = prepareBatch(model, batch);
  if (!prepared)
    return prepared.takeError();
  int warmup = repetitions / 10 + 1;
  auto runs = timeRuns(prepared->workspace.get(), batch, prepared->tensors, warmup, repetitions);
  if (!runs)
    return runs.takeError();
  auto launches =
      timeEachLaunch(prepared->workspace.get(), batch, prepared->tensors, warmup, repetitions);
  if (!launches)
    return launches.takeError();
  KernelTimes times;
  times.model = library.name;
  times.image = imageText(model);
  times.batch = batch;
  times.plain = spreadOf(std::move(*runs)).median;
  sumUp(library, nativePlan(model), *launches, times);
  if (report)
    if (auto predicted = predict(*report, place, times); !predicted)
      return predicted.takeError();
  return times;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string kernelTable(const KernelTimes &times) {
  size_t width = 6;
  for (const KernelTime &kernel : times.kernels)
    width = std::max(width, kernel.kernel.size());
  std::string text = fmt::format(
      "{} batch {}: {} launches, {:.1f} us with the clock between them, {:.1f} us without; {}\n",
      times.model, times.batch, times.steps.size(), times.clocked, times.plain, times.image);
  text += fmt::format("{:<{}}  launches   us each    us all   share", "kernel", width);
  if (!times.predictedFor.empty())
    text += fmt::format("  predicted for {}", times.predictedFor);
  text += "\n";
  for (const KernelTime &kernel : times.kernels) {
    text += fmt::format("{:<{}}  {:>8}  {:>8.2f}  {:>8.1f}  {:>4.1f} %", kernel.kernel, width,
                        kernel.launches, kernel.each, kernel.all, 100 * kernel.share);
    if (kernel.predicted)
      text += fmt::format("  {:>9.2f}", *kernel.predicted);
    text += "\n";
  }
  return text;
}

std::string kernelJson(const KernelTimes &times) {
  std::string text = fmt::format(
      "{{\n  \"model\": {}, \"batch\": {}, \"image\": {},\n  \"clocked_us\": {:.3f}, \"us\": "
      "{:.3f},\n  \"kernels\": [",
      jsonString(times.model), times.batch, jsonString(times.image), times.clocked, times.plain);
  for (const KernelTime &kernel : times.kernels)
    text += fmt::format(
        "{}\n    {{\"kernel\": {}, \"schedule\": {}, \"launches\": {}, \"us\": {:.3f}, "
        "\"all_us\": {:.3f}, \"share\": {:.4f}, \"predicted_us\": {}}}",
        &kernel == times.kernels.data() ? "" : ",", jsonString(kernel.kernel),
        jsonString(kernel.schedule), kernel.launches, kernel.each, kernel.all, kernel.share,
        kernel.predicted ? fmt::format("{:.3f}", *kernel.predicted) : "null");
  text += "\n  ],\n  \"steps\": [";
  for (const StepTime &step : times.steps)
    text += fmt::format("{}\n    {{\"label\": {}, \"function\": {}, \"us\": {:.3f}}}",
                        &step == times.steps.data() ? "" : ",", jsonString(step.label),
                        jsonString(step.function), step.microseconds);
  return text + "\n  ]\n}";
}

} // namespace vitc::driver
