//===- TextTable.h - Columns for a terminal ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_TEXTTABLE_H
#define CODEGEN_LIBRARY_TEXTTABLE_H

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace vitc::codegen {

/// `text` with its middle replaced by ".." if it is longer than `width`: the end of a kernel's name
/// tells as much as its beginning.
std::string shorten(llvm::StringRef text, size_t width);

/// `text`, UTF-8, in lines of at most `width` columns, broken at blanks; a longer word after one of
/// its names, or anywhere. Of the first line `used` columns are taken already; the others begin
/// with `indent` blanks.
std::string wrap(llvm::StringRef text, size_t width, size_t indent = 0, size_t used = 0);

/// Rows of text in aligned columns. Columns are as wide as what is in them; where a row would be
/// wider than allowed, the flexible columns lose, the widest first.
class TextTable {
public:
  enum Kind { Left, Right, Flexible };
  void column(llvm::StringRef header, Kind kind) { columns.push_back({header.str(), kind}); }
  /// One text for each column; `escape` is put around the row, as a terminal understands it.
  void row(std::vector<std::string> cells, llvm::StringRef escape = "");
  std::string text(size_t width, llvm::StringRef headerEscape = "") const;

private:
  struct Column {
    std::string header;
    Kind kind;
  };
  struct Row {
    std::vector<std::string> cells;
    std::string escape;
  };
  std::vector<size_t> widths(size_t width) const;

  std::vector<Column> columns;
  std::vector<Row> rows;
};

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_TEXTTABLE_H
