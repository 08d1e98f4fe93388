//===- Bisect.h - Which kernel goes wrong -----------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_BISECT_H
#define DRIVER_BISECT_H

#include "driver/Runner.h"
#include "driver/run/Finite.h"

namespace vitc::driver {

/// Runs `batch` images on the device and after every launch compares what it wrote with the
/// reference meaning of the kernel on the values that the launch read. Hands `say` one line for
/// each launch, and one about the first whose error is above `tolerance`. True if there is one.
Result<bool> bisect(Runner &runner, std::span<const float> input, int64_t batch, double tolerance,
                    const std::function<void(const std::string &)> &say);

/// A launch that writes infinities or NaN.
struct Overflow {
  std::string label, kernel;
  std::string type;      ///< of what it stores: "f16"
  double largest = 0;    ///< magnitude of what it should have stored; not finite if that is not
  bool residual = false; ///< the type is that of the residual stream
  double read = 0;       ///< largest magnitude of what it read
  bool norm = false, attention = false; ///< whether it computes one
};
/// The first of them when these images run on the device; none if there is none.
Result<std::optional<Overflow>> findOverflow(Runner &runner, std::span<const float> input,
                                             int64_t batch);

/// "image 0 of 'logits' has nan although its input is finite: 'blocks.0.attn.residual' comes to
/// 90112, too large for f16; use --residual f32", with what was found by findOverflow, unless the
/// reference computes.
Result<std::string> explainNonfinite(Runner &runner, const Nonfinite &found);

} // namespace vitc::driver

#endif // DRIVER_BISECT_H
