/*===- tiny.h - A model library written by hand -----------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/* y = relu(x * (w + 1) + b) on [batch, 4, 8] values: every kind of argument,  */
/* a step per batch range and a recipe, small enough to follow. Valid C11 and  */
/* C++20, so that it becomes a shared library and part of unit tests.          */
/*===-----------------------------------------------------------------------===*/
#ifndef VITC_TEST_TINY_H
#define VITC_TEST_TINY_H

#include "vit/library.h"

enum { tinyValues = 32, tinyMaxBatch = 8 };

#define TINY_HEAD ".version 7.8\n.target sm_80\n.address_size 64\n"
/* i = ctaid.x * ntid.x + tid.x in %r4; leaves if i >= n */
#define TINY_INDEX                                                                                 \
  "  ld.param.u32 %r5, [n];\n"                                                                     \
  "  mov.u32 %r1, %ctaid.x;\n"                                                                     \
  "  mov.u32 %r2, %ntid.x;\n"                                                                      \
  "  mov.u32 %r3, %tid.x;\n"                                                                       \
  "  mad.lo.s32 %r4, %r1, %r2, %r3;\n"                                                             \
  "  setp.ge.u32 %p1, %r4, %r5;\n"                                                                 \
  "  @%p1 bra DONE;\n"                                                                             \
  "  mul.wide.u32 %rd1, %r4, 4;\n"

static const char tinyAffine[] = TINY_HEAD
    ".visible .entry affine(.param .u64 x, .param .u64 w, .param .u64 b, .param .u64 h,\n"
    "                       .param .u32 n) {\n"
    "  .reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 %rd<12>; .reg .f32 %f<6>;\n" TINY_INDEX
    "  and.b32 %r6, %r4, 31;\n"
    "  mul.wide.u32 %rd2, %r6, 4;\n"
    "  ld.param.u64 %rd3, [x];\n"
    "  ld.param.u64 %rd4, [w];\n"
    "  ld.param.u64 %rd5, [b];\n"
    "  ld.param.u64 %rd6, [h];\n"
    "  add.s64 %rd7, %rd3, %rd1;\n"
    "  add.s64 %rd8, %rd4, %rd2;\n"
    "  add.s64 %rd9, %rd5, %rd2;\n"
    "  add.s64 %rd10, %rd6, %rd1;\n"
    "  ld.global.f32 %f1, [%rd7];\n"
    "  ld.global.f32 %f2, [%rd8];\n"
    "  ld.global.f32 %f3, [%rd9];\n"
    "  fma.rn.f32 %f4, %f1, %f2, %f3;\n"
    "  st.global.f32 [%rd10], %f4;\n"
    "DONE:\n  ret;\n}\n";

#define TINY_RELU(name, operation)                                                                 \
  TINY_HEAD ".visible .entry " name "(.param .u64 h, .param .u64 y, .param .u32 n) {\n"            \
            "  .reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 %rd<6>; .reg .f32 %f<4>;\n" TINY_INDEX \
            "  ld.param.u64 %rd2, [h];\n"                                                          \
            "  ld.param.u64 %rd3, [y];\n"                                                          \
            "  add.s64 %rd4, %rd2, %rd1;\n"                                                        \
            "  add.s64 %rd5, %rd3, %rd1;\n"                                                        \
            "  ld.global.f32 %f1, [%rd4];\n"                                                       \
            "  mov.f32 %f2, 0f00000000;\n" operation "  st.global.f32 [%rd5], %f3;\n"              \
            "DONE:\n  ret;\n}\n"

static const char tinyRelu[] = TINY_RELU("relu", "  max.f32 %f3, %f1, %f2;\n");
static const char tinyReluWide[] = TINY_RELU("relu_wide", "  max.f32 %f3, %f1, %f2;\n");

static const char tinyCode[] = "not machine code";
static const vit_machine_code tinyCodes[] = {{"sm_70", tinyCode, sizeof tinyCode}};

#define TINY_COUNT(count) {count, 0, 0, 0}     /* whatever the batch */
#define TINY_PER_IMAGE(count) {0, count, 0, 0} /* times the batch */

static const vit_cuda_code tinyAffineCode = {tinyAffine, sizeof tinyAffine - 1, tinyCodes, 1, 64,
                                             0};
static const vit_cuda_code tinyReluCode = {tinyRelu, sizeof tinyRelu - 1, tinyCodes, 1, 64, 0};
static const vit_cuda_code tinyReluWideCode = {
    tinyReluWide, sizeof tinyReluWide - 1, tinyCodes, 1, 128, 0};
static const vit_kernel tinyKernels[] = {{"affine", "affine", "64", 11, &tinyAffineCode},
                                         {"relu", "relu", "64", 12, &tinyReluCode},
                                         {"relu_wide", "relu", "128", 12, &tinyReluWideCode}};
static const vit_target tinyTargets[] = {{VIT_TARGET_CUDA, 3, tinyKernels, 0, 0}};

static const vit_tensor tinyInputs[] = {{"pixel_values", VIT_F32, 3, {-1, 4, 8, 0}}};
static const vit_tensor tinyOutputs[] = {{"logits", VIT_F32, 2, {-1, 32, 0, 0}}};
static const vit_count tinyCounts[] = {TINY_PER_IMAGE(tinyValues)};
static const vit_buffer tinyBuffers[] = {{"spare", TINY_COUNT(0), TINY_PER_IMAGE(100)},
                                         {"hidden", TINY_PER_IMAGE(256), TINY_PER_IMAGE(128)}};

static const vit_arg tinyAffineArgs[] = {{VIT_ARG_INPUT, 0, 0, TINY_COUNT(0)},
                                         {VIT_ARG_WEIGHT, 0, 0, TINY_COUNT(0)},
                                         {VIT_ARG_WEIGHT, 1, 0, TINY_COUNT(0)},
                                         {VIT_ARG_BUFFER, 1, 1, TINY_COUNT(0)},
                                         {VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(tinyValues)}};
static const vit_arg tinyReluArgs[] = {{VIT_ARG_BUFFER, 1, 0, TINY_COUNT(0)},
                                       {VIT_ARG_OUTPUT, 0, 1, TINY_COUNT(0)},
                                       {VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(tinyValues)}};

#define TINY_ONE {TINY_COUNT(1), 1, 1}
#define TINY_GRID(threads) {{TINY_PER_IMAGE(tinyValues), threads, 1}, TINY_ONE, TINY_ONE}
static const vit_step tinySteps[] = {
    {"affine of x", 0, 1, 8, 0, TINY_GRID(64), 5, tinyAffineArgs, TINY_COUNT(0)},
    {"relu of h", 1, 1, 2, 1, TINY_GRID(64), 3, tinyReluArgs, TINY_COUNT(0)},
    {"wide relu of h", 2, 3, 8, 1, TINY_GRID(128), 3, tinyReluArgs, TINY_COUNT(0)}};
static const vit_plan tinyPlans[] = {{0, 0, 0, 0, 0, 0, 3, 2, tinySteps, tinyBuffers, tinyCounts,
                                      tinyCounts, TINY_PER_IMAGE(512), TINY_COUNT(0),
                                      TINY_COUNT(0)}};

static const vit_key tinyKeyW[] = {{"block.weight", 0}, {"old.weight", 1}};
static const vit_key tinyKeyB[] = {{"block.bias", 0}};
static const vit_key tinyKeyOne[] = {{"block.one", 0}};
static const uint32_t tinySum[] = {0, 1};
#define TINY_LOAD(keys, key_count, rank, ...)                                                      \
  {VIT_RECIPE_LOAD, 0,    0,        rank, {__VA_ARGS__}, 0, {0}, 0, 0, 0, {0}, 0, 0, 0, 0, rank,   \
   {__VA_ARGS__},   keys, key_count}
static const vit_recipe_step tinyRecipe[] = {
    TINY_LOAD(tinyKeyW, 2, 2, 4, 8),
    TINY_LOAD(tinyKeyOne, 1, 1, 8),
    {VIT_RECIPE_ADD, 2, tinySum, 2, {4, 8}, 0, {0}, 0, 0, 0, {0}, 0, 0, 0, 0, 0, {0}, 0, 0},
    TINY_LOAD(tinyKeyB, 1, 1, 32)};
static const vit_prepared tinyWeights[] = {{2, VIT_F32, 0, 128}, {3, VIT_F32, 256, 128}};
static const char *const tinyIgnored[] = {"mask_token", "pooler.*"};

static const char *const tinyLabels[] = {"zero", "one"};

/* clang-format off */
#define TINY_LIBRARY(embedded)                                                                     \
  {VIT_ABI, sizeof(vit_library), "tiny", "by hand", "none: PTX only", tinyMaxBatch, 0,             \
   tinyInputs, tinyOutputs, tinyTargets, tinyPlans, tinyRecipe, tinyWeights, tinyIgnored,          \
   tinyLabels, 0, /* counts of these lists: */ 1, 1, 1, 1, 4, 2, 2, 2, 512, embedded}
/* clang-format on */

#endif /* VITC_TEST_TINY_H */
