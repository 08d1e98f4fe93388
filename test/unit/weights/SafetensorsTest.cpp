//===- SafetensorsTest.cpp - Good files, and what strangers send -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "weights/Safetensors.h"
#include "weights/Json.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <limits>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace vitrt;
using Catch::Matchers::Contains;

namespace {

/// A folder that goes away with its files.
struct Folder {
  Folder() {
    char name[] = "/tmp/vitc-safetensors-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { REQUIRE(system(("rm -r '" + path + "'").c_str()) == 0); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

std::string fileOf(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<char *>(&length), 8) + header + data;
}

Result<Safetensors> parse(const std::string &file) {
  return Safetensors::parse({reinterpret_cast<const uint8_t *>(file.data()), file.size()}, "x.st");
}

/// The error of a file of this header and `bytes` bytes of data.
std::string errorOf(const std::string &header, size_t bytes) {
  auto result = parse(fileOf(header, std::string(bytes, 0)));
  return result ? "no error" : result.error();
}

void spill(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string slurp(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T> std::string bytesOf(std::vector<T> values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

template <class T> std::vector<double> roundTrip(const std::string &type, std::vector<T> values) {
  std::string data = bytesOf(values);
  std::string file =
      fileOf("{\"t\":{\"dtype\":\"" + type + "\",\"shape\":[" + std::to_string(values.size()) +
                 "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}",
             data); // the header's length is odd, so the data is not aligned
  auto parsed = parse(file);
  REQUIRE(parsed);
  auto read = readF64(*parsed->find("t"));
  REQUIRE(read);
  auto narrow = readF32(*parsed->find("t"));
  REQUIRE(narrow);
  for (size_t i = 0; i != read->size(); ++i)
    CHECK((*narrow)[i] == float((*read)[i]));
  // A part of them, as it lies in the middle.
  std::vector<float> some(read->size() / 2);
  size_t first = (read->size() - some.size()) / 2;
  REQUIRE(readF32(*parsed->find("t"), first, some));
  CHECK(std::equal(some.begin(), some.end(), narrow->begin() + ptrdiff_t(first)));
  return *read;
}

} // namespace

TEST_CASE("safetensors: every element type is read exactly") {
  using D = std::vector<double>;
  CHECK(roundTrip<double>("F64", {1e300, -0x1.123456789abcdp-3}) ==
        D{1e300, -0x1.123456789abcdp-3});
  CHECK(roundTrip<float>("F32", {0.1f, -3}) == D{0.1f, -3});
  CHECK(roundTrip<uint16_t>("F16", {0x3C01, 0x8001}) == D{1 + 0x1p-10, -0x1p-24});
  CHECK(roundTrip<uint16_t>("BF16", {0x3F81, 0xC000}) == D{1 + 0x1p-7, -2});
  CHECK(roundTrip<int64_t>("I64", {-(int64_t(1) << 53), 7}) == D{-0x1p53, 7});
  CHECK(roundTrip<int32_t>("I32", {INT32_MIN, 7}) == D{-0x1p31, 7});
  CHECK(roundTrip<int16_t>("I16", {-32768, 7}) == D{-32768, 7});
  CHECK(roundTrip<int8_t>("I8", {-128, 7}) == D{-128, 7});
  CHECK(roundTrip<uint8_t>("U8", {255, 7}) == D{255, 7});
  CHECK(roundTrip<uint32_t>("U32", {UINT32_MAX, 7}) == D{4294967295.0, 7});
  CHECK(roundTrip<uint8_t>("BOOL", {1, 0}) == D{1, 0});
}

TEST_CASE("safetensors: what has no exact float is refused by name") {
  auto large = fileOf(R"({"big":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})",
                      bytesOf<int64_t>({(int64_t(1) << 53) + 1}));
  CHECK_THAT(readF64(*parse(large)->find("big")).error(), Contains("'big' holds integers beyond"));
  auto eight = fileOf(R"({"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", "x");
  CHECK_THAT(readF64(*parse(eight)->find("w")).error(), Contains("'w' is stored as F8_E4M3"));
}

TEST_CASE("safetensors: written files read back, and equal tensors give equal bytes") {
  Folder folder;
  std::vector<float> a = {1, 2, 3, 4, 5, 6};
  std::vector<double> b = {0.1};
  std::vector<uint8_t> c = {9, 8, 7};
  std::vector<NewTensor> tensors = {{"a \"quoted\"\n", FileType::F32, {2, 3}, a.data()},
                                    {"b", FileType::F64, {}, b.data()},
                                    {"none", FileType::F32, {0, 4}, a.data()},
                                    {"c", FileType::U8, {3}, c.data()}};
  REQUIRE(writeSafetensors(folder / "one", tensors));
  std::swap(tensors[0], tensors[3]);
  REQUIRE(writeSafetensors(folder / "two", tensors));
  CHECK(slurp(folder / "one") == slurp(folder / "two"));
  auto file = Safetensors::open(folder / "one");
  REQUIRE(file);
  REQUIRE(file->tensors().size() == 4);
  const FileTensor *tensor = file->find("a \"quoted\"\n");
  REQUIRE(tensor);
  CHECK(tensor->shape == std::vector<int64_t>{2, 3});
  CHECK(*readF32(*tensor) == a);
  CHECK(*readF64(*file->find("b")) == b);
  CHECK(file->find("none")->count == 0);
  CHECK(file->find("bb") == nullptr);
}

TEST_CASE("safetensors: metadata") {
  auto file = parse(fileOf(R"({"__metadata__":{"format":"pt","\u00e9\ud83d\ude00":"\t"}})", ""));
  REQUIRE(file);
  CHECK(file->metadata().at("format") == "pt");
  CHECK(file->metadata().at("\xC3\xA9\xF0\x9F\x98\x80") == "\t");
}

TEST_CASE("safetensors: 50 truncations") {
  std::vector<float> values(64, 1.5f);
  Folder folder;
  std::string path = folder / "cut.safetensors";
  REQUIRE(
      writeSafetensors(path, std::vector<NewTensor>{{"w", FileType::F32, {8, 8}, values.data()},
                                                    {"bias", FileType::F32, {64}, values.data()}}));
  std::string whole = slurp(path);
  REQUIRE(Safetensors::open(path));
  for (int i = 0; i != 50; ++i) {
    spill(path, whole.substr(0, whole.size() * i / 50));
    auto file = Safetensors::open(path);
    REQUIRE_FALSE(file);
    CHECK_THAT(file.error(), Contains("cut.safetensors'"));
    CHECK(file.error().find('\n') == std::string::npos);
  }
  spill(path, whole + "x");
  CHECK_THAT(Safetensors::open(path).error(),
             Contains("end at byte 512 of the data, which has 513"));
}

TEST_CASE("safetensors: values in several pieces of the file") {
  std::vector<float> values(700'001);
  for (size_t i = 0; i != values.size(); ++i)
    values[i] = float(i);
  Folder folder;
  REQUIRE(writeSafetensors(folder / "large",
                           std::vector<NewTensor>{{"odd", FileType::I8, {3}, "abc"},
                                                  {"t", FileType::F32, {700'001}, values.data()}}));
  auto file = Safetensors::open(folder / "large");
  REQUIRE(file);
  auto read = readF32(*file->find("t"));
  REQUIRE(read);
  CHECK(*read == values);
}

TEST_CASE("safetensors: a file that changes while it is read is an error") {
  Folder folder;
  std::string path = folder / "live";
  std::vector<double> values(100'000, 1.5);
  std::vector<NewTensor> tensors = {{"t", FileType::F64, {100'000}, values.data()}};
  REQUIRE(writeSafetensors(path, tensors));
  auto open = [&] {
    auto file = Safetensors::open(path);
    REQUIRE(file);
    return std::move(*file);
  };
  Safetensors cut = open();
  REQUIRE(truncate(path.c_str(), 5000) == 0);
  CHECK(readF64(*cut.find("t")).error() ==
        "'t': the file was changed while it was read; write a new file and rename it over the old "
        "one");
  REQUIRE(truncate(path.c_str(), 0) == 0);
  CHECK_FALSE(readF32(*cut.find("t")));

  REQUIRE(writeSafetensors(path, tensors));
  Safetensors rewritten = open();
  timespec later[2] = {{0, UTIME_NOW}, {2'000'000'000, 0}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), later, 0) == 0); // written in place, of the same size
  CHECK_THAT(readF64(*rewritten.find("t")).error(), Contains("changed while it was read"));

  REQUIRE(writeSafetensors(path, tensors));
  Safetensors replaced = open();
  REQUIRE(writeSafetensors(path, std::vector<NewTensor>{})); // renamed over it
  auto old = readF64(*replaced.find("t"));
  REQUIRE(old);
  CHECK(*old == values);
}

TEST_CASE("safetensors: a file that is written over and over is read, or refused") {
  Folder folder;
  std::string path = folder / "live", whole;
  std::vector<float> values(50'000, 2.5f);
  REQUIRE(writeSafetensors(path,
                           std::vector<NewTensor>{{"t", FileType::F32, {50'000}, values.data()}}));
  whole = slurp(path);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) { // as cp does, in steps
      std::ofstream file(path, std::ios::binary);
      for (size_t at = 0; at < whole.size(); at += 65'536) {
        file.write(&whole[at], std::streamsize(std::min<size_t>(65'536, whole.size() - at)));
        file.flush();
      }
    }
  });
  int refused = 0;
  for (int i = 0; i != 2000; ++i) {
    auto file = Safetensors::open(path);
    auto read = file ? readF32(*file->find("t")) : file.takeError();
    refused += !read;
    if (read)
      CHECK((read->size() == values.size() && (*read)[49'999] == 2.5f));
  }
  stop = true;
  writer.join();
  CHECK(refused > 0);
}

TEST_CASE("safetensors: bad header lengths") {
  for (uint64_t length : {uint64_t(1) << 63, ~uint64_t(0), ~uint64_t(0) - 7, uint64_t(3)}) {
    std::string file(reinterpret_cast<char *>(&length), 8);
    auto result = parse(file + "{}");
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error(), Contains(std::to_string(length) + " bytes, the file only 2"));
  }
}

TEST_CASE("safetensors: bad ranges and shapes name the tensor") {
  auto one = [](const std::string &dtype, const std::string &shape, const std::string &range,
                size_t bytes = 8) {
    return errorOf("{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
                       ",\"data_offsets\":" + range + "}}",
                   bytes);
  };
  CHECK(one("F32", "[2]", "[0,8]") == "no error");
  CHECK_THAT(one("F32", "[2]", "[0,16]"),
             Contains("'w': shape 2 of F32 needs 8 bytes, data_offsets give 16"));
  CHECK_THAT(one("F32", "[2]", "[8,0]"), Contains("'w': data_offsets 8 to 0 are outside"));
  CHECK_THAT(one("F32", "[2]", "[18446744073709551608,18446744073709551616]"),
             Contains("'w': expected an integer"));
  CHECK_THAT(one("F32", "[2]", "[18446744073709551608,0]"), Contains("outside the file's 8 bytes"));
  CHECK_THAT(one("F32", "[2]", "[-8,0]"), Contains("'w': expected an integer from 0"));
  CHECK_THAT(one("F32", "[-2]", "[0,8]"), Contains("'w': expected an integer from 0"));
  CHECK_THAT(one("F32", "[2.0]", "[0,8]"), Contains("'w': expected an integer from 0"));
  CHECK_THAT(one("F32", "[3]", "[0,8]"), Contains("'w': shape 3 of F32 needs 12 bytes"));
  CHECK_THAT(one("F32", "[2]", "[0,4]", 4), Contains("'w': shape 2 of F32 needs 8 bytes"));
  CHECK_THAT(one("F32", "[4294967296,4294967296]", "[0,8]"), Contains("'w': its shape has more"));
  CHECK_THAT(one("F32", "[0,4294967296,4294967296,4294967296]", "[0,0]", 0), Contains("no error"));
  CHECK_THAT(one("F32", "[4294967296,4294967296,0]", "[0,0]", 0), Contains("its shape has more"));
  CHECK_THAT(one("F32", "[1152921504606846976]", "[0,8]"), Contains("its shape has more"));
  CHECK_THAT(one("F32", "[1152921504606846975]", "[0,8]"), Contains("'w': shape"));
  CHECK_THAT(one("F33", "[2]", "[0,8]"), Contains("'w': unknown dtype 'F33'"));
  CHECK_THAT(one("F32", "[2]", "[0]"), Contains("'w': expected two data_offsets, found 1"));
  CHECK_THAT(one("F32", "[2]", "[0,4,8]"), Contains("'w': expected two data_offsets, found 3"));
  CHECK_THAT(one("F32", "[2]", "[2,8]"), Contains("'w': shape 2 of F32 needs 8"));
}

TEST_CASE("safetensors: overlaps, gaps and duplicates") {
  auto two = [](const char *a, const char *b, const char *second, size_t bytes) {
    return errorOf(std::string("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":") + a +
                       "},\"" + second +
                       "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + b + "}}",
                   bytes);
  };
  CHECK(two("[0,4]", "[4,8]", "b", 8) == "no error");
  CHECK(two("[4,8]", "[0,4]", "b", 8) == "no error");
  CHECK_THAT(two("[0,4]", "[3,7]", "b", 7), Contains("'b' overlaps 'a'"));
  CHECK_THAT(two("[0,4]", "[0,4]", "b", 4), Contains("overlaps"));
  CHECK_THAT(two("[0,4]", "[5,9]", "b", 9), Contains("'b' begins at byte 5, expected 4"));
  CHECK_THAT(two("[1,5]", "[5,9]", "b", 9), Contains("'a' begins at byte 1, expected 0"));
  CHECK_THAT(two("[0,4]", "[4,8]", "b", 9), Contains("end at byte 8"));
  CHECK_THAT(two("[0,4]", "[4,8]", "a", 8), Contains("tensor 'a' stands twice"));
  CHECK_THAT(errorOf(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0),
             Contains("'a': 'dtype' stands twice"));
  CHECK_THAT(errorOf(R"({"a":{"dtype":"U8","shape":[0]}})", 0), Contains("'a': expected dtype"));
}

TEST_CASE("safetensors: broken and deep JSON") {
  for (const char *header : {"", "{", "[]", "{}x", "{\"a\"", "{\"a\":1}", "{\"a\":{}", "nul",
                             "{\"a\":{\"dtype\":\"U8\"", "{\"\\ud800\":1}", "{\"\\x\":1}", "{,}",
                             "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":[]}"}) {
    INFO(header);
    CHECK_THAT(errorOf(header, 0), Contains("expected"));
  }
  for (char open : {'[', '{'}) {
    std::string deep = "{\"a\":{\"x\":";
    for (int i = 0; i != 1000000; ++i)
      deep += open == '[' ? "[" : "{\"x\":";
    CHECK_THAT(errorOf(deep, 0), Contains("'a': expected at most 64 nested values"));
  }
  CHECK(errorOf(R"({"a":{"x":[{"y":[1.5e3,true,null,"z"]}],"dtype":"U8","shape":[0],)"
                R"("data_offsets":[0,0]}})",
                0) == "no error");
}

TEST_CASE("safetensors: what is no safetensors file is refused by name") {
  Folder folder;
  auto error = [](const std::string &path) {
    auto file = Safetensors::open(path);
    return file ? "no error" : file.error();
  };
  CHECK_THAT(error(folder.path), Contains("is a directory"));
  CHECK_THAT(error(folder / "none.safetensors"), Contains("No such file"));
  CHECK_THAT(error("/dev/null"), Contains("is not a regular file"));
  spill(folder / "empty", "");
  CHECK_THAT(error(folder / "empty"), Contains("is empty"));
  spill(folder / "zip.safetensors", std::string("PK\3\4rest of an archive"));
  CHECK_THAT(error(folder / "zip.safetensors"), Contains("is a pickle") && Contains("torch.load"));
  spill(folder / "old.bin", std::string("\x80\x02\x8a\x0al\xfc\x9c", 7) + std::string(20, 'F'));
  CHECK_THAT(error(folder / "old.bin"), Contains("is a pickle"));
  spill(folder / "pytorch_model.bin", "PK\3\4");
  CHECK_THAT(error(folder / "model.safetensors"), Contains("pytorch_model.bin' is a pickle"));
}

TEST_CASE("safetensors: a header of 640 bytes is no pickle") {
  std::string header = R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  header.resize(640, ' '); // 0x0280: the first two bytes of a pickle
  CHECK(errorOf(header, 0) == "no error");
}

TEST_CASE("safetensors: an unwritable target leaves nothing behind") {
  Folder folder;
  float value = 1;
  std::vector<NewTensor> tensors = {{"a", FileType::F32, {1}, &value}};
  CHECK_THAT(writeSafetensors(folder / "no/x", tensors).error(), Contains("no/x': cannot be"));
  REQUIRE(mkdir((folder / "dir").c_str(), 0777) == 0);
  CHECK_THAT(writeSafetensors(folder / "dir", tensors).error(), Contains("is a directory"));
  CHECK_THAT(writeSafetensors("/dev/full", tensors).error(), Contains("No space left"));
  CHECK(writeSafetensors("/dev/null", tensors));
  CHECK(system(("test \"$(ls '" + folder.path + "')\" = dir").c_str()) == 0);
}

TEST_CASE("safetensors: a pipe is written as it is, and stays one") {
  Folder folder;
  std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  float value = 1;
  std::vector<NewTensor> tensors = {{"a", FileType::F32, {1}, &value}};
  CHECK(checkWritable(pipe));
  std::string read;
  std::thread reader([&] {
    std::ifstream file(pipe, std::ios::binary);
    read.assign(std::istreambuf_iterator<char>(file), {});
  });
  CHECK(writeSafetensors(pipe, tensors));
  reader.join();
  CHECK(read.find("\"a\":{\"dtype\":\"F32\"") != read.npos);
  struct stat status;
  REQUIRE(stat(pipe.c_str(), &status) == 0);
  CHECK(S_ISFIFO(status.st_mode));
}

TEST_CASE("JSON: numbers, words and strings") {
  double number = 0;
  CHECK(JsonCursor(" -1.5e2 ").number(number));
  CHECK(number == -150);
  CHECK_FALSE(JsonCursor("x").number(number));
  uint64_t integer = 0;
  CHECK(JsonCursor("18446744073709551615").unsignedInteger(integer));
  CHECK(integer == ~uint64_t(0));
  CHECK_FALSE(JsonCursor("18446744073709551616").unsignedInteger(integer));
  CHECK_FALSE(JsonCursor("01").unsignedInteger(integer));
  CHECK_FALSE(JsonCursor("tru").skip());
  JsonCursor two("1 2");
  CHECK(two.skip());
  CHECK_FALSE(two.end());
}

TEST_CASE("safetensors: the shards of an index are one file") {
  Folder folder;
  auto write = [&](const char *file, const char *tensor, double value) {
    const NewTensor list[] = {{tensor, FileType::F64, {1}, &value}};
    REQUIRE(writeSafetensors(folder / file, list));
  };
  write("a.safetensors", "x", 1);
  write("b.safetensors", "y", 2);
  std::string index = folder / "model.safetensors.index.json";
  auto open = [&](const std::string &map) {
    spill(index, R"({"metadata": {"total_size": 16}, "weight_map": )" + map + "}");
    return Safetensors::open(index);
  };
  auto error = [&](const std::string &map) {
    auto file = open(map);
    return file ? "no error" : file.error();
  };
  for (bool byModel : {false, true}) { // which is missing
    auto both = open(R"({"x": "a.safetensors", "y": "b.safetensors"})");
    if (byModel)
      both = Safetensors::open(folder / "model.safetensors");
    REQUIRE(both);
    REQUIRE(both->tensors().size() == 2);
    CHECK(readF64(*both->find("x"))->front() == 1);
    CHECK(readF64(*both->find("y"))->front() == 2);
  }
  CHECK_THAT(error("{}"), Contains("expected a weight_map"));
  CHECK_THAT(error("[]"), Contains("weight_map: expected '{'"));
  CHECK_THAT(error(R"({"x": "c.safetensors"})"), Contains("shard") && Contains("No such file"));
  CHECK_THAT(error(R"({"x": "b.safetensors"})"), Contains("'x' is not in 'b.safetensors'"));
  CHECK_THAT(error(R"({"x": "../a.safetensors"})"), Contains("in the same folder"));
  CHECK_THAT(error(R"({"x": "a.safetensors", "x": "a.safetensors"})"), Contains("stands twice"));
  write("b.safetensors", "x", 2);
  CHECK_THAT(error(R"({"x": "a.safetensors", "y": "b.safetensors"})"), Contains("'y' is not in"));
  write("c.safetensors", "x", 3);
  const double two[] = {4, 5};
  const NewTensor list[] = {{"x", FileType::F64, {1}, two}, {"y", FileType::F64, {1}, two + 1}};
  REQUIRE(writeSafetensors(folder / "b.safetensors", list));
  CHECK_THAT(error(R"({"x": "a.safetensors", "y": "b.safetensors"})"),
             Contains("'x' stands twice"));
}
