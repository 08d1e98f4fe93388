//===- Decoder.cpp - Statements to instructions ---------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The part that all groups share: operands to slots, symbols, control flow, module loading.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "GlobalMemory.h"
#include "Half.h"

#include <algorithm>

namespace vitc::emu {

static const DecodeTable &decodeTable() {
  static const DecodeTable table = [] {
    DecodeTable t;
    for (auto add :
         {addBitsGroup, addIntegerGroup, addFloatGroup, addHalfGroup, addConvertGroup, addMoveGroup,
          addCompareGroup, addMemoryGroup, addOrderGroup, addAtomicGroup, addAsyncGroup,
          addMbarrierGroup, addMatrixGroup, addMmaGroup, addWmmaGroup, addLaneGroup})
      add(t);
    return t;
  }();
  return table;
}

Handler Decoder::refuse(std::string text) {
  if (!failed && error.text.empty())
    error = {statement->line, "'" + std::string(statement->text) + "': " + std::move(text)};
  failed = true;
  return nullptr;
}

Handler Decoder::refuseType(Type type) {
  for (std::string_view part : statement->parts)
    if (type != Type::None && typeNamed(part) == type)
      return refuse("type '." + std::string(part) + "' is not supported here");
  return refuse("expected a type");
}

bool Decoder::take(std::string_view modifier) {
  for (size_t i = 1; i < statement->parts.size(); ++i)
    if (!taken[i] && statement->parts[i] == modifier) {
      taken[i] = true;
      return true;
    }
  return false;
}

Type Decoder::takeType() {
  for (size_t i = 1; i < statement->parts.size(); ++i)
    if (Type type = typeNamed(statement->parts[i]); !taken[i] && type != Type::None) {
      taken[i] = true;
      return type;
    }
  return Type::None;
}

Type Decoder::peekType() const {
  for (size_t i = 1; i < statement->parts.size(); ++i)
    if (Type type = typeNamed(statement->parts[i]); !taken[i] && type != Type::None)
      return type;
  return Type::None;
}

bool Decoder::operands(size_t least, size_t most) {
  if (count() >= least && count() <= most)
    return true;
  refuse("expected " + std::to_string(least) + " operands, found " + std::to_string(count()));
  return false;
}

void Decoder::append(uint32_t word) {
  out.operands.push_back(word);
  ++inst->opCount;
}

unsigned Decoder::registerBits(const Operand &operand) const {
  return operand.reg == noRegister ? 0 : bitsOf(source.registers[operand.reg]);
}

uint32_t Decoder::slotOf(uint32_t reg) {
  if (slots[reg] == noRegister) {
    slots[reg] = registerWords;
    registerWords += bitsOf(source.registers[reg]) == 64 ? 2 * warpSize : warpSize;
  }
  return slots[reg];
}

uint32_t Decoder::constant(uint64_t value, bool wide) {
  auto [it, isNew] = constants.try_emplace({value, wide}, uint32_t(out.constants.size()));
  if (isNew)
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      out.constants.push_back(uint32_t(value));
      if (wide)
        out.constants.push_back(uint32_t(value >> 32));
    }
  return it->second | constantFlag;
}

uint32_t Decoder::special(std::string_view name, bool wide) {
  static const std::unordered_map<std::string_view, Special> names = {
      {"%tid.x", Special::TidX},
      {"%tid.y", Special::TidY},
      {"%tid.z", Special::TidZ},
      {"%ntid.x", Special::NtidX},
      {"%ntid.y", Special::NtidY},
      {"%ntid.z", Special::NtidZ},
      {"%ctaid.x", Special::CtaidX},
      {"%ctaid.y", Special::CtaidY},
      {"%ctaid.z", Special::CtaidZ},
      {"%nctaid.x", Special::NctaidX},
      {"%nctaid.y", Special::NctaidY},
      {"%nctaid.z", Special::NctaidZ},
      {"%laneid", Special::LaneId},
      {"%warpid", Special::WarpId},
      {"%nwarpid", Special::NwarpId},
      {"WARP_SZ", Special::WarpSize},
      {"%smid", Special::SmId},
      {"%nsmid", Special::NsmId},
      {"%lanemask_eq", Special::MaskEq},
      {"%lanemask_lt", Special::MaskLt},
      {"%lanemask_le", Special::MaskLe},
      {"%lanemask_gt", Special::MaskGt},
      {"%lanemask_ge", Special::MaskGe},
      {"%dynamic_smem_size", Special::DynamicSharedSize},
      {"%total_smem_size", Special::TotalSharedSize},
      {"%gridid", Special::GridId},
      {"%clock", Special::Clock},
      {"%clock64", Special::Clock},
      {"%reserved_smem_offset_begin", Special::ReservedBegin},
      {"%reserved_smem_offset_0", Special::ReservedBegin},
      {"%reserved_smem_offset_1", Special::ReservedSecond},
      {"%reserved_smem_offset_end", Special::ReservedEnd},
      {"%reserved_smem_offset_cap", Special::ReservedCapacity}};
  auto known = names.find(name);
  if (known == names.end()) {
    refuse("unknown register '" + std::string(name) + "'");
    return 0;
  }
  if (known->second >= Special::ReservedBegin)
    out.reservedShared = reservedBytes;
  auto [it, isNew] = specialSlots.try_emplace({known->first, wide}, uint32_t(out.constants.size()));
  if (isNew) {
    out.specials.push_back({known->second, it->second | constantFlag, uint8_t(wide ? 2 : 1)});
    out.constants.resize(out.constants.size() + (wide ? 2 : 1) * warpSize);
  }
  return it->second | constantFlag;
}

/// Address of a shared or module variable, or a parameter's offset.
bool Decoder::symbol(std::string_view name, uint64_t &value) const {
  if (auto it = sharedOffsets.find(name); it != sharedOffsets.end()) {
    value = it->second;
    return true;
  }
  if (auto it = localOffsets.find(name); it != localOffsets.end()) {
    value = it->second;
    return true;
  }
  for (const Parameter &p : out.parameters)
    if (p.name == name) {
      value = p.offset;
      return true;
    }
  for (const Variable &v : module.variables)
    if (v.name == name) {
      value = v.storage->address();
      return true;
    }
  value = raw.functionAddress(name);
  return value != 0;
}

/// The bits of an immediate as a value of `type`.
uint64_t Decoder::literal(const Operand &operand, Type type) {
  bool real = type == Type::F32 || type == Type::F64 || type == Type::F16;
  if (operand.kind == Operand::Kind::Integer) {
    if (type == Type::F32)
      return std::bit_cast<uint32_t>(float(operand.value));
    if (type == Type::F64)
      return std::bit_cast<uint64_t>(double(operand.value));
    unsigned bits = bitsOf(type);
    return bits >= 64 ? uint64_t(operand.value) : uint64_t(operand.value) & ((1ull << bits) - 1);
  }
  if (operand.kind == Operand::Kind::Float32) {
    if (type == Type::F64)
      return std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(operand.value))));
    return uint32_t(operand.value);
  }
  double value = std::bit_cast<double>(operand.value);
  if (real && type == Type::F32)
    return std::bit_cast<uint32_t>(float(value));
  if (type == Type::F16)
    return doubleToHalf(value);
  return uint64_t(operand.value);
}

void Decoder::destination(const Operand &operand, unsigned bits, bool widerAllowed) {
  if (operand.kind == Operand::Kind::Sink)
    return append(sinkOperand);
  unsigned found = registerBits(operand);
  if (operand.kind != Operand::Kind::Register || found == 1 ||
      (widerAllowed ? found < bits : found != bits)) {
    refuse("expected a register of " + std::to_string(bits) + " bits as result, found '" +
           std::string(operand.name) + "'");
    return;
  }
  append(slotOf(operand.reg));
}

void Decoder::value(const Operand &operand, Type type, bool widerAllowed) {
  unsigned bits = bitsOf(type);
  switch (operand.kind) {
  case Operand::Kind::Register: {
    unsigned found = registerBits(operand);
    if (found == 1 || (widerAllowed ? found < bits : found != bits)) {
      refuse("expected an operand of " + std::to_string(bits) + " bits, found '" +
             std::string(operand.name) + "' of " + std::to_string(found));
      return;
    }
    return append(slotOf(operand.reg));
  }
  case Operand::Kind::Special:
    return append(special(operand.name, bits == 64));
  case Operand::Kind::Integer:
  case Operand::Kind::Float32:
  case Operand::Kind::Float64:
    return append(constant(literal(operand, type), bits == 64));
  case Operand::Kind::Symbol: {
    uint64_t address = 0;
    if (operand.name == "WARP_SZ")
      return append(constant(warpSize, bits == 64));
    if (!symbol(operand.name, address)) {
      refuse("unknown symbol '" + std::string(operand.name) + "'");
      return;
    }
    return append(constant(address + uint64_t(operand.value), bits == 64));
  }
  default:
    refuse("expected a register or a number");
  }
}

void Decoder::predicateDestination(const Operand &operand) {
  if (operand.kind == Operand::Kind::Sink)
    return append(out.predicates++);
  if (operand.kind != Operand::Kind::Register || registerBits(operand) != 1) {
    refuse("expected a predicate as result, found '" + std::string(operand.name) + "'");
    return;
  }
  append(predicateNumbers[operand.reg]);
}

void Decoder::predicate(const Operand &operand) {
  if (operand.kind == Operand::Kind::Integer)
    return append(operand.value ? truePredicate : falsePredicate);
  if (operand.kind != Operand::Kind::Register || registerBits(operand) != 1) {
    refuse("expected a predicate, found '" + std::string(operand.name) + "'");
    return;
  }
  append(predicateNumbers[operand.reg] | (operand.negated ? negatedFlag : 0));
}

int64_t Decoder::immediate(size_t n) {
  if (n < count() && statement->operands[n].kind == Operand::Kind::Integer)
    return statement->operands[n].value;
  refuse("expected a number as operand " + std::to_string(n + 1));
  return 0;
}

void Decoder::address(size_t n) {
  const Operand &operand = statement->operands[n];
  if (operand.kind != Operand::Kind::Address) {
    refuse("expected an address as operand " + std::to_string(n + 1));
    return;
  }
  inst->imm = operand.value;
  Site site;
  if (operand.reg != noRegister) {
    unsigned bits = registerBits(operand);
    if (bits != 32 && bits != 64) {
      refuse("expected an address of 32 or 64 bits, found '" + std::string(operand.name) + "'");
      return;
    }
    if (bits == 64)
      inst->flags |= wideAddress;
    append(slotOf(operand.reg));
    site = registerSites[operand.reg];
  } else {
    uint64_t base = 0;
    if (operand.hasBase && !symbol(operand.name, base)) {
      refuse("unknown symbol '" + std::string(operand.name) + "'");
      return;
    }
    for (uint32_t i = 0; i < module.variables.size(); ++i)
      if (operand.hasBase && module.variables[i].name == operand.name)
        site.variables.push_back(i);
    inst->flags |= wideAddress;
    append(constant(base, true));
  }
  auto it = std::find(out.sites.begin(), out.sites.end(), site);
  inst->site = uint16_t(it - out.sites.begin());
  if (it == out.sites.end())
    out.sites.push_back(std::move(site));
}

std::unordered_map<std::string_view, bool> Decoder::namesUsed() const {
  std::unordered_map<std::string_view, bool> used;
  for (const Statement &s : source.body)
    for (const Operand &o : s.operands) {
      used[o.name] = true;
      for (const Operand &e : o.elements)
        used[e.name] = true;
    }
  return used;
}

/// Places the thread's own variables that this function names, those of calls among them.
bool Decoder::layoutLocal() {
  auto used = namesUsed();
  uint64_t offset = 0;
  for (const RawVariable &v : source.variables) {
    if (v.space == Space::Shared || !used.count(v.name))
      continue;
    offset = (offset + v.align - 1) / v.align * v.align;
    localOffsets[v.name] = offset + (v.space == Space::Param ? callParameters : 0);
    offset += v.bytes;
    if (offset > 512 * 1024) {
      error = {out.line, "'" + out.name + "' uses more than 524288 bytes of local memory"};
      return false;
    }
  }
  out.localBytes = uint32_t((offset + 15) / 16 * 16);
  return true;
}

/// Places the static shared variables that this function names; dynamic ones start behind them.
bool Decoder::layoutShared() {
  std::vector<const RawVariable *> visible;
  for (const RawVariable &v : raw.variables)
    if (v.space == Space::Shared)
      visible.push_back(&v);
  for (const RawVariable &v : source.variables)
    if (v.space == Space::Shared)
      visible.push_back(&v);
  auto used = namesUsed();
  uint64_t offset = 0, dynamicAlign = 16;
  for (const RawVariable *v : visible) {
    if (!used.count(v->name))
      continue;
    if (v->external || v->bytes == 0) {
      dynamicAlign = std::max<uint64_t>(dynamicAlign, v->align);
      continue;
    }
    offset = (offset + v->align - 1) / v->align * v->align;
    sharedOffsets[v->name] = offset;
    offset += v->bytes;
  }
  for (const RawVariable *v : visible)
    if (used.count(v->name) && (v->external || v->bytes == 0)) {
      offset = (offset + dynamicAlign - 1) / dynamicAlign * dynamicAlign;
      sharedOffsets[v->name] = offset;
    }
  out.staticShared = uint32_t(offset);
  if (offset <= 48 * 1024)
    return true;
  error = {out.line, "'" + out.name + "' uses " + std::to_string(offset) +
                         " bytes of static shared memory, at most 49152 are possible"};
  return false;
}

bool Decoder::target(std::string_view label, uint32_t &pc) {
  auto it = source.labels.find(label);
  if (it == source.labels.end()) {
    refuse("unknown label '" + std::string(label) + "'");
    return false;
  }
  pc = it->second;
  return true;
}

/// bar and barrier: operands are the barrier, its threads (0: all), and of `.red` the result and
/// what is combined.
void Decoder::decodeBarrier() {
  take("cta");
  take("aligned");
  inst->flow = Flow::Barrier;
  bool reduces = take("red"), arrives = !reduces && take("arrive");
  if (!reduces && !arrives && !take("sync")) {
    refuse("expected one of .sync, .arrive, .red");
    return;
  }
  if (!reduces) {
    inst->flags2 = arrives ? BarrierArrive : BarrierSync;
    if (!operands(arrives ? 2 : 1, 2))
      return;
    value(0, Type::U32);
    return count() == 2 ? value(1, Type::U32) : append(constant(0, false));
  }
  bool counts = take("popc"), all = take("and"), any = take("or");
  Type type = takeType();
  if (counts + all + any != 1 || type != (counts ? Type::U32 : Type::Pred)) {
    refuse("expected .popc.u32, .and.pred or .or.pred");
    return;
  }
  inst->flags2 = counts ? BarrierCount : all ? BarrierAll : BarrierAny;
  if (!operands(3, 4))
    return;
  value(1, Type::U32);
  if (count() == 4)
    value(2, Type::U32);
  else
    append(constant(0, false));
  if (counts)
    destination(0, type);
  else
    predicateDestination(statement->operands[0]);
  predicate(statement->operands.back());
}

/// Branches, barriers and exits; true if `s` is one.
bool Decoder::decodeFlow(const Statement &s) {
  if (op() == "bra") {
    take("uni");
    inst->flow = Flow::Branch;
    if (operands(1))
      target(s.operands[0].name, inst->target);
  } else if (op() == "brx") {
    inst->flow = Flow::BranchIndexed;
    take("idx");
    take("uni");
    if (!operands(2))
      return true;
    value(0, Type::U32);
    auto it = source.tables.find(s.operands[1].name);
    if (it == source.tables.end()) {
      refuse("unknown table '" + std::string(s.operands[1].name) + "'");
      return true;
    }
    inst->target = uint32_t(out.tables.size());
    out.tables.emplace_back();
    for (std::string_view label : it->second) {
      uint32_t pc = 0;
      if (target(label, pc))
        out.tables.back().push_back(pc);
    }
  } else if (op() == "ret" || op() == "exit") {
    take("uni");
    operands(0);
    inst->flow = Flow::Exit;
  } else if (op() == "__assertfail") { // see Inline.cpp
    inst->flow = Flow::Trap;
    if (operands(5))
      for (unsigned n = 0; n < 3; ++n)
        append(uint32_t(localOffsets[s.operands[n].name] - callParameters));
  } else if (op() == "__nowhere") {
    inst->flow = Flow::Trap;
    inst->flags2 = 1;
  } else if (op() == "trap") {
    inst->flow = Flow::Trap;
  } else if ((op() == "bar" || op() == "barrier") && s.parts.size() > 1 && s.parts[1] != "warp") {
    decodeBarrier();
  } else {
    return false;
  }
  return true;
}

bool Decoder::decode(const Statement &s) {
  statement = &s;
  taken.assign(s.parts.size(), false);
  Inst &i = out.code.emplace_back();
  inst = &i;
  i.line = s.line;
  i.sourceFile = uint16_t(s.sourceFile);
  i.sourceLine = s.sourceLine;
  i.text = s.text;
  i.firstOp = uint32_t(out.operands.size());
  if (s.predicate != noRegister) {
    if (predicateNumbers[s.predicate] >= noPredicate)
      return refuse("too many predicates");
    i.predicate = uint16_t(predicateNumbers[s.predicate]);
    i.negated = s.negated;
  }
  if (!decodeFlow(s)) {
    auto it = decodeTable().find(op());
    if (it == decodeTable().end())
      return refuse("unknown opcode");
    i.run = it->second(*this);
    if (!i.run)
      return refuse("this form of the opcode is not supported");
  }
  for (size_t m = 1; m < taken.size(); ++m)
    if (!taken[m])
      return refuse("unknown modifier '." + std::string(s.parts[m]) + "'");
  return !failed;
}

bool Decoder::finish() {
  Inst &end = out.code.emplace_back(); // a body may end without ret
  end.flow = Flow::Exit;
  end.text = "ret";
  end.firstOp = uint32_t(out.operands.size());
  end.line = out.code.size() > 1 ? out.code[out.code.size() - 2].line : out.line;
  out.constantBase = registerWords;
  out.fileWords = registerWords + uint32_t(out.constants.size());
  // A result nobody wants (`_`) still needs a place to go.
  uint32_t sink = out.fileWords;
  out.fileWords += 2 * warpSize;
  if (out.fileWords >= sinkOperand) {
    error = {out.line, "'" + out.name + "' has too many registers"};
    return false;
  }
  for (uint32_t &word : out.operands) {
    if (word == sinkOperand)
      word = sink;
    else if (word & constantFlag)
      word = (word & ~constantFlag) + registerWords;
  }
  for (SpecialSlot &s : out.specials)
    s.slot = (s.slot & ~constantFlag) + registerWords;
  for (Inst &i : out.code)
    i.ops = out.operands.data() + i.firstOp;
  findJoins(out);
  return true;
}

/// What a move reads is used if what it writes is.
void Decoder::findUses() {
  used.assign(source.registers.size(), false);
  auto visit = [&](auto &&self, const Operand &o) -> void {
    if (o.reg != noRegister)
      used[o.reg] = true;
    for (const Operand &element : o.elements)
      self(self, element);
  };
  auto any = [&](const Operand &o) {
    bool found = o.reg != noRegister && used[o.reg];
    for (const Operand &element : o.elements)
      found |= element.reg != noRegister && used[element.reg];
    return found;
  };
  for (bool moves : {false, true, true}) // moves in the order of their uses, and around a loop
    for (size_t n = source.body.size(); n--;) {
      const Statement &s = source.body[n];
      std::string_view op = s.parts[0];
      if (op == "mov" || op == "cvta") {
        if (moves && s.operands.size() > 1 && any(s.operands[0]))
          visit(visit, s.operands[1]);
        continue;
      }
      if (moves)
        continue;
      bool shares = std::any_of(s.parts.begin(), s.parts.end(), [](std::string_view part) {
        return part == "global" || part == "shared";
      });
      bool copies = op == "st" && !shares; // a value that others see is used
      for (size_t k = 0; k < s.operands.size(); ++k) {
        bool address = s.operands[k].kind == Operand::Kind::Address;
        bool result = k == 0 && !address && op != "red" && op != "bar";
        if (!result && !(copies && k == 1))
          visit(visit, s.operands[k]);
      }
    }
}

bool Decoder::run() {
  out = source.head;
  out.module = &module;
  slots.assign(source.registers.size(), noRegister);
  predicateNumbers.assign(source.registers.size(), noRegister);
  out.predicates = 2;
  for (size_t i = 0; i < source.registers.size(); ++i)
    if (source.registers[i] == Type::Pred)
      predicateNumbers[i] = out.predicates++;
  out.sites.emplace_back(); // site 0: anything
  if (!layoutShared() || !layoutLocal())
    return false;
  findUses();
  registerSites = traceProvenance(source, module);
  for (const Statement &s : source.body)
    if (!decode(s))
      return false;
  return finish();
}

} // namespace vitc::emu
