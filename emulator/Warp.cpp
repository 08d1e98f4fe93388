//===- Warp.cpp - The main loop of a warp ---------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Control flow: branches, reconvergence, barriers, exit. Everything else is a handler.
//
//===----------------------------------------------------------------------===//

#include "Warp.h"
#include "Decoder.h"

#include <algorithm>

namespace vitc::emu {

/// Instructions after which another warp gets its turn, in case this one waits for it; and after
/// how many it counts as spinning.
static constexpr uint64_t slice = 1u << 16, spins = 1u << 20;

static uint64_t specialValue(const Cta &cta, const Warp &warp, Special special, unsigned lane) {
  const Geometry &g = cta.launch.geometry;
  uint32_t thread = warp.threadOf(lane), bit = 1u << lane;
  switch (special) {
  case Special::TidX:
    return thread % g.block[0];
  case Special::TidY:
    return thread / g.block[0] % g.block[1];
  case Special::TidZ:
    return thread / g.block[0] / g.block[1];
  case Special::NtidX:
    return g.block[0];
  case Special::NtidY:
    return g.block[1];
  case Special::NtidZ:
    return g.block[2];
  case Special::CtaidX:
    return cta.id[0];
  case Special::CtaidY:
    return cta.id[1];
  case Special::CtaidZ:
    return cta.id[2];
  case Special::NctaidX:
    return g.grid[0];
  case Special::NctaidY:
    return g.grid[1];
  case Special::NctaidZ:
    return g.grid[2];
  case Special::LaneId:
    return lane;
  case Special::WarpId:
    return warp.index;
  case Special::NwarpId:
    return (g.threads() + warpSize - 1) / warpSize;
  case Special::WarpSize:
    return warpSize;
  case Special::NsmId:
    return 128;
  case Special::MaskEq:
    return bit;
  case Special::MaskLt:
    return bit - 1;
  case Special::MaskLe:
    return bit | (bit - 1);
  case Special::MaskGt:
    return ~(bit | (bit - 1));
  case Special::MaskGe:
    return ~(bit - 1);
  case Special::DynamicSharedSize:
    return g.dynamicShared;
  case Special::TotalSharedSize:
    return cta.reservedAt();
  case Special::ReservedBegin:
    return cta.reservedAt();
  case Special::ReservedSecond:
    return cta.reservedAt() + reservedBytes / 2;
  case Special::ReservedEnd:
    return cta.reservedAt() + reservedBytes;
  case Special::ReservedCapacity:
    return reservedBytes;
  default:
    return 0; // %smid, %gridid, %clock: no program may depend on them
  }
}

void Warp::start(Cta &owner, uint32_t number) {
  cta = &owner;
  index = number;
  const Function &f = *owner.launch.function;
  uint32_t threads = owner.launch.geometry.threads(), first = number * warpSize;
  exist = threads - first >= warpSize ? fullMask : (1u << (threads - first)) - 1;
  live = active = exist;
  pc = 0;
  join = noPc;
  stack.clear();
  pending.clear();
  memset(group, 0, sizeof(group));
  executed = 0;
  carry = 0;
  strongRead = false;
  nextGiveWay = spins;
  fenceClock.clear();
  acquirable.clear();
  state = State::Ready;
  std::fill_n(predicates, f.predicates, 0);
  predicates[truePredicate] = fullMask;
  std::copy(f.constants.begin(), f.constants.end(), file + f.constantBase);
  for (const SpecialSlot &s : f.specials)
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      uint64_t value = specialValue(owner, *this, s.special, lane);
      if (s.words == 2)
        set<uint64_t>(s.slot, lane, value);
      else
        set<uint32_t>(s.slot, lane, uint32_t(value));
    }
}

void Warp::report(const Inst &inst, unsigned lane, Kind kind, std::string text) {
  const Function &f = *cta->launch.function;
  text = std::string(inst.text) + " " + std::move(text);
  auto file = f.module->files.find(inst.sourceFile);
  if (inst.sourceLine && file != f.module->files.end())
    text += " (" + file->second + ":" + std::to_string(inst.sourceLine) + ")";
  cta->launch.findings.add(
      {f.name, inst.line, cta->threadName(threadOf(lane)), kind, std::move(text)});
}

void Warp::report(const Inst &inst, unsigned lane, const Hazard &hazard) {
  std::string where = "byte " + std::to_string(hazard.address) + " of shared memory";
  std::string other =
      (hazard.collective ? "the warp of thread " : "thread ") + std::to_string(hazard.thread);
  switch (hazard.kind) {
  case Hazard::None:
    return;
  case Hazard::Uninitialised:
    return report(inst, lane, Kind::Uninitialised, "reads " + where + ", which nothing wrote");
  case Hazard::Open:
    return report(inst, lane, Kind::Async,
                  "reads " + where + " while a cp.async of " + other + " is in flight");
  case Hazard::Async:
    return report(inst, lane, Kind::Async,
                  "reads " + where + ", copied by cp.async of " + other +
                      ", without a barrier after its wait");
  case Hazard::WriteWrite:
    return report(inst, lane, Kind::Race,
                  "writes " + where + ", which " + other + " wrote, without a barrier between");
  case Hazard::ReadWrite:
    return report(inst, lane, Kind::Race,
                  "writes " + where + ", which " + other + " read, without a barrier between");
  case Hazard::WriteRead:
    return report(inst, lane, Kind::Race,
                  "reads " + where + ", which " + other + " wrote, without a barrier between");
  case Hazard::OpenWrite:
    return report(inst, lane, Kind::Race,
                  "writes " + where + " while a cp.async of " + other + " is in flight");
  }
}

void Warp::tick() {
  if (clock[index] < SharedShadow::maximumTime)
    ++clock[index];
}

bool Warp::converged(const Inst &inst, uint32_t mask) {
  if (mask == fullMask)
    return true;
  unsigned lane = unsigned(std::countr_one(mask));
  report(inst, lane, Kind::Sync,
         "needs all 32 lanes, but lane " + std::to_string(lane) +
             (live >> lane & 1 ? " does not execute it" : " has exited or does not exist"));
  return false;
}

/// Takes the next group off the stack until one has lanes; false at the end of the warp.
bool Warp::settle() {
  for (;;) {
    active &= live;
    if (active && pc != join)
      return true;
    if (stack.empty())
      return false;
    Entry next = stack.back();
    stack.pop_back();
    pc = next.pc;
    join = next.join;
    active = next.mask;
  }
}

/// Lanes part: `parts` run one after the other, then all meet at `meet`.
void Warp::diverge(uint32_t meet, const Entry *parts, unsigned count) {
  if (meet != join && meet != noPc) // else the entry below already waits there
    stack.push_back({meet, join, active});
  for (unsigned i = count; i--;)
    if (parts[i].pc != meet)
      stack.push_back({parts[i].pc, meet, parts[i].mask});
  active = 0;
  settle();
}

void Warp::branch(const Inst &inst, uint32_t taken) {
  uint32_t rest = active & ~taken;
  if (!rest) {
    pc = inst.target;
  } else if (!taken) {
    ++pc;
  } else {
    Entry parts[2] = {{pc + 1, 0, rest}, {inst.target, 0, taken}};
    diverge(inst.join, parts, 2);
  }
}

void Warp::branchIndexed(const Inst &inst, uint32_t mask) {
  const std::vector<uint32_t> &table = cta->launch.function->tables[inst.target];
  std::vector<Entry> parts;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    uint32_t number = get<uint32_t>(inst.ops[0], lane);
    if (number >= table.size()) {
      report(inst, lane, Kind::Trap,
             "jumps to entry " + std::to_string(number) + " of " + std::to_string(table.size()));
      return exitLanes(active);
    }
    bool found = false;
    for (Entry &part : parts)
      if (part.pc == table[number])
        part.mask |= 1u << lane, found = true;
    if (!found)
      parts.push_back({table[number], 0, 1u << lane});
  }
  if (active & ~mask)
    parts.push_back({pc + 1, 0, active & ~mask});
  if (parts.size() == 1)
    pc = parts[0].pc;
  else
    diverge(inst.join, parts.data(), unsigned(parts.size()));
}

void Warp::exitLanes(uint32_t mask) {
  live &= ~mask;
  ++pc;
}

/// `bar.sync`: true if the warp must wait.
bool Warp::arrive(const Inst &inst, uint32_t mask) {
  if (!mask) { // the whole warp goes past it; if others wait for it, that is found later
    ++pc;
    return false;
  }
  if (mask != exist) {
    unsigned lane = unsigned(std::countr_zero(exist & ~mask));
    report(inst, unsigned(std::countr_zero(mask)), Kind::Sync,
           "is not reached by lane " + std::to_string(lane) + " of its warp" +
               (live >> lane & 1 ? "" : ", which has exited"));
  }
  unsigned lane = unsigned(std::countr_zero(mask));
  barrier = get<uint32_t>(inst.ops[0], lane);
  barrierThreads = get<uint32_t>(inst.ops[1], lane);
  if (barrier > 15 || barrierThreads % warpSize) {
    report(inst, lane, Kind::Sync,
           "expects a barrier of 0..15 and a multiple of 32 threads, found " +
               std::to_string(barrier) + " and " + std::to_string(barrierThreads));
    ++pc;
    return false;
  }
  ++pc;
  if (inst.flags2 == BarrierArrive) {
    cta->arriveOnly(*this, barrier);
    return false;
  }
  waitingMask = mask;
  if (inst.opCount > 3)
    waitingValue = mask & (inst.ops[3] & negatedFlag ? ~predicates[inst.ops[3] & ~negatedFlag]
                                                     : predicates[inst.ops[3]]);
  waitingAt = &inst;
  state = State::Waiting;
  return true;
}

/// Lanes that spin on memory may wait for lanes of their own warp, which are next on the stack:
/// those that parted from them, or that have left the loop and wait for them behind it. They go on
/// first.
void Warp::giveWay() {
  nextGiveWay = executed + slice;
  strongRead = false;
  if (stack.empty() || !active)
    return;
  Entry &next = stack.back();
  if (next.pc == join) { // behind the loop: without those who spin, who join later
    uint32_t others = next.mask & live & ~active;
    if (!others)
      return;
    Entry free{next.pc, next.join, others};
    next = {pc, next.join, active};
    pc = free.pc, join = free.join, active = free.mask;
  } else if (next.join == join && (next.mask & live)) {
    std::swap(next.pc, pc);
    std::swap(next.mask, active);
    active &= live;
  }
}

/// The text at an address in device memory.
static std::string textAt(const LaunchContext &launch, uint64_t address) {
  std::string text;
  for (const Range &range : launch.everything)
    if (range.contains(address, 1))
      for (uint64_t a = address; a < range.end && text.size() < 200; ++a) {
        char c = *reinterpret_cast<const char *>(a);
        if (!c)
          break;
        text += c;
      }
  return text;
}

/// What a trap says; a failed assertion has its message, file and line in local memory.
std::string Warp::trapText(const Inst &inst, unsigned lane) const {
  if (inst.flags2)
    return "goes to what is no function of its type, or is running already";
  if (!inst.opCount)
    return "is reached";
  uint64_t message = 0, file = 0;
  uint32_t line = 0;
  const uint8_t *mine =
      cta->local.data() + size_t(threadOf(lane)) * cta->launch.function->localBytes;
  memcpy(&message, mine + inst.ops[0], 8);
  memcpy(&file, mine + inst.ops[1], 8);
  memcpy(&line, mine + inst.ops[2], 4);
  return std::string("'").append(textAt(cta->launch, message)) + "' fails at " +
         textAt(cta->launch, file) + ":" + std::to_string(line);
}

void Warp::run() {
  const Inst *code = cta->launch.function->code.data();
  const uint64_t budget = cta->launch.options.budget;
  sliceEnd = executed + slice;
  for (;;) {
    if (!active || pc == join) {
      if (!settle()) {
        state = State::Done;
        return;
      }
    }
    const Inst &inst = code[pc];
    uint32_t mask = active;
    if (inst.predicate != noPredicate)
      mask &= inst.negated ? ~predicates[inst.predicate] : predicates[inst.predicate];
    ++executed;
    if (inst.flow == Flow::Next) {
      if (mask)
        inst.run(*this, inst, mask);
      ++pc;
      continue;
    }
    if (executed > budget || clock[index] >= SharedShadow::maximumTime) {
      report(inst, unsigned(std::countr_zero(active)), Kind::Timeout,
             "is still running after " + std::to_string(executed) + " instructions of its warp");
      live = active = 0;
    }
    if (cta->launch.findings.stop())
      live = active = 0;
    if (!active)
      continue;
    switch (inst.flow) {
    case Flow::Branch:
      branch(inst, mask);
      if (executed < sliceEnd)
        break;
      if (strongRead && executed >= nextGiveWay)
        giveWay();
      return;
    case Flow::BranchIndexed:
      branchIndexed(inst, mask);
      break;
    case Flow::Barrier:
      if (arrive(inst, mask))
        return;
      break;
    case Flow::Trap:
      if (mask) {
        unsigned lane = unsigned(std::countr_zero(mask));
        report(inst, lane, Kind::Trap, trapText(inst, lane));
      }
      exitLanes(mask);
      break;
    default:
      exitLanes(mask);
      break;
    }
    active &= live;
  }
}

} // namespace vitc::emu
