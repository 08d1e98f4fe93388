//===- Recognise.cpp - What a checkpoint is that is not read ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Recognise.h"

#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

namespace {
/// Parts of names: a file of this model has a tensor with each of `has`, and none with `lacks`.
struct Signature {
  const char *model;
  std::initializer_list<const char *> has;
  const char *lacks = nullptr;
};
} // namespace

// What wraps others stands first, and names that many share last.
static const Signature signatures[] = {
    {"LoRA adapters, to be merged into their model first", {"lora_"}},
    {"a Stable Diffusion model", {"model.diffusion_model."}},
    {"a UNet of diffusers", {"down_blocks.", "mid_block."}},
    {"a DETR, which detects objects", {"bbox_", "query_"}},
    {"a segmentation model (Segment Anything)", {"mask_decoder.", "prompt_encoder."}},
    {"a language model that sees images", {"language_model.", "vision"}},
    {"a text encoder of CLIP or SigLIP", {"text_model.encoder.layers."}, "vision_model."},
    {"a CLIP or SigLIP of transformers", {"vision_model.encoder.layers."}},
    {"a CLIP of open_clip or OpenAI", {"visual.transformer.resblocks."}},
    {"a Swin of transformers", {"relative_position_bias_table", "encoder.layers.0.blocks."}},
    {"a Swin of timm", {"relative_position_bias_table", "layers.0.blocks."}},
    {"a ViT with the names of timm", {"blocks.0.attn.qkv.weight", "patch_embed.proj.weight"}},
    {"a ViT of torchvision", {"encoder.layers.encoder_layer_0.", "conv_proj.weight"}},
    {"a DINOv2 of transformers", {"encoder.layer.0.layer_scale1.", "position_embeddings"}},
    {"a DINOv3 of transformers", {"layer.0.layer_scale1.", "embeddings.cls_token"}},
    {"a ViT of transformers", {"embeddings.patch_embeddings.", "attention.attention.query"}},
    {"a ViT of transformers", {"embeddings.patch_embeddings.", "layers.0.attention.q_proj"}},
    {"a BERT, which reads text", {"embeddings.word_embeddings.", "encoder.layer.0."}},
    {"a T5, which reads text", {"SelfAttention.q.weight"}},
    {"a GPT, which reads text", {"h.0.attn.c_attn."}},
    {"a language model", {"embed_tokens.weight", "layers.0.self_attn."}},
    {"a ConvNeXt", {"stages.0.layers.0.dwconv."}},
    {"a ConvNeXt", {"stages.0.blocks.0.conv_dw."}},
    {"a ResNet of transformers", {"encoder.stages.0.layers.0.layer.0.convolution."}},
    {"a ResNet", {"layer1.0.conv1.weight"}},
};

std::string modelOfTensors(const std::vector<std::string> &names) {
  auto some = [&](StringRef part) {
    return any_of(names, [&](StringRef name) { return name.contains(part); });
  };
  for (const Signature &one : signatures)
    if (all_of(one.has, some) && !(one.lacks && some(one.lacks)))
      return one.model;
  return "";
}

std::string modelOfTensors(const vitrt::Safetensors &file) {
  std::vector<std::string> names;
  for (const vitrt::FileTensor &tensor : file.tensors())
    names.push_back(tensor.name);
  return modelOfTensors(names);
}

std::string modelOfConfig(const Config &config) {
  static constexpr std::pair<const char *, const char *> models[] = {
      {"resnet", "a ResNet"},
      {"convnext", "a ConvNeXt"},
      {"convnextv2", "a ConvNeXt"},
      {"regnet", "a RegNet"},
      {"efficientnet", "an EfficientNet"},
      {"mobilenet_v2", "a MobileNet"},
      {"detr", "a DETR, which detects objects"},
      {"conditional_detr", "a DETR, which detects objects"},
      {"deformable_detr", "a DETR, which detects objects"},
      {"sam", "a segmentation model (Segment Anything)"},
      {"segformer", "a segmentation model"},
      {"clip_text_model", "a text encoder of CLIP"},
      {"siglip_text_model", "a text encoder of SigLIP"},
      {"bert", "a BERT, which reads text"},
      {"roberta", "a BERT, which reads text"},
      {"distilbert", "a BERT, which reads text"},
      {"gpt2", "a GPT, which reads text"},
      {"t5", "a T5, which reads text"},
      {"llama", "a language model"},
      {"mistral", "a language model"},
      {"qwen2", "a language model"},
      {"llava", "a language model that sees images"},
      {"whisper", "a Whisper, which hears"},
  };
  if (auto name = config.textOf("_class_name")) // which diffusers writes
    return fmt::format("{} of diffusers", name->take_front(60).str());
  auto type = config.textOf("model_type");
  const auto *found = find_if(models, [&](const auto &one) { return type && *type == one.first; });
  return found == std::end(models) ? "" : found->second;
}

} // namespace vitc::checkpoint
