//===- dsl.h - Vision Transformers in C++, checked by the compiler ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model is a constexpr function that returns a graph:
//
//   constexpr Graph tiny() {
//     Graph g;
//     Value x = input(g / "pixel_values", {batch, 3, 32, 32});
//     x = PatchEmbed{8, 8, 64}(g / "patch_embed", x);
//     output(g, "tokens", x);
//     return g;
//   }
//   static_assert(outputShape<tiny>("tokens") == Shape{batch, 16, 64});
//
// The questions below evaluate it while the program is compiled. A model that
// does not fit together does not compile: the message shows place, op and both
// shapes. Compilers print template arguments, but not what a failed constant
// evaluation knew; hence the arguments of `Mismatch`.
//
// printMlir<tiny>() is the model's text for vitc; a KeyScheme gives its weights
// the names that they have in a checkpoint. printMlir(graph) is that of a graph
// which is known only when the program runs; for one that does not fit together
// it is a line that says why.
//===----------------------------------------------------------------------===//
#ifndef VITC_DSL_H
#define VITC_DSL_H

#include "vitc/dsl/Layers.h"
#include "vitc/graph/Print.h"

namespace vitc::dsl {

// Single ops, for blocks of one's own.
using graph::add;
using graph::appendTokens;
using graph::attention;
using graph::Axis;
using graph::biasAdd;
using graph::columns;
using graph::concat;
using graph::gelu;
using graph::gridOfTokens;
using graph::Heads;
using graph::input;
using graph::layerNorm;
using graph::linear;
using graph::meanTokens;
using graph::mergePatches;
using graph::mul;
using graph::output;
using graph::patchify;
using graph::permute;
using graph::position;
using graph::prepend;
using graph::relativeBias;
using graph::relu;
using graph::resample;
using graph::reshape;
using graph::rmsNorm;
using graph::rope;
using graph::ropeTable;
using graph::Rotation;
using graph::rows;
using graph::scale;
using graph::select;
using graph::shared;
using graph::sigmoid;
using graph::silu;
using graph::slice;
using graph::sliceTokens;
using graph::tanh;
using graph::weight;

// The way out.
using graph::KeyScheme;
using graph::printMlir;
using graph::PrintOptions;
using graph::problemText;

namespace detail {
/// Text of any length below its size.
struct Buffer {
  char text[96] = {};

  constexpr int size() const {
    int size = 0;
    while (text[size])
      ++size;
    return size;
  }
};

// Texts that are template arguments. Types of their own, of exact size and without bases, because
// only then all compilers print them as texts; Clang the first thirty-odd characters of each.
template <int Size> struct Place {
  char text[Size] = {};
};
template <int Size> struct What {
  char text[Size] = {};
};
template <int Size> struct Expected {
  char text[Size] = {};
};
template <int Size> struct Found {
  char text[Size] = {};
};
template <class Text> constexpr Text exactly(const Buffer &buffer) {
  Text text;
  for (int i = 0; i <= buffer.size(); ++i) // the zero too, or Clang shows numbers
    text.text[i] = buffer.text[i];
  return text;
}

/// Appends to a buffer what fits.
class Writer {
public:
  constexpr explicit Writer(Buffer &buffer) : at(buffer.text), end(at + 95) {}

  constexpr Writer &add(const char *more) {
    while (*more && at != end)
      *at++ = *more++;
    return *this;
  }
  constexpr Writer &add(std::int64_t number) {
    if (number < 0)
      add("-");
    if (number >= 10 || number <= -10)
      add(number < 0 ? -(number / 10) : number / 10);
    const char digit[2] = {static_cast<char>('0' + (number < 0 ? -(number % 10) : number % 10)), 0};
    return add(digit);
  }
  constexpr Writer &add(const Shape &shape) {
    for (int i = 0; i < shape.rank; ++i) {
      add(i ? "x" : "");
      i == 0 && shape.isActivation() ? add("?") : add(shape[i]);
    }
    return add(shape.rank ? "" : "nothing");
  }
  constexpr Writer &addName(const Graph &graph, int name) {
    if (name < 0)
      return *this;
    const graph::NamePart &part = graph.names[name];
    addName(graph, part.parent).add(part.parent >= 0 ? "." : "");
    return part.index >= 0 ? add(part.index) : add(part.text);
  }

private:
  char *at, *end;
};

/// A problem as texts, without memory that could not leave the evaluation.
struct Report {
  bool problem = false;
  Buffer place, what, expected, found;
};

constexpr Report reportOf(const Graph &graph) {
  Report report;
  const graph::Problem &problem = graph.problem;
  if (problem.found) {
    report.problem = true;
    Writer(report.place).addName(graph, problem.name);
    Writer(report.what).add(mnemonic(problem.op)).add(" expected ").add(problem.what);
    Writer(report.expected).add(problem.expected);
    problem.isNumber ? Writer(report.found).add(graph::NumberText(problem.number).text)
                     : Writer(report.found).add(problem.actual);
  } else if (graph.outputs.empty()) {
    report.problem = true;
    Writer(report.place).add("model");
    Writer(report.what).add("expected outputs, at least");
    Writer(report.expected).add("1");
    Writer(report.found).add("0");
  }
  return report;
}
} // namespace detail

/// Where a model does not fit together, which op wants what, and both shapes.
template <detail::Place, detail::What, detail::Expected, detail::Found> struct Mismatch {
  static constexpr bool fits = false;
};

/// Does not compile if the model does not fit together; else true.
template <auto Build> consteval bool check() {
  using namespace detail;
  constexpr Report r = reportOf(Build());
  if constexpr (r.problem)
    static_assert(Mismatch<exactly<Place<r.place.size() + 1>>(r.place),
                           exactly<What<r.what.size() + 1>>(r.what),
                           exactly<Expected<r.expected.size() + 1>>(r.expected),
                           exactly<Found<r.found.size() + 1>>(r.found)>::fits);
  return !r.problem;
}

/// Floating-point operations per image; see graph::flops.
template <auto Build> consteval std::int64_t flops(std::int64_t images = 1) {
  return check<Build>() ? graph::flops(Build(), images) : 0;
}

/// Numbers in the checkpoint.
template <auto Build> consteval std::int64_t parameters() {
  return check<Build>() ? graph::parameters(Build()) : 0;
}

/// The model's text; does not compile if the model does not fit together.
template <auto Build> std::string printMlir(const PrintOptions &options = {}) {
  static_assert(check<Build>());
  return graph::printMlir(Build(), options);
}

/// The shape of the output of that name; no shape if there is none.
template <auto Build> consteval Shape outputShape(const char *name) {
  return check<Build>() ? graph::outputShape(Build(), name) : Shape();
}

} // namespace vitc::dsl
#endif // VITC_DSL_H
