/*===- scans.c - The scans, and how to show them ----------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/* A safetensors file is a length of 8 bytes, a JSON header that says where    */
/* each tensor's bytes are, and the bytes. Of the header only what this file   */
/* needs is read.                                                              */
/*===-----------------------------------------------------------------------===*/
#include "scans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *path, const char *problem) {
  fprintf(stderr, "classify: %s: %s\n", path, problem);
  return 1;
}

/* The bytes of a tensor, NULL if the file does not have them. `size` is set to their number. */
static const char *find(const char *header, const char *data, size_t data_size, const char *name,
                        size_t *size) {
  char key[64];
  unsigned long long begin, end;
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *entry = strstr(header, key);
  const char *offsets = entry ? strstr(entry, "\"data_offsets\":[") : NULL;
  if (!offsets || sscanf(offsets, "\"data_offsets\":[%llu,%llu]", &begin, &end) != 2 ||
      begin > end || end > data_size)
    return NULL;
  *size = (size_t)(end - begin);
  return data + begin;
}

int scans_open(const char *path, scans *out) {
  memset(out, 0, sizeof *out);
  FILE *stream = fopen(path, "rb");
  if (!stream)
    return fail(path, "cannot be opened");
  fseek(stream, 0, SEEK_END);
  long length = ftell(stream);
  rewind(stream);
  char *file = length > 8 ? malloc((size_t)length + 1) : NULL;
  size_t got = file ? fread(file, 1, (size_t)length, stream) : 0;
  fclose(stream);
  uint64_t header_size = 0;
  if (file)
    memcpy(&header_size, file, 8);
  if (!file || got != (size_t)length || header_size >= (uint64_t)length - 8 || header_size % 8) {
    free(file);
    return fail(path, "is no safetensors file with an aligned header");
  }
  char *header = file + 8, *data = header + header_size;
  size_t data_size = (size_t)length - 8 - (size_t)header_size;
  char first = *data; /* a zero byte ends the header while it is searched */
  *data = 0;
  size_t pixels = 0, images = 0, labels = 0;
  out->pixels = (const float *)find(header, data, data_size, "pixel_values", &pixels);
  out->images = (const uint8_t *)find(header, data, data_size, "images_u8", &images);
  out->labels = (const int32_t *)find(header, data, data_size, "labels", &labels);
  *data = first;
  out->file = file;
  out->count = (int)(labels / sizeof(int32_t));
  if (!out->pixels || !out->images || !out->labels ||
      pixels != (size_t)out->count * 32 * 32 * sizeof(float) ||
      images != (size_t)out->count * 8 * 8) {
    scans_close(out);
    return fail(path, "has not as many pixel_values, images_u8 and labels");
  }
  return 0;
}

void scans_close(scans *s) {
  free(s->file);
  s->file = NULL;
}

int scans_best(const float *values, int count) {
  int best = 0;
  for (int i = 1; i < count; ++i)
    if (values[i] > values[best])
      best = i;
  return best;
}

static void draw(const scans *s, const int *shown, int count, const int *predictions) {
  static const char shades[] = " .:-=+*#%@";
  for (int y = 0; y < 8; ++y, putchar('\n'))
    for (int i = 0; i < count; ++i, printf("  "))
      for (int x = 0; x < 8; ++x) {
        int shade = s->images[shown[i] * 64 + y * 8 + x] * 9 / 16;
        printf("%c%c", shades[shade], shades[shade]);
      }
  for (int i = 0; i < count; ++i)
    if (predictions[shown[i]] == s->labels[shown[i]])
      printf("%-18s", (char[]){(char)('0' + predictions[shown[i]] % 10), 0});
    else
      printf("%d, but it is a %-3d", predictions[shown[i]], (int)s->labels[shown[i]]);
  printf("\n\n");
}

void scans_report(const scans *s, const int *predictions) {
  enum { columns = 4 };
  int good[columns], bad[columns], right = 0, goods = 0, bads = 0;
  for (int i = 0; i < s->count; ++i) {
    int ok = predictions[i] == s->labels[i];
    right += ok;
    if (ok && goods < columns)
      good[goods++] = i;
    if (!ok && bads < columns)
      bad[bads++] = i;
  }
  draw(s, good, goods, predictions);
  draw(s, bad, bads, predictions);
  printf("%d of %d right\n", right, s->count);
}
