//===- SelfCheck.h - Does a device compute what it should? -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_SELFCHECK_H
#define VITC_RUNTIME_SELFCHECK_H

#include "runtime/Handles.h"

namespace vitrt {

/// vit_model_check. `report` gets what is known when it ends, also in a failure. `again` gives the
/// weights once more; NULL: from where the model has them.
Status checkModel(const vit_model &model, WeightSource *again, std::string &report);

} // namespace vitrt
#endif // VITC_RUNTIME_SELFCHECK_H
