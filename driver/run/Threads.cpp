//===- Threads.cpp - How many threads there can be -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Threads.h"

#include <latch>
#include <system_error>
#include <thread>
#include <vector>

namespace vitc::driver {

unsigned spareThreads(unsigned most) {
  std::latch counted(1);
  std::vector<std::thread> threads;
  threads.reserve(most);
  try {
    while (threads.size() < most)
      threads.emplace_back([&] { counted.wait(); });
  } catch (const std::system_error &) { // that was all
  }
  counted.count_down();
  for (std::thread &thread : threads)
    thread.join();
  return unsigned(threads.size());
}

} // namespace vitc::driver
