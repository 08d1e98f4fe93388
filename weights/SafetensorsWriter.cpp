//===- SafetensorsWriter.cpp - Whole files or none -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A file is written under a temporary name in the folder of its target and
// renamed when it is complete; pipes and devices are written as they are. Tensors are ordered by
// element size and name, so that each is aligned and equal contents give equal bytes.
//===----------------------------------------------------------------------===//
#include "weights/Json.h"
#include "weights/Safetensors.h"
#include "weights/Temporaries.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace vitrt {
namespace {

bool writeAll(int file, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes = bytes.subspan(written);
  }
  return true;
}

Error unwritable(const std::string &path, const std::string &text) {
  return Error{quoted(path) + ": " + text};
}

std::string temporaryOf(const std::string &path) {
  return path + ".tmp." + std::to_string(getpid());
}

Error failed(const std::string &path, int error) {
  return unwritable(path, std::string("cannot be written: ") + std::strerror(error));
}

/// A pipe or a device, which no file can take the place of.
bool isStream(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode));
}

/// Opens an empty file beside `path` that can be renamed to it.
Result<int> openBeside(const std::string &path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return unwritable(path, S_ISDIR(status.st_mode) ? "is a directory, expected a file to write"
                                                    : "is not a regular file");
  int file = open(temporaryOf(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return failed(path, errno);
  rememberTemporary(temporaryOf(path));
  return file;
}

/// Removes what openBeside made.
void giveUp(const std::string &temporary) {
  unlink(temporary.c_str());
  forgetTemporary(temporary);
}

} // namespace

Result<void> checkWritable(const std::string &path) {
  if (isStream(path)) // opened once alone: whoever reads a pipe would see its end
    return access(path.c_str(), W_OK) == 0 ? Result<void>() : failed(path, errno);
  auto file = openBeside(path);
  if (!file)
    return file.takeError();
  close(*file);
  giveUp(temporaryOf(path));
  return {};
}

/// Writes all of `parts` and closes `file`; an errno, 0 if all went well.
static int writeParts(int file, std::span<const std::span<const uint8_t>> parts) {
  bool good = true;
  for (std::span<const uint8_t> part : parts)
    good = good && writeAll(file, part);
  int problem = good ? 0 : errno;
  return close(file) != 0 && good ? errno : problem;
}

Result<void> writeFile(const std::string &path, std::span<const std::span<const uint8_t>> parts) {
  if (isStream(path)) {
    int stream = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    int problem = stream < 0 ? errno : writeParts(stream, parts);
    return problem ? failed(path, problem) : Result<void>();
  }
  auto file = openBeside(path);
  if (!file)
    return file.takeError();
  int problem = writeParts(*file, parts);
  std::string temporary = temporaryOf(path);
  if (!problem && rename(temporary.c_str(), path.c_str()) != 0)
    problem = errno;
  if (!problem)
    return forgetTemporary(temporary), Result<void>();
  giveUp(temporary);
  return failed(path, problem);
}

Result<void> writeSafetensors(const std::string &path, std::span<const NewTensor> tensors) {
  std::vector<const NewTensor *> order;
  for (const NewTensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const NewTensor *a, const NewTensor *b) {
    size_t sizeA = sizeOf(a->type), sizeB = sizeOf(b->type);
    return sizeA != sizeB ? sizeA > sizeB : a->name < b->name;
  });
  std::string header = "{";
  std::vector<std::span<const uint8_t>> parts(1);
  uint64_t at = 0;
  for (const NewTensor *tensor : order) {
    uint64_t bytes = sizeOf(tensor->type);
    std::string shape;
    for (int64_t extent : tensor->shape) {
      bytes *= uint64_t(extent);
      shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    }
    header += (at || header.size() > 1 ? "," : "") + jsonString(tensor->name) + ":{\"dtype\":\"" +
              std::string(nameOf(tensor->type)) + "\",\"shape\":[" + shape +
              "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + bytes) + "]}";
    parts.emplace_back(static_cast<const uint8_t *>(tensor->data), bytes);
    at += bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' '); // the data begins at a multiple of 8
  uint64_t length = header.size();
  std::string start(8, '\0');
  std::memcpy(start.data(), &length, 8);
  start += header;
  parts[0] = {reinterpret_cast<const uint8_t *>(start.data()), start.size()};
  return writeFile(path, parts);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Result<SafetensorsRows> SafetensorsRows::open(const std::string &path, const std::string &tensor,
                                              FileType type, std::vector<int64_t> perRow) {
  auto file = openBeside(path);
  if (!file)
    return file.takeError();
  SafetensorsRows rows;
  rows.path = path;
  rows.tensor = tensor;
  rows.type = type;
  rows.perRow = std::move(perRow);
  rows.file = *file;
  std::string start = rows.header(); // its length does not depend on the number of rows
  if (!writeAll(rows.file, {reinterpret_cast<const uint8_t *>(start.data()), start.size()}))
    return failed(path, errno);
  return rows;
}

SafetensorsRows::SafetensorsRows(SafetensorsRows &&other) noexcept
    : path(std::move(other.path)), tensor(std::move(other.tensor)), type(other.type),
      perRow(std::move(other.perRow)), file(std::exchange(other.file, -1)), count(other.count),
      bytes(other.bytes) {}

SafetensorsRows::~SafetensorsRows() {
  if (file < 0)
    return;
  close(file);
  giveUp(temporaryOf(path));
}

std::string SafetensorsRows::header() const {
  std::string shape = std::to_string(count);
  for (int64_t extent : perRow)
    shape += "," + std::to_string(extent);
  std::string text = "{" + jsonString(tensor) + ":{\"dtype\":\"" + std::string(nameOf(type)) +
                     "\",\"shape\":[" + shape + "],\"data_offsets\":[0," + std::to_string(bytes) +
                     "]}}";
  constexpr size_t numbers = 40; // the longest that count and bytes can become
  std::string longest = jsonString(tensor);
  size_t length = (longest.size() + 20 * perRow.size() + 64 + numbers + 7) / 8 * 8;
  text.resize(length, ' ');
  uint64_t size = length;
  std::string start(8, '\0');
  std::memcpy(start.data(), &size, 8);
  return start + text;
}

Result<void> SafetensorsRows::append(std::span<const uint8_t> row) {
  if (!writeAll(file, row))
    return failed(path, errno);
  ++count;
  bytes += row.size();
  return {};
}

Result<void> SafetensorsRows::finish() {
  std::string start = header(), temporary = temporaryOf(path);
  bool good = lseek(file, 0, SEEK_SET) == 0 &&
              writeAll(file, {reinterpret_cast<const uint8_t *>(start.data()), start.size()});
  int problem = good ? 0 : errno;
  if (close(std::exchange(file, -1)) != 0 && good)
    good = false, problem = errno;
  if (good && rename(temporary.c_str(), path.c_str()) != 0)
    good = false, problem = errno;
  if (good)
    return forgetTemporary(temporary), Result<void>();
  giveUp(temporary);
  return failed(path, problem);
}

} // namespace vitrt
