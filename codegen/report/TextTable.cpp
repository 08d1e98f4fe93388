//===- TextTable.cpp - Columns for a terminal -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/report/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Unicode.h"

#include <cassert>
#include <numeric>

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

static constexpr size_t gap = 2, narrowest = 8;

std::string vitc::codegen::shorten(StringRef text, size_t width) {
  if (text.size() <= width)
    return text.str();
  if (width <= 4)
    return text.take_front(width).str();
  size_t front = (width - 2) / 2, back = width - 2 - front;
  return text.take_front(front).str() + ".." + text.take_back(back).str();
}

/// The bytes of the first character of UTF-8 text, and the columns it takes on a terminal. What is
/// no character, or none that can be printed, is one column a byte.
static std::pair<size_t, size_t> firstCharacter(StringRef text) {
  size_t bytes = getNumBytesForUTF8(static_cast<UTF8>(text.front()));
  int width = bytes <= text.size() ? sys::unicode::columnWidthUTF8(text.take_front(bytes)) : -1;
  return width < 0 ? std::pair<size_t, size_t>(1, 1) : std::pair(bytes, size_t(width));
}

static size_t columnsOf(StringRef text) {
  size_t columns = 0;
  while (!text.empty()) {
    auto [bytes, width] = firstCharacter(text);
    columns += width;
    text = text.drop_front(bytes);
  }
  return columns;
}

/// As much of a word as `width` columns hold, at least a character; if it can be, up to where one
/// of its names ends.
static StringRef beginningOf(StringRef word, size_t width) {
  size_t end = 0, columns = 0, good = 0;
  while (end < word.size()) {
    auto [bytes, wide] = firstCharacter(word.drop_front(end));
    if (end && columns + wide > width)
      break;
    end += bytes, columns += wide;
    if (columns * 2 > width && StringRef(".+/_,").contains(word[end - 1]))
      good = end;
  }
  return word.take_front(end < word.size() && good ? good : end);
}

std::string vitc::codegen::wrap(StringRef text, size_t width, size_t indent, size_t used) {
  std::string lines;
  auto breakLine = [&] {
    lines += "\n" + std::string(indent, ' ');
    used = indent;
  };
  for (bool first = true; !text.empty(); first = false) {
    auto [word, rest] = text.split(' ');
    text = rest;
    size_t columns = columnsOf(word);
    if (!first && used + 1 + columns > width) {
      breakLine();
    } else if (!first) {
      lines += ' ';
      ++used;
    }
    while (used + columns > width) { // what no line holds is broken anyway
      StringRef part = beginningOf(word, width > used ? width - used : 1);
      if (part.size() == word.size())
        break;
      lines += part;
      word = word.drop_front(part.size());
      columns = columnsOf(word);
      breakLine();
    }
    lines += word;
    used += columns;
  }
  return lines;
}

void TextTable::row(std::vector<std::string> cells, StringRef escape) {
  assert(cells.size() == columns.size() && "a text for each column");
  rows.push_back({std::move(cells), escape.str()});
}

std::vector<size_t> TextTable::widths(size_t width) const {
  std::vector<size_t> result;
  for (auto [i, column] : enumerate(columns)) {
    result.push_back(column.header.size());
    for (const Row &row : rows)
      result[i] = std::max(result[i], row.cells[i].size());
  }
  size_t all = std::accumulate(result.begin(), result.end(), gap * (columns.size() - 1));
  for (; all > width; --all) {
    size_t *widest = nullptr;
    for (auto [size, column] : zip_equal(result, columns))
      if (column.kind == Flexible && size > narrowest && (!widest || size > *widest))
        widest = &size;
    if (!widest)
      break;
    --*widest;
  }
  return result;
}

std::string TextTable::text(size_t width, StringRef headerEscape) const {
  std::vector<size_t> sizes = widths(width);
  std::string text;
  auto line = [&](auto cellOf, StringRef escape) {
    std::string cells;
    for (auto [i, column] : enumerate(columns)) {
      std::string cell = shorten(cellOf(i), sizes[i]);
      std::string blanks(sizes[i] - cell.size(), ' ');
      cells +=
          (i ? std::string(gap, ' ') : "") + (column.kind == Right ? blanks + cell : cell + blanks);
    }
    cells.erase(cells.find_last_not_of(' ') + 1);
    text += escape.empty() ? cells : escape.str() + cells + "\033[0m";
    text += '\n';
  };
  line([&](size_t i) { return columns[i].header; }, headerEscape);
  for (const Row &row : rows)
    line([&](size_t i) { return row.cells[i]; }, row.escape);
  return text;
}
