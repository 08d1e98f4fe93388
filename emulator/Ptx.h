//===- Ptx.h - A PTX module, parsed and decoded ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// PTX is decoded once, when a module is loaded: every operand becomes an offset into a warp's
// register file, where immediates, special registers and symbol addresses have slots of their own,
// so that executing an instruction never asks what kind an operand is. A slot holds one value for
// each of the 32 lanes.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_PTX_H
#define VITC_EMULATOR_PTX_H

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vitc::emu {

class Warp;
class Module;
class GlobalMemory;
struct Inst;
struct Allocation;

constexpr unsigned warpSize = 32;
constexpr uint32_t fullMask = 0xffffffffu;

enum class Type : uint8_t {
  None,
  Pred,
  B8,
  U8,
  S8,
  B16,
  U16,
  S16,
  F16,
  BF16,
  B32,
  U32,
  S32,
  F32,
  F16X2,
  BF16X2,
  B64,
  U64,
  S64,
  F64
};
unsigned bitsOf(Type type);
/// `.f32` and the like; None if it is no type.
Type typeNamed(std::string_view name);

enum class Space : uint8_t { Generic, Global, Shared, Local, Const, Param };

/// Executes one instruction for the lanes of `mask`, which is never empty.
using Handler = void (*)(Warp &warp, const Inst &inst, uint32_t mask);

/// What follows an instruction; everything but Next is done by the warp's main loop.
enum class Flow : uint8_t { Next, Branch, BranchIndexed, Exit, Barrier, Trap };

/// What a barrier does besides waiting, or instead; in Inst::flags2.
enum BarrierKind : uint8_t { BarrierSync, BarrierArrive, BarrierCount, BarrierAll, BarrierAny };

constexpr uint32_t noPc = 0xffffffffu;
constexpr uint16_t noPredicate = 0xffff;
constexpr uint32_t falsePredicate = 0, truePredicate = 1; ///< constants in every warp

/// One decoded instruction. `ops` are word offsets into the register file or predicate numbers, in
/// the order its group's decoder chose; `imm` is an address displacement or another immediate.
struct Inst {
  Handler run = nullptr;
  const uint32_t *ops = nullptr;
  int64_t imm = 0;
  uint32_t line = 0;
  uint32_t target = noPc; ///< pc of the branch target, or the number of the target table
  uint32_t join = noPc;   ///< where lanes that diverge here meet again; noPc: at the exit
  uint32_t firstOp = 0;   ///< index into Function::operands; `ops` points there after decoding
  uint16_t predicate = noPredicate;
  uint16_t site = 0; ///< which pointers an access may follow: index into Function::sites
  bool negated = false;
  bool copies = false; ///< a load whose value is only stored again
  bool strong = false; ///< an access that may meet those of other threads: .volatile, .relaxed, ...
  Flow flow = Flow::Next;
  uint8_t size = 0;   ///< bytes of one element
  uint8_t count = 1;  ///< elements of a vector
  uint8_t flags = 0;  ///< group specific
  uint8_t flags2 = 0; ///< group specific
  uint16_t opCount = 0;
  uint16_t sourceFile = 0; ///< of the last `.loc`: a number of the module's files, and
  uint32_t sourceLine = 0; ///< its line; 0 where there is none
  std::string_view text;   ///< the opcode with its modifiers, in the module's text
};

struct Parameter {
  std::string name;
  uint32_t offset = 0, bytes = 0;
};

/// A register-file slot that depends on the place of a warp in its grid.
enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  WarpSize,
  SmId,
  NsmId,
  MaskEq,
  MaskLt,
  MaskLe,
  MaskGt,
  MaskGe,
  DynamicSharedSize,
  TotalSharedSize,
  GridId,
  Clock,
  ReservedBegin,
  ReservedSecond, ///< the place of cooperative groups
  ReservedEnd,
  ReservedCapacity
};
constexpr uint32_t reservedBytes = 1024;
struct SpecialSlot {
  Special special;
  uint32_t slot;
  uint8_t words; ///< words of one lane: 1 or 2
};

/// Pointers an access may follow: byte offsets of kernel parameters, and module variables. Both
/// empty means that the address comes from memory; then any allocation may be meant.
struct Site {
  std::vector<uint32_t> parameters;
  std::vector<uint32_t> variables;
  /// Its value, or a part that one of the parameters was added to, comes from memory: it may point
  /// anywhere if `loaded`, and if `mixed` only where none of the parameters is a pointer.
  bool loaded = false, mixed = false;
  bool operator==(const Site &) const = default;
};

struct Function {
  std::string name;
  const Module *module = nullptr;
  uint32_t line = 0;
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  uint32_t requiredThreads[3] = {0, 0, 0}; ///< .reqntid; 0 means any
  uint32_t maximumThreads = 1024;          ///< .maxntid
  std::vector<Inst> code;
  std::vector<uint32_t> operands;
  std::vector<std::vector<uint32_t>> tables; ///< targets of brx.idx
  std::vector<uint32_t> constants;           ///< copied into every warp's register file ...
  uint32_t constantBase = 0;                 ///< ... from this word on
  std::vector<SpecialSlot> specials;
  std::vector<Site> sites;
  uint32_t fileWords = 0;
  uint32_t predicates = 0;
  uint32_t staticShared = 0;
  uint32_t reservedShared = 0; ///< behind the dynamic part, for who asks %reserved_smem_offset
  bool fences = false;         ///< it has fences or accesses that reach other CTAs
  uint32_t localBytes = 0;     ///< memory of its own that each thread needs
};

/// A variable in `.global` or `.const` space; its storage is an allocation of the device.
struct Variable {
  std::string name;
  Allocation *storage = nullptr;
};

/// The first thing wrong with a module.
struct PtxError {
  uint32_t line = 0;
  std::string text;
};

/// Immutable once loaded; launches share it across threads.
class Module {
public:
  /// Parses and decodes `text`; module variables are allocated in `memory`, which must outlive the
  /// module. On failure returns null and fills `error`.
  static std::unique_ptr<Module> load(std::string text, GlobalMemory &memory, PtxError &error);
  ~Module();
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  const Function *find(std::string_view name) const;

  std::string text;
  std::deque<Function> functions;
  std::vector<Variable> variables;
  std::map<uint32_t, std::string> files; ///< of `.file`, without their folders
  GlobalMemory &memory;

private:
  explicit Module(GlobalMemory &memory) : memory(memory) {}
};

} // namespace vitc::emu

#endif // VITC_EMULATOR_PTX_H
