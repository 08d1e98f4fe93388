//===- Csv.cpp - Comma-separated values, read strictly --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/report/Csv.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

void CsvReader::skipLine() {
  lineEnded = peekLine().size() < rest.size();
  rest = rest.drop_front(peekLine().size() + lineEnded);
  ++number;
}

bool CsvReader::skipTo(StringRef prefix) {
  while (!atEnd() && !peekLine().starts_with(prefix))
    skipLine();
  return !atEnd();
}

/// Takes a field off the front of `line`, up to its comma or the end.
static Expected<std::string> takeField(StringRef &line) {
  if (!line.consume_front("\"")) {
    StringRef field = line.take_until([](char c) { return c == ','; });
    line = line.drop_front(field.size());
    return field.str();
  }
  std::string field;
  while (true) {
    size_t quote = line.find('"');
    if (quote == StringRef::npos)
      return createStringError("a quote is not closed");
    field += line.take_front(quote);
    line = line.drop_front(quote + 1);
    if (!line.consume_front("\""))
      break;
    field += '"'; // was doubled
  }
  if (!line.empty() && line.front() != ',')
    return createStringError("expected a comma after a closing quote");
  return field;
}

Expected<std::vector<std::string>> CsvReader::next() {
  StringRef line = peekLine().rtrim('\r');
  skipLine();
  std::vector<std::string> fields;
  do {
    Expected<std::string> field = takeField(line);
    if (!field)
      return field.takeError();
    fields.push_back(std::move(*field));
  } while (line.consume_front(","));
  return fields;
}
