//===- Config.h - Read a config.json key by key ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A setting that changes the computation and is not understood must be refused,
// never ignored. So every key is asked for by name, and in the end the keys
// nobody asked for are an error. The first error sticks.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_CONFIG_H
#define VITC_FRONTEND_CHECKPOINT_CONFIG_H

#include "weights/Result.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace vitc::checkpoint {

/// Reads a JSON file whose top is an object. Errors begin with the quoted path. Files of more than
/// 16 MiB and nesting deeper than 64 are refused, because the parser recurses.
vitrt::Result<llvm::json::Object> readJsonObject(const std::string &path);

/// Height and width.
struct Size {
  int64_t height = 0, width = 0;
  bool operator==(const Size &) const = default;
};

class Config {
public:
  /// `path` is for messages alone.
  Config(llvm::json::Object object, std::string path)
      : object(std::move(object)), path(std::move(path)) {}

  /// True if the key is there and not null.
  bool has(llvm::StringRef key) const;
  /// Whether the key has this text; does not count as asking for it.
  bool is(llvm::StringRef key, llvm::StringRef text) const;
  /// Its text, if it is one; does not count either.
  std::optional<llvm::StringRef> textOf(llvm::StringRef key) const { return object.getString(key); }
  /// Everything, as the file has it; does not count either.
  const llvm::json::Object &members() const { return object; }
  /// The value, or `fallback` if the key is missing. Without a fallback it is required. Null is as
  /// if the key were missing, with a note, here and below.
  std::string text(llvm::StringRef key, const std::optional<std::string> &fallback = std::nullopt);
  bool flag(llvm::StringRef key, bool fallback);
  /// From 1 to `most`.
  int64_t size(llvm::StringRef key, std::optional<int64_t> fallback = std::nullopt,
               int64_t most = 1 << 24);
  /// From 0 to `most`.
  int64_t count(llvm::StringRef key, int64_t fallback, int64_t most = 1 << 24);
  /// Positive and finite.
  double positive(llvm::StringRef key, double fallback);
  /// Finite, and not below 0.
  double notNegative(llvm::StringRef key, double fallback);
  /// At least one number from 1 to `most`.
  std::vector<int64_t> list(llvm::StringRef key, const std::vector<int64_t> &fallback,
                            int64_t most = 1 << 24);
  /// Finite.
  double number(llvm::StringRef key, double fallback);
  /// A number for both, or [height, width].
  Size sizes(llvm::StringRef key, std::optional<Size> fallback = std::nullopt);
  const llvm::json::Array *array(llvm::StringRef key);
  const llvm::json::Object *dictionary(llvm::StringRef key);
  /// Reads the object of `key` as a config of its own, which has no keys if it is missing: an error
  /// of `read`, a setting that it does not ask for and what it notes are this config's, under the
  /// key "vision_config.hidden_size".
  void within(llvm::StringRef key, llvm::function_ref<void(Config &)> read);

  /// A config of `object`, which is a part of this one or made of it: same file, same wishes. When
  /// it was read, take() gives its notes and its error to this one.
  Config derive(llvm::json::Object object) const;
  void take(const Config &derived);

  /// What the tensors say of a size, which is taken, with a note, where the config says nothing.
  void hint(llvm::StringRef key, int64_t value);
  void hint(llvm::StringRef key, Size value);

  /// The class of the checkpoint whatever the config says; empty if nobody said. See ImportOptions.
  std::string wantedArchitecture;
  /// What --image-size says; no size: that of the config. See imageSize().
  std::optional<Size> wantedImage;
  /// Any size is wanted: images have so many patches then, of whatever size.
  std::optional<Size> wantedGrid;
  /// What was inferred, one line each.
  std::vector<std::string> notes;
  void note(llvm::StringRef key, const std::string &text);
  /// "null" or "missing" or the value, of a key that has() not what is needed.
  std::string found(llvm::StringRef key) const;

  /// Keys that never change what is computed.
  void harmless(llvm::ArrayRef<llvm::StringRef> keys);
  /// A key that changes nothing while it has this value, or none, or null.
  void neutral(llvm::StringRef key, const llvm::json::Value &value);
  /// Refuses all keys that none of the calls above named, in one error.
  void refuseOthers();
  /// The size that the user wants, else `learned`, which `key` says. With a note where patches do
  /// not fill it: what is left over is dropped, as a convolution does. Refused if it holds no
  /// patch.
  Size imageSize(llvm::StringRef key, Size learned, Size patch);
  /// Refuses patches that do not fill the image of `key`, and every other size than that.
  Size fixedImageSize(llvm::StringRef key, Size image, Size patch);
  /// Refuses any size of images, where that is wanted: says why it cannot be had.
  void refuseAnySize(llvm::StringRef key, const std::string &why);
  /// Refuses `divisor`, the value of `key`, if it does not divide the value of `otherKey`.
  void expectDivides(llvm::StringRef key, int64_t divisor, llvm::StringRef otherKey, int64_t other);

  /// "'config.json': 'key': expected ..., found ...". The first one stays.
  void fail(llvm::StringRef key, const std::string &problem);
  /// fail, with the value of the key as what was found.
  void failFound(llvm::StringRef key, const std::string &expected);
  bool failed() const { return !problem.empty(); }
  const std::string &error() const { return problem; }

private:
  const llvm::json::Value *get(llvm::StringRef key, bool required);
  /// Notes that `value` stands for a key that is null.
  void noteNull(llvm::StringRef key, const std::string &value);
  /// What the tensors say of `key`, unless the config says something or `fallback` is the same.
  const Size *hinted(llvm::StringRef key, std::optional<Size> fallback);
  std::optional<int64_t> inRange(const llvm::json::Value &value, int64_t least, int64_t most) const;
  /// Finite, and one that fits.
  double numberWith(llvm::StringRef key, double fallback, bool (*fits)(double),
                    const char *expected);

  /// How a key is named in messages.
  std::string named(llvm::StringRef key) const;

  llvm::json::Object object;
  std::string path, problem;
  std::string section; ///< before all keys in messages: "vision_config."
  llvm::StringSet<> known;
  llvm::StringMap<Size> hints; ///< of a plain number: both are it
};

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_CONFIG_H
