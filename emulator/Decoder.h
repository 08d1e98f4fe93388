//===- Decoder.h - Statements to instructions -----------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Each group of opcodes (Integer.cpp, Float.cpp, ...) has decode functions that consume the
// modifiers of a statement, append its operands, and return the handler. A modifier nobody consumed
// is an error, so that nothing is ignored silently.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_DECODER_H
#define VITC_EMULATOR_DECODER_H

#include "Parser.h"
#include "Warp.h"

namespace vitc::emu {

class Decoder;
using Decode = Handler (*)(Decoder &);
using DecodeTable = std::unordered_map<std::string_view, Decode>;

void addBitsGroup(DecodeTable &table);
void addIntegerGroup(DecodeTable &table);
void addFloatGroup(DecodeTable &table);
void addHalfGroup(DecodeTable &table);
void addConvertGroup(DecodeTable &table);
void addMoveGroup(DecodeTable &table);
void addCompareGroup(DecodeTable &table);
void addMemoryGroup(DecodeTable &table);
void addAtomicGroup(DecodeTable &table);
void addAsyncGroup(DecodeTable &table);
void addMatrixGroup(DecodeTable &table);
void addMmaGroup(DecodeTable &table);
void addWmmaGroup(DecodeTable &table);
void addMbarrierGroup(DecodeTable &table);
void addOrderGroup(DecodeTable &table);
void addLaneGroup(DecodeTable &table);

/// `add.f32` and `add.f16` belong to other groups than `add.s32`: add asks these first.
Handler decodeFloatArithmetic(Decoder &d, std::string_view op, Type type);
Handler decodeHalfArithmetic(Decoder &d, std::string_view op, Type type);
/// `add.cc`, `addc`, `mad.lo.cc` and so on, and integer sums with `.sat`: Carry.cpp decodes them.
bool isCarryForm(const Decoder &d);
Handler decodeCarry(Decoder &d);
/// cp.async.mbarrier.arrive behind `cp.async.mbarrier`.
Handler decodeCopiesArrive(Decoder &d);
/// `.rz`, `.rm` or `.rp`, as the host's mode; false if there is none.
bool takeDirected(Decoder &d, int &mode);
/// Arithmetic whose operands are appended already, rounded so.
Handler decodeRounded(Decoder &d, std::string_view op, Type type, int mode, bool ftz, bool sat);

constexpr uint32_t constantFlag =
    1u << 31; ///< in an operand while decoding: counts from the constants
constexpr uint32_t negatedFlag = 1u << 30;   ///< in a predicate operand
constexpr uint32_t sinkOperand = 0x3fffffff; ///< `_`, or a result that is not asked for

class Decoder {
public:
  Decoder(Module &module, const RawModule &raw, const RawFunction &source, Function &out,
          PtxError &error)
      : module(module), raw(raw), source(source), out(out), error(error) {}
  bool run();

  // For decode functions: the current statement and instruction.
  const Statement *statement = nullptr;
  Inst *inst = nullptr;

  std::string_view op() const { return statement->parts[0]; }
  /// Consumes the modifier if it is there.
  bool take(std::string_view modifier);
  /// Consumes the next type modifier; None if there is none.
  Type takeType();
  Type peekType() const;
  size_t count() const { return statement->operands.size(); }
  /// Refuses the statement; returns null for `return d.refuse(...)`.
  Handler refuse(std::string text);
  Handler refuseType(Type type);
  /// Expects a number of operands.
  bool operands(size_t least, size_t most);
  bool operands(size_t n) { return operands(n, n); }

  /// These append to the instruction's operands; a wrong operand refuses the statement.
  void destination(const Operand &operand, unsigned bits, bool widerAllowed = false);
  void destination(size_t n, Type type) { destination(statement->operands[n], bitsOf(type)); }
  void value(const Operand &operand, Type type, bool widerAllowed = false);
  void value(size_t n, Type type) { value(statement->operands[n], type); }
  void predicateDestination(const Operand &operand);
  void predicate(const Operand &operand);
  void append(uint32_t word);
  /// Base slot of `[reg+imm]`; sets imm, site and wideAddress.
  void address(size_t n);
  /// Whether anything but moves and stores to local memory and parameters reads a register.
  bool isUsed(uint32_t reg) const { return used[reg]; }
  /// The function reaches other CTAs through fences or atomics.
  void usesFences() { out.fences = true; }
  /// A compile-time integer; refuses registers.
  int64_t immediate(size_t n);
  /// Bits of the register behind an operand, 0 if it is none.
  unsigned registerBits(const Operand &operand) const;
  uint32_t constant(uint64_t value, bool wide);

  static constexpr uint8_t wideAddress = 0x80; ///< in Inst::flags: the base has 64 bits

private:
  void findUses();
  bool layoutShared();
  bool layoutLocal();
  std::unordered_map<std::string_view, bool> namesUsed() const;
  bool symbol(std::string_view name, uint64_t &value) const;
  bool decode(const Statement &s);
  bool decodeFlow(const Statement &s);
  void decodeBarrier();
  bool target(std::string_view label, uint32_t &pc);
  uint32_t slotOf(uint32_t reg);
  uint32_t special(std::string_view name, bool wide);
  uint64_t literal(const Operand &operand, Type type);
  bool finish();

  Module &module;
  const RawModule &raw;
  const RawFunction &source;
  Function &out;
  PtxError &error;
  bool failed = false;
  std::vector<bool> taken; ///< modifiers consumed
  std::vector<bool> used;  ///< see isUsed
  std::vector<uint32_t> slots, predicateNumbers;
  uint32_t registerWords = 0;
  std::map<std::pair<uint64_t, bool>, uint32_t> constants;
  std::map<std::pair<std::string_view, bool>, uint32_t> specialSlots;
  std::unordered_map<std::string_view, uint64_t> sharedOffsets, localOffsets;
  std::vector<Site> registerSites; ///< what each register may point to
};

/// For each register, the parameters and variables its value may be derived from.
std::vector<Site> traceProvenance(const RawFunction &function, const Module &module);

/// Fills Inst::join of every branch with the pc where its lanes meet again.
void findJoins(Function &function);

} // namespace vitc::emu

#endif // VITC_EMULATOR_DECODER_H
