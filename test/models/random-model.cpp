//===- random-model.cpp - Print random models as IR -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "test/models/RandomModel.h"

#include "vitc/graph/Print.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace vitc;

static const char usage[] = "usage: vitc-random-model SEED [--first N] [--count N] [--ops N] "
                            "[--wide] [--drop N]... > model.mlir\n"
                            "       vitc-random-model --roots\n"
                            "  --first N, --count N  cases N, N+1, ... of the seed (0, 7)\n"
                            "  --root ROOT           of all cases\n"
                            "  --ops N               at most N elementwise ops behind a root (6)\n"
                            "  --wide                widths and tokens of real models\n"
                            "  --drop N              leaves elementwise op N of each case out\n"
                            "  --roots               prints the roots instead, one a line: case i "
                            "has root i modulo their number\n";

/// A number that is the whole of `text`; ends the program otherwise.
static std::uint64_t number(const char *text) {
  char *end = nullptr;
  std::uint64_t value = text ? std::strtoull(text, &end, 10) : 0;
  if (!text || end == text || *end) {
    std::fprintf(stderr, "vitc-random-model: expected a number, found '%s'\n%s", text ? text : "",
                 usage);
    std::exit(2);
  }
  return value;
}

static graph::Op root(const char *name) {
  for (graph::Op op : test::randomModelRoots())
    if (name && !std::strcmp(name, graph::mnemonic(op)))
      return op;
  std::fprintf(stderr, "vitc-random-model: expected a root, found '%s'\n%s", name ? name : "",
               usage);
  std::exit(2);
}

int main(int argc, char **argv) {
  if (argc == 2 && !std::strcmp(argv[1], "--roots")) {
    for (graph::Op root : test::randomModelRoots())
      std::puts(graph::mnemonic(root));
    return 0;
  }
  test::RandomModelOptions options;
  options.seed = number(argv[1]);
  for (int i = 2; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--wide")
      options.wide = true;
    else if (name == "--first")
      options.first = number(argv[++i]);
    else if (name == "--count")
      options.count = number(argv[++i]);
    else if (name == "--ops")
      options.mostOps = number(argv[++i]);
    else if (name == "--root")
      options.root = root(argv[++i]);
    else if (name == "--drop")
      options.dropped.push_back(number(argv[++i]));
    else {
      std::fprintf(stderr, "vitc-random-model: unknown argument '%s'\n%s", argv[i], usage);
      return 2;
    }
  }
  test::RandomModel model = test::randomModel(options);
  if (model.graph.problem.found) {
    std::fprintf(stderr, "vitc-random-model: %s\n", graph::problemText(model.graph).c_str());
    return 1;
  }
  return std::fputs(graph::printMlir(model.graph).c_str(), stdout) < 0;
}
