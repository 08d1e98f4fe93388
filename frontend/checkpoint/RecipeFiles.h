//===- RecipeFiles.h - Where transformers keeps recipes for pictures -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_RECIPEFILES_H
#define VITC_FRONTEND_CHECKPOINT_RECIPEFILES_H

#include <string>
#include <vector>

namespace vitc::checkpoint {

/// The file beside a config that a recipe is read from; none if there is no such file.
std::vector<std::string> recipeFiles(const std::string &configPath);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_RECIPEFILES_H
