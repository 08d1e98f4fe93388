//===- Parser.cpp - PTX text to statements --------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Declarations and the frame of a function; statements and operands are in Statements.cpp.
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace vitc::emu {

unsigned bitsOf(Type type) {
  switch (type) {
  case Type::None:
    return 0;
  case Type::Pred:
    return 1;
  case Type::B8:
  case Type::U8:
  case Type::S8:
    return 8;
  case Type::B16:
  case Type::U16:
  case Type::S16:
  case Type::F16:
  case Type::BF16:
    return 16;
  case Type::B64:
  case Type::U64:
  case Type::S64:
  case Type::F64:
    return 64;
  default:
    return 32;
  }
}

Type typeNamed(std::string_view name) {
  static const std::unordered_map<std::string_view, Type> types = {
      {"pred", Type::Pred}, {"b8", Type::B8},       {"u8", Type::U8},         {"s8", Type::S8},
      {"b16", Type::B16},   {"u16", Type::U16},     {"s16", Type::S16},       {"f16", Type::F16},
      {"bf16", Type::BF16}, {"b32", Type::B32},     {"u32", Type::U32},       {"s32", Type::S32},
      {"f32", Type::F32},   {"f16x2", Type::F16X2}, {"bf16x2", Type::BF16X2}, {"b64", Type::B64},
      {"u64", Type::U64},   {"s64", Type::S64},     {"f64", Type::F64}};
  auto it = types.find(name);
  return it == types.end() ? Type::None : it->second;
}

bool Parser::fail(uint32_t where, std::string text) {
  if (error.text.empty())
    error = {where, std::move(text)};
  return false;
}
bool Parser::fail(std::string text) { return fail(line, std::move(text)); }

/// Skips blanks and comments.
void Parser::skip() {
  while (at != end) {
    if (*at == '\n') {
      ++line, ++at;
    } else if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\0') {
      ++at;
    } else if (*at == '/' && at + 1 != end && at[1] == '/') {
      while (at != end && *at != '\n')
        ++at;
    } else if (*at == '/' && at + 1 != end && at[1] == '*') {
      for (at += 2; at != end && !(*at == '*' && at + 1 != end && at[1] == '/'); ++at)
        line += *at == '\n';
      at = end - at < 2 ? end : at + 2;
    } else {
      return;
    }
  }
}

void Parser::skipLine() {
  while (at != end && *at != '\n')
    ++at;
}

/// `.loc 1 23 5` and `.file 1 "name.cu"`; what follows them, and what is no such, is skipped.
void Parser::debugLine(std::string_view directive) {
  const char *stop = std::find(at, end, '\n');
  std::string_view text(at, size_t(stop - at));
  auto number = [rest = at, stop](unsigned &value) mutable {
    rest = std::find_if(rest, stop, [](char c) { return c != ' ' && c != '\t'; });
    auto [behind, error] = std::from_chars(rest, stop, value);
    rest = behind;
    return error == std::errc();
  };
  unsigned file = 0, inFile = 0;
  bool known = number(file);
  if (known && directive == ".loc" && number(inFile)) {
    sourceFile = file, sourceLine = inFile;
  } else if (size_t open = text.find('"'); known && open != text.npos) {
    std::string_view name = text.substr(open + 1, text.rfind('"') - open - 1);
    current->files[file] = name.substr(name.rfind('/') + 1);
  }
  at = stop;
}

bool Parser::skipBraces() {
  if (!expect('{', "before a section"))
    return false;
  for (unsigned depth = 1; depth;) {
    skip();
    if (at == end)
      return fail("expected '}' before the end of the text");
    depth += *at == '{';
    depth -= *at == '}';
    ++at;
  }
  return true;
}

bool Parser::eat(char c) {
  skip();
  if (at == end || *at != c)
    return false;
  ++at;
  return true;
}

bool Parser::expect(char c, const char *where) {
  if (eat(c))
    return true;
  std::string found = at == end ? "the end of the text" : std::string("'") + *at + "'";
  return fail(std::string("expected '") + c + "' " + where + ", found " + found);
}

static bool isWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '%' || c == '.';
}

bool Parser::atWord() {
  skip();
  return at != end && isWordChar(*at) && !(*at >= '0' && *at <= '9');
}

/// A name, directive, or opcode with its modifiers (`ld.global.L1::no_allocate.b32`).
std::string_view Parser::word() {
  skip();
  const char *start = at;
  while (at != end) {
    if (*at == '.' && at != start && *start == '.') // `.reg.b32` is two directives
      break;
    if (isWordChar(*at))
      ++at;
    else if (*at == ':' && at + 1 != end && at[1] == ':')
      at += 2;
    else
      break;
  }
  return {start, size_t(at - start)};
}

bool Parser::integer(uint64_t &out, const char *what) {
  Operand value;
  skip();
  if (!number(value) || value.kind != Operand::Kind::Integer)
    return fail(std::string("expected a number as ") + what);
  out = uint64_t(value.value);
  return true;
}

const RawFunction *RawModule::find(std::string_view name) const {
  for (const RawFunction &f : functions)
    if (f.head.name == name)
      return &f;
  return nullptr;
}

uint64_t RawModule::functionAddress(std::string_view name) const {
  const RawFunction *f = find(name);
  return f && !f->entry ? (4ull << 60) + 16 * uint64_t(f - functions.data() + 1) : 0;
}

std::string_view RawModule::unique(std::string_view name) {
  return names.emplace_back(std::string(name) + "#" + std::to_string(names.size()));
}

bool Parser::run(RawModule &module) {
  current = &module;
  for (skip(); at != end; skip())
    if (!topLevel(module))
      return false;
  return true;
}

/// `.target sm_89`: code for a newer device than the one this poses as cannot run.
static bool tooNew(std::string_view target) {
  if (target.substr(0, 3) != "sm_")
    return false;
  int number = 0;
  for (char c : target.substr(3))
    if (c >= '0' && c <= '9')
      number = number * 10 + (c - '0');
  return number > 89;
}

bool Parser::topLevel(RawModule &module) {
  bool external = false;
  for (;;) {
    std::string_view name = word();
    if (name == ".extern") {
      external = true;
    } else if (name == ".visible" || name == ".weak" || name == ".common") {
      continue;
    } else if (name == ".version" || name == ".address_size" || name == ".alias") {
      skipLine();
      return true;
    } else if (name == ".file" || name == ".loc") {
      debugLine(name);
      return true;
    } else if (name == ".target") {
      std::string_view target = word();
      if (tooNew(target))
        return fail("expected a target of at most sm_89, found " + std::string(target));
      skipLine();
      return true;
    } else if (name == ".section") {
      word();
      return skipBraces();
    } else if (name == ".pragma") {
      while (at != end && *at != ';')
        ++at;
      return expect(';', "after .pragma");
    } else if (name == ".entry" || name == ".func") {
      return function(module, external, name == ".entry");
    } else if (name == ".global" || name == ".const" || name == ".shared") {
      return variable(name, external, module.variables);
    } else {
      return fail("unknown directive '" +
                  std::string(name.empty() ? std::string_view(at, 1) : name) + "'");
    }
  }
}

/// A declaration `( .param .u64 .ptr .global .align 16 name, .param .b8 s[16] )`.
bool Parser::parameters(Function &head) {
  if (!eat('('))
    return true;
  if (eat(')'))
    return true;
  do {
    uint32_t align = 0, bytes = 0;
    std::string_view name;
    while (atWord()) {
      name = word();
      if (name == ".align") {
        uint64_t value = 0;
        if (!integer(value, "an alignment"))
          return false;
        // After .ptr it speaks of the pointee, before the type of the parameter itself.
        align = bytes ? align : uint32_t(value);
      } else if (name[0] == '.') {
        if (Type type = typeNamed(name.substr(1)); type != Type::None)
          bytes = bitsOf(type) / 8;
      }
    }
    uint64_t elements = 1;
    if (eat('[') && (!integer(elements, "a parameter's size") || !expect(']', "after a size")))
      return false;
    if (!bytes || name.empty() || name[0] == '.')
      return fail("expected '.param <type> <name>' in the parameters of '" + head.name + "'");
    align = std::max(align, bytes);
    uint32_t offset = (head.parameterBytes + align - 1) / align * align;
    head.parameters.push_back({std::string(name), offset, uint32_t(bytes * elements)});
    head.parameterBytes = offset + uint32_t(bytes * elements);
  } while (eat(','));
  if (head.parameterBytes > 4352)
    return fail("expected at most 4352 bytes of parameters, found " +
                std::to_string(head.parameterBytes));
  return expect(')', "after the parameters");
}

/// `.reqntid 256, 1, 1 .minnctapersm 2`
bool Parser::bounds(Function &head) {
  while (atWord()) {
    std::string_view name = word();
    uint64_t values[3] = {1, 1, 1};
    if (name == ".reqntid" || name == ".maxntid") {
      unsigned n = 0;
      do
        if (n == 3 || !integer(values[n++], "a number of threads"))
          return fail("expected at most three numbers after " + std::string(name));
      while (eat(','));
      if (name == ".reqntid")
        for (unsigned i = 0; i < 3; ++i)
          head.requiredThreads[i] = uint32_t(values[i]);
      else
        head.maximumThreads = uint32_t(std::min<uint64_t>(1024, values[0] * values[1] * values[2]));
    } else if (name == ".minnctapersm" || name == ".maxnreg" || name == ".maxnctapersm") {
      if (!integer(values[0], "a bound"))
        return false;
    } else if (name != ".noreturn" && name != ".noinline") {
      return fail("unknown directive '" + std::string(name) + "'");
    }
  }
  return true;
}

bool Parser::function(RawModule &module, bool external, bool entry) {
  RawFunction raw;
  raw.head.line = line;
  raw.entry = entry;
  skip();
  if (!entry && at != end && *at == '(') { // the result of a .func
    Function result;
    if (!parameters(result))
      return false;
    for (const Parameter &p : result.parameters)
      raw.results.push_back(p.name);
  }
  raw.head.name = std::string(word());
  if (!parameters(raw.head) || !bounds(raw.head))
    return false;
  if (eat(';')) // a declaration; calling it without a body is refused where it happens
    return true;
  (void)external;
  raw.hasBody = true;
  if (!body(raw))
    return false;
  module.functions.push_back(std::move(raw));
  return true;
}

static void append(std::vector<uint8_t> &out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    out.push_back(uint8_t(value >> (8 * i)));
}

bool Parser::initialiser(Type type, RawVariable &variable) {
  unsigned bytes = bitsOf(type) / 8;
  if (eat('{')) {
    if (eat('}'))
      return true;
    do
      if (!initialiser(type, variable))
        return false;
    while (eat(','));
    return expect('}', "after the values of a variable");
  }
  Operand value;
  if (!atWord()) {
    if (!number(value))
      return fail("expected a number or a name in the values of '" + variable.name + "'");
    append(variable.initial, uint64_t(value.value), bytes);
    return true;
  }
  RawVariable::Pointer pointer; // `name`, `name+8`, `generic(name)+8`
  pointer.name = word();
  bool generic = pointer.name == "generic" && eat('(');
  if (generic) {
    pointer.name = word();
    if (!expect(')', "after generic(name"))
      return false;
  }
  if (eat('+')) {
    skip();
    if (!number(value))
      return fail("expected a number after '+'");
    pointer.addend = value.value;
  }
  pointer.offset = uint32_t(variable.initial.size());
  pointer.bytes = bytes;
  variable.pointers.push_back(pointer);
  append(variable.initial, 0, bytes);
  return true;
}

/// `.global .align 16 .b8 name[64] = {1, 2};` after its space.
bool Parser::variable(std::string_view space, bool external, std::vector<RawVariable> &out) {
  RawVariable variable;
  variable.line = line;
  variable.external = external;
  variable.space = space == ".shared"  ? Space::Shared
                   : space == ".const" ? Space::Const
                   : space == ".local" ? Space::Local
                   : space == ".param" ? Space::Param
                                       : Space::Global;
  Type type = Type::None;
  unsigned vector = 1;
  while (atWord()) {
    std::string_view name = word();
    uint64_t value = 0;
    if (name == ".align") {
      if (!integer(value, "an alignment"))
        return false;
      if (!value || value > 65536 || (value & (value - 1)))
        return fail("expected a power of two up to 65536 as alignment, found " +
                    std::to_string(value));
      variable.align = uint32_t(value);
    } else if (name == ".attribute") {
      if (!expect('(', "after .attribute"))
        return false;
      while (at != end && *at != ')')
        ++at;
      ++at;
    } else if (name[0] != '.') {
      variable.name = std::string(name);
      break;
    } else if (name == ".v2" || name == ".v4") {
      vector = name == ".v2" ? 2 : 4;
    } else if (type = typeNamed(name.substr(1)); type == Type::None) {
      return fail("unknown directive '" + std::string(name) + "'");
    }
  }
  if (type == Type::None || variable.name.empty())
    return fail("expected a type and a name after " + std::string(space));
  variable.bytes = bitsOf(type) / 8 * vector;
  variable.align = std::max(variable.align, uint32_t(variable.bytes));
  while (eat('[')) {
    uint64_t elements = 0;
    if (!eat(']')) {
      if (!integer(elements, "a size") || !expect(']', "after a size"))
        return false;
    }
    variable.bytes *= elements;
  }
  if (eat('=')) {
    variable.initialised = true;
    if (!initialiser(type, variable))
      return false;
  }
  if (variable.initial.size() > variable.bytes)
    return fail("expected at most " + std::to_string(variable.bytes) + " bytes of values for '" +
                variable.name + "'");
  out.push_back(std::move(variable));
  return expect(';', "after a variable");
}

} // namespace vitc::emu
