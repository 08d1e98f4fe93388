#!/usr/bin/env python3
"""Whether an importer uses all that a checkpoint says: each tensor and each setting, one at a time.

  sensitivity.py --vitc VITC [--verbose] MODEL...

A tensor that is left out must be refused; one whose values are moved by one place must change an output
by more than 1e-5, against the golden outputs. A setting that is left out or has another value must
change an output, or be refused. What has no effect in exact arithmetic, and what a model of its class does
not use, stands in the tables below, and must then really have none.

Of layers that repeat, the first and the last stand for the others.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import safetensors

LINE = re.compile(r"^(\S+) error (\S+) tolerance", re.M)
LEAST = 1e-5

# Tensors without effect. A key's bias adds the same to all scores of a query, which softmax takes out again.
KEY_BIAS = [r"attention\.k_proj\.bias$", r"self_attn\.k_proj\.bias$", r"attention\.key\.bias$",
            r"self\.key\.bias$"]
# What a class does not use, by the name in the file: other towers, training, buffers, other heads.
UNUSED = [r"mask_token$", r"position_ids$", r"relative_position_index$", r"attn_mask$", r"^text_model\.",
          r"^text_projection", r"^logit_scale$", r"^logit_bias$", r"^decoder\."]
# Those of open_clip's text tower, beside `visual.`.
UNUSED_OPEN_CLIP = [r"^transformer\.", r"^token_embedding", r"^positional_embedding$", r"^ln_final"]

# Settings that change nothing that an image's outputs are made of.
SETTINGS = re.compile("|".join([
    "dropout", "drop_path", "initializer", "_init_value$", "^(torch_)?dtype$", "^transformers_version$",
    "^_", "label2id", "loss", "cost", "^return_dict$", "^output_", "^use_cache$", "is_encoder_decoder",
    "^chunk_size_feed_forward$", "^problem_type$", "^encoder_stride$", "^vocab_size$", "^auxiliary_",
    "^use_auxiliary_head$", "^pool_scales$", "^add_fpn$", "^reshape_hidden_states$", "^stage_names$",
    "^out_features$", "^out_indices$", "mask_token", "^semantic_loss", "^text_config$", "^logit_scale",
    "^tie_", "^eos_coefficient$", "^pos_embed_(shift|jitter|rescale)$", "^num_features$", "^apply_layernorm$",
    "^pretrained_cfg$", "^text_cfg$", "^preprocess_cfg$", "^initializer_factor$", "^norm_pix_loss$",
    "^mask_ratio$", "^decoder_", "^layerscale_value$", "^dynamic_img_size$"]))


# Those that only other models of the family read, by what a model then says, or what its file has not.
ELSEWHERE = [
    ("^pooler_", lambda config, tensors: "Classification" in str(config.get("architectures"))
     or not any("pooler" in name for name in tensors)),
    ("^hidden_act$", lambda config, tensors: config.get("use_swiglu_ffn")),  # its gate is SiLU
    # The size is the input's, and nothing is learned for one.
    (r"(^|\.)img_size$", lambda config, tensors: re.search("dinov3|swin", str(config.get("architecture")))),
    ("^image_size$", lambda config, tensors: not any("position_embed" in name for name in tensors)
     and config.get("model_type") in ("dinov3_vit", "swin")),
    (r"^vision_config\.projection_dim$", lambda config, tensors: "projection_dim" in config),  # of both towers
]


def copy(model, target):
    shutil.copytree(model, target, ignore=shutil.ignore_patterns("io-*"))
    return target


class Walk:
    def __init__(self, vitc, model, verbose):
        self.vitc, self.model, self.verbose = vitc, model, verbose
        self.golden = os.path.join(model, "io.safetensors")
        self.problems, self.tried = [], 0

    def outcome(self, directory):
        """The largest error of an output, or None and the message of a refusal."""
        done = subprocess.run([self.vitc, "check", directory, "--golden", self.golden, "--device", "reference"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode < 0 or done.returncode > 2:
            return None, f"exit {done.returncode}: {done.stderr}"
        errors = [float(error) for _, error in LINE.findall(done.stdout)]
        return (max(errors) if errors else None), done.stderr.strip()

    def expect(self, what, directory, effect):
        """`effect`: True for a change or a refusal, False for none of both, "refused" for that."""
        self.tried += 1
        error, text = self.outcome(directory)
        if "exit -" in text:
            self.problems.append(f"{what}: {text}")
            return
        refused = error is None
        changed = not refused and not error <= LEAST
        good = {True: changed or refused, False: not changed and not refused, "refused": refused}[effect]
        if self.verbose or not good:
            print(f"  {what}: {'refused: ' + text if refused else f'error {error:.3g}'}")
        if not good:
            self.problems.append(f"{what}: expected {'no effect' if not effect else 'an effect or a refusal'}")


def is_listed(name, patterns):
    return any(re.search(pattern, name) for pattern in patterns)


def stand_ins(names):
    """Of names that differ in numbers alone, the first and the last."""
    kinds = {}
    for name in sorted(names, key=lambda n: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", n)]):
        kinds.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    return [name for same in kinds.values() for name in dict.fromkeys([same[0], same[-1]])]


def weights_of(directory):
    return [f for f in sorted(os.listdir(directory))
            if f.endswith(".safetensors") and not f.startswith("io")]


def walk_tensors(walk, scratch):
    files = weights_of(walk.model)
    if len(files) != 1:
        return
    tensors = safetensors.read(os.path.join(walk.model, files[0]))
    both = any(name.startswith("visual.") for name in tensors)
    for number, name in enumerate(stand_ins(tensors)):
        unused = is_listed(name, UNUSED + (UNUSED_OPEN_CLIP if both else []))
        neutral = is_listed(name, KEY_BIAS)
        for change in ("dropped", "moved"):
            directory = copy(walk.model, os.path.join(scratch, f"t{number}{change}"))
            edited = dict(tensors)
            if change == "dropped":
                del edited[name]
            else:
                old = edited[name]
                if len(old.values) < 2:
                    continue
                values = old.values[1:] + old.values[:1]
                edited[name] = safetensors.Tensor(old.dtype, old.shape, values)
            safetensors.write(os.path.join(directory, files[0]), edited)
            effect = not (unused or (neutral and change == "moved"))
            if change == "dropped" and not unused:
                effect = "refused"
            walk.expect(f"{name} {change}", directory, effect)
            shutil.rmtree(directory)


def others(key, value):
    """Values of the same kind that mean something else."""
    if key in ("image_size", "img_size"):  # of a grid with other places: what fills no patch is dropped
        return [[2 * v for v in value] if isinstance(value, list) else 2 * value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value] if value else [1]
    if isinstance(value, float):
        return [value * 3 + 1e-3]
    if isinstance(value, str):
        swap = {"gelu": "relu", "quick_gelu": "gelu", "silu": "gelu", "gelu_pytorch_tanh": "quick_gelu",
                "token": "avg", "avg": "token", "map": "avg"}
        return [swap.get(value, value + "x")]
    if isinstance(value, list) and value and all(isinstance(v, int) for v in value):
        return [[v + 1 for v in value]]
    return ["x"]


def settings(config, path=()):
    for key, value in config.items():
        if isinstance(value, dict) and key not in ("id2label", "label2id"):
            if not SETTINGS.search(key):
                yield from settings(value, path + (key,))
        else:
            yield path + (key,), value


def with_setting(config, path, value, drop):
    result = json.loads(json.dumps(config))
    place = result
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


def walk_settings(walk, scratch):
    name = next(f for f in ("config.json", "open_clip_config.json") if
                os.path.exists(os.path.join(walk.model, f)))
    config = json.load(open(os.path.join(walk.model, name)))
    tensors = [name for file in weights_of(walk.model)
               for name in safetensors.read(os.path.join(walk.model, file))]
    for number, (path, value) in enumerate(settings(config)):
        key = path[-1]
        if key == "id2label":
            continue
        neutral = bool(SETTINGS.search(key)) or value is None
        neutral |= any(re.search(pattern, ".".join(path)) and says(config, tensors)
                       for pattern, says in ELSEWHERE)
        # One that is left out may have its default, so that is no error here; it must not crash.
        for other in others(key, value):
            directory = copy(walk.model, os.path.join(scratch, f"s{number}"))
            with open(os.path.join(directory, name), "w") as file:
                json.dump(with_setting(config, path, other, False), file)
            if neutral:
                error, text = walk.outcome(directory)
                if error is not None and error > LEAST:
                    walk.problems.append(f"{'.'.join(path)} = {other}: is in the table, but has an effect")
            else:
                walk.expect(f"{'.'.join(path)} = {json.dumps(other)} for {json.dumps(value)}", directory, True)
            shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    failed = 0
    for model in arguments.models:
        walk = Walk(arguments.vitc, model, arguments.verbose)
        with tempfile.TemporaryDirectory() as scratch:
            error, text = walk.outcome(copy(model, os.path.join(scratch, "same")))
            if error is None or error > 1e-7:
                walk.problems.append(f"the model as it is: {text or error}")
            else:
                walk_tensors(walk, scratch)
                walk_settings(walk, scratch)
        print(f"{os.path.basename(model.rstrip('/'))}: {walk.tried} changes, {len(walk.problems)} problems")
        for problem in walk.problems:
            print(f"  {problem}")
        failed += bool(walk.problems)
    return 1 if failed else 0


sys.exit(main())
