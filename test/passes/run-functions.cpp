//===- run-functions.cpp - Functions through passes and the interpreter ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The fast half of random_functions.py: thousands of functions in one process. A file has, for
// each,
//
//   //@ case SEED
//   //@ output VALUE...          one line for each result, in order
//   //@ passes PIPELINE          as many as are to be tried, each from the function as it is
//   written func.func @forward(...) ...
//   //@ end
//
// What is printed is for the script to judge, a line for the function itself (stage 0) and each
// pipeline:
//
//   SEED STAGE distance D        of the worst output to its values: norm of the difference over
//   norm SEED STAGE refused TEXT      the pipeline failed SEED STAGE broken TEXT       what should
//   never happen
//===----------------------------------------------------------------------===//

#include "dialect/reference/Reference.h"
#include "passes/CostBridge.h"
#include "passes/Passes.h"
#include "passes/Queries.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

using namespace mlir;
using namespace vitc;

namespace {

/// The batch of every input; functions.py has the same.
constexpr int64_t images = 2;

struct Case {
  std::string seed, text;
  std::vector<std::vector<double>> outputs;
  std::vector<std::string> pipelines;
};

/// Numbers in [-1, 1) from a name; oracle.py makes the same.
std::vector<double> scrambled(StringRef name, int64_t count) {
  uint64_t state = 1469598103934665603u;
  for (char c : name)
    state = (state ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values.push_back(static_cast<double>(state >> 11) / (1ull << 52) - 1);
  }
  return values;
}

int64_t countOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// The norm of the difference over that of `b`; of zeros, over 1.
double distanceOf(ArrayRef<double> a, ArrayRef<double> b) {
  double difference = 0, norm = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    difference += (x - y) * (x - y);
    norm += y * y;
  }
  return std::sqrt(difference / (norm == 0 ? 1 : norm));
}

std::string makeWeight(const reference::Weight &weight, std::vector<double> &values) {
  values = scrambled(weight.key, countOf(weight.shape));
  return "";
}

/// Errors are kept, the rest is not the subject.
class Errors {
public:
  explicit Errors(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            text += (text.empty() ? "" : "; ") + diagnostic.str();
          return success();
        }) {}
  /// On one line, forgotten then.
  std::string take() {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return std::exchange(text, "");
  }

private:
  std::string text;
  ScopedDiagnosticHandler handler;
};

class Runner {
public:
  Runner() : context(MLIRContext::Threading::DISABLED), errors(context) {
    context.loadDialect<vit::VitDialect, func::FuncDialect>();
    context.printOpOnDiagnostic(false);
  }

  void run(const Case &given) {
    auto module = parseSourceString<ModuleOp>(given.text, &context);
    if (!module)
      return say(given, 0, "broken", errors.take());
    compare(given, 0, *module);
    for (size_t i = 0; i < given.pipelines.size(); ++i) {
      OwningOpRef<ModuleOp> copy = module->clone();
      PassManager manager(&context, ModuleOp::getOperationName());
      std::string problem;
      llvm::raw_string_ostream stream(problem);
      if (failed(parsePassPipeline(given.pipelines[i], manager, stream)))
        say(given, i + 1, "broken", problem);
      else if (failed(manager.run(*copy)))
        say(given, i + 1, "refused", errors.take());
      else {
        compare(given, i + 1, *copy);
        checkPrediction(given, i + 1, *copy);
      }
    }
  }

private:
  /// No kernels are predicted to be faster than any could be.
  static void checkPrediction(const Case &given, size_t stage, ModuleOp module) {
    auto kernels = module.getOps<vit::KernelOp>();
    if (kernels.empty() ||
        llvm::any_of(kernels, [](vit::KernelOp kernel) { return !kernel.getSchedulesAttr(); }))
      return;
    const cost::Gpu &gpu = *cost::findGpu("rtx4090");
    for (int64_t batch : {1, 4}) { // max-batch of all pipelines is 4
      double time = predictModel(module, gpu, batch),
             least = rooflineOf(module, gpu, batch).seconds;
      if (time < least)
        say(given, stage, "broken",
            "predicted " + std::to_string(time) + " s, roofline " + std::to_string(least));
    }
  }

  static void say(const Case &given, size_t stage, const char *what, const std::string &text) {
    std::printf("%s %zu %s %s\n", given.seed.c_str(), stage, what, text.c_str());
    std::fflush(stdout);
  }

  void compare(const Case &given, size_t stage, ModuleOp module) {
    llvm::Expected<func::FuncOp> model = vit::findModel(module);
    if (!model)
      return say(given, stage, "broken", llvm::toString(model.takeError()));
    std::vector<reference::Tensor> inputs;
    for (BlockArgument argument : model->getArguments()) {
      std::vector<int64_t> shape(tensorType(argument).getShape());
      shape[0] = images;
      inputs.push_back(
          {shape, scrambled(inputName(*model, argument.getArgNumber()), countOf(shape))});
    }
    auto found = reference::Interpreter(module, makeWeight, 1).run(std::move(inputs));
    if (!found)
      return say(given, stage, "broken", llvm::toString(found.takeError()));
    if (found->size() != given.outputs.size())
      return say(given, stage, "broken", "another number of outputs");
    double worst = 0;
    for (auto [output, expected] : llvm::zip_equal(*found, given.outputs)) {
      if (output.tensor.values.size() != expected.size())
        return say(given, stage, "broken", "'" + output.name + "' has another shape");
      double distance = distanceOf(output.tensor.values, expected);
      worst = distance <= worst ? worst : distance; // NaN stays
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", worst);
    say(given, stage, "distance", text);
  }

  MLIRContext context;
  Errors errors;
};

std::vector<double> numbers(std::istream &line) {
  std::vector<double> values;
  for (std::string word; line >> word;)
    values.push_back(std::strtod(word.c_str(), nullptr));
  return values;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: vitc-run-functions FILE\n");
    return 2;
  }
  registerVitcPasses();
  registerVitcPipelines();
  registerTransformsPasses();
  std::ifstream file(argv[1]);
  Runner runner;
  Case now;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("//@ ", 0) != 0) {
      now.text += line + "\n";
      continue;
    }
    std::istringstream words(line.substr(4));
    std::string what;
    words >> what;
    if (what == "case")
      words >> (now = Case()).seed;
    else if (what == "output")
      now.outputs.push_back(numbers(words));
    else if (what == "passes")
      now.pipelines.push_back(line.substr(11));
    else
      runner.run(now);
  }
  return 0;
}
