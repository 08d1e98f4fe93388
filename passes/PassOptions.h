//===- PassOptions.h - Options.def as options of passes ---------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_PASSOPTIONS_H
#define PASSES_PASSOPTIONS_H

#include "passes/Options.h"

#include "mlir/Pass/Pass.h"

/// A member of a pass for an option. Whoever has such members copies none of them: Pass::clone
/// does.
#define VITC_PASS_OPTION(type, field, flag, initial, value, help)                                  \
  Option<type> field{*this, flag, llvm::cl::desc(help), llvm::cl::init(initial)};
#define VITC_PASS_LIST_OPTION(type, field, flag, initial, value, help)                             \
  ListOption<type::value_type> field{*this, flag, llvm::cl::desc(help)};

namespace vitc {

/// The generated base of a pass that chooses schedules or compares them, with the options for that.
template <class Base> struct SchedulingPass : Base {
  template <class T> using Option = typename Base::template Option<T>;

  SchedulingPass() = default;
  SchedulingPass(const SchedulingPass &other) : Base(other) {}
  explicit SchedulingPass(const PipelineOptions &given) {
#define VITC_FIELD(type, field, flag, initial, value, help) field = given.field;
#define VITC_BATCH_OPTION VITC_FIELD
#define VITC_SCHEDULE_OPTION VITC_FIELD
#include "passes/Options.def"
#undef VITC_FIELD
  }

  /// What the pass was given; the rest as by default.
  PipelineOptions given() const {
    PipelineOptions options;
#define VITC_FIELD(type, field, flag, initial, value, help) options.field = field;
#define VITC_BATCH_OPTION VITC_FIELD
#define VITC_SCHEDULE_OPTION VITC_FIELD
#include "passes/Options.def"
#undef VITC_FIELD
    return options;
  }

#define VITC_BATCH_OPTION VITC_PASS_OPTION
#define VITC_SCHEDULE_OPTION VITC_PASS_OPTION
#include "passes/Options.def"
};

} // namespace vitc

#endif // PASSES_PASSOPTIONS_H
