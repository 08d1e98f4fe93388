//===- PtxasTest.cpp - ptxas as this project uses it ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace vitc;
using namespace vitc::codegen;
namespace fs = std::filesystem;

namespace {

/// A directory of this test's own, which temporary files go to as well.
struct Scratch {
  Scratch() {
    std::string model = (fs::temp_directory_path() / "vitc-test-XXXXXX").string();
    REQUIRE(mkdtemp(model.data()));
    path = model;
    const char *before = std::getenv("TMPDIR");
    oldTemporary = before ? before : "";
    setenv("TMPDIR", path.c_str(), 1);
  }
  ~Scratch() {
    if (oldTemporary.empty())
      unsetenv("TMPDIR");
    else
      setenv("TMPDIR", oldTemporary.c_str(), 1);
    fs::remove_all(path);
  }
  fs::path path;
  std::string oldTemporary;
};

/// A kernel whose registers do not fit, so that ptxas has something to say.
std::string ptxOf(const std::string &name, const std::string &body = "") {
  return ".version 8.4\n.target sm_89\n.address_size 64\n.visible .entry " + name +
         "(.param .u64 p)\n.reqntid 32, 1, 1\n{\n.reg .b64 %rd<3>;\n.reg .b32 %r<3>;\n"
         ".shared .align 16 .b8 space[640];\n"
         "ld.param.b64 %rd1, [p];\nmov.u32 %r1, %tid.x;\nst.shared.b32 [space], %r1;\n"
         "ld.shared.b32 %r2, [space+4];\nst.global.b32 [%rd1], %r2;\n" +
         body + "ret;\n}\n";
}

/// A function that is not of a vit.kernel.
KernelCode codeOf(const std::string &name, const std::string &ptx) {
  KernelCode code;
  code.name = name;
  code.ptx = ptx;
  return code;
}

Assembler assembler(const std::string &ptxas, std::vector<std::string> archs, unsigned jobs) {
  Assembler made;
  made.ptxas = ptxas;
  made.archs = std::move(archs);
  made.jobs = jobs;
  return made;
}

std::string usedPtxas() {
  std::string error, ptxas = findPtxas("", error);
  REQUIRE(error == "");
  REQUIRE(ptxas != "");
  return ptxas;
}

} // namespace

TEST_CASE("ptxas: many kernels for two architectures, the same bytes whatever the jobs") {
  Scratch scratch;
  std::string ptxas = usedPtxas(), error;
  auto build = [&](unsigned jobs) {
    std::vector<KernelCode> kernels;
    for (int i = 0; i < 7; ++i)
      kernels.push_back(codeOf("k" + std::to_string(i), ptxOf("k" + std::to_string(i))));
    size_t calls = 0, last = 0;
    Assembler two = assembler(ptxas, {"sm_89", "sm_90"}, jobs);
    two.progress = [&](size_t done, size_t total) {
      CHECK(done > last);
      CHECK(total == 14);
      last = done;
      ++calls;
    };
    REQUIRE(succeeded(assemble(two, kernels, error)));
    CHECK(last == 14);
    size_t before = std::exchange(calls, 0);
    CHECK(before >= 1);
    REQUIRE(succeeded(assemble(two, kernels, error))); // all have their code
    CHECK(calls == 0);
    return kernels;
  };
  std::vector<KernelCode> one = build(1), many = build(8);
  for (size_t i = 0; i < one.size(); ++i) {
    REQUIRE(one[i].codes.size() == 2);
    CHECK(one[i].codes[0].arch == "sm_89");
    CHECK(one[i].codes[1].arch == "sm_90");
    CHECK(one[i].codes[0].image.substr(1, 3) == "ELF");
    CHECK(one[i].codes[0].image == many[i].codes[0].image);
    CHECK(one[i].codes[1].image == many[i].codes[1].image);
    CHECK(one[i].codes[0].resources.registers > 0);
    CHECK(one[i].codes[0].resources.staticSmem == 640);
    CHECK(one[i].codes[0].resources.stack == 0);
  }
  CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("ptxas: its complaint comes with the kernel's name, and nothing is left behind") {
  Scratch scratch;
  std::string error;
  std::vector<KernelCode> kernels{codeOf("good", ptxOf("good")),
                                  codeOf("bad", ptxOf("bad", "no.such.instruction;\n"))};
  CHECK(failed(assemble(assembler(usedPtxas(), {"sm_89"}, 2), kernels, error)));
  CHECK(error.find("kernel 'bad': ptxas failed with status") == 0);
  CHECK(error.find("kernel.ptx, line") != std::string::npos); // what ptxas said
  CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("ptxas: stack and spills are read from its log") {
  Scratch scratch;
  std::ofstream script(scratch.path / "ptxas");
  script << "#!/bin/sh\nfor f; do last=$f; done\necho x > \"$last\"\n"
            "echo 'ptxas info    : Function properties for k'\n"
            "echo '    48 bytes stack frame, 152 bytes spill stores, 160 bytes spill loads'\n"
            "echo 'ptxas info    : Used 168 registers, used 1 barriers, 48 bytes cumulative stack "
            "size, 4096 bytes smem, 388 bytes cmem[0]'\n";
  script.close();
  fs::permissions(scratch.path / "ptxas", fs::perms::owner_all);
  std::vector<KernelCode> kernels{codeOf("k", "")};
  std::string error;
  REQUIRE(succeeded(
      assemble(assembler((scratch.path / "ptxas").string(), {"sm_89"}, 1), kernels, error)));
  const Resources &found = kernels[0].codes[0].resources;
  CHECK(found.registers == 168);
  CHECK(found.spillStores == 152);
  CHECK(found.spillLoads == 160);
  CHECK(found.stack == 48);
  CHECK(found.staticSmem == 4096);
}

TEST_CASE("ptxas: the request decides, and says what it is") {
  std::string error;
  CHECK(findPtxas("none", error) == "");
  CHECK(error == "");
  CHECK(findPtxas("/no/such/ptxas", error) == "");
  CHECK(error == "expected a ptxas that can be run, found '/no/such/ptxas'");
  CHECK(ptxasIdentity(usedPtxas()).find("ptxas V") == 0);
}
