//===- RunPictures.cpp - vitc run on pictures -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inputs.h"
#include "driver/Pictures.h"
#include "driver/pictures/ClassTexts.h"
#include "tools/vitc/Pictures.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

CLI::Option *vitc::addMaxPixels(CLI::App &app, PictureFiles &files) {
  return addInteger(
      app, "--max-pixels", files.maxPixels, {1, int64_t(1) << 40},
      "pictures of more pixels are refused before memory is taken (default 178956970)");
}

namespace {

double normOf(std::span<const float> values) {
  double sum = 0;
  for (float value : values)
    sum += double(value) * double(value);
  return std::sqrt(sum);
}

std::string shapeOf(const ValueShape &output) {
  return output.perImage.empty() ? "1" : vitrt::shapeText(output.perImage);
}

/// What a model's outputs say of pictures: classes, by logits or by texts, or numbers.
class Reader {
public:
  Reader(const RunnableModel &model, const std::vector<std::string> &labels,
         const ClassTexts *texts, int64_t top)
      : model(model), labels(texts ? texts->names() : labels), texts(texts), top(size_t(top)) {}

  /// The output that decides about classes; -1 if none does.
  int decisive() const {
    for (size_t i = 0; i < model.outputs.size(); ++i)
      if (const ValueShape &output = model.outputs[i];
          output.perImage.size() == 1 &&
          (texts ? output.count() == texts->width() && isEmbedding(output.name)
                 : output.name == "logits"))
        return int(i);
    return -1;
  }
  std::vector<RankedClass> classesOf(const PictureOutputs &picture) const {
    std::span<const float> values(picture.outputs[size_t(decisive())]);
    if (!isFinite(values))
      return {};
    return texts ? texts->rank(values, top) : topClasses(values, top);
  }
  std::string labelOf(int64_t index) const {
    return size_t(index) < labels.size() ? labels[size_t(index)] : fmt::format("class {}", index);
  }

  std::string lines(const std::string &file, const PictureOutputs &picture) const {
    std::string text;
    int logits = decisive();
    if (logits >= 0) {
      std::vector<RankedClass> classes = classesOf(picture);
      if (classes.empty())
        text += fmt::format("{} no class, values are not finite\n", file);
      for (size_t i = 0; i < classes.size(); ++i)
        text += fmt::format("{} {} {:.1f}% {}\n", file, i + 1, 100 * classes[i].probability,
                            labelOf(classes[i].index));
    }
    for (size_t i = 0; i < model.outputs.size(); ++i)
      if (int(i) != logits)
        text += fmt::format("{} {} {} norm {:.6g}\n", file, model.outputs[i].name,
                            shapeOf(model.outputs[i]), normOf(picture.outputs[i]));
    return text;
  }

  llvm::json::Value json(const std::string &file, const PictureOutputs &picture) const {
    llvm::json::Object object{{"file", llvm::json::fixUTF8(file)}};
    if (!picture.problem.empty()) {
      object["error"] = llvm::json::fixUTF8(picture.problem);
      return object;
    }
    int logits = decisive();
    if (logits >= 0) {
      llvm::json::Array classes;
      for (const RankedClass &one : classesOf(picture))
        classes.push_back(llvm::json::Object{{"index", one.index},
                                             {"label", llvm::json::fixUTF8(labelOf(one.index))},
                                             {"probability", one.probability}});
      object["top"] = std::move(classes);
    }
    llvm::json::Array outputs;
    for (size_t i = 0; i < model.outputs.size(); ++i)
      if (double norm = normOf(picture.outputs[i]); int(i) != logits)
        outputs.push_back(llvm::json::Object{
            {"name", model.outputs[i].name},
            {"shape", llvm::json::Array(model.outputs[i].perImage)},
            {"norm", std::isfinite(norm) ? llvm::json::Value(norm) : llvm::json::Value(nullptr)}});
    if (!outputs.empty())
      object["outputs"] = std::move(outputs);
    return object;
  }

private:
  static bool isEmbedding(const std::string &name) {
    return name == "image_embeds" || name == "image_features" || name == "pooler_output";
  }

  const RunnableModel &model;
  const std::vector<std::string> &labels;
  const ClassTexts *texts;
  size_t top;
};

/// Prints each picture when its batch is done, and keeps outputs that go to a file.
class Printer {
public:
  Printer(Console &console, const Reader &reader, const std::vector<std::string> &files, bool json,
          RunResults *results)
      : console(console), reader(reader), files(files), json(json), results(results) {
    if (json)
      fputs("[", stdout);
  }
  void take(PictureOutputs &&picture) {
    const std::string &file = files[picture.file];
    ++done;
    console.clear();
    if (!picture.problem.empty()) {
      ++unread;
      console.say(file + ": " + picture.problem);
    } else if (results) {
      ++results->batch;
      for (size_t i = 0; i < picture.outputs.size(); ++i)
        results->outputs[i].insert(results->outputs[i].end(), picture.outputs[i].begin(),
                                   picture.outputs[i].end());
    }
    if (json) {
      std::string text;
      llvm::raw_string_ostream(text) << reader.json(file, picture);
      printf("%s\n  %s", done > 1 ? "," : "", text.c_str());
    } else if (picture.problem.empty()) {
      fputs(reader.lines(file, picture).c_str(), stdout);
    }
    fflush(stdout);
  }
  void finish() {
    if (json)
      fputs(done ? "\n]\n" : "]\n", stdout);
    fflush(stdout);
  }
  size_t done = 0, unread = 0;

private:
  Console &console;
  const Reader &reader;
  const std::vector<std::string> &files;
  bool json;
  RunResults *results;
};

} // namespace

int vitc::runPictures(const PictureRunOptions &options) {
  Console console(/*writesFiles=*/true);
  const Session &session = console.session();
  if (failed(checkDevice(options.device, options.dtypeGiven, session)))
    return console.failed();
  auto files = findPictures(options.files.paths);
  if (!files)
    return console.fail(files.error());
  std::vector<std::string> inputs = *files;
  inputs.insert(inputs.end(), {options.device.ptx, options.classes, options.compile.labels});
  if (failed(keepInputs(options.output, inputFiles(options.compile, options.device.weights, inputs),
                        session)))
    return console.failed();
  if (!options.output.empty())
    if (auto writable = checkResultsFile(options.output); !writable)
      return console.fail(writable.error());
  CompileOptions compile = options.compile;
  compile.wantedBatch =
      options.batch ? options.batch : std::min<int64_t>(64, int64_t(files->size()));
  Compiler compiler(std::move(compile), session);
  Runner runner(compiler, options.device,
                options.json ? std::function<void(const std::string &)>() : announce);
  if (failed(compiler.open()))
    return console.failed();
  auto recipe = needPreprocessing(compiler);
  if (failed(recipe))
    return console.failed();
  auto shape = needPixelShape(compiler);
  if (failed(shape) || failed(runner.open()))
    return console.failed();
  std::optional<ClassTexts> texts;
  if (!options.classes.empty()) {
    const std::string &weights = options.device.weights;
    auto opened =
        ClassTexts::open(options.classes, !weights.empty()        ? weights
                                          : compiler.checkpoint() ? compiler.checkpoint()->weights
                                                                  : std::string());
    if (!opened)
      return console.fail(opened.error());
    texts.emplace(std::move(*opened));
  }
  Reader reader(runner.model(), compiler.labels(), texts ? &*texts : nullptr, options.top);
  if (texts && reader.decisive() < 0)
    return console.fail(
        fmt::format("--classes '{}': has embeddings of {} numbers, but the model has no "
                    "image_embeds, image_features or pooler_output of that size",
                    options.classes, texts->width()));
  if (failed(runner.prepare()))
    return console.failed();
  if (!options.json)
    runner.announce();
  FiniteWatch watch(runner.model(), runner.function());
  PictureReader pictures(*recipe, *shape,
                         {options.files.maxPixels, /*upright=*/true, session.stop});
  RunResults results;
  results.outputs.resize(runner.model().outputs.size());
  Printer printer(console, reader, *files, options.json,
                  options.output.empty() ? nullptr : &results);
  auto done =
      driver::runPictures(pictures, runner.model(), watch.function(), *files, session,
                          [&](PictureOutputs &&picture) { printer.take(std::move(picture)); });
  console.clear();
  printer.finish();
  if (!options.output.empty() && results.batch)
    if (auto written = writeResults(options.output, runner.model(), results); !written)
      return console.fail(written.error());
  bool interrupted = session.stop.stop_requested();
  if (interrupted)
    console.say(
        fmt::format("interrupted, {} of {} pictures are done", printer.done, files->size()));
  else if (failed(done))
    return console.failed();
  else
    warnOfOutputs(session, runner, watch);
  return interrupted || printer.unread ? exitFailed : exitDone;
}
