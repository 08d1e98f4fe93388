//===- GeometryTest.cpp - Kernels are launched as passes/cost says --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Random kernels of every family, each with the schedule that a search chooses and three random
// legal ones: threads, grid, shared memory and scratch memory of the functions that are written
// equal the geometry, and the geometry covers the whole result. VITC_TEST_COUNT says how many
// kernels (default 200), VITC_TEST_SEED which.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Codegen.h"
#include "passes/CostBridge.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <random>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

namespace {

int64_t setting(const char *name, int64_t usual) {
  const char *value = std::getenv(name);
  return value ? std::strtoll(value, nullptr, 10) : usual;
}

/// Numbers that are the same on every machine.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  int64_t from(int64_t least, int64_t most) {
    return least + int64_t(engine() % uint64_t(most - least + 1));
  }
  bool chance(int64_t of) { return from(1, of) == 1; }
  template <typename T> T of(std::initializer_list<T> values) {
    return values.begin()[from(0, int64_t(values.size()) - 1)];
  }

private:
  std::mt19937_64 engine;
};

std::string number(int64_t value) { return std::to_string(value); }

std::string tensor(const std::string &shape, int64_t width, const std::string &type) {
  return "tensor<" + shape + number(width) + "x" + type + ">";
}

/// The text of one kernel: arguments as they are needed, ops, results.
class Text {
public:
  std::string argument(const std::string &type) {
    arguments += (arguments.empty() ? "%a" : ", %a") + number(count) + ": " + type;
    return "%a" + number(count++);
  }
  std::string op(const std::string &text, const std::string &type) {
    ops += "  %v" + number(values) + " = vit." + text + " -> " + type + "\n";
    return "%v" + number(values++);
  }
  void yield(const std::string &value, const std::string &type) {
    yielded += (yielded.empty() ? "" : ", ") + value;
    types += (types.empty() ? "" : ", ") + type;
  }
  std::string str() const {
    return "vit.kernel @k(" + arguments + ") -> (" + types + ") {\n" + ops + "  vit.yield " +
           yielded + " : " + types + "\n}\n";
  }

private:
  std::string arguments, ops, yielded, types;
  int64_t count = 0, values = 0;
};

/// Ops after the root, and one or two results.
void finish(Text &text, Random &random, std::string value, const std::string &shape, int64_t width,
            const std::string &type) {
  std::string full = tensor(shape, width, type), vector = tensor("", width, "f32");
  if (random.chance(2))
    value = text.op(
        "bias_add " + value + ", " + text.argument(vector) + " : " + full + ", " + vector, full);
  if (random.chance(3))
    value = text.op("gelu erf " + value + " : " + full, full);
  for (int64_t residuals = random.from(0, 2); residuals > 0; --residuals)
    value = text.op("add " + value + ", " + text.argument(full) + " : " + full + ", " + full, full);
  text.yield(value, full);
  if (random.chance(3)) {
    std::string other = tensor(shape, width, type == "f32" ? "f16" : "f32");
    text.yield(text.op("cast " + value + " : " + full, other), other);
  }
}

std::string gemm(Random &random) {
  Text text;
  std::string shape = random.chance(2) ? "?x" : "?x" + number(random.from(1, 300)) + "x";
  int64_t n = random.from(1, 1200), k = 8 * random.from(1, 200);
  std::string type = random.of<std::string>({"f16", "bf16", "tf32", "f32"}),
              x = tensor(shape, k, type);
  std::string w = tensor(number(n) + "x", k, type), input = text.argument(x);
  std::string out = random.of<std::string>({type, "f32"}), y = tensor(shape, n, out);
  auto linear = [&] {
    return text.op("linear " + input + ", " + text.argument(w) + " : " + x + ", " + w, y);
  };
  std::string value = linear();
  if (random.chance(4))
    value = text.op("mul " + value + ", " + linear() + " : " + y + ", " + y, y);
  finish(text, random, value, shape, n, out);
  return text.str();
}

std::string attention(Random &random, bool overBatch) {
  Text text;
  int64_t heads = random.from(1, 4), headDim = 8 * random.from(2, 16), width = heads * headDim;
  int64_t keys = overBatch ? random.from(1, 9) : random.from(1, 272);
  std::string type = random.of<std::string>({"f16", "bf16", "tf32", "f32"});
  std::string rows = "?x" + number(keys) + "x", packed = tensor(rows, 3 * width, type);
  std::string x = text.argument(packed), query = x, queryType = packed, shape = rows;
  if (!overBatch && random.chance(3)) { // as of a class token
    shape = "?x", queryType = tensor(shape, width, type), query = text.argument(queryType);
  }
  std::string y = tensor(shape, width, type);
  std::string value =
      text.op("attention " + query + ", " + x + ", " + x + " heads " + number(heads) +
                  " head_dim " + number(headDim) + " scale 0.125 axis " +
                  (overBatch ? "batch" : "tokens") + " offsets [0, " + number(width) + ", " +
                  number(2 * width) + "] : " + queryType + ", " + packed + ", " + packed,
              y);
  finish(text, random, value, shape, width, type);
  return text.str();
}

std::string norm(Random &random) {
  Text text;
  std::string shape = random.chance(2) ? "?x" : "?x" + number(random.from(1, 300)) + "x";
  int64_t width = random.of({random.from(1, 300), 8 * random.from(1, 700)});
  std::string type = random.of<std::string>({"f16", "bf16", "tf32", "f32"});
  std::string x = tensor(shape, width, type), v = tensor("", width, "f32");
  std::string value = text.argument(x);
  if (random.chance(2)) {
    value = text.op("add " + value + ", " + text.argument(x) + " : " + x + ", " + x, x);
    if (random.chance(2))
      text.yield(value, x);
  }
  value = text.op("layer_norm " + value + ", " + text.argument(v) + ", " + text.argument(v) +
                      " eps 1.0e-05 : " + x + ", " + v + ", " + v,
                  x);
  finish(text, random, value, shape, width, type);
  return text.str();
}

std::string tokens(Random &random) {
  Text text;
  std::string type = random.of<std::string>({"f16", "tf32", "f32"});
  int64_t width = random.from(1, 900), count = random.from(1, 60), more = random.from(1, 3);
  std::string value, shape = "?x" + number(count) + "x", x = tensor(shape, width, type);
  std::string table = tensor(number(more) + "x", width, "f32");
  switch (random.from(0, 3)) {
  case 0: {
    int64_t patch = random.of<int64_t>({4, 7, 14, 16}), grid = random.from(1, 9);
    std::string size = number(patch * grid);
    std::string image = "tensor<?x3x" + size + "x" + size + "xf32>";
    width = 3 * patch * patch, shape = "?x" + number(grid * grid) + "x";
    value = text.op("patchify " + text.argument(image) + " conv [" + number(patch) + ", " +
                        number(patch) + "] : " + image,
                    tensor(shape, width, type));
    break;
  }
  case 1:
    shape = "?x" + number(count + more) + "x";
    value = text.op("prepend " + text.argument(table) + ", " + text.argument(x) + " : " + table +
                        ", " + x,
                    tensor(shape, width, type));
    break;
  case 2:
    value = text.op("select " + text.argument(x) + " token " + number(random.from(0, count - 1)) +
                        " : " + x,
                    tensor("?x", width, type));
    shape = "?x";
    break;
  case 3: {
    std::string all = tensor(number(count) + "x", width, "f32");
    value = text.op("broadcast " + text.argument(all) + " : " + all, x);
    break;
  }
  }
  finish(text, random, value, shape, width, type);
  return text.str();
}

std::string elementwise(Random &random) {
  Text text;
  std::string shape = random.chance(2) ? "?x" : "?x" + number(random.from(1, 300)) + "x";
  int64_t width = random.from(1, 2000);
  std::string type = random.of<std::string>({"f16", "bf16", "tf32", "f32"});
  std::string x = tensor(shape, width, type);
  finish(text, random, text.op("relu " + text.argument(x) + " : " + x, x), shape, width, type);
  return text.str();
}

/// Other numbers than a search would try.
void change(cost::Schedule &schedule, Random &random) {
  if (auto *s = std::get_if<cost::GemmSchedule>(&schedule.numbers)) {
    s->stages = int(random.from(2, 8)), s->splits = int(random.from(1, 4));
  } else if (auto *s = std::get_if<cost::AttentionSchedule>(&schedule.numbers)) {
    s->rows = int(16 * random.from(1, 17)), s->resident = random.chance(2);
    s->warp = random.chance(3) ? 32 : 16;
  } else if (auto *s = std::get_if<cost::NormSchedule>(&schedule.numbers)) {
    s->rows = int(random.from(1, 48)), s->warp = int(random.from(1, 4));
    s->recompute = random.chance(2);
  } else if (auto *s = std::get_if<cost::TokensSchedule>(&schedule.numbers)) {
    s->elements = int(256 * random.from(1, 20)), s->warp = int(32 * random.from(1, 20));
  } else if (auto *s = std::get_if<cost::ElementwiseSchedule>(&schedule.numbers)) {
    s->elements = int(256 * random.from(1, 20)), s->warp = int(32 * random.from(1, 20));
  }
}

/// The one that a search chooses, then three legal ones.
std::vector<cost::Schedule> schedulesFor(const cost::Work &work, int64_t maxBatch, Random &random) {
  cost::Preferences preferences;
  preferences.gpu = cost::findGpu(random.of({"rtx4090", "rtx4060", "a100", "h200"}));
  cost::Selection selection = cost::select({{work}}, maxBatch, preferences);
  REQUIRE(selection.objection == "");
  std::vector<cost::Schedule> list = {selection.ranges.front().alternatives.front()};
  std::vector<cost::Schedule> all = cost::candidates(work, maxBatch, preferences);
  while (list.size() < 4) {
    cost::Schedule schedule = all[random.from(0, int64_t(all.size()) - 1)];
    if (random.chance(2))
      change(schedule, random);
    if (cost::objection(work, schedule, cost::widestLimits()).empty())
      list.push_back(schedule);
  }
  return list;
}

void check(const KernelCode &code, FunctionOpInterface function, const cost::Work &work) {
  cost::Schedule schedule = scheduleOf(code.schedule);
  cost::Geometry geometry = cost::geometryOf(work, schedule);
  INFO(cost::text(schedule));
  CHECK(code.launch.threads == uint32_t(geometry.threads));
  CHECK(code.launch.dynamicSmem == geometry.shared);
  for (int i = 0; i < 3; ++i)
    CHECK(code.launch.grid[i] == geometry.grid[i]);
  auto threads = function->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid");
  REQUIRE(threads);
  CHECK(threads.asArrayRef().front() == geometry.threads);
  // Pointers, two more for scratch memory and counters, and the count.
  auto kernel = function->getParentOfType<ModuleOp>().lookupSymbol<vit::KernelOp>("k");
  size_t values = kernel.getArgumentTypes().size() + kernel.getResultTypes().size();
  CHECK(function.getNumArguments() == values + (geometry.sums ? 2 : 0) + 1);
  CHECK((geometry.sums > 0) == schedule.isSplit());

  // Every element has a thread, at any count.
  for (int64_t count : {1, 5}) {
    int64_t blocks = 1;
    for (const cost::Extent &extent : geometry.grid)
      blocks *= extent.at(count);
    cost::Written numbers = cost::written(schedule);
    int64_t elements = work.rows * count * work.columns;
    if (work.family == cost::Family::Gemm)
      CHECK(blocks * numbers.block[0] * numbers.block[1] >= elements * numbers.splits);
    else if (work.family == cost::Family::Attention)
      CHECK(blocks * numbers.block[0] * work.headDim >=
            (work.overBatch ? work.rows : work.queries) * count * work.columns);
    else if (work.family == cost::Family::Norm)
      CHECK(blocks * geometry.threads / 32 * numbers.warp[0] * work.columns >= elements);
    else
      CHECK(blocks * numbers.block[0] >= elements);
  }
}

} // namespace

TEST_CASE("functions are launched as their geometry says") {
  int64_t count = setting("VITC_TEST_COUNT", 200), seed = setting("VITC_TEST_SEED", 1);
  if (std::getenv("VITC_TEST_SEED"))
    std::cout << "geometry: " << count << " kernels of seed " << seed << std::endl;
  DialectRegistry registry;
  registry.insert<vit::VitDialect, func::FuncDialect>();
  registerCodegenDialects(registry);
  Random random(static_cast<uint64_t>(seed));
  for (int64_t i = 0; i < count; ++i) {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    bool overBatch = i % 10 == 6;
    std::string text = i % 5 == 0   ? gemm(random)
                       : i % 5 == 1 ? attention(random, overBatch)
                       : i % 5 == 2 ? norm(random)
                       : i % 5 == 3 ? tokens(random)
                                    : elementwise(random);
    INFO("kernel " << i << " of seed " << seed << ":\n" << text);
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    REQUIRE(module);
    auto kernel = module->lookupSymbol<vit::KernelOp>("k");
    cost::Work work = workOf(kernel);

    SmallVector<Attribute> schedules;
    for (const cost::Schedule &schedule : schedulesFor(work, overBatch ? 17 : 64, random)) {
      int64_t batch = int64_t(schedules.size()) + 1;
      CHECK(scheduleOf(attributeOf(&context, schedule, batch, batch)) == schedule);
      schedules.push_back(attributeOf(&context, schedule, batch, batch));
    }
    kernel.setSchedulesAttr(ArrayAttr::get(&context, schedules));
    REQUIRE(succeeded(lowerKernels(*module)));
    FailureOr<std::vector<KernelCode>> functions = readFunctions(kernel);
    REQUIRE(succeeded(functions));
    for (const KernelCode &code : *functions)
      check(code,
            cast<FunctionOpInterface>(SymbolTable::lookupSymbolIn(moduleOf(kernel), code.name)),
            work);
  }
}
