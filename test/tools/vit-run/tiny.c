/*===- tiny.c - The library of tiny.h, as vitc's --shared writes it ---------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*===-----------------------------------------------------------------------===*/
#include "test/tools/vit-run/tiny.h"

static const vit_library library = TINY_LIBRARY(0);

const vit_library *tiny_library(uint32_t abi) { return abi == VIT_ABI ? &library : 0; }
