//===- Inline.cpp - Calls of functions --------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A call is replaced by the body of its callee: with registers, labels and local variables of their
// own, the formal parameters read as the variables that the caller passes, and `ret` as a branch
// behind the body. Lanes that part inside a callee then meet again as they do anywhere, and
// pointers are followed through calls. The price is that nothing may call itself. A call through a
// pointer becomes a comparison with each function of the module that has the call's parameters and
// whose address somebody takes.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <algorithm>

namespace vitc::emu {
namespace {

/// A kernel that is larger with its calls expanded is refused.
constexpr size_t maximumStatements = 1u << 19, maximumRegisters = 1u << 22;

using Names = std::unordered_map<std::string_view, std::string_view>;

class Inliner {
public:
  Inliner(RawModule &module, RawFunction &out, PtxError &error)
      : module(module), out(out), error(error) {}

  bool copy(const RawFunction &function, Names names, std::string_view end);

private:
  bool fail(const Statement &s, const std::string &text) {
    error = {s.line, std::string("'").append(s.text) + "': " + text};
    return false;
  }
  bool call(const Statement &s, const Names &names, uint32_t registers);
  bool callPointer(const Statement &here);
  bool expand(const Statement &here, const RawFunction &callee, std::string_view end);
  bool fits(const RawFunction &f, const Statement &here) const;
  uint64_t bytesOf(std::string_view variable) const;
  bool running(const RawFunction &f) const {
    return std::find(callers.begin(), callers.end(), &f) != callers.end();
  }
  Statement renamed(const Statement &s, const Names &names, uint32_t registers) const;
  static void rename(Operand &o, const Names &names, uint32_t registers);
  Statement branch(const Statement &at, std::string_view label) const;

  RawModule &module;
  RawFunction &out;
  PtxError &error;
  std::vector<const RawFunction *> callers;
};

void Inliner::rename(Operand &o, const Names &names, uint32_t registers) {
  if (o.reg != noRegister)
    o.reg += registers;
  else if (auto it = names.find(o.name); it != names.end())
    o.name = it->second;
  if (o.pipe != noRegister)
    o.pipe += registers;
  for (Operand &element : o.elements)
    rename(element, names, registers);
}

Statement Inliner::renamed(const Statement &s, const Names &names, uint32_t registers) const {
  Statement copy = s;
  if (copy.predicate != noRegister)
    copy.predicate += registers;
  for (Operand &o : copy.operands)
    rename(o, names, registers);
  return copy;
}

Statement Inliner::branch(const Statement &at, std::string_view label) const {
  Statement s;
  s.line = at.line;
  s.sourceFile = at.sourceFile;
  s.sourceLine = at.sourceLine;
  s.text = "bra";
  s.parts = {"bra"};
  s.operands.resize(1);
  s.operands[0].kind = Operand::Kind::Symbol;
  s.operands[0].name = label;
  return s;
}

bool Inliner::call(const Statement &s, const Names &names, uint32_t registers) {
  Statement here = renamed(s, names, registers);
  const Operand &target = here.operands[1];
  if (target.kind == Operand::Kind::Register)
    return callPointer(here);
  const RawFunction *callee = module.find(target.name);
  if (target.name == "__assertfail" && !(callee && callee->hasBody)) {
    Statement trap = here; // its message, file and line are arguments
    trap.parts = {"__assertfail"};
    trap.text = "assert";
    trap.operands = here.operands[2].elements;
    out.body.push_back(std::move(trap));
    return true;
  }
  std::string name = std::string("'").append(target.name) + "'";
  if (!callee || !callee->hasBody || callee->entry)
    return fail(s,
                name + " has no body in this module; " +
                    (target.name == "vprintf" ? "kernels that print are not supported"
                                              : "link or inline it before the module is loaded"));
  if (running(*callee))
    return fail(s, name + " calls itself, which is not supported");
  size_t arguments = here.operands[2].elements.size(), results = here.operands[0].elements.size();
  if (arguments != callee->head.parameters.size() || results != callee->results.size())
    return fail(s, name + " takes " + std::to_string(callee->head.parameters.size()) +
                       " and returns " + std::to_string(callee->results.size()) + ", found " +
                       std::to_string(arguments) + " and " + std::to_string(results));
  std::string_view end = module.unique("return");
  if (here.predicate != noRegister) { // the others go past it
    Statement past = branch(s, end);
    past.predicate = here.predicate;
    past.negated = !here.negated;
    out.body.push_back(std::move(past));
  }
  if (!expand(here, *callee, end))
    return false;
  out.labels.emplace(end, uint32_t(out.body.size()));
  return true;
}

/// The body of `callee` for the arguments of a call; a `ret` goes to `end`.
bool Inliner::expand(const Statement &here, const RawFunction &callee, std::string_view end) {
  Names inner;
  bool good = true;
  auto bind = [&](const std::string &formal, const Operand &actual) {
    inner[formal] = actual.name;
    good &= actual.kind == Operand::Kind::Symbol;
  };
  for (size_t n = 0; n < callee.head.parameters.size(); ++n)
    bind(callee.head.parameters[n].name, here.operands[2].elements[n]);
  for (size_t n = 0; n < callee.results.size(); ++n)
    bind(callee.results[n], here.operands[0].elements[n]);
  if (!good)
    return fail(here, "expected .param variables as arguments and results");
  return copy(callee, std::move(inner), end);
}

uint64_t Inliner::bytesOf(std::string_view variable) const {
  for (const RawVariable &v : out.variables)
    if (v.name == variable)
      return v.bytes;
  return 0;
}

/// Whether a call through a pointer may mean `f`.
bool Inliner::fits(const RawFunction &f, const Statement &here) const {
  const auto &arguments = here.operands[2].elements;
  if (f.entry || !f.hasBody || !f.addressTaken || arguments.size() != f.head.parameters.size() ||
      here.operands[0].elements.size() != f.results.size())
    return false;
  for (size_t n = 0; n < arguments.size(); ++n)
    if (bytesOf(arguments[n].name) != f.head.parameters[n].bytes)
      return false;
  return true;
}

bool Inliner::callPointer(const Statement &here) {
  std::string_view end = module.unique("return");
  auto branchIf = [&](uint32_t predicate, bool negated, std::string_view label) {
    Statement s = branch(here, label);
    s.predicate = predicate;
    s.negated = negated;
    out.body.push_back(std::move(s));
  };
  if (here.predicate != noRegister)
    branchIf(here.predicate, !here.negated, end);
  bool known = false;
  for (const RawFunction &f : module.functions) {
    if (!fits(f, here))
      continue;
    known = true;
    if (running(f))
      continue;
    Statement compare = branch(here, f.head.name);
    compare.text = "setp.eq.u64";
    compare.parts = {"setp", "eq", "u64"};
    compare.operands.resize(3);
    compare.operands[2] = compare.operands[0];
    compare.operands[1] = here.operands[1];
    compare.operands[0] = {};
    compare.operands[0].kind = Operand::Kind::Register;
    compare.operands[0].reg = uint32_t(out.registers.size());
    out.registers.push_back(Type::Pred);
    out.body.push_back(compare);
    std::string_view next = module.unique("next");
    branchIf(compare.operands[0].reg, true, next);
    if (!expand(here, f, end))
      return false;
    out.body.push_back(branch(here, end));
    out.labels.emplace(next, uint32_t(out.body.size()));
  }
  if (!known)
    return fail(here, "no function whose address is taken has the parameters of this call");
  Statement nowhere = branch(here, end);
  nowhere.parts = {"__nowhere"};
  nowhere.text = "call";
  nowhere.operands.clear();
  out.body.push_back(std::move(nowhere));
  out.labels.emplace(end, uint32_t(out.body.size()));
  return true;
}

/// Appends the body of `function`. `names` renames its parameters; a `ret` goes to the label `end`,
/// or ends the thread where there is none.
bool Inliner::copy(const RawFunction &function, Names names, std::string_view end) {
  callers.push_back(&function);
  uint32_t registers = uint32_t(out.registers.size());
  if (!function.body.empty() && registers + function.registers.size() > maximumRegisters)
    return fail(function.body[0], "the kernel has more than " + std::to_string(maximumRegisters) +
                                      " registers with its calls expanded");
  out.registers.insert(out.registers.end(), function.registers.begin(), function.registers.end());
  for (const RawVariable &v : function.variables) {
    bool known = v.space == Space::Shared && // one for all calls
                 std::any_of(out.variables.begin(), out.variables.end(),
                             [&](const RawVariable &o) { return o.name == v.name; });
    if (known)
      continue;
    RawVariable copied = v;
    if (v.space != Space::Shared && !end.empty())
      names[v.name] = module.unique(v.name), copied.name = std::string(names[v.name]);
    out.variables.push_back(std::move(copied));
  }
  std::vector<std::vector<std::string_view>> labels(function.body.size() + 1);
  for (const auto &[label, position] : function.labels) {
    names[label] = end.empty() ? label : module.unique(label);
    labels[position].push_back(names[label]);
  }
  for (const auto &[table, targets] : function.tables) {
    names[table] = end.empty() ? table : module.unique(table);
    auto &copied = out.tables[names[table]];
    for (std::string_view target : targets)
      copied.push_back(names.count(target) ? names[target] : target);
  }
  for (size_t n = 0; n <= function.body.size(); ++n) {
    for (std::string_view label : labels[n])
      out.labels.emplace(label, uint32_t(out.body.size()));
    if (n == function.body.size())
      break;
    const Statement &s = function.body[n];
    if (out.body.size() > maximumStatements)
      return fail(s, "the kernel has more than " + std::to_string(maximumStatements) +
                         " statements with its calls expanded");
    if (s.parts[0] == "call") {
      if (!call(s, names, registers))
        return false;
    } else if (s.parts[0] == "ret" && !end.empty()) {
      Statement jump = branch(s, end);
      if (s.predicate != noRegister)
        jump.predicate = s.predicate + registers, jump.negated = s.negated;
      out.body.push_back(std::move(jump));
    } else {
      out.body.push_back(renamed(s, names, registers));
    }
  }
  callers.pop_back();
  return true;
}

} // namespace

void noteAddresses(RawModule &module) {
  std::unordered_map<std::string_view, RawFunction *> functions;
  for (RawFunction &f : module.functions)
    functions[f.head.name] = &f;
  auto note = [&](std::string_view name) {
    if (auto it = functions.find(name); it != functions.end())
      it->second->addressTaken = true;
  };
  for (const RawVariable &v : module.variables)
    for (const RawVariable::Pointer &p : v.pointers)
      note(p.name);
  for (const RawFunction &f : module.functions)
    for (const Statement &s : f.body)
      for (size_t n = 0; n < s.operands.size(); ++n)
        if (s.parts[0] != "call")
          note(s.operands[n].name);
}

bool inlineCalls(RawModule &module, const RawFunction &entry, RawFunction &out, PtxError &error) {
  out.head = entry.head;
  out.entry = out.hasBody = true;
  return Inliner(module, out, error).copy(entry, {}, {});
}

} // namespace vitc::emu
