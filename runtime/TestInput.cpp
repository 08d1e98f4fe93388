//===- TestInput.cpp - Images that are made, not read ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/TestInput.h"
#include "weights/HashWeights.h"

#include <algorithm>
#include <cstring>

namespace vitrt {

Status makeTestInput(const vit_library &library, const SizedPlan &sized, uint32_t index, int batch,
                     std::vector<uint8_t> &out) {
  const vit_tensor &tensor = library.inputs[index];
  if (tensor.dtype != VIT_F32 && tensor.dtype != VIT_U8)
    return badArgument(inputText(library, index) +
                       " is neither f32 nor u8, which is all that is made here");
  out.resize(sized.inputBytes(library, index, batch));
  std::vector<float> values(out.size() / sizeOf(tensor.dtype));
  hashUniform(tensor.name, 0, values);
  if (tensor.dtype == VIT_U8)
    std::transform(values.begin(), values.end(), out.begin(), levelOf);
  else
    std::memcpy(out.data(), values.data(), out.size());
  return {};
}

} // namespace vitrt
