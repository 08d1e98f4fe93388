/*===- runtime.h - Run a model library that vitc generated ------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/* See LICENSE for license information.                                        */
/*                                                                             */
/* A model is immutable: threads may share it. A workspace holds activations:  */
/* one run at a time. What can fail returns VIT_OK or a status whose text is   */
/* vit_last_error(). Nothing here exits, prints or throws, and everything may  */
/* be called from exit handlers and destructors of static objects; there a     */
/* driver that has shut down is a status, too. A thread that is cancelled      */
/* (pthread_cancel) inside of a call finishes the call first; only in a        */
/* vit_weight_reader it may end at once, and then nothing stays behind.        */
/*===-----------------------------------------------------------------------===*/
#ifndef VIT_RUNTIME_H
#define VIT_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What <model>_library() is asked for. A library and a runtime work together if theirs is equal. */
#define VIT_ABI 6u

typedef struct vit_library vit_library;     /* constants inside the generated library */
typedef struct vit_model vit_model;         /* weights and kernels on one device */
typedef struct vit_workspace vit_workspace; /* activations for up to max_batch images */
typedef struct CUstream_st *vit_stream;     /* a CUstream or a cudaStream_t; NULL is the default */

typedef enum vit_status {
  VIT_OK = 0,
  VIT_BAD_ARGUMENT = 1,
  VIT_BAD_FILE = 2,
  VIT_BAD_ABI = 3,
  VIT_DEVICE_ERROR = 4,
  VIT_OUT_OF_MEMORY = 5,
  VIT_NOT_FINITE = 6
} vit_status;

typedef enum vit_dtype {
  VIT_F32 = 0,
  VIT_F16 = 1,
  VIT_BF16 = 2,
  VIT_F64 = 3,
  VIT_TF32 = 4,
  VIT_U8 = 5, /* inputs alone: bytes, 0 to 255 */
  VIT_I8 = 6  /* weights alone, of products of i8 */
} vit_dtype;

/* An input or output. Sizes that are not fixed are -1: the batch, which is shape[0], and those that
 * depend on the image's size where the library takes several. */
typedef struct vit_tensor_info {
  const char *name; /* "pixel_values", "logits", ...; lives as the library */
  vit_dtype dtype;
  uint32_t rank;
  int64_t shape[4];
} vit_tensor_info;

const char *vit_version(void); /* of this runtime, "0.1.0" */

/* What a library is, without a device. A library that is NULL or of another ABI has no tensors, no
 * labels and a largest batch of 0. */
uint32_t vit_library_input_count(const vit_library *library);
uint32_t vit_library_output_count(const vit_library *library);
/* In the order in which vit_model_run takes them; `index` is below the count. */
vit_status vit_library_input(const vit_library *library, uint32_t index, vit_tensor_info *out);
vit_status vit_library_output(const vit_library *library, uint32_t index, vit_tensor_info *out);
uint32_t vit_library_max_batch(const vit_library *library);
/* The name of a class, NULL where none is known. */
const char *vit_library_label(const vit_library *library, uint32_t class_index);

/* Makes `pixel_values` of one image, [channels, height, width] of the library's own size, from a
 * picture: rows of `width` pixels of three bytes, red, green, blue, that begin `row_bytes` apart.
 * Resizes, crops and normalises as the checkpoint's own processor does, bit by bit; a model of one
 * channel gets the luma of the picture. Needs no device; threads may call it side by side. */
vit_status vit_preprocess(const vit_library *library, const uint8_t *rgb, int width, int height,
                          size_t row_bytes, float *pixel_values);
/* The same for a library of --input-type u8, whose model normalises: bytes [height, width,
 * channels], resized and cropped. Each of the two refuses libraries of the other. */
vit_status vit_preprocess_u8(const vit_library *library, const uint8_t *rgb, int width, int height,
                             size_t row_bytes, uint8_t *pixel_values);

/* Loads weights to a device, and the code of batch 1: "cuda", "cuda:1" (the second CUDA device),
 * "cpu" (as many threads as the process may use processors, by its affinity and by the CPU quota of
 * its control groups, rounded up), "cpu:4" (threads), or NULL for the best that the library has
 * code for: a GPU if there is one, else the CPU, with the reason in vit_model_description().
 * `weights` is a safetensors file, or NULL for a library with embedded weights. The caller frees
 * *out. A library in a shared object stays loaded as long as its models. On failure *out is NULL
 * and nothing stays behind. A process that forks after its first model was loaded can only free
 * models of CUDA in the child, for CUDA does not work there; those of a CPU run there, too. */
vit_status vit_model_load(const vit_library *library, const char *weights, const char *device,
                          vit_model **out);

/* Gives one tensor of a checkpoint: fills `values` (product of shape, row-major) or returns
 * VIT_BAD_FILE after vit_set_error. Called once per tensor of the recipe, from the loading thread;
 * it may call any function of this header. An exception that leaves it, another status than these
 * and values that it does not set are errors of the load. */
typedef vit_status (*vit_weight_reader)(void *user, const char *name, uint32_t rank,
                                        const int64_t *shape, float *values);
/* As vit_model_load, with weights from a function instead of a file. */
vit_status vit_model_load_from(const vit_library *library, vit_weight_reader reader, void *user,
                               const char *device, vit_model **out);
/* NULL is allowed, here and below. A model that is freed before its workspaces lives until the last
 * of them is freed; all else that is done with them is VIT_BAD_ARGUMENT. */
void vit_model_free(vit_model *model);

/* Which code runs and where: "machine code sm_89, NVIDIA ..., driver 13.0". Lives as the model. */
const char *vit_model_description(const vit_model *model);

/* Proof that driver, device and weights compute what they should: one image, which is made and the
 * same everywhere, runs through the model and through the library's code for CPUs, whose outputs
 * are compared; on a CPU through each other form of the code that the processor can run, on the
 * model's weights, or where there is one form with another number of threads. Takes the size of
 * image that the library was built for. VIT_OK if each error, norm of the difference over norm, is
 * within the tolerance of the type that the model computes in; VIT_DEVICE_ERROR names the first
 * output that is not.
 *
 * `report` gets up to report_bytes - 1 bytes of lines, and a zero byte: what was compared, and
 * "NAME error E tolerance T ok|FAIL" for each output. NULL with 0 for none.
 *
 * Of a model on a GPU the CPU's part of the weights is loaded for the call: of embedded weights, or
 * of the file that was loaded, which is VIT_BAD_FILE if it is gone or has changed. Those of
 * vit_model_load_from, and libraries without code for CPUs, are VIT_BAD_ARGUMENT. Allocates, and
 * may be called while workspaces of the model run, but not while a stream is captured. */
vit_status vit_model_check(const vit_model *model, char *report, size_t report_bytes);

/* Memory of the device, which for a CPU is the program's, for batches of 1 to max_batch images of
 * the size that the library was built for. Loads the code of those batches that no workspace of the
 * model before has loaded; where the driver has to compile it, on up to eight threads that end with
 * the call. The caller frees *out.
 */
vit_status vit_workspace_create(const vit_model *model, int max_batch, vit_workspace **out);
/* The same for images of another size, if the library has a plan for it. */
vit_status vit_workspace_create_sized(const vit_model *model, int max_batch, int height, int width,
                                      vit_workspace **out);
void vit_workspace_free(vit_workspace *workspace);

/* On a CPU: allocates what runs need, which else the first run does. On CUDA: makes one CUDA graph
 * of the launches of this batch, which vit_model_run and vit_model_run_host with this batch
 * enqueue by one call from then on, with the same bits. Optional: another batch, or one for which
 * this failed, runs as launch after launch. Any number of batches may be prepared; each takes
 * memory of the host and of the driver until the workspace is freed. Allocates, and must not be
 * called while a stream is captured. VIT_DEVICE_ERROR if the driver knows no graphs. */
vit_status vit_workspace_prepare(const vit_model *model, vit_workspace *workspace, int batch);

/* What a workspace looks for in its runs; 0, which is the default: nothing.
 *
 * VIT_CHECK_FINITE: a run whose outputs have infinities or NaN for an image of which all inputs are
 * finite is VIT_NOT_FINITE, and the text names output and image; the outputs are there all the
 * same. vit_model_run then waits for the stream, copies the outputs to the host and allocates for
 * that, so it is for debugging and cannot be captured into a graph. */
typedef enum vit_check { VIT_CHECK_FINITE = 1 } vit_check;
vit_status vit_workspace_set_checks(vit_workspace *workspace, unsigned checks);

/* Enqueues on `stream` and returns; on a CPU `stream` is NULL, and the run is done. Inputs and
 * outputs are device memory, of the types of the generated header, which are f32 unless a library
 * was built for others, contiguous, 16-byte aligned, in the order of that header, and stay the
 * caller's. Allocates nothing, but for the first run of a workspace on a CPU. The graph of a
 * prepared batch is pointed to buffers that are others than those of the last run with it, for this
 * run and later ones; runs that are under way keep theirs. A stream that is captured gets plain
 * launches, prepared or not, so that the caller's graph has the pointers of this call. */
vit_status vit_model_run(const vit_model *model, vit_workspace *workspace, int batch,
                         const void *const *inputs, int n, void *const *outputs, int m,
                         vit_stream stream);

/* The same with host memory: copies in, runs, copies out, returns when the outputs are there. The
 * device buffers it needs are allocated by the workspace's first call. */
vit_status vit_model_run_host(const vit_model *model, vit_workspace *workspace, int batch,
                              const void *const *inputs, int n, void *const *outputs, int m);

/* How runs on CPUs are spread over threads. `parallel_for` calls `task(context, i)` for every i
 * below `tasks`, on whatever threads and in whatever order, and returns when all calls have; the
 * result has the same bits. It may be called from several threads, one for each workspace that
 * runs. NULL: by the runtime's own threads, which is the default. Set it before the first model is
 * loaded. */
void vit_set_parallel_for(void (*parallel_for)(void *user, int tasks,
                                               void (*task)(void *context, int index),
                                               void *context),
                          void *user);

/* Of this thread, valid until its next vit_ call; at most 2047 bytes, longer texts end in "...". */
const char *vit_last_error(void);
void vit_set_error(const char *text); /* for a vit_weight_reader: the text of its failure */

#ifdef __cplusplus
}
#endif
#endif /* VIT_RUNTIME_H */
