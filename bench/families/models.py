"""The models of this benchmark, as their publishers configure them; with the standard library alone.

MODELS are compared with PyTorch at full size; BASES are of base size, for the number of launches. A config is what
lies beside a published checkpoint, without what only training or bookkeeping reads: both vitc and the library that
makes the weights read the same file. `tiny` are the settings that make a model small and leave its kinds of layers.
"""
import dataclasses
import json
import os

GELU = ("linear+bias_add+gelu",)
GATED = ("linear+bias_add+silu+linear+bias_add+mul",)


@dataclasses.dataclass
class Model:
    name: str
    config: dict
    outputs: tuple
    tiny: dict
    fuses: tuple = GELU
    image: int = 0  # height and width, where not those of the config
    tiny_image: int = 0
    half: bool = False  # weights as f16
    arguments: dict = dataclasses.field(default_factory=dict)  # of initial weights alone
    norms: int = 0  # norms of a block beyond two

    def is_timm(self):
        return "architecture" in self.config

    def sized(self, tiny):
        """(config, image size)."""
        config = dict(self.config)
        if tiny and self.is_timm():
            side = self.tiny["img_size"]
            del config["num_features"]  # which must agree
            config["model_args"] = self.tiny
            config["pretrained_cfg"] = {**config["pretrained_cfg"], "input_size": [3, side, side]}
        elif tiny:
            config.update(self.tiny)
        asked = self.tiny_image if tiny else self.image
        if asked:
            return config, asked
        return config, config["pretrained_cfg"]["input_size"][1] if self.is_timm() else config["image_size"]

    def write(self, folder, tiny=False):
        """Writes config.json into `folder`; returns what vitc has to be told beside it."""
        os.makedirs(folder, exist_ok=True)
        config, side = self.sized(tiny)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)
        return ["--image-size", f"{side}x{side}"] if (self.tiny_image if tiny else self.image) else []


def hf(kind, architecture, width, layers, heads, image, patch, **more):
    return {"model_type": kind, "architectures": [architecture], "hidden_size": width, "num_hidden_layers": layers,
            "num_attention_heads": heads, "image_size": image, "patch_size": patch, "num_channels": 3, **more}


def clip(width, layers, heads, image, patch, projection):
    return hf("clip_vision_model", "CLIPVisionModelWithProjection", width, layers, heads, image, patch,
              intermediate_size=4 * width, projection_dim=projection, hidden_act="quick_gelu",
              layer_norm_eps=1e-5)


def dinov2(width, layers, heads, swiglu=False):
    return hf("dinov2", "Dinov2Model", width, layers, heads, 518, 14, mlp_ratio=4, hidden_act="gelu",
              layer_norm_eps=1e-6, qkv_bias=True, layerscale_value=1.0, use_swiglu_ffn=swiglu)


def siglip(width, layers, heads, mlp, image, patch):
    return hf("siglip_vision_model", "SiglipVisionModel", width, layers, heads, image, patch,
              intermediate_size=mlp, hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)


def dinov3(width, layers, heads):
    return hf("dinov3_vit", "DINOv3ViTModel", width, layers, heads, 224, 16, intermediate_size=4 * width,
              num_register_tokens=4, hidden_act="gelu", layer_norm_eps=1e-5, rope_theta=100.0,
              layerscale_value=1.0, query_bias=True, key_bias=False, value_bias=True, proj_bias=True,
              mlp_bias=True, use_gated_mlp=False)


def timm(architecture, image, features):
    """As timm writes config.json for the hub."""
    return {"architecture": architecture, "num_classes": 1000, "num_features": features,
            "pretrained_cfg": {"input_size": [3, image, image], "num_classes": 1000}}


TOKENS = ("last_hidden_state", "pooler_output")
TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
HEAD = {"head_init_scale": 1.0}  # else its initial weights are so small that logits are the bias alone
TINY_TIMM = {"embed_dim": 64, "depth": 2, "num_heads": 2}

MODELS = [
    Model("clip-l14-336", clip(1024, 24, 16, 336, 14, 768), ("image_embeds", "last_hidden_state"),
          {**TINY, "intermediate_size": 256, "projection_dim": 48, "image_size": 56}),
    Model("dinov2-b-518", dinov2(768, 12, 12), TOKENS, {**TINY, "image_size": 70}),
    Model("dinov2-g-224", dinov2(1536, 40, 24, swiglu=True), TOKENS, {**TINY, "image_size": 70},
          GATED, image=224, tiny_image=56, half=True),
    Model("siglip-so400m-384", siglip(1152, 27, 16, 4304, 384, 14), TOKENS,
          {**TINY, "hidden_size": 144, "intermediate_size": 200, "image_size": 62}),
    Model("dinov3-l-256", dinov3(1024, 24, 16), TOKENS, {**TINY, "intermediate_size": 256},
          image=256, tiny_image=64),
    Model("eva02-l-448", timm("eva02_large_patch14_448", 448, 1024), ("logits",),
          {**TINY_TIMM, "embed_dim": 96, "img_size": 56}, GATED, norms=1, arguments=HEAD),
    Model("beit-l-224", timm("beit_large_patch16_224", 224, 1024), ("logits",), {**TINY_TIMM, "img_size": 64},
          arguments=HEAD),
    Model("deit3-h14-224", timm("deit3_huge_patch14_224", 224, 1280), ("logits",),
          {**TINY_TIMM, "img_size": 56}),
    Model("aimv2-l-336",
          hf("aimv2_vision_model", "Aimv2VisionModel", 1024, 24, 8, 336, 14, intermediate_size=2816,
             hidden_act="silu", rms_norm_eps=1e-5, qkv_bias=False, mlp_bias=False, use_head=False,
             is_native=False),
          ("last_hidden_state",), {**TINY, "intermediate_size": 176, "image_size": 56},
          ("linear+silu+linear+mul",)),
    Model("swin-b-224", timm("swin_base_patch4_window7_224", 224, 1024), ("logits",),
          {"embed_dim": 32, "depths": [2, 2], "num_heads": [2, 4], "img_size": 56}),
]

# The first is what the others are compared with.
BASES = [
    Model("vit-b16-224", timm("vit_base_patch16_224", 224, 768), ("logits",), {}),
    Model("dinov2-b-518", dinov2(768, 12, 12), TOKENS, {}),
    Model("clip-b16-224", clip(768, 12, 12, 224, 16, 512), ("image_embeds", "last_hidden_state"), {}),
    Model("siglip-b16-224", siglip(768, 12, 12, 3072, 224, 16), TOKENS, {}),
    Model("eva02-b-448", timm("eva02_base_patch14_448", 448, 768), ("logits",), {}, GATED, norms=1),
    Model("dinov3-b-256", dinov3(768, 12, 12), TOKENS, {}, image=256),
]
