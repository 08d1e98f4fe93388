//===- Tuning.cpp - What was measured of candidate schedules ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Tuning.h"
#include "driver/run/ReadFile.h"
#include "weights/FileKind.h"
#include "weights/Json.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

namespace vitc::driver {

using vitrt::JsonCursor;
using vitrt::jsonString;
using vitrt::quoted;

uint64_t scheduleHash(std::string_view schedule) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : schedule)
    hash = (hash ^ uint8_t(c)) * 0x100000001b3;
  return hash;
}

std::string hashText(uint64_t hash) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
  return text;
}

/// "rtx4090" of "NVIDIA GeForce RTX 4090", "a100" of "NVIDIA A100-SXM4-80GB": without the names of
/// the maker and of the socket, and without the memory.
static std::string shortName(std::string_view device) {
  std::string name, word;
  auto add = [&] {
    constexpr std::string_view plain[] = {"nvidia", "geforce", "tesla",
                                          "pcie",   "nvl",     "generation"};
    bool memory = word.size() > 2 && word.ends_with("gb") && isdigit((unsigned char)word[0]);
    if (std::find(std::begin(plain), std::end(plain), word) == std::end(plain) && !memory &&
        !word.starts_with("sxm") && !word.starts_with("hbm"))
      name += word;
    word.clear();
  };
  for (char c : device)
    if (isalnum((unsigned char)c))
      word += char(tolower((unsigned char)c));
    else
      add();
  add();
  return name;
}

std::string objectionToDevice(std::string_view measured, std::string_view gpu) {
  std::string remedy =
      "; run vit-run --tune on a GPU of that kind, or build with --gpu of what was "
      "measured";
  if (measured.empty())
    return "expected measurements of " + std::string(gpu) + ", found no name of a GPU" + remedy;
  if (measured.find("emulator") != measured.npos)
    return "expected measurements of " + std::string(gpu) + ", found those of " + quoted(measured) +
           ", whose times say nothing about a GPU; run vit-run --tune on one";
  if (shortName(measured) == shortName(gpu))
    return "";
  return "expected measurements of " + std::string(gpu) + ", found those of " + quoted(measured) +
         remedy;
}

std::string tuningJson(const Tuning &tuning) {
  std::string text = "{\n  \"gpu\": " + jsonString(tuning.gpu) +
                     ",\n  \"driver\": " + jsonString(tuning.driver) + ",\n  \"entries\": [";
  for (const TuningEntry &entry : tuning.entries) {
    char time[32];
    snprintf(time, sizeof time, "%.3f", entry.microseconds);
    text += &entry == tuning.entries.data() ? "\n" : ",\n";
    text += "    {\"kernel\": " + jsonString(entry.kernel) +
            ", \"kernel_hash\": " + jsonString(entry.kernelHash) +
            ", \"batch\": " + std::to_string(entry.batch) +
            ", \"schedule\": " + jsonString(entry.schedule) +
            ", \"schedule_hash\": " + jsonString(entry.scheduleHash) + ", \"us\": " + time + "}";
  }
  return text + "\n  ]\n}\n";
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

/// Reads one entry; keys it does not know are passed over, for later versions may have more.
bool readEntry(JsonCursor &json, TuningEntry &entry) {
  std::string key;
  json.beginObject();
  for (bool first = true; json.nextKey(key, first);) {
    uint64_t batch = 0, rows = 0;
    if (key == "kernel")
      json.string(entry.kernel);
    else if (key == "kernel_hash")
      json.string(entry.kernelHash);
    else if (key == "batch")
      json.unsignedInteger(batch) && (entry.batch = int64_t(std::min<uint64_t>(batch, 1 << 30)));
    else if (key == "rows")
      json.unsignedInteger(rows) && (entry.rows = int64_t(std::min<uint64_t>(rows, 1u << 31)));
    else if (key == "schedule")
      json.string(entry.schedule);
    else if (key == "schedule_hash")
      json.string(entry.scheduleHash);
    else if (key == "us")
      json.number(entry.microseconds);
    else
      json.skip();
  }
  return !json.failed();
}

/// What is wrong with an entry by itself; empty if nothing is.
std::string problemOf(const TuningEntry &entry) {
  if (entry.kernel.empty() || entry.kernelHash.empty() || entry.schedule.empty() ||
      entry.scheduleHash.empty() || entry.batch < 1)
    return "expected kernel, kernel_hash, batch, schedule and schedule_hash in every entry";
  if (std::string hash = hashText(scheduleHash(entry.schedule)); hash != entry.scheduleHash)
    return "the entry of kernel " + quoted(entry.kernel) + " at batch " +
           std::to_string(entry.batch) + " is stale: schedule '" + entry.schedule + "' has hash " +
           hash + ", not " + entry.scheduleHash + "; tune again";
  return "";
}

} // namespace

Result<Tuning> parseTuning(std::string_view text) {
  Tuning tuning;
  JsonCursor json(text);
  std::string key;
  bool entries = false;
  json.beginObject();
  for (bool first = true; json.nextKey(key, first);) {
    if (key == "gpu")
      json.string(tuning.gpu);
    else if (key == "driver")
      json.string(tuning.driver);
    else if (key == "entries") {
      entries = true;
      json.beginArray();
      for (bool firstEntry = true; json.nextElement(firstEntry);)
        if (TuningEntry entry; readEntry(json, entry))
          tuning.entries.push_back(std::move(entry));
    } else
      json.skip();
  }
  json.end();
  if (json.failed())
    return Error{json.error()};
  if (!entries)
    return Error{"has no entries; expected what vit-run --tune writes"};
  for (size_t i = 0; i != tuning.entries.size(); ++i) {
    const TuningEntry &entry = tuning.entries[i];
    if (std::string problem = problemOf(entry); !problem.empty())
      return Error{problem};
    for (size_t j = 0; j != i; ++j)
      if (tuning.entries[j].kernel == entry.kernel && tuning.entries[j].batch == entry.batch)
        return Error{"kernel " + quoted(entry.kernel) + " stands there twice for batch " +
                     std::to_string(entry.batch)};
  }
  return tuning;
}

Result<Tuning> readTuning(const std::string &path, const std::stop_token &stop) {
  auto text = readFile(path, stop);
  if (!text)
    return Error{"tuning file " + quoted(path) + " " + text.error()};
  if (text->find_first_not_of(" \t\r\n") == text->npos)
    return Error{"tuning file " + quoted(path) + " is empty, expected what vit-run --tune writes"};
  if (std::string wrong = vitrt::unexpectedKind(*text, vitrt::FileWanted::Json, path);
      !wrong.empty())
    return Error{"tuning file " + quoted(path) + ": " + wrong};
  auto tuning = parseTuning(vitrt::withoutMark(*text));
  if (!tuning)
    return Error{"tuning file " + quoted(path) + ": " + tuning.error()};
  return tuning;
}

Result<void> writeTuning(const std::string &path, const Tuning &tuning) {
  std::string text = tuningJson(tuning);
  std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t *>(text.data()), text.size());
  if (auto written = vitrt::writeFile(path, {&bytes, 1}); !written)
    return Error{"tuning file " + written.error()};
  return {};
}

} // namespace vitc::driver
