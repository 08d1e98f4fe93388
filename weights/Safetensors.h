//===- Safetensors.h - Read and write safetensors files --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The only file format of weights, inputs and results. A file is checked as a whole
// when it is opened: every tensor's bytes lie in the file, as many as its shape and
// type need, and nothing else is in there. Values are read when they are asked for;
// a file that others change in the meantime is an error, never a signal: it is not
// mapped.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_SAFETENSORS_H
#define VITC_RUNTIME_WEIGHTS_SAFETENSORS_H

#include "weights/Result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrt {

/// Element types a file may have. Values are read of all but the last two.
enum class FileType : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  Bool,
  F8E4M3,
  F8E5M2
};
/// As the format spells it: "F16".
std::string_view nameOf(FileType type);
/// Bytes of one element.
size_t sizeOf(FileType type);
/// True for F64, F32, F16, BF16.
bool isFloat(FileType type);

/// "3072x768"; "scalar" for no dimensions.
std::string shapeText(std::span<const int64_t> shape);
/// In single quotes, control characters replaced, so that a message stays one line.
std::string quoted(std::string_view text);

/// The bytes of an open file, or of memory that outlives this. Const access from any thread.
class FileBytes {
public:
  explicit FileBytes(std::span<const uint8_t> memory) : memory(memory), bytes(memory.size()) {}
  FileBytes(const FileBytes &) = delete;
  ~FileBytes();
  /// Errors begin with the quoted path.
  static Result<std::shared_ptr<const FileBytes>> open(const std::string &path);

  uint64_t size() const { return bytes; }
  /// Fills `out` with the bytes from `begin` on, all of which are below size(). Fails if the file
  /// is no longer as it was opened, by its size and its time of change.
  Result<void> read(uint64_t begin, std::span<uint8_t> out) const;

private:
  FileBytes(int file, uint64_t bytes, int64_t seconds, int64_t nanoseconds)
      : file(file), bytes(bytes), seconds(seconds), nanoseconds(nanoseconds) {}
  bool isUnchanged() const;

  int file = -1; // none: memory
  std::span<const uint8_t> memory;
  uint64_t bytes;
  int64_t seconds = 0, nanoseconds = 0; // of the last change
};

/// A tensor of an open file.
struct FileTensor {
  std::string name;
  FileType type;
  std::vector<int64_t> shape; // row-major; empty for a scalar
  int64_t count;              // elements
  const FileBytes *file;      // lives as long as the Safetensors
  uint64_t begin, size;       // of its bytes there; little-endian, aligned to nothing
};

/// An open file, or all shards of a model. Movable; const access from any thread. Its tensors live
/// as long as it.
class Safetensors {
public:
  /// `path` is a file, or an index of shards ("model.safetensors.index.json"), which are files
  /// beside it; an index is found too where its model.safetensors is asked for and missing. Errors
  /// begin with the quoted path. What is not read is refused by name: pickles with the command that
  /// converts them, directories.
  static Result<Safetensors> open(const std::string &path);
  /// The files that open(path) reads, of which not all need be there: the index and its shards, or
  /// the one file. Of an index that is none, itself.
  static std::vector<std::string> filesOf(const std::string &path);
  /// As open, for bytes that outlive the object; `path` is only for messages.
  static Result<Safetensors> parse(std::span<const uint8_t> file, const std::string &path);

  const std::string &path() const { return name; }
  /// Sorted by name.
  const std::vector<FileTensor> &tensors() const { return list; }
  /// NULL where there is none. Valid as long as the file.
  const FileTensor *find(std::string_view tensor) const;
  /// The strings of `__metadata__`.
  const std::map<std::string, std::string> &metadata() const { return meta; }

private:
  static Result<Safetensors> parse(const std::shared_ptr<const FileBytes> &bytes,
                                   const std::string &path);
  static Result<Safetensors> openShards(const std::string &index);
  static std::vector<std::string> shardsOf(const std::string &index);
  /// Orders tensors; two of one name are an error.
  Result<void> sort();

  std::vector<std::shared_ptr<const FileBytes>> files;
  std::string name;
  std::vector<FileTensor> list;
  std::map<std::string, std::string> meta;
};

/// All values of a tensor, read now: an error if the file has changed. Exact from every type but
/// 64-bit integers beyond 2^53, which are refused as FP8 is. Errors name the tensor, not the file.
Result<std::vector<double>> readF64(const FileTensor &tensor);
/// The same, rounded to nearest where the file holds F64 or large integers.
Result<std::vector<float>> readF32(const FileTensor &tensor);
/// readF32 of the elements from `first` on, as many as `out` has.
Result<void> readF32(const FileTensor &tensor, uint64_t first, std::span<float> out);
/// readF64 into `out`, which has tensor.count elements.
Result<void> readF64(const FileTensor &tensor, std::span<double> out);

/// A tensor to write; `data` has count(shape) * sizeOf(type) bytes and stays the caller's.
struct NewTensor {
  std::string name;
  FileType type;
  std::vector<int64_t> shape;
  const void *data;
};
/// Writes beside `path` and renames, so that no half-written file is ever seen under this name; a
/// pipe or a device is written as it is.
/// Equal tensors give equal bytes. Errors begin with the quoted path.
Result<void> writeSafetensors(const std::string &path, std::span<const NewTensor> tensors);

/// A file of one tensor whose rows come one after another, more than memory may hold. It appears
/// under its name with finish(); without that nothing stays.
class SafetensorsRows {
public:
  /// `perRow` is the shape of a row. Errors are those of writeSafetensors.
  static Result<SafetensorsRows> open(const std::string &path, const std::string &tensor,
                                      FileType type, std::vector<int64_t> perRow);
  SafetensorsRows(SafetensorsRows &&other) noexcept;
  SafetensorsRows &operator=(SafetensorsRows &&) = delete;
  ~SafetensorsRows();

  Result<void> append(std::span<const uint8_t> row);
  Result<void> finish();
  int64_t rows() const { return count; }

private:
  SafetensorsRows() = default;
  std::string header() const;

  std::string path, tensor;
  FileType type = FileType::F32;
  std::vector<int64_t> perRow;
  int file = -1;
  int64_t count = 0;
  uint64_t bytes = 0;
};

/// Writes any file the same way: whole, or not at all.
Result<void> writeFile(const std::string &path, std::span<const std::span<const uint8_t>> parts);
/// Whether a file could be written there now: an error to know before somebody computes for
/// minutes. Leaves nothing.
Result<void> checkWritable(const std::string &path);

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_SAFETENSORS_H
