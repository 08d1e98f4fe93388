//===- Provenance.cpp - Which pointers an address may follow --------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A register may point where any value it is computed from points. The sets are per register, not
// per place in the program: LLVM's PTX is close to SSA, and a register that holds two pointers at
// different times only makes its check weaker.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

namespace vitc::emu {
namespace {

/// Elements: words of 8 bytes of the parameters, then module variables, then the two ways in which
/// memory may have a part in the value.
using Set = std::vector<uint64_t>;

class Tracer {
public:
  Tracer(const RawFunction &function, const Module &module) : function(function), module(module) {
    words = (function.head.parameterBytes + 7) / 8;
    loaded = uint32_t(words + module.variables.size());
    mixed = loaded + 1;
    size_t count = function.registers.size();
    for (const RawVariable &v : function.variables)
      if (v.space == Space::Param)
        callParameter.emplace(v.name, count++);
    sets.assign(count, Set((mixed + 64) / 64, 0));
  }

  std::vector<Site> run() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Statement &s : function.body)
        changed |= visit(s);
    }
    std::vector<Site> result(function.registers.size());
    for (size_t r = 0; r < result.size(); ++r) {
      for (uint32_t e = 0; e < loaded; ++e)
        if (in(sets[r], e)) {
          if (e < words)
            result[r].parameters.push_back(e * 8);
          else
            result[r].variables.push_back(uint32_t(e - words));
        }
      result[r].loaded = in(sets[r], loaded);
      result[r].mixed = in(sets[r], mixed);
    }
    return result;
  }

private:
  static bool has(const Statement &s, std::string_view modifier) {
    for (size_t i = 1; i < s.parts.size(); ++i)
      if (s.parts[i] == modifier)
        return true;
    return false;
  }

  static bool in(const Set &set, uint32_t element) {
    return set[element / 64] >> (element % 64) & 1;
  }
  /// Where the sets of a call's parameter are, if the address names one; else -1.
  ptrdiff_t callParameterOf(const Operand &address) const {
    auto it = callParameter.find(address.name);
    return address.reg != noRegister || it == callParameter.end() ? -1 : ptrdiff_t(it->second);
  }

  bool visit(const Statement &s) {
    std::string_view op = s.parts[0];
    if (s.operands.size() < 2 || op == "setp" || op == "bra" || op == "cp" || op == "mma" ||
        op == "ldmatrix" || op == "red")
      return false;
    Set from(sets.empty() ? 0 : sets[0].size(), 0);
    if (op == "st") {
      ptrdiff_t to = callParameterOf(s.operands[0]);
      return to >= 0 && gather(s.operands[1], from) && merge(sets[size_t(to)], from);
    }
    if (op == "ld" || op == "ldu" || op == "atom") {
      if (ptrdiff_t parameter = callParameterOf(s.operands[1]); parameter >= 0)
        return spread(s.operands[0], sets[size_t(parameter)]);
      if (has(s, "param"))
        return loadParameter(s);
      add(from, loaded);
      return spread(s.operands[0], from);
    }
    for (size_t n = 1; n < s.operands.size(); ++n)
      gather(s.operands[n], from);
    bool chooses = op == "mov" || op == "selp" || op == "slct" || op == "shfl";
    if (!chooses && in(from, loaded) && pointsSomewhere(from)) {
      from[loaded / 64] &= ~(1ull << (loaded % 64)); // an index, or a base with an index
      add(from, mixed);
    }
    return spread(s.operands[0], from);
  }

  bool pointsSomewhere(const Set &set) const {
    for (uint32_t e = 0; e < loaded; ++e)
      if (in(set, e))
        return true;
    return false;
  }

  bool gather(const Operand &o, Set &into) const {
    bool any = false;
    if (o.reg != noRegister) {
      for (size_t i = 0; i < into.size(); ++i)
        any |= (into[i] |= sets[o.reg][i]) != 0;
    } else if (o.kind == Operand::Kind::Symbol) {
      for (size_t v = 0; v < module.variables.size(); ++v)
        if (module.variables[v].name == o.name)
          any |= add(into, uint32_t(words + v));
    }
    for (const Operand &element : o.elements)
      any |= gather(element, into);
    return any;
  }

  static bool add(Set &set, uint32_t element) {
    uint64_t bit = 1ull << (element % 64);
    bool isNew = !(set[element / 64] & bit);
    set[element / 64] |= bit;
    return isNew;
  }

  static bool merge(Set &into, const Set &from) {
    bool changed = false;
    for (size_t i = 0; i < from.size(); ++i) {
      changed |= (from[i] & ~into[i]) != 0;
      into[i] |= from[i];
    }
    return changed;
  }

  bool spread(const Operand &o, const Set &from) {
    bool changed = o.reg != noRegister && merge(sets[o.reg], from);
    for (const Operand &element : o.elements)
      changed |= spread(element, from);
    return changed;
  }

  /// A load of 8 aligned bytes at a known place may be a pointer; one at an unknown place, any of
  /// them.
  bool loadParameter(const Statement &s) {
    const Operand &address = s.operands[1];
    if (s.operands.size() != 2 || !(has(s, "b64") || has(s, "u64") || has(s, "s64")))
      return false;
    bool changed = false;
    const Operand &result = s.operands[0];
    std::vector<Operand> elements = result.elements;
    if (elements.empty())
      elements.push_back(result);
    for (size_t n = 0; n < elements.size(); ++n) {
      if (elements[n].reg == noRegister)
        continue;
      Set &set = sets[elements[n].reg];
      bool known = false;
      for (const Parameter &p : function.head.parameters)
        if (address.reg == noRegister && p.name == address.name) {
          uint64_t offset = p.offset + uint64_t(address.value) + 8 * n;
          known = true;
          if (offset % 8 == 0 && offset / 8 < words)
            changed |= add(set, uint32_t(offset / 8));
        }
      for (uint32_t w = 0; w < words && !known; ++w)
        changed |= add(set, w);
    }
    return changed;
  }

  const RawFunction &function;
  const Module &module;
  size_t words = 0;
  uint32_t loaded = 0, mixed = 0;
  std::unordered_map<std::string_view, size_t> callParameter; ///< index into sets
  std::vector<Set> sets;                                      ///< of registers, then of those
};

} // namespace

std::vector<Site> traceProvenance(const RawFunction &function, const Module &module) {
  return Tracer(function, module).run();
}

} // namespace vitc::emu
