//===- HfTower.h - Image towers of models of images and text ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// CLIP, SigLIP and AIMv2 come as the tower of images alone, whose config is that
// of the tower, and as a model of two towers, whose config has one for each.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_HFTOWER_H
#define VITC_FRONTEND_CHECKPOINT_HFTOWER_H

#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <string>
#include <vector>

namespace vitc::checkpoint {

/// What the configs of a family call themselves in 'model_type'.
struct TowerTypes {
  const char *tower, *whole;
};

/// Whether the config is of two towers.
bool hasTowers(const Config &config, TowerTypes types);

/// Reads what the config says of the image tower: the config itself, or a part of it if that is of
/// two towers. It is told what tensors say of sizes; `lead` as in hintSizes.
void readTower(Config &config, TowerTypes types, const NamedTensors &tensors, int64_t lead,
               llvm::function_ref<void(Config &)> read);

/// The encoder of CLIP without what is CLIP's alone. Positions are a matrix in the file.
Encoder encoderOf(Config &config, const HfSizes &sizes, int64_t lead, const char *activation);

/// The number of classes, if the class has a head; else what the config says of it is nothing.
int64_t readClasses(Config &config, bool classifies);

/// Names of an encoder that CLIP has, and whoever took them from it.
std::vector<graph::KeyRule> towerRules();

/// Tensors of a model of two towers beside the image tower, and buffers.
std::vector<std::string> besideTower();

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_HFTOWER_H
