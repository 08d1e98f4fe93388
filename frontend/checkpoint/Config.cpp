//===- Config.cpp - Read a config.json key by key --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// JSON comes from strangers: its depth is checked before the recursive parser
// sees it, and what is quoted of it in a message is short and printable.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Config.h"

#include "weights/FileKind.h"
#include "weights/Json.h"
#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace llvm;

namespace vitc::checkpoint {

/// Nesting of brackets outside of strings.
static int depthOf(StringRef text) {
  int depth = 0, deepest = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"')
      inString = true;
    else if (c == '{' || c == '[')
      deepest = std::max(deepest, ++depth);
    else if (c == '}' || c == ']')
      --depth;
  }
  return deepest;
}

/// "line 3, column 12: NaN in 'eps'": the first number that Python writes and JSON does not have;
/// empty if there is none.
static std::string numberThatIsNone(StringRef text) {
  StringRef lastString, key;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      size_t begin = ++i;
      while (i < text.size() && text[i] != '"')
        i += text[i] == '\\' ? 2 : 1;
      lastString = text.slice(begin, i);
    } else if (text[i] == ':') {
      key = lastString;
    } else {
      for (StringRef number : {"NaN", "-Infinity", "Infinity"})
        if (text.substr(i).starts_with(number)) {
          StringRef before = text.take_front(i);
          return fmt::format("line {}, column {}: {} in {}, which JSON does not have",
                             before.count('\n') + 1, i - (before.rfind('\n') + 1) + 1, number.str(),
                             vitrt::quoted(std::string_view(key)));
        }
    }
  }
  return "";
}

/// The key that stands twice in one object, of which the parser would keep the last.
static std::string duplicateIn(StringRef text) {
  vitrt::JsonCursor cursor{std::string_view(text)};
  cursor.skip();
  return cursor.isDuplicate() ? cursor.error() : "";
}

vitrt::Result<json::Object> readJsonObject(const std::string &path) {
  auto error = [&](const std::string &text) {
    return vitrt::Error{fmt::format("{}: {}", vitrt::quoted(path), text)};
  };
  constexpr uint64_t mostBytes = 16 << 20;
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return error("cannot be read: " + StringRef(code.message()).lower());
  if (status.type() == sys::fs::file_type::directory_file)
    return error("expected a file, found a directory");
  if (status.type() != sys::fs::file_type::regular_file)
    return error("expected a regular file");
  if (status.getSize() > mostBytes)
    return error(fmt::format("expected at most 16 MiB of JSON, found {} bytes", status.getSize()));
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/true,
                                      /*IsVolatile=*/true); // read, not mapped: it may change
  if (!buffer)
    return error("cannot be read: " + StringRef(buffer.getError().message()).lower());
  StringRef bytes = (*buffer)->getBuffer(), text = vitrt::withoutMark(bytes);
  if (std::string wrong =
          vitrt::unexpectedKind(std::string_view(bytes), vitrt::FileWanted::Json, path);
      !wrong.empty())
    return error(wrong);
  if (text.trim().empty())
    return error("expected a JSON object, found an empty file");
  if (int depth = depthOf(text); depth > 64)
    return error(fmt::format("expected JSON nested at most 64 deep, found {} levels", depth));
  Expected<json::Value> value = json::parse(text);
  if (!value) {
    std::string problem = toString(value.takeError());
    if (std::string number = numberThatIsNone(text); !number.empty())
      return error("is not JSON: " + number);
    return error("is not JSON: " + StringRef(problem).rtrim().lower());
  }
  if (std::string duplicate = duplicateIn(text); !duplicate.empty())
    return error(duplicate + "; leave one out");
  if (json::Object *object = value->getAsObject())
    return std::move(*object);
  return error("expected a JSON object at the top");
}

/// A value as it may stand in a message.
static std::string shown(const json::Value &value) {
  std::string text;
  raw_string_ostream(text) << value;
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  for (char &c : text)
    if (!isPrint(c))
      c = '?';
  return text;
}

bool Config::has(StringRef key) const {
  const json::Value *value = object.get(key);
  return value && value->kind() != json::Value::Null;
}

bool Config::is(StringRef key, StringRef text) const { return object.getString(key) == text; }

std::string Config::named(StringRef key) const {
  return fmt::format("{}: {}", vitrt::quoted(path), vitrt::quoted(section + key.str()));
}

void Config::fail(StringRef key, const std::string &text) {
  if (problem.empty())
    problem = fmt::format("{}: {}", named(key), text);
}

void Config::failFound(StringRef key, const std::string &expected) {
  const json::Value *value = object.get(key);
  fail(key, fmt::format("expected {}, found {}", expected, value ? shown(*value) : "nothing"));
}

void Config::note(StringRef key, const std::string &text) {
  notes.push_back(fmt::format("{}: {}", named(key), text));
}

std::string Config::found(StringRef key) const {
  const json::Value *value = object.get(key);
  return value ? shown(*value) : "missing";
}

void Config::noteNull(StringRef key, const std::string &value) {
  if (object.get(key)) // the model's own code would stop at it, so somebody should know
    note(key, fmt::format("is null; {}, the default, is taken", value));
}

Config Config::derive(json::Object part) const {
  Config derived(std::move(part), path);
  derived.wantedArchitecture = wantedArchitecture;
  derived.wantedImage = wantedImage;
  derived.wantedGrid = wantedGrid;
  return derived;
}

void Config::take(const Config &derived) {
  append_range(notes, derived.notes);
  if (problem.empty())
    problem = derived.problem;
}

const json::Value *Config::get(StringRef key, bool required) {
  known.insert(key);
  if (has(key))
    return object.get(key);
  if (required)
    fail(key, fmt::format("expected a value, found {}", object.get(key) ? "null" : "none"));
  return nullptr;
}

void Config::hint(StringRef key, int64_t value) { hint(key, Size{value, value}); }
void Config::hint(StringRef key, Size value) { hints[key] = value; }

const Size *Config::hinted(StringRef key, std::optional<Size> fallback) {
  auto at = hints.find(key);
  known.insert(key);
  if (has(key) || at == hints.end() || (!object.get(key) && fallback == at->second))
    return nullptr;
  const Size &size = at->second;
  note(key, fmt::format("is {}; {} is taken, as the tensors have it", found(key),
                        size.height == size.width ? std::to_string(size.height)
                                                  : fmt::format("{}x{}", size.height, size.width)));
  return &size;
}

std::string Config::text(StringRef key, const std::optional<std::string> &fallback) {
  const json::Value *value = get(key, !fallback);
  if (!value) {
    noteNull(key, '"' + fallback.value_or("") + '"');
    return fallback.value_or("");
  }
  if (auto text = value->getAsString())
    return text->str();
  failFound(key, "a string");
  return fallback.value_or("");
}

bool Config::flag(StringRef key, bool fallback) {
  if (hinted(key, Size{fallback, fallback}))
    return hints[key].height;
  const json::Value *value = get(key, false);
  if (!value) {
    noteNull(key, fallback ? "true" : "false");
    return fallback;
  }
  if (auto flag = value->getAsBoolean())
    return *flag;
  failFound(key, "true or false");
  return fallback;
}

std::optional<int64_t> Config::inRange(const json::Value &value, int64_t least,
                                       int64_t most) const {
  std::optional<int64_t> number = value.getAsInteger();
  return number && *number >= least && *number <= most ? number : std::nullopt;
}

int64_t Config::size(StringRef key, std::optional<int64_t> fallback, int64_t most) {
  if (const Size *size =
          hinted(key, fallback ? std::optional(Size{*fallback, *fallback}) : std::nullopt))
    return std::min(size->height, most);
  const json::Value *value = get(key, !fallback);
  if (!value) {
    noteNull(key, std::to_string(fallback.value_or(1)));
    return fallback.value_or(1);
  }
  if (auto number = inRange(*value, 1, most))
    return *number;
  failFound(key, fmt::format("an integer from 1 to {}", most));
  return 1;
}

int64_t Config::count(StringRef key, int64_t fallback, int64_t most) {
  if (const Size *size = hinted(key, Size{fallback, fallback}))
    return std::min(size->height, most);
  const json::Value *value = get(key, false);
  if (!value) {
    noteNull(key, std::to_string(fallback));
    return fallback;
  }
  if (auto number = inRange(*value, 0, most))
    return *number;
  failFound(key, fmt::format("an integer from 0 to {}", most));
  return fallback;
}

double Config::numberWith(StringRef key, double fallback, bool (*fits)(double),
                          const char *expected) {
  const json::Value *value = get(key, false);
  if (!value) {
    noteNull(key, fmt::format("{:g}", fallback));
    return fallback;
  }
  std::optional<double> number = value->getAsNumber();
  if (number && fits(*number) && std::isfinite(*number))
    return *number;
  failFound(key, expected);
  return fallback;
}

double Config::positive(StringRef key, double fallback) {
  return numberWith(key, fallback, [](double x) { return x > 0; }, "a positive number");
}
double Config::notNegative(StringRef key, double fallback) {
  return numberWith(key, fallback, [](double x) { return x >= 0; }, "a number that is not below 0");
}
double Config::number(StringRef key, double fallback) {
  return numberWith(key, fallback, [](double) { return true; }, "a finite number");
}

std::vector<int64_t> Config::list(StringRef key, const std::vector<int64_t> &fallback,
                                  int64_t most) {
  const json::Value *value = get(key, false);
  if (!value) {
    noteNull(key, fmt::format("[{}]", fmt::join(fallback, ", ")));
    return fallback;
  }
  std::vector<int64_t> numbers;
  if (const json::Array *array = value->getAsArray())
    for (const json::Value &one : *array)
      if (auto number = inRange(one, 1, most))
        numbers.push_back(*number);
  if (const json::Array *array = value->getAsArray();
      array && !array->empty() && numbers.size() == array->size())
    return numbers;
  failFound(key, fmt::format("an array of integers from 1 to {}", most));
  return fallback;
}

Size Config::sizes(StringRef key, std::optional<Size> fallback) {
  constexpr int64_t most = 1 << 20;
  if (const Size *size = hinted(key, fallback))
    return *size;
  const json::Value *value = get(key, !fallback);
  if (!value) {
    Size size = fallback.value_or(Size{1, 1});
    noteNull(key, fmt::format("{}x{}", size.height, size.width));
    return size;
  }
  if (auto number = inRange(*value, 1, most))
    return {*number, *number};
  if (const json::Array *pair = value->getAsArray(); pair && pair->size() == 2) {
    auto height = inRange((*pair)[0], 1, most), width = inRange((*pair)[1], 1, most);
    if (height && width)
      return {*height, *width};
  }
  failFound(key, fmt::format("an integer from 1 to {} or [height, width]", most));
  return {1, 1};
}

const json::Array *Config::array(StringRef key) {
  const json::Value *value = get(key, false);
  if (value && !value->getAsArray())
    failFound(key, "an array");
  return value ? value->getAsArray() : nullptr;
}

const json::Object *Config::dictionary(StringRef key) {
  const json::Value *value = get(key, false);
  if (value && !value->getAsObject())
    failFound(key, "an object");
  return value ? value->getAsObject() : nullptr;
}

void Config::within(StringRef key, function_ref<void(Config &)> read) {
  const json::Object *inner = dictionary(key);
  if (failed())
    return;
  Config part = derive(inner ? *inner : json::Object());
  part.section = section + key.str() + ".";
  read(part);
  part.refuseOthers();
  take(part);
}

void Config::harmless(ArrayRef<StringRef> keys) {
  for (StringRef key : keys)
    known.insert(key);
}

void Config::neutral(StringRef key, const json::Value &value) {
  known.insert(key);
  if (has(key) && *object.get(key) != value)
    failFound(key, shown(value) + ", as other values are not supported");
}

void Config::refuseOthers() {
  SmallVector<StringRef> others;
  for (const auto &entry : object)
    if (!known.contains(entry.first) && has(entry.first))
      others.push_back(entry.first);
  if (others.empty())
    return;
  sort(others); // the object is a hash table; messages must not depend on its order
  if (others.size() == 1)
    return failFound(others.front(), "no such setting, because its effect is not known");
  std::string list;
  for (StringRef key : ArrayRef(others).drop_front())
    list += fmt::format(", {} {}", vitrt::quoted(section + key.str()), found(key));
  fail(others.front(), fmt::format("expected no such settings, because their effect is not known, "
                                   "found {}{}",
                                   found(others.front()), list));
}

static std::string shown(Size size) { return fmt::format("{}x{}", size.height, size.width); }

Size Config::imageSize(StringRef key, Size learned, Size patch) {
  if (wantedGrid)
    return {wantedGrid->height * patch.height, wantedGrid->width * patch.width};
  Size image = wantedImage.value_or(learned);
  if (failed())
    return image;
  std::string place = wantedImage ? vitrt::quoted(path) + ": --image-size" : named(key);
  Size whole = {image.height / patch.height * patch.height,
                image.width / patch.width * patch.width};
  auto holdsPatch = [&](Size size) {
    return size.height >= patch.height && size.width >= patch.width;
  };
  constexpr int64_t most = 1 << 16; // of a side, as of --image-size
  if (std::max({learned.height, learned.width, image.height, image.width}) > most)
    fail(key, fmt::format("expected an image of at most {0}x{0}, found {1}", most,
                          shown(image.height > most || image.width > most ? image : learned)));
  else if (!holdsPatch(learned) || !holdsPatch(image))
    fail(key,
         fmt::format("expected an image of one patch, {}, at least, found {}", shown(patch),
                     holdsPatch(learned) ? shown(image) + " as --image-size" : shown(learned)));
  else if (!(whole == image))
    notes.push_back(
        fmt::format("{}: {} is no multiple of the patch size {}: the last lines and columns of "
                    "pixels are not used, as PyTorch does not use them; what is seen is {}",
                    place, shown(image), shown(patch), shown(whole)));
  return image;
}

Size Config::fixedImageSize(StringRef key, Size image, Size patch) {
  if (failed())
    return image;
  if (image.height % patch.height || image.width % patch.width)
    fail(key, fmt::format("expected multiples of the patch size {}, found {}", shown(patch),
                          shown(image)));
  else if (wantedGrid)
    refuseAnySize(
        key, fmt::format("its own library runs this model with images of {} alone", shown(image)));
  else if (wantedImage && !(*wantedImage == image))
    fail(key, fmt::format("expected images of {}, the only size of this model, found {}",
                          shown(image), shown(*wantedImage)));
  return image;
}

void Config::refuseAnySize(StringRef key, const std::string &why) {
  if (wantedGrid && !failed())
    fail(key, fmt::format("expected one size of images, found --image-size any: {}; build it "
                          "without, or with --image-size HxW where that is possible",
                          why));
}

void Config::expectDivides(StringRef key, int64_t divisor, StringRef otherKey, int64_t other) {
  if (other % divisor)
    failFound(key, fmt::format("a divisor of '{}' {}", otherKey.str(), other));
}

} // namespace vitc::checkpoint
