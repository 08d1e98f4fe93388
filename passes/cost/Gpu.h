//===- Gpu.h - The devices we know, and how full a kernel makes them -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_COST_GPU_H
#define PASSES_COST_GPU_H

#include <cstdint>
#include <string>
#include <vector>

namespace vitc::cost {

/// What all devices of the table have, so that code for any of them may count on it: registers of a
/// multiprocessor, and room for blocks on it.
inline constexpr int commonRegistersPerSm = 65536, commonBlocksPerSm = 16;

/// How well the parts of a multiprocessor work at a time, in its cycles unless said otherwise. The
/// values here are those that published figures of Ada's cards bear out; with them what is called a
/// part of something overlaps with the rest or is in another number.
struct Pace {
  double memoryLatency = 700; ///< a load that misses L1 on a busy device
  double barrierCost = 45;    ///< between k-blocks: wait for copies, barrier, first addresses
  double copyIssue = 0;       ///< of each copy of a k-block that a thread starts, beside that
  double copyQueue = 0; ///< part of a stage's transfer that its copies wait beside the latency
  double epilogue = 0;  ///< of a thread for an instruction of an epilogue; 0: 1.5 times what all
                        ///< lanes together take
  double normLatency = 300; ///< of a row, beside its load: sums over lanes, root, scale
  double blockStart = 0;    ///< of the multiprocessor for each block
  double sharedDrag = 0.05; ///< part of shared memory's cycles that other units lose
  double trafficDrag = 0;   ///< part of what bounds a launch less that adds to what bounds it most
  double moveDrag = 0; ///< part of the transfers before and after a block's work that nothing hides
};

/// What limits a kernel on one device. Bytes, unless the name has another unit.
struct Gpu {
  const char *name;
  const char *arch; ///< "sm_89"
  int multiprocessors;
  double clockGhz;     ///< at which `tensorTflops` is stated
  double tensorTflops; ///< dense f16 or bf16 products with f32 sums
  double mmaShare;     ///< the part of it that mma.sync reaches; the rest takes wgmma
  double dramGBs;      ///< device memory
  double l2GBs;        ///< sustained, L2 to the SMs
  double l2Bytes;
  double launchGapUs; ///< from the end of a kernel of a CUDA graph to the start of the next
  int registersPerSm;
  int smemPerSm;    ///< the largest carveout
  int smemPerBlock; ///< a block may ask for
  int warpsPerSm;
  int blocksPerSm;
  Pace pace = {};

  /// Bytes that one multiprocessor gets from L2 in a cycle.
  double l2BytesPerCycle() const { return l2GBs / multiprocessors / clockGhz; }
};

/// Null if no device has that name.
const Gpu *findGpu(const std::string &name);
/// Bytes of shared memory that a block may ask for on the device that has most.
int largestSmemPerBlock();
/// "rtx4090, l4, ...", for messages.
std::string knownGpus();

/// Blocks of one kernel that live together on one multiprocessor.
struct Occupancy {
  int blocks = 0, warps = 0;
  int byRegisters = 0, bySmem = 0, byWarps = 0, byBlocks = 0; ///< blocks, if only that counted
  const char *limit = ""; ///< "registers", "shared memory", "warps" or "blocks": the least of them
};

/// By the rules of the hardware, which are exact: registers go to warps in units of 256, from four
/// equal parts of the file; shared memory goes to blocks in units of 128 bytes, 1 KB more than they
/// ask for. No blocks if one does not fit. `registers` are those of a thread, 1 to 255.
Occupancy occupancy(const Gpu &gpu, int threads, int registers, int64_t smem);

/// Blocks of `threads` threads whose registers fit in one multiprocessor that has `registersPerSm`.
int blocksByRegisters(int registersPerSm, int threads, int registers);

/// The most registers a thread can have while `blocks` blocks of `threads` fit, at most 255.
int registersFor(const Gpu &gpu, int threads, int blocks);

} // namespace vitc::cost

#endif // PASSES_COST_GPU_H
