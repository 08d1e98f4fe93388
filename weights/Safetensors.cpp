//===- Safetensors.cpp - Read and write safetensors files ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A file is 8 bytes of header length, a JSON header, and the tensors' bytes.
// The header comes from strangers: each number is checked before it is used,
// in unsigned 64-bit arithmetic that cannot wrap.
//===----------------------------------------------------------------------===//
#include "weights/Safetensors.h"
#include "weights/FileKind.h"
#include "weights/Float.h"
#include "weights/Json.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitrt {
namespace {

struct TypeInfo {
  std::string_view name;
  size_t size;
};
constexpr TypeInfo types[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
                              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
                              {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

constexpr uint64_t maxHeader = 100'000'000; // the format's own limit

std::string systemError() { return std::strerror(errno); }

uint64_t loadLittle64(const uint8_t *bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The text that refuses a pickle, with the command that converts it.
std::string pickleText(const std::string &path) {
  std::string target = path.substr(0, path.find_last_of('/') + 1) + "model.safetensors";
  return quoted(path) +
         " is a pickle, which is not read because loading one runs code; convert it: python3 -c "
         "\"import torch, safetensors.torch as s; s.save_file({k: v.clone().contiguous() for k, v "
         "in torch.load('" +
         path + "', map_location='cpu', weights_only=True).items()}, '" + target + "')\"";
}

bool endsWith(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}

/// "; give 'model/model.safetensors.index.json'": what is meant by a directory, if it is there.
std::string fileInside(const std::string &directory) {
  for (const char *name :
       {"model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
        "open_clip_model.safetensors.index.json"}) {
    std::string path = directory + (endsWith(directory, "/") ? "" : "/") + name;
    if (access(path.c_str(), F_OK) == 0)
      return "; give " + quoted(path);
  }
  return "";
}

/// What stands where the file should be, if that helps.
std::string missingText(const std::string &path) {
  std::string reason = quoted(path) + ": " + systemError();
  if (errno != ENOENT)
    return reason;
  std::string pickle = path.substr(0, path.find_last_of('/') + 1) + "pytorch_model.bin";
  if (endsWith(path, ".safetensors") && access(pickle.c_str(), F_OK) == 0)
    return quoted(path) + " is missing; " + pickleText(pickle);
  return reason;
}

/// Reads a header. Every method appends what was wrong to nothing: the first problem is returned.
class HeaderReader {
public:
  /// `file` has its data from `dataBegin` on.
  HeaderReader(std::string_view header, const FileBytes &file, uint64_t dataBegin)
      : json(header), file(file), dataBegin(dataBegin) {}

  Result<void> read(std::vector<FileTensor> &tensors, std::map<std::string, std::string> &meta) {
    std::string key;
    json.beginObject();
    for (bool first = true; json.nextKey(key, first);) {
      if (key == "__metadata__") {
        if (auto done = readMetadata(meta); !done)
          return done.takeError();
        continue;
      }
      FileTensor tensor{key, FileType::F64, {}, 0, &file, 0, 0};
      if (auto done = readTensor(tensor); !done)
        return Error{"tensor " + quoted(key) + ": " + done.error()};
      tensors.push_back(std::move(tensor));
    }
    if (!json.end())
      return Error{(json.isDuplicate() ? "tensor " : "header: ") + json.error()};
    return checkEnd(tensors);
  }

private:
  Result<void> readMetadata(std::map<std::string, std::string> &meta) {
    std::string key, value;
    json.beginObject();
    for (bool first = true; json.nextKey(key, first);)
      if (json.string(value))
        meta[key] = value;
    if (json.failed())
      return Error{"header: __metadata__: " + json.error()};
    return {};
  }

  Result<void> readTensor(FileTensor &tensor) {
    std::string key, type;
    std::vector<uint64_t> shape, range;
    bool seen[3] = {};
    json.beginObject();
    for (bool first = true; json.nextKey(key, first);) {
      constexpr std::string_view fields[] = {"dtype", "shape", "data_offsets"};
      size_t which = std::find(fields, fields + 3, key) - fields;
      if (which < 3)
        seen[which] = true;
      bool good = which == 0   ? json.string(type)
                  : which == 1 ? readIntegers(shape)
                  : which == 2 ? readIntegers(range)
                               : json.skip();
      if (!good)
        break;
    }
    if (json.failed())
      return Error{json.error()};
    if (!seen[0] || !seen[1] || !seen[2])
      return Error{"expected dtype, shape and data_offsets"};
    if (range.size() != 2)
      return Error{"expected two data_offsets, found " + std::to_string(range.size())};
    return check(tensor, type, shape, range[0], range[1]);
  }

  /// What lies behind the end of the file, which only the whole header says.
  Result<void> checkEnd(const std::vector<FileTensor> &tensors) const {
    uint64_t wanted = file.size();
    const FileTensor *beyond = nullptr;
    for (const FileTensor &tensor : tensors)
      if (uint64_t end = tensor.begin + tensor.size; end > file.size()) {
        beyond = beyond ? beyond : &tensor;
        wanted = std::max(wanted, end);
      }
    if (!beyond)
      return {};
    uint64_t begin = beyond->begin - dataBegin;
    return Error{"tensor " + quoted(beyond->name) + ": data_offsets " + std::to_string(begin) +
                 " to " + std::to_string(begin + beyond->size) + " are outside the file's " +
                 std::to_string(file.size() - dataBegin) +
                 " bytes of data; by its header the file " + "has " + std::to_string(wanted) +
                 " bytes, found " + std::to_string(file.size()) +
                 ": it is cut off, download it again"};
  }

  bool readIntegers(std::vector<uint64_t> &out) {
    json.beginArray();
    for (bool first = true; json.nextElement(first);) {
      uint64_t value;
      if (json.unsignedInteger(value))
        out.push_back(value);
    }
    return !json.failed();
  }

  Result<void> check(FileTensor &tensor, const std::string &type,
                     const std::vector<uint64_t> &shape, uint64_t begin, uint64_t end) {
    size_t which = 0;
    while (which < std::size(types) && types[which].name != type)
      ++which;
    if (which == std::size(types))
      return Error{"unknown dtype " + quoted(type)};
    tensor.type = FileType(which);
    // Any product above this is larger than every file; a zero later in the shape does not excuse
    // it.
    constexpr uint64_t limit = uint64_t(1) << 60;
    uint64_t count = 1;
    for (uint64_t extent : shape) {
      if (extent >= limit || (extent != 0 && count > limit / extent))
        return Error{"its shape has more than 2^60 elements"};
      count *= extent;
      tensor.shape.push_back(int64_t(extent));
    }
    uint64_t dataSize = file.size() - dataBegin;
    if (begin > end || end > limit)
      return Error{"data_offsets " + std::to_string(begin) + " to " + std::to_string(end) +
                   " are outside the file's " + std::to_string(dataSize) + " bytes of data"};
    if (count > limit / 8 || count * types[which].size != end - begin)
      return Error{"shape " + shapeText(tensor.shape) + " of " + type + " needs " +
                   std::to_string(count * types[which].size) + " bytes, data_offsets give " +
                   std::to_string(end - begin)};
    tensor.count = int64_t(count);
    tensor.begin = dataBegin + begin;
    tensor.size = end - begin;
    return {};
  }

  JsonCursor json;
  const FileBytes &file;
  uint64_t dataBegin;
};

/// Tensors fill the data without overlap and without a gap, as the format demands.
Result<void> checkLayout(const std::vector<FileTensor> &tensors, uint64_t dataBegin,
                         uint64_t dataSize) {
  std::vector<const FileTensor *> order;
  for (const FileTensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const FileTensor *a, const FileTensor *b) {
    return std::pair(a->begin, a->size) < std::pair(b->begin, b->size);
  });
  uint64_t at = 0;
  const FileTensor *last = nullptr;
  for (const FileTensor *tensor : order) {
    uint64_t begin = tensor->begin - dataBegin;
    if (begin < at)
      return Error{"tensor " + quoted(tensor->name) + " overlaps " + quoted(last->name)};
    if (begin > at)
      return Error{"tensor " + quoted(tensor->name) + " begins at byte " + std::to_string(begin) +
                   ", expected " + std::to_string(at) + "; nothing may lie between tensors"};
    at = begin + tensor->size;
    if (tensor->size)
      last = tensor;
  }
  if (at != dataSize)
    return Error{"its tensors end at byte " + std::to_string(at) + " of the data, which has " +
                 std::to_string(dataSize)};
  return {};
}

/// Elements of a tensor from `first` on.
template <class Out> struct Reading {
  const FileTensor &tensor;
  uint64_t first;
  std::span<Out> out;

  Result<void> fill(uint64_t begin, std::span<uint8_t> bytes) const {
    if (auto done = tensor.file->read(tensor.begin + begin, bytes); !done)
      return Error{quoted(tensor.name) + ": " + done.error()};
    return {};
  }
};

/// Reads them in pieces of the file; `Stored` is what it holds.
template <class Stored, class Out, class Convert>
Result<void> convertAll(const Reading<Out> &reading, Convert convert) {
  uint64_t at = reading.first * sizeof(Stored), end = at + reading.out.size() * sizeof(Stored);
  constexpr uint64_t piece = uint64_t(1) << 20; // a multiple of every size
  std::vector<uint8_t> buffer(std::min(end - at, piece));
  for (Out *out = reading.out.data(); at != end;) {
    std::span<uint8_t> part(buffer.data(), std::min(end - at, piece));
    if (auto done = reading.fill(at, part); !done)
      return done;
    for (size_t i = 0; i != part.size(); i += sizeof(Stored)) {
      Stored stored;
      std::memcpy(&stored, &part[i], sizeof(Stored));
      *out++ = Out(convert(stored));
    }
    at += part.size();
  }
  return {};
}

template <class Stored, class Out> Result<void> convertWide(const Reading<Out> &reading) {
  bool fits = true;
  auto done = convertAll<Stored>(reading, [&](Stored v) {
    constexpr Stored limit = Stored(1) << 53;
    fits &= v <= limit && (std::is_unsigned_v<Stored> || v >= Stored(0) - limit);
    return v;
  });
  if (done && !fits)
    return Error{quoted(reading.tensor.name) +
                 " holds integers beyond 2^53, which have no exact float"};
  return done;
}

/// What the file holds as it is.
template <class Out> Result<void> copyAll(const Reading<Out> &reading) {
  auto *bytes = reinterpret_cast<uint8_t *>(reading.out.data());
  return reading.fill(reading.first * sizeof(Out), {bytes, reading.out.size_bytes()});
}

template <class Out> Result<void> convert(const Reading<Out> &reading) {
  auto same = [](auto v) { return v; };
  switch (reading.tensor.type) {
  case FileType::F64:
    return convertAll<double>(reading, same);
  case FileType::F32:
    if constexpr (std::is_same_v<Out, float>)
      return copyAll(reading);
    return convertAll<float>(reading, same);
  case FileType::F16:
    return convertAll<uint16_t>(reading, halfToFloat);
  case FileType::BF16:
    return convertAll<uint16_t>(reading, bfloatToFloat);
  case FileType::I64:
    return convertWide<int64_t>(reading);
  case FileType::U64:
    return convertWide<uint64_t>(reading);
  case FileType::I32:
    return convertAll<int32_t>(reading, same);
  case FileType::U32:
    return convertAll<uint32_t>(reading, same);
  case FileType::I16:
    return convertAll<int16_t>(reading, same);
  case FileType::U16:
    return convertAll<uint16_t>(reading, same);
  case FileType::I8:
    return convertAll<int8_t>(reading, same);
  case FileType::U8:
    return convertAll<uint8_t>(reading, same);
  case FileType::Bool:
    return convertAll<uint8_t>(reading, [](uint8_t v) { return v != 0; });
  case FileType::F8E4M3:
  case FileType::F8E5M2:
    return Error{quoted(reading.tensor.name) + " is stored as " +
                 std::string(nameOf(reading.tensor.type)) +
                 ", which is not read; store it as F32, F16 or BF16"};
  }
  return {};
}

} // namespace

std::string_view nameOf(FileType type) { return types[size_t(type)].name; }
size_t sizeOf(FileType type) { return types[size_t(type)].size; }
bool isFloat(FileType type) { return type <= FileType::BF16; }

std::string shapeText(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return shape.empty() ? "scalar" : text;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text)
    out += (unsigned char)c < 0x20 || c == 0x7F ? '?' : c;
  return out + "'";
}

FileBytes::~FileBytes() {
  if (file >= 0)
    close(file);
}

Result<std::shared_ptr<const FileBytes>> FileBytes::open(const std::string &path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return Error{missingText(path)};
  struct stat status;
  std::string problem;
  if (fstat(file, &status) != 0)
    problem = ": " + systemError();
  else if (S_ISDIR(status.st_mode))
    problem = " is a directory, expected a safetensors file" + fileInside(path);
  else if (!S_ISREG(status.st_mode))
    problem = " is not a regular file";
  else if (status.st_size == 0)
    problem = " is empty, expected a safetensors file";
  if (problem.empty())
    return std::shared_ptr<const FileBytes>(new FileBytes(
        file, uint64_t(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  close(file);
  return Error{quoted(path) + problem};
}

bool FileBytes::isUnchanged() const {
  struct stat now;
  return fstat(file, &now) == 0 && uint64_t(now.st_size) == bytes &&
         now.st_mtim.tv_sec == seconds && now.st_mtim.tv_nsec == nanoseconds;
}

Result<void> FileBytes::read(uint64_t begin, std::span<uint8_t> out) const {
  assert(begin <= bytes && out.size() <= bytes - begin && "only what is in the file is asked for");
  if (file < 0) {
    std::copy_n(memory.data() + begin, out.size(), out.data());
    return {};
  }
  for (size_t at = 0; at != out.size();) {
    ssize_t count = pread(file, out.data() + at, out.size() - at, off_t(begin + at));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return Error{"the file cannot be read: " + systemError()};
    if (count == 0)
      break;
    at += size_t(count);
  }
  if (!isUnchanged()) // after the bytes: they may be of both versions
    return Error{"the file was changed while it was read; write a new file and rename it over the "
                 "old one"};
  return {};
}

/// The index of shards that `path` is, or stands for; empty for none.
static std::string indexOf(const std::string &path) {
  if (endsWith(path, ".index.json"))
    return path;
  std::string index = path + ".index.json";
  bool missing = access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  return missing && access(index.c_str(), F_OK) == 0 ? index : "";
}

std::vector<std::string> Safetensors::filesOf(const std::string &path) {
  std::string index = indexOf(path);
  return index.empty() ? std::vector{path} : shardsOf(index);
}

Result<Safetensors> Safetensors::open(const std::string &path) {
  if (std::string index = indexOf(path); !index.empty())
    return openShards(index);
  auto file = FileBytes::open(path);
  if (!file)
    return file.takeError();
  return parse(*file, path);
}

Result<Safetensors> Safetensors::parse(std::span<const uint8_t> file, const std::string &path) {
  return parse(std::make_shared<const FileBytes>(file), path);
}

Result<Safetensors> Safetensors::parse(const std::shared_ptr<const FileBytes> &bytes,
                                       const std::string &path) {
  auto fail = [&](const std::string &text) { return Error{quoted(path) + ": " + text}; };
  const FileBytes &file = *bytes;
  std::vector<uint8_t> head(std::min<uint64_t>(4096, file.size()));
  if (auto done = file.read(0, head); !done)
    return fail(done.error());
  if (std::string wrong = unexpectedKind(head, FileWanted::Safetensors, path); !wrong.empty())
    return wrong.find("found a pickle;") != wrong.npos ? Error{pickleText(path)} : fail(wrong);
  if (file.size() < 8)
    return fail("expected at least 8 bytes, found " + std::to_string(file.size()));
  uint64_t length = loadLittle64(head.data());
  if (length > file.size() - 8)
    return fail("its header has " + std::to_string(length) + " bytes, the file only " +
                std::to_string(file.size() - 8) + "; it is cut off or not a safetensors file");
  if (length > maxHeader)
    return fail("its header has " + std::to_string(length) + " bytes, at most " +
                std::to_string(maxHeader) + " are read");
  std::string header(length, 0);
  if (auto done = file.read(8, {reinterpret_cast<uint8_t *>(header.data()), length}); !done)
    return fail(done.error());
  Safetensors result;
  result.files.push_back(bytes);
  result.name = path;
  if (auto done = HeaderReader(header, file, 8 + length).read(result.list, result.meta); !done)
    return fail(done.error());
  if (auto sorted = result.sort(); !sorted)
    return sorted.takeError();
  if (auto done = checkLayout(result.list, 8 + length, file.size() - 8 - length); !done)
    return fail(done.error());
  return result;
}

Result<void> Safetensors::sort() {
  auto byName = [](const FileTensor &a, const FileTensor &b) { return a.name < b.name; };
  std::sort(list.begin(), list.end(), byName);
  for (size_t i = 1; i < list.size(); ++i)
    if (list[i - 1].name == list[i].name)
      return Error{quoted(name) + ": tensor " + quoted(list[i].name) + " stands twice"};
  return {};
}

const FileTensor *Safetensors::find(std::string_view tensor) const {
  auto at = std::lower_bound(list.begin(), list.end(), tensor,
                             [](const FileTensor &a, std::string_view b) { return a.name < b; });
  return at != list.end() && at->name == tensor ? &*at : nullptr;
}

Result<void> readF64(const FileTensor &tensor, std::span<double> out) {
  assert(out.size() == size_t(tensor.count) && "one place for each element");
  return convert(Reading<double>{tensor, 0, out});
}

Result<std::vector<double>> readF64(const FileTensor &tensor) {
  std::vector<double> values(tensor.count);
  if (auto done = readF64(tensor, values); !done)
    return done.takeError();
  return values;
}

Result<void> readF32(const FileTensor &tensor, uint64_t first, std::span<float> out) {
  assert(first <= uint64_t(tensor.count) && out.size() <= uint64_t(tensor.count) - first &&
         "only elements of the tensor are asked for");
  return convert(Reading<float>{tensor, first, out});
}

Result<std::vector<float>> readF32(const FileTensor &tensor) {
  std::vector<float> values(tensor.count);
  if (auto done = readF32(tensor, 0, values); !done)
    return done.takeError();
  return values;
}

} // namespace vitrt
