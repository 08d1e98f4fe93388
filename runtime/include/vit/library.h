/*===- library.h - The contract between generated libraries and the runtime -===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/* See LICENSE for license information.                                        */
/*                                                                             */
/* A generated archive is one object of constants in these structs and one     */
/* exported function that hands out their root. The compiler fills them, the   */
/* runtime reads them; nothing here is code. Any change of layout or meaning   */
/* raises VIT_ABI. All pointers point into the object; all are constant.       */
/*===-----------------------------------------------------------------------===*/
#ifndef VIT_LIBRARY_H
#define VIT_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIT_ABI 3u

typedef enum vit_dtype { VIT_F32 = 0, VIT_F16 = 1, VIT_BF16 = 2, VIT_F64 = 3 } vit_dtype;

enum { VIT_MAX_RANK = 4 };

/* An input or output of the model. shape[0] is the batch and stored as -1. */
typedef struct vit_tensor {
  const char *name; /* "pixel_values", "logits", ... */
  uint32_t dtype;   /* vit_dtype */
  uint32_t rank;
  int64_t shape[VIT_MAX_RANK];
} vit_tensor;

/* Machine code of one kernel for one architecture, as ptxas wrote it (an ELF image). */
typedef struct vit_machine_code {
  const char *arch; /* "sm_89" */
  const void *image;
  uint64_t size; /* bytes */
} vit_machine_code;

/* One kernel function: a kernel as one of its schedules has it, or one part of that. `codes` may be
 * empty: then the driver compiles `ptx` when the model is loaded. */
typedef struct vit_kernel {
  const char *name;     /* the entry point, in PTX and machine code */
  const char *base;     /* the kernel, whatever the schedule: functions with one base do the same */
  const char *schedule; /* tile, stages and what else decides about the code, as text */
  const char *ptx;      /* text, ends with a zero byte */
  uint64_t ptx_size;    /* bytes without the zero byte */
  const vit_machine_code *codes;
  uint32_t code_count;
  uint32_t threads;      /* per block, in x */
  uint32_t dynamic_smem; /* bytes of dynamic shared memory per block */
  uint32_t part;         /* 1: finishes from scratch memory what part 0 has begun */
  uint64_t hash;         /* of the kernel's ops, types and shapes, not of names or schedule */
} vit_kernel;

/* A count that depends on the batch: ceil(batch * per_image / divisor) * times. */
typedef struct vit_extent {
  uint32_t per_image; /* 0 means: `times` whatever the batch is */
  uint32_t divisor;   /* at least 1 */
  uint32_t times;
} vit_extent;

typedef enum vit_arg_kind {
  VIT_ARG_INPUT = 0,  /* pointer of input `index` */
  VIT_ARG_OUTPUT = 1, /* pointer of output `index` */
  VIT_ARG_BUFFER = 2, /* workspace + buffers[index].offset * batch */
  VIT_ARG_WEIGHT = 3, /* weights + weights[index].offset */
  VIT_ARG_COUNT = 4,  /* 32-bit integer: batch * index */
  VIT_ARG_SCRATCH = 5 /* the scratch memory, of which the step uses batch * index bytes */
} vit_arg_kind;

typedef struct vit_arg {
  uint32_t kind; /* vit_arg_kind */
  uint32_t index;
  uint32_t written; /* 1: the step writes all of it; 0: it only reads */
} vit_arg;

/* One launch of a function. Steps run in order on one stream. A step whose batch range does not
 * contain the batch is skipped: the plan holds alternatives for different batches. */
typedef struct vit_step {
  const char *label; /* where it comes from in the model, for messages and --bisect */
  uint32_t kernel;
  uint32_t min_batch, max_batch; /* inclusive */
  uint32_t launch; /* steps of one number, which stand together, do one launch of the model: its
                      alternatives, each in one part or two */
  vit_extent grid[3];
  uint32_t arg_count;
  const vit_arg *args; /* in the order of the kernel's parameters */
} vit_step;

/* An activation. It occupies [offset * batch, (offset + bytes) * batch) of the workspace, both
 * multiples of 256, so one assignment is free of overlap for every batch. */
typedef struct vit_buffer {
  const char *name;
  uint64_t offset; /* bytes per image */
  uint64_t bytes;  /* bytes per image the kernels may touch (not rounded) */
} vit_buffer;

/* A weight as the kernels read it: the result of the recipe's value `value`, stored as `dtype`. */
typedef struct vit_prepared {
  uint32_t value;
  uint32_t dtype;
  uint64_t offset; /* in the weight arena, a multiple of 256 */
  uint64_t bytes;
} vit_prepared;

/* The recipe: straight-line arithmetic on checkpoint tensors, done once at load in f64. */
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
  VIT_RECIPE_CAST = 8     /* operand 0 rounded (to nearest even) to the float type `dtype` */
} vit_recipe_op;
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
  int64_t first;                /* SLICE */
  uint32_t order[VIT_MAX_RANK]; /* PERMUTE: `rank` dimensions, each once */
  double factor;                /* SCALE */
  uint32_t axis;                /* SCALE */
  uint32_t dtype;               /* CAST */
  uint32_t file_rank;           /* LOAD: shape of the tensor in the file */
  int64_t file_shape[VIT_MAX_RANK];
  const vit_key *keys; /* LOAD: the names that may stand in the file; exactly one must */
  uint32_t key_count;
} vit_recipe_step;

typedef struct vit_library {
  uint32_t abi;  /* VIT_ABI */
  uint32_t size; /* sizeof(vit_library) of the compiler */
  const char *name;
  const char *compiler;  /* identity of vitc */
  const char *assembler; /* identity of ptxas, or "none: PTX only" */
  uint32_t max_batch;    /* workspaces may be smaller, never larger */
  uint32_t batch_axis;   /* 1: images of a batch attend to each other */
  const vit_tensor *inputs;
  const vit_tensor *outputs;
  const vit_kernel *kernels;
  const vit_step *steps;
  const vit_buffer *buffers;
  const vit_recipe_step *recipe;
  const vit_prepared *weights;
  const char *const *ignored; /* tensors a checkpoint may hold though the model does not use them;
                                 a trailing '*' matches any ending */
  uint32_t input_count, output_count, kernel_count, step_count;
  uint32_t buffer_count, recipe_count, weight_count, ignored_count;
  uint64_t workspace_bytes; /* per image of the batch: the end of the last buffer */
  uint64_t scratch_bytes;   /* behind the buffers, whatever the batch; no step needs more */
  uint64_t weight_bytes;    /* of the weight arena */
  const void *embedded;     /* the prepared weight arena, or NULL: a checkpoint is needed */
} vit_library;

#ifdef __cplusplus
}
#endif
#endif /* VIT_LIBRARY_H */
