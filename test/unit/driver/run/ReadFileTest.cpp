//===- ReadFileTest.cpp - Files that are none, and text that is too deep ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/ReadFile.h"
#include "driver/run/MlirText.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace vitc::driver;
using Catch::Contains;

namespace {

/// A folder of its own.
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "vitc-read-XXXXXX").string();
  Folder() { REQUIRE(mkdtemp(path.data())); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string pipe(const char *name = "pipe") const {
    std::string made = path + "/" + name;
    REQUIRE(mkfifo(made.c_str(), 0600) == 0);
    return made;
  }
};

std::string times(const std::string &text, size_t count) {
  std::string all;
  for (size_t i = 0; i != count; ++i)
    all += text;
  return all;
}

} // namespace

TEST_CASE("a pipe is read to its end, whenever its writer comes") {
  Folder folder;
  std::string path = folder.pipe();
  std::string sent(3 << 17, 'x'); // more than a pipe holds
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    std::ofstream(path) << sent;
  });
  auto text = readFile(path);
  writer.join();
  REQUIRE(text);
  CHECK(*text == sent);
}

TEST_CASE("a pipe that nobody writes to can be left") {
  Folder folder;
  std::stop_source source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    source.request_stop();
  });
  auto text = readFile(folder.pipe(), source.get_token());
  stopper.join();
  REQUIRE_FALSE(text);
  CHECK_THAT(text.error(), Contains("stopped"));
}

TEST_CASE("a pipe that nobody writes to is refused after a while, one with a slow writer is not") {
  Folder folder;
  std::string slow = folder.pipe("slow");
  std::thread writer([&] {
    std::ofstream file(slow);
    std::this_thread::sleep_for(std::chrono::milliseconds(11000));
    file << "late";
  });
  CHECK(readFile(folder.pipe()).error() ==
        "is a pipe that nobody writes to, expected a file, or a writer within 10 s");
  auto text = readFile(slow);
  writer.join();
  REQUIRE(text);
  CHECK(*text == "late");
}

TEST_CASE("what is neither file nor pipe is refused by what it is") {
  Folder folder;
  CHECK(readFile("/dev/zero").error() == "is a character device, expected a file or a pipe");
  CHECK(readFile("/dev/full").error() == "is a character device, expected a file or a pipe");
  CHECK(readFile(folder.path).error() == "cannot be read: Is a directory");
  CHECK(readFile(folder.path + "/none").error() == "cannot be read: No such file or directory");
  CHECK(readRegularFile(folder.pipe()).error() == "is a pipe, expected a regular file");
  sockaddr_un address = {AF_UNIX, {}};
  std::string socketPath = folder.path + "/s";
  REQUIRE(socketPath.size() < sizeof address.sun_path);
  strcpy(address.sun_path, socketPath.c_str());
  int made = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(made, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
  CHECK(readFile(socketPath).error() == "is a socket, expected a file or a pipe");
  close(made);
}

TEST_CASE("MLIR is given no text that nests too deep, whatever nests") {
  CHECK(objectionToMlir("module {\n  func.func @f() -> () { return }\n}\n") == "");
  for (auto [open, close] : {std::pair("[", "]"),
                             {"{a = ", "}"},
                             {"tuple<", ">"},
                             {"(", ")"},
                             {"module {", "}"},
                             {"callsite(\"a\" at ", ")"},
                             {"#a.b<", ">"}}) {
    CAPTURE(open);
    CHECK(objectionToMlir("\n" + times(open, mostNesting) + times(close, mostNesting)) == "");
    CHECK_THAT(objectionToMlir("\n" + times(open, mostNesting + 1)),
               Contains("line 2: expected brackets and operators nested at most 256 deep"));
    CHECK(objectionToMlir(times(std::string(open) + close, 100000)) == "");
  }
  // What is no bracket.
  CHECK(objectionToMlir(times("() -> ", 1000) + times("\"[{(<\" // [{(<\n", 1000)) == "");
  CHECK(objectionToMlir("\"" + times("\\\"[", 1000) + "\"") == "");
  CHECK(objectionToMlir("{" + times("%0 = arith.constant -1 : i32\n", 100000) + "}") == "");
  CHECK(objectionToMlir("[" + times("-1, ", 100000) + "0]") == "");
  CHECK(objectionToMlir(times("affine_set<(d0) : (d0 >= 0, d0 <= 1)>\n", 1000)) == "");
}

TEST_CASE("MLIR is given no expression that is too long, and no chain of aliases") {
  for (const char *more : {" + d0", " * 2", " mod 2", " floordiv 2", " ceildiv 2", " - d0"}) {
    CAPTURE(more);
    CHECK(objectionToMlir("affine_map<(d0) -> (d0" + times(more, 100) + ")>") == "");
    CHECK_THAT(objectionToMlir("affine_map<(d0) -> (d0" + times(more, 300) + ")>"),
               Contains("line 1"));
  }
  CHECK_THAT(objectionToMlir("affine_map<(d0) -> (" + times("-", 300) + "d0)>"),
             Contains("line 1"));
  CHECK_THAT(objectionToMlir(times("(d0" + times(" + d0", 20), 20)), Contains("line 1"));
  for (const char *equal : {" = ", "=", "\n= // of\n"}) {
    std::string chain = "#a0" + std::string(equal) + "[1]\n";
    for (int i = 1; i != 300; ++i)
      chain += "#a" + std::to_string(i) + equal + "[#a" + std::to_string(i - 1) + "]\n";
    CHECK_THAT(objectionToMlir(chain), Contains("deep"));
  }
  std::string flat = "#a = [1]\n!t = tuple<i1>\n";
  for (int i = 0; i != 300; ++i)
    flat += "#b" + std::to_string(i) + " = [#a, [#a]]\n!u" + std::to_string(i) + " = tuple<!t>\n";
  CHECK(objectionToMlir(flat) == "");
  // A module's depth is none of the alias before it.
  CHECK(objectionToMlir("#loc = loc(\"a\")\nmodule {" + times("{", 200) + times("}", 201) +
                        "#loc1 = [" + times("[", 100) + "#loc" + times("]", 101)) == "");
}

TEST_CASE("bytes that are no text do not reach a terminal") {
  CHECK(objectionToMlir("module {\r\n\t}") == "");
  CHECK(objectionToMlir("// gr\xc3\xbc\xc3\x9f\n") == "");
  CHECK_THAT(objectionToMlir("module {}\n\x1b[2J"),
             Contains("line 2: expected text, found the byte 0x1b"));
  CHECK_THAT(objectionToMlir(std::string("\0", 1)), Contains("found the byte 0x00"));
  CHECK_THAT(objectionToMlir("\"\x07\""), Contains("found the byte 0x07"));
  CHECK_THAT(objectionToMlir("// \x7f"), Contains("found the byte 0x7f"));
}
