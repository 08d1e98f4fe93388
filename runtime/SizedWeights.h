//===- SizedWeights.h - Weights that depend on the size of images ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Tables of positions, for models that take images of any size. They are made
// when a size is asked for, by the recipe, of values that lie among the model's
// weights. Workspaces of one size share them; the model keeps those of the last
// few sizes, others go with their last workspace.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_SIZEDWEIGHTS_H
#define VITC_RUNTIME_SIZEDWEIGHTS_H

#include "runtime/Backend.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace vitrt {

/// What they are for one size, on the device.
struct SizedWeights {
  explicit SizedWeights(Backend &backend) : backend(backend) {}
  SizedWeights(const SizedWeights &) = delete;
  ~SizedWeights() {
    if (memory)
      backend.free(memory);
  }

  Backend &backend;
  uint64_t memory = 0, bytes = 0;  ///< one allocation
  std::vector<uint64_t> addresses; ///< of each weight of the library; 0 of those that are not here
};

/// Those of one model. Threads may share it.
class SizeCache {
public:
  static constexpr size_t mostKept = 8; ///< sizes that are there when no workspace has them
  /// `mostBytes` of them at most.
  explicit SizeCache(uint64_t mostBytes = uint64_t(256) << 20) : mostBytes(mostBytes) {}

  /// `out` is NULL where no weight depends on the size. `sized` is a plan of the library for
  /// any size, or one that needs none of them. `allowNonfinite`: see LoadOptions; nobody is told,
  /// for the load has.
  Status get(const vit_library &library, Backend &backend, const SizedPlan &sized,
             bool allowNonfinite, std::shared_ptr<const SizedWeights> &out);

private:
  void trim(std::vector<std::shared_ptr<const SizedWeights>> &gone);

  const uint64_t mostBytes;
  std::mutex mutex;
  std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<const SizedWeights>> made; // by the grid
  std::deque<std::shared_ptr<const SizedWeights>> kept; // the last that were asked for first
};

} // namespace vitrt
#endif // VITC_RUNTIME_SIZEDWEIGHTS_H
