//===- Statements.cpp - The body of a PTX function ------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Scopes, labels, statements and operands. Inline assembly opens nested scopes whose registers
// hide outer ones, so names become numbers here.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <cstdlib>
#include <cstring>

namespace vitc::emu {

bool Parser::body(RawFunction &function) {
  if (!expect('{', "before a function's body"))
    return false;
  scopes.assign(1, {});
  sourceFile = sourceLine = 0;
  while (!scopes.empty()) {
    skip();
    if (at == end)
      return fail("expected '}' at the end of '" + function.head.name + "'");
    if (*at == '{')
      ++at, scopes.emplace_back();
    else if (*at == '}')
      ++at, scopes.pop_back();
    else if (!bodyItem(function))
      return false;
  }
  return true;
}

bool Parser::bodyItem(RawFunction &function) {
  uint32_t predicate = noRegister;
  bool negated = false;
  if (eat('@')) {
    negated = eat('!');
    std::string_view name = word();
    predicate = lookup(name);
    if (predicate == noRegister || function.registers[predicate] != Type::Pred)
      return fail("expected a predicate after '@', found '" + std::string(name) + "'");
  }
  uint32_t start = line;
  std::string_view name = word();
  if (name.empty())
    return fail(std::string("expected a statement, found '") + *at + "'");
  if (name == ".loc" || name == ".file") {
    debugLine(name);
    return true;
  }
  if (name == ".pragma") {
    while (at != end && *at != ';')
      ++at;
    return expect(';', "after .pragma");
  }
  if (name == ".reg")
    return registers(function);
  if (name == ".shared" || name == ".local" || name == ".param")
    return bodyVariable(function, name);
  if (predicate == noRegister && eat(':')) {
    skip();
    if (at != end && *at == '.' &&
        std::string_view(at, size_t(end - at)).substr(0, 14) == ".branchtargets")
      return table(function, name);
    if (at != end && *at == '.' &&
        std::string_view(at, size_t(end - at)).substr(0, 14) == ".callprototype") {
      while (at != end && *at != ';')
        line += *at++ == '\n';
      return expect(';', "after .callprototype");
    }
    if (!function.labels.emplace(name, uint32_t(function.body.size())).second)
      return fail("label '" + std::string(name) + "' is defined twice");
    return true;
  }
  if (name[0] == '.')
    return fail(start, "unknown directive '" + std::string(name) + "'");
  return statement(function, name, predicate, negated);
}

/// Braces nest, and a call's parameters bear the same names each time: the function keeps each
/// variable under a name of its own.
bool Parser::bodyVariable(RawFunction &function, std::string_view space) {
  std::vector<RawVariable> made;
  if (!variable(space, false, made))
    return false;
  std::string_view written = current->names.emplace_back(made[0].name);
  std::string_view name = current->unique(written);
  scopes.back().variables[written] = name;
  made[0].name = std::string(name);
  function.variables.push_back(std::move(made[0]));
  return true;
}

/// `.reg .b32 %r<12>, %a;`
bool Parser::registers(RawFunction &function) {
  std::string_view name = word();
  Type type = name.empty() ? Type::None : typeNamed(name.substr(1));
  if (type == Type::None)
    return fail("unknown register type '" + std::string(name) + "'");
  do {
    std::string_view reg = word();
    if (reg.empty())
      return fail("expected a register name");
    uint32_t first = uint32_t(function.registers.size());
    uint64_t count = 1;
    if (eat('<')) {
      if (!integer(count, "a number of registers") || !expect('>', "after a number of registers"))
        return false;
      if (count > 1000000)
        return fail("expected at most 1000000 registers, found " + std::to_string(count));
      scopes.back().ranges.push_back({reg, uint32_t(count), first});
    } else {
      scopes.back().names[reg] = first;
    }
    function.registers.insert(function.registers.end(), count, type);
  } while (eat(','));
  return expect(';', "after .reg");
}

/// `$L_table: .branchtargets $A, $B;` after its label.
bool Parser::table(RawFunction &function, std::string_view label) {
  word();
  std::vector<std::string_view> &targets = function.tables[label];
  do
    targets.push_back(word());
  while (eat(','));
  return expect(';', "after .branchtargets");
}

uint32_t Parser::lookup(std::string_view name) const {
  size_t digits = name.size();
  while (digits && name[digits - 1] >= '0' && name[digits - 1] <= '9')
    --digits;
  uint64_t number = noRegister;
  if (digits < name.size() && name.size() - digits < 9)
    number = strtoull(std::string(name.substr(digits)).c_str(), nullptr, 10);
  for (size_t i = scopes.size(); i--;) {
    if (auto it = scopes[i].names.find(name); it != scopes[i].names.end())
      return it->second;
    for (const Scope::Range &range : scopes[i].ranges)
      if (number < range.count && range.prefix == name.substr(0, digits))
        return range.first + uint32_t(number);
  }
  return noRegister;
}

bool Parser::statement(RawFunction &function, std::string_view opcode, uint32_t predicate,
                       bool negated) {
  Statement s;
  s.line = line;
  s.sourceFile = sourceFile;
  s.sourceLine = sourceLine;
  s.predicate = predicate;
  s.negated = negated;
  s.text = opcode;
  for (size_t from = 0; from <= opcode.size();) {
    size_t dot = std::min(opcode.find('.', from), opcode.size());
    s.parts.push_back(opcode.substr(from, dot - from));
    from = dot + 1;
  }
  if (s.parts[0] == "call") {
    if (!call(function, s))
      return false;
  } else if (!eat(';')) {
    do {
      Operand out;
      if (!operand(function, out))
        return false;
      s.operands.push_back(std::move(out));
    } while (eat(','));
    if (!expect(';', ("after the operands of '" + std::string(opcode) + "'").c_str()))
      return false;
  }
  function.body.push_back(std::move(s));
  return true;
}

/// `(a, b)` as a vector.
bool Parser::list(RawFunction &function, Operand &out) {
  out.kind = Operand::Kind::Vector;
  if (!expect('(', "before the arguments of a call"))
    return false;
  if (eat(')'))
    return true;
  do {
    Operand element;
    if (!operand(function, element))
      return false;
    out.elements.push_back(std::move(element));
  } while (eat(','));
  return expect(')', "after the arguments of a call");
}

/// `call (results), name, (arguments), prototype;` as four operands, of which those left out are
/// empty.
bool Parser::call(RawFunction &function, Statement &s) {
  s.operands.resize(4);
  s.operands[0].kind = s.operands[2].kind = Operand::Kind::Vector;
  skip();
  if (at != end && *at == '(' &&
      (!list(function, s.operands[0]) || !expect(',', "after the results of a call")))
    return false;
  if (!operand(function, s.operands[1]))
    return false;
  for (bool first = true; eat(','); first = false) {
    skip();
    bool arguments = first && at != end && *at == '(';
    if (!(arguments ? list(function, s.operands[2]) : operand(function, s.operands[3])))
      return false;
  }
  return expect(';', "after a call");
}

bool Parser::named(std::string_view name, Operand &out) {
  out.name = name;
  out.reg = lookup(name);
  if (out.reg != noRegister)
    out.kind = Operand::Kind::Register;
  else if (name[0] == '%')
    out.kind = Operand::Kind::Special;
  else if (name == "_")
    out.kind = Operand::Kind::Sink;
  else
    out.kind = Operand::Kind::Symbol;
  if (out.kind == Operand::Kind::Symbol)
    for (size_t i = scopes.size(); i--;)
      if (auto it = scopes[i].variables.find(name); it != scopes[i].variables.end()) {
        out.name = it->second;
        break;
      }
  return true;
}

bool Parser::operand(RawFunction &function, Operand &out) {
  skip();
  if (at == end)
    return fail("expected an operand");
  if (eat('{')) {
    out.kind = Operand::Kind::Vector;
    do {
      Operand element;
      if (!operand(function, element))
        return false;
      out.elements.push_back(std::move(element));
    } while (eat(','));
    return expect('}', "after a vector");
  }
  if (eat('['))
    return address(out);
  if (eat('!'))
    out.negated = true;
  if (atWord()) {
    if (!named(word(), out))
      return false;
    if (eat('|')) {
      std::string_view second = word();
      out.pipe = lookup(second);
      if (out.pipe == noRegister && second != "_")
        return fail("unknown register '" + std::string(second) + "'");
    } else if (out.kind == Operand::Kind::Symbol && eat('+')) { // symbol+8
      Operand offset;
      skip();
      if (!number(offset))
        return fail("expected a number after '+'");
      out.value = offset.value;
    }
    return true;
  }
  return number(out) || fail(std::string("expected an operand, found '") + *at + "'");
}

/// `[%rd1+16]`, `[smem]`, `[128]` after the bracket.
bool Parser::address(Operand &out) {
  if (atWord()) {
    out.hasBase = true;
    if (!named(word(), out))
      return false;
    if (out.kind == Operand::Kind::Special)
      return fail("unknown register '" + std::string(out.name) + "'");
  }
  out.kind = Operand::Kind::Address;
  bool plus = eat('+');
  skip();
  if (at != end && *at != ']') {
    Operand offset;
    if ((out.hasBase && !plus && *at != '-') || !number(offset))
      return fail("expected '+' and a number in an address");
    out.value = offset.value;
  }
  return expect(']', "after an address");
}

/// Decimal, hexadecimal, octal and binary integers, `0f3F800000`, `0d...`, and decimal floats.
bool Parser::number(Operand &out) {
  const char *p = at;
  bool negative = p != end && *p == '-';
  p += negative;
  if (p == end || *p < '0' || *p > '9')
    return false;
  const char *stop = p;
  while (stop != end && (isalnum(uint8_t(*stop)) || *stop == '.'))
    ++stop;
  std::string digits(p, stop);
  char kind = digits.size() > 1 ? digits[1] : '\0';
  char *rest = nullptr;
  if (digits[0] == '0' && (kind == 'f' || kind == 'F' || kind == 'd' || kind == 'D')) {
    bool single = kind == 'f' || kind == 'F';
    out.kind = single ? Operand::Kind::Float32 : Operand::Kind::Float64;
    uint64_t bits = strtoull(digits.c_str() + 2, &rest, 16);
    out.value = int64_t(negative ? bits ^ (single ? 0x80000000ull : 1ull << 63) : bits);
  } else if (digits.find('.') != std::string::npos) {
    double value = strtod(digits.c_str(), &rest) * (negative ? -1 : 1);
    out.kind = Operand::Kind::Float64;
    memcpy(&out.value, &value, 8);
  } else {
    int base = kind == 'b' || kind == 'B' ? 2 : 0;
    uint64_t value = strtoull(digits.c_str() + (base ? 2 : 0), &rest, base);
    if (*rest == 'U')
      ++rest;
    out.kind = Operand::Kind::Integer;
    out.value = int64_t(negative ? 0 - value : value);
  }
  if (*rest)
    return fail("expected a number, found '" + digits + "'");
  at = stop;
  return true;
}

} // namespace vitc::emu
