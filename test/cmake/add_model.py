#!/usr/bin/env python3
"""vitc_add_model() in small projects: what is wrong with a call is said by configure, with what to write.

Usage: add_model.py VITC VITC_ADD_MODEL_CMAKE MODEL CMAKE [unittest arguments...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

VITC, SCRIPT, MODEL = map(os.path.abspath, sys.argv[1:4])
CMAKE = sys.argv[4]
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(t LANGUAGES NONE)
add_executable(vitc::vitc IMPORTED)
set_target_properties(vitc::vitc PROPERTIES IMPORTED_LOCATION "%s")
add_library(vit::runtime INTERFACE IMPORTED)
include("%s")
""" % (VITC, SCRIPT)


class AddModel(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        os.symlink(os.path.abspath(MODEL), self.at("m"))
        os.mkdir(self.at("empty"))
        self.write("notes.txt", "no model\n")

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.at(name), "w") as file:
            file.write(text)

    def configure(self, text, *arguments):
        """(exit code, what was said, as one line) of a project with these commands."""
        self.write("CMakeLists.txt", PROJECT + text + "\n")
        done = subprocess.run([CMAKE, "-G", "Ninja", "-S", self.folder, "-B", self.at("build"), *arguments],
                              capture_output=True, text=True)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def refused(self, text, *names):
        code, said = self.configure(text)
        self.assertEqual(code, 1, said)
        for name in names:
            self.assertIn(name, said)

    def taken(self, text, *names):
        code, said = self.configure(text)
        self.assertEqual(code, 0, said)
        for name in names:
            self.assertIn(name, said)
        return said

    def test_source(self):
        self.refused("vitc_add_model(b16)", "vitc_add_model(b16): expected SOURCE, found none",
                     "write vitc_add_model(b16 SOURCE <directory")
        self.refused("vitc_add_model(b16 SOURCE)", "expected a value after SOURCE, found nothing")
        self.refused('vitc_add_model(b16 SOURCE "")', "expected a value after SOURCE, found ''")
        self.refused('vitc_add_model(b16 SOURCE "${NOWHERE}" DTYPE f16)', "after SOURCE, found ''")
        self.refused("vitc_add_model(b16 SOURCE ${NOWHERE} DTYPE f16)",
                     "expected a value after SOURCE, found DTYPE", "is a variable empty?")
        self.refused("vitc_add_model(b16 SOURCE nope)", "found nothing at '" + self.at("nope") + "'")
        self.refused("vitc_add_model(b16 SOURCE empty)", f"'{self.at('empty')}': expected a config.json in this directory")
        self.refused("vitc_add_model(b16 SOURCE notes.txt)", f"'{self.at('notes.txt')}': expected a checkpoint directory")
        self.refused("vitc_add_model(b16 SOURCE m SOURCE m)", "expected SOURCE once, found it twice")
        self.refused("vitc_add_model(b16 m)", "unknown argument 'm'", "SOURCE")

    def test_keywords(self):
        call = "vitc_add_model(b16 SOURCE m %s)"
        for wrong, right in (("MAXBATCH 4", "MAX_BATCH"), ("max_batch 4", "MAX_BATCH"),
                             ("--max-batch 4", "MAX_BATCH"), ("DTYPES f16", "DTYPE"),
                             ("EMBED_WEIGHT", "EMBED_WEIGHTS"), ("OUTPUT logits", "OUTPUTS"),
                             ("OUTPUTS logits MAXBATCH 4", "MAX_BATCH")):
            self.refused(call % wrong, f"unknown argument '{wrong.split()[-2 if ' ' in wrong else 0]}'; did you "
                                       f"mean {right}?")
        self.refused(call % "COLOUR red", "unknown argument 'COLOUR'; expected one of", "DTYPE")
        self.refused(call % "DTYPE f16 f32", "unknown argument 'f32'")
        self.refused(call % "DTYPE f16 DTYPE bf16", "expected DTYPE once, found it twice")
        self.refused(call % "MAX_BATCH", "expected a value after MAX_BATCH, found nothing")
        self.refused(call % 'OUTPUTS "" DTYPE f16', "expected a value after OUTPUTS, found ''")

    def test_values(self):
        call = "vitc_add_model(b16 SOURCE m %s)"
        for wrong, *names in (("DTYPE f8", "DTYPE: expected f16|bf16|tf32|f32|i8, found 'f8'"),
                              ("GPU voodoo2", "GPU 'voodoo2' is not known; expected one of", "rtx4090"),
                              ("MAX_BATCH 0", "MAX_BATCH is 0, expected 1 to"),
                              ("MAX_BATCH few", "MAX_BATCH: expected an integer, found 'few'"),
                              ("OUTPUTS logits colours", "colours"), ("IMAGE_SIZE 1x1", "found 1x1"),
                              ("ARCH rtx4090", "ARCH: expected sm_80|sm_86|sm_87|sm_89|sm_90|sm_100|sm_120"), ("PTXAS nowhere", "nowhere"),
                              ("TUNING nowhere.json TILE_POLICY tuned", self.at("nowhere.json")),
                              ("FLAGS --colour", "unknown flag '--colour'")):
            self.refused(call % wrong, "vitc_add_model(b16): ", *names)
        self.taken(call % "DTYPE bf16 GPU l4 MAX_BATCH 4 OUTPUTS logits NO_FUSE PTXAS none EMBED_WEIGHTS "
                   "FLAGS --quiet --force-fuse")

    def test_model(self):
        """What vitc refuses of a model is refused here, and what is mended is seen without a fresh tree."""
        shutil.copytree(MODEL, self.at("own"), symlinks=False)
        with open(self.at("own", "config.json")) as file:
            config = json.load(file)
        self.write("own/config.json", json.dumps({**config, "num_attention_heads": 7}))
        self.refused("vitc_add_model(b16 SOURCE own)", "'num_attention_heads': expected a divisor")
        self.write("own/config.json", json.dumps(config))
        self.taken("vitc_add_model(b16 SOURCE own)")
        os.remove(self.at("own", "model.safetensors"))
        self.taken("vitc_add_model(b16 SOURCE own)")
        self.refused("vitc_add_model(b16 SOURCE own EMBED_WEIGHTS)", "has no model.safetensors")

    def inputs(self, name):
        """The files that the library depends on, without the folder and vitc."""
        done = subprocess.run(["ninja", "-C", self.at("build"), "-t", "query", f"{name}.vitc/lib{name}.a"],
                              capture_output=True, text=True)
        lines = [line.strip(" |") for line in done.stdout.split("outputs:")[0].splitlines()]
        return sorted(os.path.basename(line) for line in lines if os.path.isfile(line) and line != VITC)

    def test_whatever_vitc_reads(self):
        """Which checkpoints there are is vitc's to say, as is which files they have: shards, other weights."""
        for case, files in (("openclip-vit", ["open_clip_config.json", "open_clip_model.safetensors"]),
                            ("tv-vit", ["model.safetensors"])):
            source = os.path.join(os.path.dirname(os.path.abspath(MODEL)), case)
            if not os.path.isdir(source):
                continue
            self.taken(f"vitc_add_model(b16 SOURCE {source})")
            self.assertTrue(set(files) <= set(self.inputs("b16")), self.inputs("b16"))
        self.taken("vitc_add_model(b16 SOURCE m)")
        self.assertEqual(self.inputs("b16"), ["config.json", "model.safetensors"])
        shutil.copytree(MODEL, self.at("shards"), symlinks=False)
        os.rename(self.at("shards/model.safetensors"), self.at("shards/model-1-of-1.safetensors"))
        shutil.copy(self.at("shards/model-1-of-1.safetensors"), self.at("other.safetensors"))
        with open(self.at("other.safetensors"), "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        tensors = {name: "model-1-of-1.safetensors" for name in header if name != "__metadata__"}
        self.write("shards/model.safetensors.index.json", json.dumps({"weight_map": tensors}))
        self.taken(f"vitc_add_model(b16 SOURCE shards FLAGS --embed-weights --weights {self.at('other.safetensors')})")
        self.assertEqual(self.inputs("b16"), ["config.json", "model-1-of-1.safetensors",
                                              "model.safetensors.index.json", "other.safetensors"])

    def test_names(self):
        said = self.taken("vitc_add_model(vit-b16 SOURCE m)\n"
                          "if(NOT TARGET vit-b16 OR NOT TARGET vit_b16)\n message(FATAL_ERROR none)\nendif()",
                          "vitc_add_model(vit-b16): 'vit-b16' is no name in C; the header is vit_b16.h")
        self.assertNotIn("Warning", said)
        self.taken("vitc_add_model(16.b SOURCE m)", "the header is _16_b.h")
        done = subprocess.run(["ninja", "-C", self.at("build"), "-t", "query", "_16_b.vitc/lib_16_b.a"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("is no name", self.taken("vitc_add_model(b16 SOURCE m)"))
        for names in (("b16", "b16"), ("vit-b16", "vit_b16"), ("vit_b16", "vit-b16"), ("a-b", "a.b")):
            self.refused("\n".join(f"vitc_add_model({name} SOURCE m)" for name in names),
                         f"vitc_add_model({names[1]}): there is a target '", "already; write another name")
        self.refused("add_custom_target(b16)\nvitc_add_model(b16 SOURCE m)", "there is a target 'b16' already")
        self.refused("vitc_add_model(test SOURCE m)", "CMake has a target of this name itself")
        self.refused("vitc_add_model(int SOURCE m)", "expected a C identifier that is no keyword")
        self.refused("vitc_add_model(vit SOURCE m)", "the header would declare vit_library")
        self.refused("vitc_add_model(dl SOURCE m)", "-ldl would find libdl.a instead of the system's")
        self.refused("vitc_add_model()", "vitc_add_model(): expected the library's name, found nothing")
        self.refused("vitc_add_model(SOURCE m)", "expected the library's name first, found the keyword SOURCE")
        self.refused("vitc_add_model(my::b16 SOURCE m)", "found 'my::b16'; write vitc_add_model(my__b16 ...)")
        self.refused('vitc_add_model("b 16" SOURCE m)', "found 'b 16'; write vitc_add_model(b_16 ...)")

    def test_without_the_tool(self):
        """A vitc that cannot run is named."""
        self.write("other.cmake", f'set_target_properties(vitc::vitc PROPERTIES IMPORTED_LOCATION "{self.folder}")')
        self.refused('include(other.cmake)\nvitc_add_model(b16 SOURCE m)', "ended with")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
