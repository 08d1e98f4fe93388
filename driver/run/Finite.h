//===- Finite.h - Are inputs and outputs numbers? --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A value beyond the largest of f16 becomes infinite, and a few ops later every
// output is NaN. Nobody may take that for a result.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_FINITE_H
#define DRIVER_RUN_FINITE_H

#include "driver/run/Golden.h"
#include "vit/library.h"
#include "vit/runtime.h"

#include <optional>
#include <string>
#include <vector>

namespace vitc::driver {

bool isFinite(std::span<const float> values);

/// What a user should know of an input, one line each: values that are not finite; 8-bit pixels
/// where a model expects normalised ones.
std::vector<std::string> inputWarnings(const ValueShape &input, std::span<const float> values);

/// The first output that is not finite of an image whose input is.
struct Nonfinite {
  std::string output;
  int64_t image = 0; ///< of all
  double value = 0;  ///< its first
  int64_t batch = 0;
  std::vector<float> input; ///< of the run that gave it: `batch` images
  /// "image 3 of 'logits' has nan although its input is finite".
  std::string text() const;
};

/// The step of a library that writes the first infinity or NaN when these images run, and what
/// cures it, to follow Nonfinite::text(): ": 'blocks.0.mlp.fc2' (kernel proj_add_f16) is the first
/// to write such values; build with --residual f32". Types are known from the names of kernels,
/// which vitc gives; of others nothing is said of a step. The compiler knows more: see
/// explainNonfinite.
Result<std::string> explainStep(vit_workspace *workspace, const vit_library &library,
                                const RunnableModel &model, const Nonfinite &found);

/// Runs a model, and looks at what comes out. Refers to the model; not movable, for its function
/// refers to it.
class FiniteWatch {
public:
  FiniteWatch(const RunnableModel &model, RunFunction run) : model(model), run(std::move(run)) {}
  FiniteWatch(const FiniteWatch &) = delete;
  RunFunction function();
  const std::optional<Nonfinite> &finding() const { return found; }

private:
  void look(int64_t batch, std::span<const float> input,
            std::span<const std::vector<double>> outputs);

  const RunnableModel &model;
  RunFunction run;
  std::optional<Nonfinite> found;
  int64_t images = 0; ///< of the runs before
};

} // namespace vitc::driver
#endif // DRIVER_RUN_FINITE_H
