//===- PictureRun.cpp - Pictures through a model --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/PictureRun.h"

#include "driver/run/Threads.h"

#include <cmath>

using namespace llvm;
using namespace vitc;
using namespace vitc::driver;

static unsigned decodingThreads() {
  return spareThreads(std::max(1u, std::thread::hardware_concurrency()));
}

namespace {

/// Collects pictures until a batch is full, and those that cannot be read in their places.
class Batch {
public:
  Batch(const RunnableModel &model, const RunFunction &run,
        const std::function<void(PictureOutputs &&)> &take)
      : model(model), run(run), take(take) {}

  void add(size_t file, PictureQueue::Pixels &&pixels) {
    waiting.push_back({file, pixels ? "" : pixels.error(), {}});
    if (!pixels)
      return;
    input.insert(input.end(), pixels->begin(), pixels->end());
    ++images;
  }
  bool isFull() const { return images == model.maxBatch; }

  Result<void> flush() {
    std::vector<std::vector<double>> outputs(model.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i)
      outputs[i].assign(size_t(images * model.outputs[i].count()), std::nan(""));
    if (images)
      if (auto done = run(images, input, outputs); !done)
        return done;
    size_t image = 0;
    for (PictureOutputs &one : waiting) {
      if (one.problem.empty()) {
        for (size_t i = 0; i < outputs.size(); ++i) {
          size_t size = size_t(model.outputs[i].count());
          auto begin = outputs[i].begin() + std::ptrdiff_t(image * size);
          one.outputs.emplace_back(begin, begin + std::ptrdiff_t(size));
        }
        ++image;
      }
      take(std::move(one));
    }
    waiting.clear();
    input.clear();
    images = 0;
    return {};
  }

private:
  const RunnableModel &model;
  const RunFunction &run;
  const std::function<void(PictureOutputs &&)> &take;
  std::vector<PictureOutputs> waiting;
  std::vector<float> input;
  int64_t images = 0;
};

} // namespace

LogicalResult
driver::readPictures(const PictureReader &reader, const std::vector<std::string> &files,
                     const Session &session,
                     const std::function<LogicalResult(size_t, PictureQueue::Pixels &&)> &take) {
  unsigned threads = decodingThreads();
  PictureQueue queue(reader, files, threads, /*ahead=*/2 * threads);
  for (size_t file = 0; file != files.size(); ++file) {
    if (session.progress)
      session.progress("picture", file, files.size());
    std::optional<PictureQueue::Pixels> pixels = queue.next();
    if (session.stop.stop_requested())
      break;
    if (failed(take(file, std::move(*pixels))))
      return failure();
  }
  return success();
}

LogicalResult driver::runPictures(const PictureReader &reader, const RunnableModel &model,
                                  const RunFunction &run, const std::vector<std::string> &files,
                                  const Session &session,
                                  const std::function<void(PictureOutputs &&)> &take) {
  if (model.batchAxis && int64_t(files.size()) > model.maxBatch)
    return session.error("{} pictures, but the model holds at most {} and cannot run in parts: its "
                         "images attend to each other",
                         files.size(), model.maxBatch);
  Batch batch(model, run, take);
  auto add = [&](size_t file, PictureQueue::Pixels &&pixels) -> LogicalResult {
    batch.add(file, std::move(pixels));
    if (!batch.isFull())
      return success();
    auto done = batch.flush();
    return done ? success() : session.error(done.error());
  };
  if (failed(readPictures(reader, files, session, add)))
    return failure();
  if (session.stop.stop_requested())
    return success();
  if (session.progress)
    session.progress("picture", files.size(), files.size());
  auto done = batch.flush();
  return done ? success() : session.error(done.error());
}
