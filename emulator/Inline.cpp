//===- Inline.cpp - Calls of functions --------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A call is replaced by the body of its callee: with registers, labels and local variables of their
// own, the formal parameters read as the variables that the caller passes, and `ret` as a branch
// behind the body. Lanes that part inside a callee then meet again as they do anywhere, and
// pointers are followed through calls. The price is that nothing may call itself, nor be called
// through a pointer.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <algorithm>

namespace vitc::emu {
namespace {

/// A kernel of more statements than this after its calls are expanded is refused.
constexpr size_t maximumStatements = 4u << 20;

using Names = std::unordered_map<std::string_view, std::string_view>;

class Inliner {
public:
  Inliner(RawModule &module, RawFunction &out, PtxError &error)
      : module(module), out(out), error(error) {}

  bool copy(const RawFunction &function, Names names, std::string_view end);

private:
  bool fail(const Statement &s, std::string text) {
    error = {s.line, std::string("'").append(s.text) + "': " + text};
    return false;
  }
  bool call(const Statement &s, const Names &names, uint32_t registers);
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
  if (target.kind != Operand::Kind::Symbol)
    return fail(s, "a call through a pointer is not supported");
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
  if (std::find(callers.begin(), callers.end(), callee) != callers.end())
    return fail(s, name + " calls itself, which is not supported");
  const auto &formals = callee->head.parameters;
  const auto &arguments = here.operands[2].elements, &results = here.operands[0].elements;
  if (arguments.size() != formals.size() || results.size() != callee->results.size())
    return fail(s, name + " takes " + std::to_string(formals.size()) + " and returns " +
                       std::to_string(callee->results.size()) + ", found " +
                       std::to_string(arguments.size()) + " and " + std::to_string(results.size()));
  Names inner;
  auto bind = [&](const std::string &formal, const Operand &actual) {
    inner[formal] = actual.name;
    return actual.kind == Operand::Kind::Symbol;
  };
  bool good = true;
  for (size_t n = 0; n < formals.size(); ++n)
    good &= bind(formals[n].name, arguments[n]);
  for (size_t n = 0; n < results.size(); ++n)
    good &= bind(callee->results[n], results[n]);
  if (!good)
    return fail(s, "expected .param variables as arguments and results");
  std::string_view end = module.unique("return");
  if (here.predicate != noRegister) { // the others go past it
    Statement past = branch(s, end);
    past.predicate = here.predicate;
    past.negated = !here.negated;
    out.body.push_back(std::move(past));
  }
  if (!copy(*callee, std::move(inner), end))
    return false;
  out.labels.emplace(end, uint32_t(out.body.size()));
  return true;
}

/// Appends the body of `function`. `names` renames its parameters; a `ret` goes to the label `end`,
/// or ends the thread where there is none.
bool Inliner::copy(const RawFunction &function, Names names, std::string_view end) {
  callers.push_back(&function);
  uint32_t registers = uint32_t(out.registers.size());
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

bool inlineCalls(RawModule &module, const RawFunction &entry, RawFunction &out, PtxError &error) {
  out.head = entry.head;
  out.entry = out.hasBody = true;
  return Inliner(module, out, error).copy(entry, {}, {});
}

} // namespace vitc::emu
