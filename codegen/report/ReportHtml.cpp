//===- ReportHtml.cpp - The report for a browser --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// page/ has the document, its style and the script that draws; the build makes one string of them.
// Only the data is put in here, in the JSON form that programs read too.
//
//===----------------------------------------------------------------------===//

#include "codegen/report/Report.h"

#include "llvm/ADT/StringRef.h"

#include <cassert>

extern const char *const reportPage; // made by EmbedPage.cmake

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

std::string vitc::codegen::reportHtml(const Report &report) {
  constexpr StringLiteral mark = "/*REPORT*/";
  auto [before, after] = StringRef(reportPage).split(mark);
  assert(!after.empty() && "the page has a place for the report");
  std::string data;
  for (char c : reportJson(report, nullptr)) // no name in it may end the script element
    data += c == '<' ? "\\u003c" : std::string(1, c);
  return before.str() + data + after.str();
}
