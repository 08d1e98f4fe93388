//===- Csv.h - Comma-separated values, read strictly ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_CSV_H
#define CODEGEN_LIBRARY_CSV_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace vitc::codegen {

/// The rows of a text, one at a time. Fields are separated by commas and may stand in quotes; a
/// quote inside is doubled. A field does not go on in the next line.
class CsvReader {
public:
  /// `text` must outlive the reader.
  explicit CsvReader(llvm::StringRef text) : rest(text) {}

  /// Passes over lines until one begins with `prefix`, and leaves that to be read.
  bool skipTo(llvm::StringRef prefix);
  bool atEnd() const { return rest.empty(); }
  /// The next line as it is.
  llvm::StringRef peekLine() const {
    return rest.take_until([](char c) { return c == '\n'; });
  }
  void skipLine();
  /// The fields of the next line. Fails, without naming the line, if a quote stays open or
  /// something other than a comma follows a closing one.
  llvm::Expected<std::vector<std::string>> next();
  /// The number of the line read last, from 1.
  unsigned line() const { return number; }
  /// Whether that line had an end, which the last one of a file may lack.
  bool ended() const { return lineEnded; }

private:
  llvm::StringRef rest;
  unsigned number = 0;
  bool lineEnded = true;
};

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_CSV_H
