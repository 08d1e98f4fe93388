//===- NamesTest.cpp - What a library may be called -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Names.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

using namespace vitc::driver;
using Catch::Contains;

TEST_CASE("the names of the runtime's headers are known") {
  std::set<std::string> found;
  for (const char *header : {"runtime.h", "library.h"}) {
    std::ifstream file(std::string(VITC_SOURCE_DIR "/runtime/include/vit/") + header);
    std::string text(std::istreambuf_iterator<char>(file), {});
    text = std::regex_replace(text, std::regex(R"(/\*[^*]*\*+([^/*][^*]*\*+)*/)"), "");
    std::regex name(R"(\bvit_[a-z0-9_]+)");
    for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end; ++i)
      found.insert(i->str());
  }
  REQUIRE(found.size() > 40);
  std::set<std::string> known;
  for (llvm::StringRef name : runtimeNames)
    known.insert(name.str());
  CHECK(known == found);
}

TEST_CASE("names that would declare or hide what is there are refused") {
  for (const char *name :
       {"b16", "vit_b16", "vit_model", "vit_model_2", "_16", "VIT", "Vit", "lib", "mm"})
    CHECK(objectionToName(name) == "");
  CHECK_THAT(objectionToName("vit"), Contains("vit_library, which vit/runtime.h does"));
  CHECK_THAT(objectionToName("vit_library"), Contains("vit_library_max_batch"));
  CHECK_THAT(objectionToName("namespace"), Contains("keyword"));
  CHECK_THAT(objectionToName("errno"), Contains("errno.h would hide"));
  CHECK_THAT(objectionToName("cuda"), Contains("cuda.h would hide"));
  for (const char *name : {"m", "c", "dl", "rt", "util", "gcc", "gcc_s", "cudart"})
    CHECK_THAT(objectionToName(name), Contains("would find lib" + std::string(name) + ".a"));
  for (const char *name : {"pthread", "resolv"}) // of both kinds
    CHECK_THAT(objectionToName(name), Contains("would hide"));
  CHECK(objectionToName(std::string(200, 'x')) == "");
  CHECK_THAT(objectionToName(std::string(201, 'x')), Contains("at most 200 characters, found 201"));
}

TEST_CASE("a name that nobody chose gives way, with a note; one that somebody chose is refused") {
  std::string error, note;
  Session session;
  session.diagnose = [&](const Diagnostic &diagnostic) { error = diagnostic.text; };
  auto name = libraryName("", "/some/where/vit", session, note);
  REQUIRE(succeeded(name));
  CHECK(*name == "vit_model");
  CHECK_THAT(note, Contains("is called vit_model, not vit:") && Contains("--name"));
  note.clear();
  CHECK(failed(libraryName("vit", "/some/where/vit", session, note)));
  CHECK_THAT(error, Contains("--name 'vit': the header would declare vit_library"));
  CHECK(failed(libraryName("", std::string(300, 'y'), session, note)));
  CHECK_THAT(error, Contains("yyy...'") && Contains("give another with --name"));
  name = libraryName("", "vit-b16", session, note);
  CHECK((succeeded(name) && *name == "vit_b16"));
  CHECK(note.empty());
}

TEST_CASE("a tensor that would be a function of the runtime is refused") {
  std::string text;
  Session session;
  session.diagnose = [&](const Diagnostic &diagnostic) { text = diagnostic.text; };
  vit_tensor input = {"pixel_values", VIT_F32, 1, {-1}}, output = {"load", VIT_F32, 1, {-1}};
  vit_library library = {};
  library.name = "vit_model";
  library.inputs = &input;
  library.outputs = &output;
  library.input_count = library.output_count = 1;
  CHECK(failed(checkTensorNames(library, session)));
  CHECK_THAT(text, Contains("vit_model_load for 'load'"));
  library.name = "b16";
  CHECK(succeeded(checkTensorNames(library, session)));
}
