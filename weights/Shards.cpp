//===- Shards.cpp - A model in several safetensors files -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Large checkpoints come as model-00001-of-00004.safetensors and so on, with an
// index that says which tensor is where. The files are what is read; the index
// must agree with them.
//===----------------------------------------------------------------------===//
#include "weights/FileKind.h"
#include "weights/Json.h"
#include "weights/Safetensors.h"

#include <map>
#include <set>

namespace vitrt {
namespace {

constexpr uint64_t maxIndex = 64 << 20; // bytes: a million tensors

/// The file of every tensor, by its name.
using WeightMap = std::map<std::string, std::string>;

/// Whether a name is that of a file beside the index.
bool isPlainName(const std::string &name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

Result<WeightMap> readMap(JsonCursor &json) {
  WeightMap map;
  std::string tensor, file;
  json.beginObject();
  for (bool first = true; json.nextKey(tensor, first);) {
    if (!json.string(file))
      break;
    if (!isPlainName(file))
      return Error{"expected the name of a file in the same folder for tensor " + quoted(tensor) +
                   ", found " + quoted(file)};
    if (!map.emplace(tensor, file).second)
      return Error{"tensor " + quoted(tensor) + " stands twice"};
  }
  if (json.failed())
    return Error{"weight_map: " + json.error()};
  return map;
}

Result<WeightMap> readIndex(const std::string &text) {
  JsonCursor json(withoutMark(text));
  WeightMap map;
  bool found = false;
  std::string key;
  json.beginObject();
  for (bool first = true; json.nextKey(key, first);) {
    if (key != "weight_map") {
      json.skip();
      continue;
    }
    auto read = readMap(json);
    if (!read)
      return read;
    map = std::move(*read);
    found = true;
  }
  if (!json.end())
    return Error{json.error()};
  if (!found || map.empty())
    return Error{"expected a weight_map with a file for each tensor, found none"};
  return map;
}

/// Errors begin with the path.
Result<WeightMap> readIndexFile(const std::string &index) {
  auto fail = [&](const std::string &text) { return Error{quoted(index) + ": " + text}; };
  auto bytes = FileBytes::open(index);
  if (!bytes)
    return bytes.takeError();
  if ((*bytes)->size() > maxIndex)
    return fail("expected an index of at most " + std::to_string(maxIndex) + " bytes, found " +
                std::to_string((*bytes)->size()));
  std::string text((*bytes)->size(), 0);
  if (auto done = (*bytes)->read(0, {reinterpret_cast<uint8_t *>(text.data()), text.size()}); !done)
    return fail(done.error());
  if (std::string wrong = unexpectedKind(text, FileWanted::Json, index); !wrong.empty())
    return fail(wrong);
  auto map = readIndex(text);
  return map ? std::move(map) : fail(map.error());
}

std::string folderOf(const std::string &index) {
  return index.substr(0, index.find_last_of('/') + 1);
}

} // namespace

std::vector<std::string> Safetensors::shardsOf(const std::string &index) {
  std::vector<std::string> files = {index};
  auto map = readIndexFile(index);
  if (!map)
    return files;
  std::set<std::string> shards;
  for (const auto &[tensor, file] : *map)
    if (shards.insert(file).second)
      files.push_back(folderOf(index) + file);
  return files;
}

Result<Safetensors> Safetensors::openShards(const std::string &index) {
  auto fail = [&](const std::string &text) { return Error{quoted(index) + ": " + text}; };
  auto map = readIndexFile(index);
  if (!map)
    return map.takeError();
  std::string folder = folderOf(index);
  Safetensors result;
  result.name = index;
  std::map<std::string, Safetensors> shards;
  for (const auto &[tensor, file] : *map) {
    auto shard = shards.find(file);
    if (shard == shards.end()) {
      auto bytes = FileBytes::open(folder + file);
      auto opened = bytes ? parse(*bytes, folder + file) : Result<Safetensors>(bytes.takeError());
      if (!opened)
        return fail("shard " + opened.error());
      shard = shards.emplace(file, std::move(*opened)).first;
    }
    if (!shard->second.find(tensor))
      return fail("tensor " + quoted(tensor) + " is not in " + quoted(file) +
                  ", where it should be");
  }
  for (auto &[file, shard] : shards) {
    result.files.push_back(shard.files.front());
    result.list.insert(result.list.end(), shard.list.begin(), shard.list.end());
    result.meta.insert(shard.meta.begin(), shard.meta.end());
  }
  if (auto sorted = result.sort(); !sorted)
    return sorted.takeError();
  return result;
}

} // namespace vitrt
