/*===- library.h - The contract between generated libraries and the runtime -===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/* See LICENSE for license information.                                        */
/*                                                                             */
/* A generated archive is one object of constants in these structs and one     */
/* exported function that hands out their root. The compiler fills them, the   */
/* runtime reads them; only kernels for CPUs are code beside them. Any change  */
/* of layout or meaning raises VIT_ABI. All pointers point into the object; all are constant. */
/*                                                                             */
/* A library is what all targets share (identity, tensors, weights and how to  */
/* make them), code for each target, and plans: what to launch, one for each   */
/* target and image size. Plans of a target share its kernels, and all plans   */
/* the weights.                                                                */
/*===-----------------------------------------------------------------------===*/
#ifndef VIT_LIBRARY_H
#define VIT_LIBRARY_H

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VIT_MAX_RANK = 4 };

/* An input or output of the model. Sizes that no number in the library fixes are -1: shape[0],
 * which is the batch, and those in which the plans differ. */
typedef struct vit_tensor {
  const char *name; /* "pixel_values", "logits", ... */
  uint32_t dtype;   /* vit_dtype */
  uint32_t rank;
  int64_t shape[VIT_MAX_RANK];
} vit_tensor;

/* ---- Code ---- */

/* Machine code of one kernel for one architecture, as ptxas wrote it (an ELF image). */
typedef struct vit_machine_code {
  const char *arch; /* "sm_89" */
  const void *image;
  uint64_t size; /* bytes */
} vit_machine_code;

/* What a CUDA kernel function is made of. `codes` may be empty: then the driver compiles `ptx` when
 * the model is loaded. */
typedef struct vit_cuda_code {
  const char *ptx;   /* text, ends with a zero byte */
  uint64_t ptx_size; /* bytes without the zero byte */
  const vit_machine_code *codes;
  uint32_t code_count;
  uint32_t threads;      /* per block, in x */
  uint32_t dynamic_smem; /* bytes of dynamic shared memory per block */
} vit_cuda_code;

/* One tile (x, y) of a kernel's grid. `args`: the parameters, addresses and counts; `scratch`: as
 * much memory as the kernel asks for, of one thread, a multiple of 64. Tiles depend on each other
 * in nothing. */
typedef void (*vit_cpu_function)(const uint64_t *args, uint32_t x, uint32_t y, void *scratch);

/* What instructions of x86-64 a function is made of; each has those of the ones before. */
typedef enum vit_isa {
  VIT_ISA_AVX2 = 0,        /* x86-64-v3: AVX2, FMA, BMI2, ... */
  VIT_ISA_AVX512 = 1,      /* x86-64-v4: AVX-512 F, VL, BW, DQ, CD */
  VIT_ISA_AVX512_VNNI = 2, /* and products of i8 */
  VIT_ISA_AVX512_BF16 = 3  /* and products of bf16 */
} vit_isa;

typedef struct vit_cpu_form {
  uint32_t isa; /* vit_isa */
  vit_cpu_function run;
} vit_cpu_form;

/* What a CPU kernel is made of: one function in several forms, ascending by their instructions. The
 * kernels of a library have the same. */
typedef struct vit_cpu_code {
  const vit_cpu_form *forms;
  uint32_t form_count;
  uint32_t scratch_bytes;
} vit_cpu_code;

/* One kernel function: a kernel as one of its schedules has it, or one part of that. Plans may have
 * functions of one name that differ; those of one plan have different names. */
typedef struct vit_kernel {
  const char *name;     /* the entry point */
  const char *base;     /* the kernel, whatever the schedule: functions with one base do the same */
  const char *schedule; /* tile, stages and what else decides about the code, as text */
  uint64_t hash;        /* of the kernel's ops, types and shapes, not of names or schedule */
  const void *code;     /* of its target's kind: a vit_cuda_code or a vit_cpu_code */
} vit_kernel;

typedef enum vit_target_kind { VIT_TARGET_CUDA = 0, VIT_TARGET_CPU = 1 } vit_target_kind;

/* The code for one kind of device. A runtime passes over kinds that it does not know. */
typedef struct vit_target {
  uint32_t kind; /* vit_target_kind */
  uint32_t kernel_count;
  const vit_kernel *kernels;
  /* The part of the weight arena that its plans read, and the weights whose bytes lie there:
   * another target has other types and layouts. 0, 0: all of it. */
  uint64_t weight_begin, weight_end;
} vit_target;

/* ---- Plans ---- */

/* A number that depends on the batch and on the tokens of an image (see vit_plan):
 *
 *   constant + per_image * batch + per_length * tokens + per_token * batch * tokens
 *
 * It grows with both, so what holds at the largest holds for all. */
typedef struct vit_count {
  uint64_t constant, per_image, per_length, per_token;
} vit_count;

/* A dimension of a grid, of blocks or of tiles: ceil(count / divisor) * times. */
typedef struct vit_extent {
  vit_count count;
  uint32_t divisor; /* at least 1 */
  uint32_t times;
} vit_extent;

typedef enum vit_arg_kind {
  VIT_ARG_INPUT = 0,    /* pointer of input `index` */
  VIT_ARG_OUTPUT = 1,   /* pointer of output `index` */
  VIT_ARG_BUFFER = 2,   /* pointer of the plan's buffer `index` */
  VIT_ARG_WEIGHT = 3,   /* weights + weights[index].offset */
  VIT_ARG_COUNT = 4,    /* 32-bit integer: `count` */
  VIT_ARG_SCRATCH = 5,  /* the scratch memory, of which the step uses `count` bytes */
  VIT_ARG_COUNTERS = 6, /* `count` bytes of zeros, which the step leaves as zeros */
  VIT_ARG_HEIGHT = 7,   /* 32-bit integer: pixels from the top of an image to its bottom */
  VIT_ARG_WIDTH = 8     /* 32-bit integer: pixels from its left to its right */
} vit_arg_kind;

typedef struct vit_arg {
  uint32_t kind; /* vit_arg_kind */
  uint32_t index;
  uint32_t written; /* 1: the step writes all of it; 0: it only reads */
  vit_count count;
} vit_arg;

/* One launch of a function. Steps run in order, on one stream. A step whose range does not contain
 * the batch, or what `measure` makes of batch and tokens, is skipped: the plan holds alternatives
 * for different batches, and for different numbers of rows. */
typedef struct vit_step {
  const char *label;             /* where it comes from in the model, for messages and --bisect */
  uint32_t kernel;               /* of the plan's target */
  uint32_t min_batch, max_batch; /* the range, inclusive */
  uint32_t launch; /* steps of one number, which stand together, are alternatives for one launch of
                      the model */
  vit_extent grid[3];
  uint32_t arg_count;
  const vit_arg *args; /* in the order of the kernel's parameters */
  vit_count measure;   /* what the range is of; all zeros: the batch */
} vit_step;

/* An activation: bytes [offset, offset + bytes) of the workspace. Each coefficient of an offset is
 * a multiple of 256, of 16 in a plan for any size, and each of offset + bytes is at most the
 * workspace's, so one assignment is right for every batch and every number of tokens. */
typedef struct vit_buffer {
  const char *name;
  vit_count offset;
  vit_count bytes; /* that the kernels may touch (not rounded) */
} vit_buffer;

/* What to launch on one target for images of one size, or of any.
 *
 * One size: height and width are it, or 0 where the model's input is no image; max_tokens is 0, the
 * tokens are 0 too, and everything that depends on them stands in constant and per_image.
 * Any size: height and width are 0. Images hold tokens = (height / patch_height) *
 * (width / patch_width) patches, rounded down, at least 1 and at most max_tokens. What fills no
 * patch is not used, and images have values for it all the same.
 *
 * The first plan of a target is the native one. Of the others, one for exactly the size is taken
 * before one for any. */
typedef struct vit_plan {
  uint32_t target; /* index */
  uint32_t height, width;
  uint32_t patch_height, patch_width, max_tokens;
  uint32_t step_count, buffer_count;
  const vit_step *steps;
  const vit_buffer *buffers;
  const vit_count *input_values;  /* for each input: how many values a batch has; of images of any
                                     size those of whole patches */
  const vit_count *output_values; /* for each output */
  vit_count workspace_bytes;      /* of the buffers: the end of the last */
  vit_count scratch_bytes;        /* behind them, whatever the batch; no step needs more */
  vit_count counter_bytes;        /* behind that, alike; zeros when the workspace is made. Of a
                                     plan for any size both are what its steps need */
} vit_plan;

/* ---- Weights ---- */

/* A weight as the kernels read it: the result of the recipe's value `value`, stored as `dtype`. One
 * that depends on the size of the images has no bytes in the arena: it is made for each size that
 * is asked for, of values that the arena has as VIT_F64. */
typedef struct vit_prepared {
  uint32_t value;
  uint32_t dtype;
  uint64_t offset; /* in the weight arena, a multiple of 256 */
  uint64_t bytes;  /* 0: it depends on the size of the images */
} vit_prepared;

/* The recipe: straight-line arithmetic on checkpoint tensors, done once at load in f64.
 *
 * Steps of plans for any image size speak of a size that is still to come: a negative extent -1 - c
 * of a shape is the number of patches, and c more; 0 x 0 in `grid` is the grid of patches, height
 * and width; and a ROPE_TABLE of it has four numbers more, behind the others, which are divided by
 * height, width, height, width and added to its first four. */
/* A panel of a weight for products of i8: P columns of the product, shape[2], which are rows of the
 * matrix, and of each K steps, in groups of four. A step is a whole number from -127 to 127 that is
 * multiplied by the column's scale. Little-endian, in this order:
 *
 *   int8_t steps[K / 4][P][4]; float scale[P]; int32_t sum_of_steps[P];
 *
 * so shape[1] is K + 8, with K that of the matrix rounded up to a multiple of 4. */
/* clang-format off */
typedef enum vit_recipe_op {
  VIT_RECIPE_LOAD = 0,    /* tensor of the checkpoint, with the elements of `shape` */
  VIT_RECIPE_SLICE = 1,   /* operand 0 from row `first`, as many rows as `shape` has elements for */
  VIT_RECIPE_CONCAT = 2,  /* operands one after another along dimension 0 */
  VIT_RECIPE_PAD = 3,     /* operand 0 at the origin of a zero tensor of `shape` */
  VIT_RECIPE_RESHAPE = 4, /* same elements in the same order, `shape` */
  VIT_RECIPE_PERMUTE = 5, /* dimension i of the result is dimension order[i] of operand 0 */
  VIT_RECIPE_ADD = 6,     /* operand 0 + operand 1; a rank-1 operand 1 is added to every row */
  VIT_RECIPE_SCALE = 7,   /* operand 0 * factor; times operand 1, if given: a vector along `axis` */
  VIT_RECIPE_CAST = 8,    /* operand 0 rounded (to nearest even) to the float type `dtype` */
  VIT_RECIPE_RESAMPLE = 9,       /* operand 0, rows of the grid grid[0] x grid[1], each column resized
                                    to the grid grid[2] x grid[3] by `filter` and `antialias` */
  VIT_RECIPE_RELATIVE_BIAS = 10, /* [queries, heads, keys] of the window grid[0] x grid[1] behind
                                    `first` tokens (0 or 1), from operand 0 [distances, heads],
                                    whose distances are a grid grid[2] x grid[3] that is first
                                    resized linearly, unless those are 0 */
  VIT_RECIPE_ROPE_TABLE = 11,    /* cosines and sines of the angles of the grid grid[0] x grid[1] behind
                                    `first` tokens; `numbers` are origin y, x, step y, x, then for
                                    each pair the factor of y, then for each that of x */
  VIT_RECIPE_ROW_SUMS = 12,      /* of each row of operand 0, a matrix, the sum */
  VIT_RECIPE_QUANTIZE_PANELS = 13 /* operand 0, a matrix as panels of bytes */
} vit_recipe_op;

/* As PyTorch's interpolate has them, align_corners=False. */
typedef enum vit_filter { VIT_FILTER_LINEAR = 0, VIT_FILTER_CUBIC = 1 } vit_filter;
/* clang-format on */

/* A name under which a tensor may be stored. Transposed: the file holds file_shape reversed (2-D).
 */
typedef struct vit_key {
  const char *name;
  uint32_t transposed;
} vit_key;

typedef struct vit_recipe_step { /* step i defines value i */
  uint32_t op;                   /* vit_recipe_op */
  uint32_t operand_count;
  const uint32_t *operands; /* values of earlier steps */
  uint32_t rank;
  int64_t shape[VIT_MAX_RANK];  /* of the result */
  int64_t first;                /* SLICE: row; RELATIVE_BIAS, ROPE_TABLE: tokens before the grid */
  uint32_t order[VIT_MAX_RANK]; /* PERMUTE: `rank` dimensions, each once */
  double factor;                /* SCALE */
  uint32_t axis;                /* SCALE */
  uint32_t dtype;               /* CAST */
  int64_t grid[4];              /* RESAMPLE, RELATIVE_BIAS, ROPE_TABLE: heights and widths */
  uint32_t filter, antialias;   /* RESAMPLE: vit_filter; 0 or 1 */
  const double *numbers;        /* ROPE_TABLE */
  uint32_t number_count;
  uint32_t file_rank; /* LOAD: shape of the tensor in the file */
  int64_t file_shape[VIT_MAX_RANK];
  const vit_key *keys; /* LOAD: the names that may stand in the file; exactly one must */
  uint32_t key_count;
} vit_recipe_step;

/* ---- Pictures ---- */

typedef enum vit_resize {
  VIT_RESIZE_NONE = 0,
  VIT_RESIZE_EXACT = 1,    /* to resize_height x resize_width */
  VIT_RESIZE_SHORTEST = 2, /* the shortest side to resize_height, the other in proportion */
  VIT_RESIZE_COVER = 3,    /* in proportion, so that it just covers resize_height x resize_width */
  VIT_RESIZE_INSIDE = 4    /* in proportion, so that it just fits into them */
} vit_resize;

/* Pillow's numbers. All are antialiased: the filter grows with the reduction. */
typedef enum vit_picture_filter {
  VIT_PICTURE_LANCZOS = 1,
  VIT_PICTURE_BILINEAR = 2,
  VIT_PICTURE_BICUBIC = 3,
  VIT_PICTURE_BOX = 4,
  VIT_PICTURE_HAMMING = 5
} vit_picture_filter;

/* Whose arithmetic it is. They differ in how weights of the filter are rounded, where a crop begins
 * that is not in the middle of a pixel, and in which type values are normalised. */
typedef enum vit_processor {
  VIT_PROCESSOR_PIL = 0,         /* transformers with Pillow and numpy */
  VIT_PROCESSOR_TORCHVISION = 1, /* transformers with torchvision's tensors */
  VIT_PROCESSOR_TIMM = 2         /* timm and open_clip: Pillow, then torchvision's tensors */
} vit_processor;

/* How the checkpoint's own processor makes an input of an RGB picture: resize, crop from the
 * centre, rescale, normalise: a value v of channel c becomes (v * scale - mean[c]) / deviation[c]
 */
typedef struct vit_preprocessing {
  uint32_t processor; /* vit_processor */
  uint32_t resize;    /* vit_resize */
  uint32_t resize_height, resize_width;
  uint32_t filter;                  /* vit_picture_filter */
  uint32_t crop_height, crop_width; /* 0: no crop */
  uint32_t fill; /* 0xRRGGBB: what is beyond the edge of a picture smaller than the crop */
  uint32_t rescale, normalize; /* 0: values are not multiplied; no mean and deviation */
  uint32_t rescale_first;      /* 1: before the resize, which then rounds nothing */
  uint32_t exif_orientation;   /* 1: files are turned upright as they say */
  double scale, mean[3], deviation[3];
} vit_preprocessing;

/* ---- The root ---- */

struct vit_library {
  uint32_t abi;  /* VIT_ABI */
  uint32_t size; /* sizeof(vit_library) of the compiler */
  const char *name;
  const char *compiler;  /* identity of vitc */
  const char *assembler; /* identity of ptxas, or "none: PTX only" */
  uint32_t max_batch;    /* workspaces may be smaller, never larger */
  uint32_t batch_axis;   /* 1: images of a batch attend to each other */
  const vit_tensor *inputs;
  const vit_tensor *outputs;
  const vit_target *targets; /* at most one of each kind */
  const vit_plan *plans;     /* at least one for each target */
  const vit_recipe_step *recipe;
  const vit_prepared *weights;
  const char *const *ignored; /* tensors a checkpoint may hold though the model does not use them;
                                 a trailing '*' matches any ending */
  const char *const *labels;  /* of classes, in the order of the logits; none: not known */
  const vit_preprocessing *preprocessing; /* NULL: not known */
  uint32_t input_count, output_count, target_count, plan_count;
  uint32_t recipe_count, weight_count, ignored_count, label_count;
  uint64_t weight_bytes; /* of the weight arena */
  const void *embedded;  /* the prepared weight arena, or NULL: a checkpoint is needed */
};

#ifdef __cplusplus
}
#endif
#endif /* VIT_LIBRARY_H */
