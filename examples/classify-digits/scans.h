/*===- scans.h - The scans, and how to show them ----------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*===-----------------------------------------------------------------------===*/
#ifndef SCANS_H
#define SCANS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What test.safetensors holds. `pixels` is what the model reads, `images` what was scanned. */
typedef struct scans {
  int count;
  const float *pixels;   /* [count][32 * 32] */
  const uint8_t *images; /* [count][8 * 8], 0 to 16 */
  const int32_t *labels; /* [count] */
  char *file;            /* memory that the pointers point into */
} scans;

/* 0 if the file was read; else a line on stderr has said why not. */
int scans_open(const char *path, scans *out);
void scans_close(scans *s);

/* The index of the largest of `count` values. */
int scans_best(const float *values, int count);

/* Draws a few scans side by side, right ones and wrong ones, with `predictions` below; then says
 * how many are right. */
void scans_report(const scans *s, const int *predictions);

#ifdef __cplusplus
}
#endif
#endif /* SCANS_H */
