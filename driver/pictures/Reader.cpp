//===- Reader.cpp - From files of pictures to pixel values -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Reader.h"

#include "driver/run/ReadFile.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <system_error>

namespace vitc::driver {

using vitrt::Error;
using vitrt::Result;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

namespace {

/// Reduces rows as they come.
class ReducingSink : public PictureSink {
public:
  ReducingSink(const vit_preprocessing &recipe, vitrt::PixelShape shape)
      : recipe(recipe), shape(shape) {}

  Result<void> begin(int64_t newWidth, int64_t height) override {
    width = newWidth;
    if (vitrt::Status good = vitrt::PicturePlan::make(recipe, shape, width, height, plan); !good)
      return Error{good.message()};
    reduction.emplace(plan);
    return {};
  }
  void row(int64_t index, const uint8_t *rgb) override {
    if (isNeeded(index))
      reduction->add(index, rgb);
  }
  bool isNeeded(int64_t index) const {
    return index >= plan.rows().begin && index < plan.rows().end;
  }
  int64_t rowBytes() const { return 3 * width; }
  std::vector<float> finish() const {
    std::vector<float> pixels(size_t(shape.count()));
    if (!shape.bytes) {
      reduction->finish(pixels.data());
      return pixels;
    }
    std::vector<uint8_t> levels(pixels.size());
    reduction->finish(levels.data());
    std::copy(levels.begin(), levels.end(), pixels.begin());
    return pixels;
  }

private:
  const vit_preprocessing &recipe;
  const vitrt::PixelShape shape;
  int64_t width = 0;
  vitrt::PicturePlan plan;
  std::optional<vitrt::PictureReduction> reduction;
};

/// Has another thread reduce rows, some at a time. Where none can be started it does so itself.
class BesideSink : public PictureSink {
public:
  explicit BesideSink(ReducingSink &inner) : inner(inner) {}
  ~BesideSink() override { finish(); }

  Result<void> begin(int64_t width, int64_t height) override {
    if (Result<void> good = inner.begin(width, height); !good)
      return good;
    try {
      thread = std::thread([this] { work(); });
    } catch (const std::system_error &) {
    }
    return {};
  }
  void row(int64_t index, const uint8_t *rgb) override {
    if (!thread.joinable())
      return inner.row(index, rgb);
    if (!inner.isNeeded(index))
      return;
    if (strip.pixels.empty())
      strip.first = index;
    strip.pixels.insert(strip.pixels.end(), rgb, rgb + inner.rowBytes());
    if (strip.pixels.size() >= stripBytes)
      give();
  }
  /// After the last row, and where there will be no more.
  void finish() {
    if (!thread.joinable())
      return;
    give();
    {
      std::lock_guard lock(mutex);
      ending = true;
    }
    changed.notify_all();
    thread.join();
  }

private:
  static constexpr size_t stripBytes = size_t(1) << 18, mostStrips = 4;
  struct Strip {
    int64_t first = 0;
    std::vector<uint8_t> pixels;
  };

  void give() {
    if (strip.pixels.empty())
      return;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return strips.size() < mostStrips; });
    strips.push_back(std::move(strip));
    strip = {};
    if (!used.empty()) {
      strip.pixels = std::move(used.back());
      used.pop_back();
      strip.pixels.clear();
    }
    lock.unlock();
    changed.notify_all();
  }
  void work() {
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return ending || !strips.empty(); });
      if (strips.empty())
        return;
      Strip now = std::move(strips.front());
      strips.pop_front();
      lock.unlock();
      changed.notify_all();
      size_t bytes = size_t(inner.rowBytes());
      for (size_t i = 0; i != now.pixels.size() / bytes; ++i)
        inner.row(now.first + int64_t(i), &now.pixels[i * bytes]);
      lock.lock();
      used.push_back(std::move(now.pixels));
    }
  }

  ReducingSink &inner;
  Strip strip;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Strip> strips;
  std::vector<std::vector<uint8_t>> used; ///< memory of strips to come
  bool ending = false;
  std::thread thread;
};

} // namespace

Result<std::vector<float>> PictureReader::decode(std::span<const uint8_t> bytes,
                                                 bool beside) const {
  ReducingSink reducing(recipe, shape);
  BesideSink thread(reducing);
  PictureSink &sink = beside ? static_cast<PictureSink &>(thread) : reducing;
  if (Result<void> decoded = decodePicture(bytes, options, sink); !decoded)
    return decoded.takeError();
  thread.finish();
  return reducing.finish();
}

Result<std::vector<float>> PictureReader::read(const std::string &path, bool beside) const {
  auto bytes = readFile(path, options.stop);
  if (!bytes)
    return bytes.takeError();
  try {
    return decode({reinterpret_cast<const uint8_t *>(bytes->data()), bytes->size()}, beside);
  } catch (const std::bad_alloc &) {
    return Error{"there is no memory for its pixels"};
  }
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

PictureQueue::PictureQueue(const PictureReader &reader, std::vector<std::string> files,
                           unsigned count, size_t ahead)
    : reader(reader), files(std::move(files)), ahead(std::max<size_t>(1, ahead)),
      beside(count > 1 && this->files.size() < count) {
  count = unsigned(std::min<size_t>(std::max(1u, count), this->files.size()));
  for (unsigned i = 0; i != count; ++i)
    try {
      threads.emplace_back([this] { work(); });
    } catch (const std::system_error &) { // next() reads what nobody else does
      break;
    }
}

PictureQueue::~PictureQueue() {
  {
    std::lock_guard lock(mutex);
    ending = true;
  }
  changed.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

void PictureQueue::work() {
  std::unique_lock lock(mutex);
  while (!ending && begun != files.size()) {
    if (begun >= taken + ahead) {
      changed.wait(lock);
      continue;
    }
    size_t index = begun++;
    lock.unlock();
    Pixels pixels = reader.read(files[index], beside);
    lock.lock();
    done.emplace(index, std::move(pixels));
    changed.notify_all();
  }
}

std::optional<PictureQueue::Pixels> PictureQueue::next() {
  std::unique_lock lock(mutex);
  if (taken == files.size())
    return std::nullopt;
  if (threads.empty())
    return reader.read(files[taken++], false);
  changed.wait(lock, [&] { return done.contains(taken); });
  Pixels pixels = std::move(done.extract(taken++).mapped());
  lock.unlock();
  changed.notify_all();
  return pixels;
}

Result<std::vector<std::string>> findPictures(const std::vector<std::string> &paths) {
  namespace fs = std::filesystem;
  auto isPicture = [](const fs::path &path) {
    std::string end = path.extension().string();
    std::transform(end.begin(), end.end(), end.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    constexpr std::string_view known[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
    return std::find(std::begin(known), std::end(known), end) != std::end(known);
  };
  std::vector<std::string> files;
  for (const std::string &path : paths) {
    std::error_code code;
    if (!fs::is_directory(path, code)) {
      files.push_back(path); // whatever it is called, and whether it is there: its reader says
      continue;
    }
    size_t before = files.size();
    fs::recursive_directory_iterator entry(path, code), end;
    for (; !code && entry != end; entry.increment(code))
      if (std::error_code ignored;
          isPicture(entry->path()) && !fs::is_directory(entry->path(), ignored))
        files.push_back(entry->path().string());
    if (code)
      return Error{vitrt::quoted(path) + ": cannot be read: " + code.message()};
    if (files.size() == before)
      return Error{vitrt::quoted(path) + ": expected a folder with .png or .jpg files, found none"};
    std::sort(files.begin() + std::ptrdiff_t(before), files.end());
  }
  return files;
}

} // namespace vitc::driver
