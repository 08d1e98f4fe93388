/*===- vit_emulator.h - What the emulator offers beyond the driver API ----===*/
/*
 * Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
 *
 * The emulator's libcuda.so.1 exports these symbols beside the driver's; a real driver does not.
 * Look them up with dlsym and do without them if they are missing.
 *
 * VITC_EMULATOR, read by cuInit, is a list `name=value,...`:
 *   seed=N       order in which the warps of a CTA run between barriers (0: by number)
 *   order=N      order in which CTAs run (0: by number)
 *   async=N      launches and copies run after their call has returned, in one of the orders that
 *                streams and events allow, which N chooses (0: each is complete when it returns)
 *   fail-call=N  the N-th driver call (from 1; all but cuGetError* and cuGetProcAddress count) has
 *                no effect and fails, with CUDA_ERROR_OUT_OF_MEMORY if it allocates, else with
 *                CUDA_ERROR_UNKNOWN
 *   fail-code=N  the error of that call
 *   sm=NN        the device poses as one of compute capability N.N (89)
 *   driver=N     the driver poses as this version (13000 is CUDA 13.0), and takes no later PTX
 *   budget=N     instructions that one warp may execute before it counts as endless
 *   threads=N    host threads of a launch (0: all)
 *   report=FILE  findings, and a line for each launch with its bank conflicts, are appended
 *
 * A finding is one line on stderr, `kernel:ptx-line:cta-x,cta-y,cta-z/thread: kind: text`; the
 * launch then returns CUDA_ERROR_ILLEGAL_ADDRESS (out-of-bounds, misaligned) or
 * CUDA_ERROR_LAUNCH_FAILED (uninitialised, async, race, sync, deadlock, timeout, trap). Later calls
 * are not affected.
 */
#ifndef VIT_EMULATOR_H
#define VIT_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From now on the `bytes` bytes at device address `ptr`, inside one allocation, are the buffer
 * `name` (copied). Registered buffers that overlap it are forgotten. A kernel argument that points
 * into a registered buffer reaches only that buffer. With `fresh` the bytes count as never written.
 * Returns 0, or 1 if the range is empty or not inside one allocation. Any thread; no launch may be
 * using the range. It takes effect now, with async=N only then: with the next launch of the thread;
 * and if what the thread does next is to add a kernel node to a graph, to change one in an
 * instance, or to launch into a capture, with each launch of the graph, when that node's turn
 * comes. */
int vitEmuRegister(uint64_t ptr, size_t bytes, const char *name, int fresh);

/* Successful and failed launches that reached the device so far. */
uint64_t vitEmuLaunchCount(void);

/* Driver calls so far, counted as `fail-call` counts them. */
uint64_t vitEmuCallCount(void);

/* Takes `options` (the form of VITC_EMULATOR; NULL is empty) in place of the environment's and
 * starts counting calls from 0. Returns 0, or 1 for an option that it does not know; then nothing
 * changes. */
int vitEmuConfigure(const char *options);

#ifdef __cplusplus
}
#endif

#endif /* VIT_EMULATOR_H */
