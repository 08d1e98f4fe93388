//===- BuildTest.cpp - Compilers inside a program -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Build.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>
#include <unistd.h>

using namespace vitc;
using namespace vitc::driver;

namespace {

/// What is written to stdout and stderr while it lives, whoever writes it.
class Captured {
public:
  Captured() {
    fflush(nullptr);
    for (int stream : {STDOUT_FILENO, STDERR_FILENO}) {
      saved[stream] = dup(stream);
      dup2(fileno(file), stream);
    }
  }
  ~Captured() {
    for (int stream : {STDOUT_FILENO, STDERR_FILENO}) {
      dup2(saved[stream], stream);
      close(saved[stream]);
    }
    fclose(file);
  }
  std::string text() const {
    fflush(nullptr);
    std::string bytes(size_t(lseek(fileno(file), 0, SEEK_END)), 0);
    REQUIRE(pread(fileno(file), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
    return bytes;
  }

private:
  FILE *file = tmpfile();
  int saved[3] = {};
};

/// A session that keeps what it is told.
struct Recorded {
  std::vector<Diagnostic> diagnostics;
  Session session;
  Recorded() {
    session.diagnose = [this](const Diagnostic &diagnostic) { diagnostics.push_back(diagnostic); };
  }
  std::string error() const {
    std::string all;
    for (const Diagnostic &diagnostic : diagnostics)
      if (diagnostic.severity == Diagnostic::Error)
        all += diagnostic.text;
    return all;
  }
};

BuildOptions digits() {
  BuildOptions options;
  options.compile.model = VITC_SOURCE_DIR "/examples/classify-digits/model";
  options.compile.maxBatch = 4;
  options.compile.jobs = 1;
  options.name = "digits";
  return options;
}

/// A folder for temporary files, of which none may stay.
struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/vitc-driver-test-XXXXXX";
    path = mkdtemp(name);
    setenv("TMPDIR", path.c_str(), 1);
  }
  ~TemporaryFolder() {
    unsetenv("TMPDIR");
    std::filesystem::remove_all(path);
  }
  bool empty() const { return std::filesystem::is_empty(path); }
  std::string path;
};

} // namespace

TEST_CASE("two compilers in two threads, and an error, print nothing", "[driver]") {
  TemporaryFolder temporary;
  Captured captured;
  auto compile = [] { // without assertions, which Catch2 allows in one thread only
    Recorded recorded;
    return build(digits(), recorded.session);
  };
  auto other = std::async(std::launch::async, compile);
  auto mine = compile(), others = other.get();
  REQUIRE(succeeded(mine));
  REQUIRE(succeeded(others));
  const BuildResult &first = *mine, &second = *others;

  REQUIRE(first.files.size() == 3);
  CHECK(first.files[0].name == "libdigits.a");
  CHECK(first.files[1].name == "digits.h");
  CHECK(first.files[2].name == "digits.report.json");
  REQUIRE(second.files.size() == 3);
  for (size_t i = 0; i < first.files.size(); ++i)
    CHECK(first.files[i].bytes->getBuffer() == second.files[i].bytes->getBuffer());

  BuildOptions wrong = digits();
  wrong.compile.outputs = {"probabilities"};
  Recorded recorded;
  CHECK(failed(build(wrong, recorded.session)));
  CHECK_THAT(recorded.error(), Catch::Contains("probabilities"));

  CHECK(captured.text() == "");
  CHECK(temporary.empty());
}

TEST_CASE("options are judged without a command line, too", "[driver]") {
  auto errorWith = [](auto change) {
    BuildOptions options = digits();
    change(options.compile);
    Recorded recorded;
    CHECK(failed(build(options, recorded.session)));
    return recorded.error();
  };
  CHECK(errorWith([](CompileOptions &o) { o.dtype = "f8"; }) ==
        "--dtype: expected f16|bf16|tf32|f32|i8, found 'f8'");
  CHECK(errorWith([](CompileOptions &o) { o.maxBatch = -1; }) ==
        "--max-batch: expected 1 to 1048576, found -1");
  CHECK(errorWith([](CompileOptions &o) { o.archs = {"sm_89", "ada"}; }) ==
        "--arch: expected sm_80|sm_86|sm_87|sm_89|sm_90|sm_100|sm_120, found 'ada'");
}

TEST_CASE("text in a .mlir file is named with its line", "[driver]") {
  TemporaryFolder folder;
  std::string path = folder.path + "/wrong.mlir";
  FILE *file = fopen(path.c_str(), "w");
  fputs("module {\n  func.func @f( {\n}\n", file);
  fclose(file);
  BuildOptions options = digits();
  options.compile.model = path;
  Recorded recorded;
  Captured captured;
  CHECK(failed(build(options, recorded.session)));
  REQUIRE(recorded.diagnostics.size() == 1);
  CHECK(recorded.diagnostics[0].located);
  CHECK_THAT(recorded.error(), Catch::Contains("wrong.mlir:2:") && Catch::Contains("error:"));
  CHECK(captured.text() == "");
}

TEST_CASE("a stop ends what an assembler does, and leaves nothing", "[driver]") {
  TemporaryFolder temporary;
  std::stop_source source;
  Recorded recorded;
  recorded.session.stop = source.get_token();
  BuildOptions options = digits();
  options.compile.ptxas = VITC_SOURCE_DIR "/test/tools/Inputs/ptxas-waits"; // for 30 seconds
  auto result =
      std::async(std::launch::async, [&] { return failed(build(options, recorded.session)); });
  auto begin = std::chrono::steady_clock::now();
  auto isWaiting = [&] {
    for (const auto &entry : std::filesystem::recursive_directory_iterator(temporary.path))
      if (entry.path().filename() == "started")
        return true;
    return false;
  };
  while (!isWaiting() && std::chrono::steady_clock::now() - begin < std::chrono::minutes(2))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(isWaiting());
  for (const auto &entry : std::filesystem::recursive_directory_iterator(temporary.path))
    if (entry.path().filename() == "started") // the script's, not ours to leave
      std::filesystem::remove(entry.path());
  begin = std::chrono::steady_clock::now();
  source.request_stop();
  CHECK(result.get());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  CHECK(recorded.error() == "stopped");
  CHECK(temporary.empty());
}
