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
#include <sys/mman.h>
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

/// What stands where the file should be, if that helps.
std::string missingText(const std::string &path) {
  std::string reason = quoted(path) + ": " + systemError();
  if (errno != ENOENT)
    return reason;
  std::string index = path + ".index.json";
  std::string pickle = path.substr(0, path.find_last_of('/') + 1) + "pytorch_model.bin";
  if (access(index.c_str(), F_OK) == 0)
    return quoted(path) + " is missing and " + quoted(index) +
           " lists shards, which are not read; save the model as one file "
           "(save_pretrained with max_shard_size='100GB')";
  if (endsWith(path, ".safetensors") && access(pickle.c_str(), F_OK) == 0)
    return quoted(path) + " is missing; " + pickleText(pickle);
  return reason;
}

/// Reads a header. Every method appends what was wrong to nothing: the first problem is returned.
class HeaderReader {
public:
  HeaderReader(std::string_view header, std::span<const uint8_t> data) : json(header), data(data) {}

  Result<void> read(std::vector<FileTensor> &tensors, std::map<std::string, std::string> &meta) {
    std::string key;
    json.beginObject();
    for (bool first = true; json.nextKey(key, first);) {
      if (key == "__metadata__") {
        if (auto done = readMetadata(meta); !done)
          return done.takeError();
        continue;
      }
      FileTensor tensor{key, FileType::F64, {}, 0, {}};
      if (auto done = readTensor(tensor); !done)
        return Error{"tensor " + quoted(key) + ": " + done.error()};
      tensors.push_back(std::move(tensor));
    }
    if (!json.end())
      return Error{"header: " + json.error()};
    return {};
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
      if (which < 3 && std::exchange(seen[which], true))
        return Error{quoted(key) + " stands twice"};
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
    if (begin > end || end > data.size())
      return Error{"data_offsets " + std::to_string(begin) + " to " + std::to_string(end) +
                   " are outside the file's " + std::to_string(data.size()) + " bytes of data"};
    if (count > limit / 8 || count * types[which].size != end - begin)
      return Error{"shape " + shapeText(tensor.shape) + " of " + type + " needs " +
                   std::to_string(count * types[which].size) + " bytes, data_offsets give " +
                   std::to_string(end - begin)};
    tensor.count = int64_t(count);
    tensor.bytes = data.subspan(begin, end - begin);
    return {};
  }

  JsonCursor json;
  std::span<const uint8_t> data;
};

/// Tensors fill the data without overlap and without a gap, as the format demands.
Result<void> checkLayout(const std::vector<FileTensor> &tensors, std::span<const uint8_t> data) {
  std::vector<const FileTensor *> order;
  for (const FileTensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const FileTensor *a, const FileTensor *b) {
    auto key = [](const FileTensor *t) { return std::pair(t->bytes.data(), t->bytes.size()); };
    return key(a) < key(b);
  });
  size_t at = 0;
  const FileTensor *last = nullptr;
  for (const FileTensor *tensor : order) {
    size_t begin = tensor->bytes.data() - data.data();
    if (begin < at)
      return Error{"tensor " + quoted(tensor->name) + " overlaps " + quoted(last->name)};
    if (begin > at)
      return Error{"tensor " + quoted(tensor->name) + " begins at byte " + std::to_string(begin) +
                   ", expected " + std::to_string(at) + "; nothing may lie between tensors"};
    at = begin + tensor->bytes.size();
    if (!tensor->bytes.empty())
      last = tensor;
  }
  if (at != data.size())
    return Error{"its tensors end at byte " + std::to_string(at) + " of the data, which has " +
                 std::to_string(data.size())};
  return {};
}

/// Element `i` of a tensor as f64; `Stored` is what the file holds.
template <class Stored, class Out, class Convert>
void convertAll(const FileTensor &tensor, Out *out, Convert convert) {
  const uint8_t *bytes = tensor.bytes.data();
  for (int64_t i = 0; i != tensor.count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored)); // may be misaligned
    out[i] = Out(convert(stored));
  }
}

template <class Stored, class Out> Result<void> convertWide(const FileTensor &tensor, Out *out) {
  bool fits = true;
  convertAll<Stored>(tensor, out, [&](Stored v) {
    constexpr Stored limit = Stored(1) << 53;
    fits &= v <= limit && (std::is_unsigned_v<Stored> || v >= Stored(0) - limit);
    return v;
  });
  if (!fits)
    return Error{quoted(tensor.name) + " holds integers beyond 2^53, which have no exact float"};
  return {};
}

template <class Out> Result<void> convert(const FileTensor &tensor, Out *out) {
  auto same = [](auto v) { return v; };
  switch (tensor.type) {
  case FileType::F64:
    convertAll<double>(tensor, out, same);
    break;
  case FileType::F32:
    convertAll<float>(tensor, out, same);
    break;
  case FileType::F16:
    convertAll<uint16_t>(tensor, out, halfToFloat);
    break;
  case FileType::BF16:
    convertAll<uint16_t>(tensor, out, bfloatToFloat);
    break;
  case FileType::I64:
    return convertWide<int64_t>(tensor, out);
  case FileType::U64:
    return convertWide<uint64_t>(tensor, out);
  case FileType::I32:
    convertAll<int32_t>(tensor, out, same);
    break;
  case FileType::U32:
    convertAll<uint32_t>(tensor, out, same);
    break;
  case FileType::I16:
    convertAll<int16_t>(tensor, out, same);
    break;
  case FileType::U16:
    convertAll<uint16_t>(tensor, out, same);
    break;
  case FileType::I8:
    convertAll<int8_t>(tensor, out, same);
    break;
  case FileType::U8:
    convertAll<uint8_t>(tensor, out, same);
    break;
  case FileType::Bool:
    convertAll<uint8_t>(tensor, out, [](uint8_t v) { return v != 0; });
    break;
  case FileType::F8E4M3:
  case FileType::F8E5M2:
    return Error{quoted(tensor.name) + " is stored as " + std::string(nameOf(tensor.type)) +
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

void Safetensors::Unmap::operator()(const uint8_t *data) const {
  munmap(const_cast<uint8_t *>(data), size);
}

Result<Safetensors> Safetensors::open(const std::string &path) {
  if (endsWith(path, ".index.json"))
    return Error{quoted(path) + " lists shards, which are not read; save the model as one file "
                                "(save_pretrained with max_shard_size='100GB')"};
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return Error{missingText(path)};
  struct stat status;
  bool known = fstat(file, &status) == 0;
  std::string problem;
  void *data = MAP_FAILED;
  if (!known)
    problem = ": " + systemError();
  else if (S_ISDIR(status.st_mode))
    problem = " is a directory, expected a safetensors file";
  else if (!S_ISREG(status.st_mode))
    problem = " is not a regular file";
  else if (status.st_size == 0)
    problem = " is empty, expected a safetensors file";
  else if ((data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0)) == MAP_FAILED)
    problem = ": " + systemError();
  close(file);
  if (data == MAP_FAILED)
    return Error{quoted(path) + problem};
  std::unique_ptr<const uint8_t, Unmap> mapping(static_cast<const uint8_t *>(data),
                                                Unmap{size_t(status.st_size)});
  auto parsed = parse({mapping.get(), size_t(status.st_size)}, path);
  if (parsed)
    parsed->mapping = std::move(mapping);
  return parsed;
}

Result<Safetensors> Safetensors::parse(std::span<const uint8_t> file, const std::string &path) {
  auto fail = [&](const std::string &text) { return Error{quoted(path) + ": " + text}; };
  if (std::string wrong = unexpectedKind(file, FileWanted::Safetensors, path); !wrong.empty())
    return wrong.find("found a pickle;") != wrong.npos ? Error{pickleText(path)} : fail(wrong);
  if (file.size() < 8)
    return fail("expected at least 8 bytes, found " + std::to_string(file.size()));
  uint64_t length = loadLittle64(file.data());
  if (length > file.size() - 8)
    return fail("its header has " + std::to_string(length) + " bytes, the file only " +
                std::to_string(file.size() - 8) + "; it is cut off or not a safetensors file");
  if (length > maxHeader)
    return fail("its header has " + std::to_string(length) + " bytes, at most " +
                std::to_string(maxHeader) + " are read");
  std::string_view header(reinterpret_cast<const char *>(file.data() + 8), length);
  std::span<const uint8_t> data = file.subspan(8 + length);
  Safetensors result;
  result.name = path;
  if (auto done = HeaderReader(header, data).read(result.list, result.meta); !done)
    return fail(done.error());
  auto byName = [](const FileTensor &a, const FileTensor &b) { return a.name < b.name; };
  std::sort(result.list.begin(), result.list.end(), byName);
  for (size_t i = 1; i < result.list.size(); ++i)
    if (result.list[i - 1].name == result.list[i].name)
      return fail("tensor " + quoted(result.list[i].name) + " stands twice");
  if (auto done = checkLayout(result.list, data); !done)
    return fail(done.error());
  return result;
}

const FileTensor *Safetensors::find(std::string_view tensor) const {
  auto at = std::lower_bound(list.begin(), list.end(), tensor,
                             [](const FileTensor &a, std::string_view b) { return a.name < b; });
  return at != list.end() && at->name == tensor ? &*at : nullptr;
}

Result<void> readF64(const FileTensor &tensor, std::span<double> out) {
  assert(out.size() == size_t(tensor.count) && "one place for each element");
  return convert(tensor, out.data());
}

Result<std::vector<double>> readF64(const FileTensor &tensor) {
  std::vector<double> values(tensor.count);
  if (auto done = convert(tensor, values.data()); !done)
    return done.takeError();
  return values;
}

Result<std::vector<float>> readF32(const FileTensor &tensor) {
  std::vector<float> values(tensor.count);
  if (auto done = convert(tensor, values.data()); !done)
    return done.takeError();
  return values;
}

} // namespace vitrt
