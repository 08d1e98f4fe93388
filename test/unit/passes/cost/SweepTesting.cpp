//===- SweepTesting.cpp - Measured times of schedules ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "SweepTesting.h"

#include "passes/cost/Family.h"
#include "passes/cost/WorkFields.h"

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

using namespace costtest;

static std::vector<std::string> parts(const std::string &text, char separator) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    result.push_back(part);
  return result;
}

static Family familyNamed(const std::string &name) {
  for (int i = 0; i <= int(Family::Elementwise); ++i)
    if (name == traitsOf(Family(i)).name)
      return Family(i);
  throw std::runtime_error("no family is called " + name);
}

/// "2 family=gemm rows=197 columns=768"
static Use readUse(const std::string &text) {
  std::vector<std::string> words = parts(text, ' ');
  std::map<std::string, std::string> fields;
  for (size_t i = 1; i < words.size(); ++i)
    fields[words[i].substr(0, words[i].find('='))] = words[i].substr(words[i].find('=') + 1);
  Use use{{.family = familyNamed(fields.at("family"))}, std::stoi(words.at(0))};
  size_t known = 1;
  eachField(use.work, [&](const char *name, auto &field) {
    if (auto found = fields.find(name); found != fields.end())
      field = std::remove_reference_t<decltype(field)>(std::stoll(found->second)), ++known;
  });
  if (known != fields.size())
    throw std::runtime_error("a work has other fields than these: " + text);
  return use;
}

static Measurement readMeasurement(const std::string &line, const Gpu &gpu) {
  std::vector<std::string> cells = parts(line, ',');
  Measurement point{cells.at(0), cells.at(1), std::stoll(cells.at(2)),
                    cells.at(3), {},          std::stod(cells.at(4)),
                    {}};
  for (const std::string &use : parts(cells.at(6), ';'))
    point.uses.push_back(readUse(use));
  auto schedule = readSchedule(point.text, mostRows(point.uses), gpu);
  if (!schedule)
    throw std::runtime_error("no schedule of " + point.kernel + ": " + point.text);
  point.schedule = *schedule;
  return point;
}

std::vector<Measurement> costtest::readSweep(const std::string &path, const Gpu &gpu) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line); // names
  std::vector<Measurement> points;
  while (std::getline(file, line))
    points.push_back(readMeasurement(line, gpu));
  return points;
}

double costtest::predictMeasured(const Measurement &point, const Gpu &gpu, double floor) {
  double sum = 0;
  for (const Use &use : point.uses) {
    Work work = use.work;
    work.weightRead = 0;
    double one = predict(work, point.schedule, point.batch, gpu).seconds * 1e6 + gpu.launchGapUs;
    sum += use.count * std::max(one, floor * (point.schedule.isSplit() ? 2 : 1));
  }
  return sum;
}
