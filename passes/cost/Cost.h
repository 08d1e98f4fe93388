//===- Cost.h - What a schedule or a fusion costs ---------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Plain C++: numbers in, numbers and decisions out. Passes and tools ask; nothing here knows MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_COST_H
#define PASSES_COST_COST_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitc::cost {

// Devices --------------------------------------------------------------------

/// What limits a kernel on one device.
struct Gpu {
  const char *name;
  const char *arch;           ///< "sm_89"
  int multiprocessors;        ///< SMs
  double clockGhz;            ///< at which `tensorTflops` is stated
  double tensorTflops;        ///< dense f16/bf16 products, f32 accumulation
  double dramGBs;             ///< device memory
  double l2GBs;               ///< sustained, L2 to the SMs
  int registersPerSm = 65536; ///< 32 bits each
  int smemPerSm;              ///< bytes
  int smemPerBlock;           ///< bytes a block may ask for
  int warpsPerSm;
  int blocksPerSm;
};

/// Null if no device has that name.
const Gpu *findGpu(const std::string &name);
/// "rtx4090, l4, ...", for messages.
std::string knownGpus();

// Linear ---------------------------------------------------------------------

enum class Root { None, Linear, Attention, LayerNorm, Patchify, Select, Prepend, Broadcast };

/// Tile of a linear: what a block and a warp compute, how deep a k-step is, buffers of the
/// pipeline.
struct Tile {
  int blockM, blockN, blockK, warpM, warpN, stages;

  int warps() const { return (blockM / warpM) * (blockN / warpN); }
  int threads() const { return 32 * warps(); }
  /// Shared memory of the pipeline in bytes, with 2-byte elements.
  int smemBytes() const { return 2 * stages * (blockM + blockN) * blockK; }
  std::string text() const; ///< "128x128x32/64x32/3"
};

/// The tiles to choose from, larger first.
const std::vector<Tile> &linearTiles();

/// Parses "BMxBNxBK/WMxWN/STAGES". Empty and `error` set if it is not of that form, or if kernels
/// cannot be built for it on `gpu`.
std::optional<Tile> parseTile(const std::string &text, const Gpu &gpu, std::string &error);

/// Registers of a thread in the main loop (KERNELS 7.3; fitted on ptxas).
int predictRegisters(const Tile &tile);

/// Blocks of a tile that fit on one SM, by registers, shared memory, warps and blocks.
int blocksPerSm(const Tile &tile, const Gpu &gpu);

/// One use of a linear.
struct Product {
  int64_t m, n, k;
};

/// Predicted seconds on `gpu`: waves of tiles at the rate of the tensor cores, bounded by L2
/// traffic.
double predictSeconds(const Product &product, const Tile &tile, const Gpu &gpu);

/// The tile with the least time over all products that share a kernel.
Tile chooseTile(const std::vector<Product> &products, const Gpu &gpu);

// Attention and row kernels --------------------------------------------------

/// Query rows of a block, a multiple of 16: one warp has 16 rows and all keys. `sequences` is the
/// number of (image, head) pairs at the largest batch.
int chooseAttentionRows(int64_t queries, int64_t sequences, const Gpu &gpu);

/// Rows of a layer_norm that one block does, one warp each. `rows` at the largest batch.
int chooseNormRows(int64_t rows, const Gpu &gpu);

/// Elements that one block of a kernel without products does: 256 threads with as many neighbouring
/// columns each as one access takes, up to 8, a power of two that divides `width`.
int chooseElements(int64_t width);

// Fusion ---------------------------------------------------------------------

/// A kernel as it would be after a fusion.
struct FusionQuery {
  Root root = Root::None;
  int64_t width = 0;   ///< columns of the result
  int ops = 0;         ///< elementwise ops around the root
  int activations = 0; ///< activations read beside the root's own operands
  int vectors = 0;     ///< weights read by elementwise ops
  int results = 0;     ///< activations written
  int parameters = 0;  ///< arguments and results
  int prologueOps = 0; ///< elementwise ops before the root
};

/// What is to be done, and the numbers that say so.
struct Decision {
  bool fuse = false;
  std::string reason; ///< why not; empty if fused
};

Decision decideFusion(const FusionQuery &query);

} // namespace vitc::cost

#endif // PASSES_COST_COST_H
