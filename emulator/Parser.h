//===- Parser.h - PTX text to statements ----------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The syntax of PTX without the meaning of any opcode: declarations, register names resolved in
// their scopes, statements with operands. Views point into the module's text.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_EMULATOR_PARSER_H
#define VITC_EMULATOR_PARSER_H

#include "Ptx.h"

#include <map>
#include <unordered_map>

namespace vitc::emu {

constexpr uint32_t noRegister = 0xffffffffu;

struct Operand {
  enum class Kind : uint8_t {
    Register,
    Special,
    Integer,
    Float32,
    Float64,
    Symbol,
    Address,
    Vector,
    Sink
  };
  Kind kind = Kind::Integer;
  bool negated = false;       ///< `!%p`
  bool hasBase = false;       ///< of an address: `reg` or `name` is set
  uint32_t reg = noRegister;  ///< Register, or the base of an Address
  uint32_t pipe = noRegister; ///< the second destination in `%r1|%p1`
  int64_t value = 0;          ///< immediate, the bits of a float, or a displacement
  std::string_view name;      ///< symbol, special register or base of an address
  std::vector<Operand> elements;
};

struct Statement {
  uint32_t line = 0;
  uint32_t sourceFile = 0, sourceLine = 0; ///< of the last `.loc`; 0 where there is none
  uint32_t predicate = noRegister;
  bool negated = false;
  std::string_view text;               ///< opcode with modifiers
  std::vector<std::string_view> parts; ///< text split at its dots
  std::vector<Operand> operands;
};

struct RawVariable {
  std::string name;
  Space space = Space::Global;
  bool external = false; ///< `.extern .shared name[]`: dynamic shared memory
  uint32_t line = 0;
  uint32_t align = 1;
  uint64_t bytes = 0;
  std::vector<uint8_t> initial; ///< shorter than bytes: the rest is zero
  struct Pointer {
    uint32_t offset = 0, bytes = 8;
    std::string_view name;
    int64_t addend = 0;
  };
  std::vector<Pointer> pointers; ///< addresses of variables among the initial values
  bool initialised = false;
};

struct RawFunction {
  Function head; ///< name, parameters, bounds
  bool entry = false;
  bool hasBody = false;
  bool addressTaken = false;        ///< see noteAddresses
  std::vector<std::string> results; ///< names of a .func's return parameters
  std::vector<Type> registers;
  std::vector<Statement> body;
  std::unordered_map<std::string_view, uint32_t> labels;
  std::unordered_map<std::string_view, std::vector<std::string_view>> tables;
  /// Of the body: .shared, .local and .param, under names that are theirs alone in the module.
  std::vector<RawVariable> variables;
};

struct RawModule {
  std::vector<RawFunction> functions;
  std::vector<RawVariable> variables;
  std::map<uint32_t, std::string> files; ///< of `.file`, without their folders
  std::deque<std::string> names; ///< what views of names that are not in the text point into

  const RawFunction *find(std::string_view name) const;
  /// What stands for the address of a function: it is in no memory. 0 if there is none.
  uint64_t functionAddress(std::string_view name) const;
  /// `name` made different from all others.
  std::string_view unique(std::string_view name);
};

class Parser {
public:
  Parser(std::string_view text, PtxError &error)
      : at(text.data()), end(at + text.size()), error(error) {}
  /// Fills `module`; false on the first error.
  bool run(RawModule &module);

private:
  struct Scope {
    std::unordered_map<std::string_view, uint32_t> names;
    std::unordered_map<std::string_view, std::string_view> variables; ///< to their unique names
    struct Range {
      std::string_view prefix;
      uint32_t count, first;
    };
    std::vector<Range> ranges;
  };

  bool fail(std::string text);
  bool fail(uint32_t at, std::string text);
  void skip();
  void skipLine();
  void debugLine(std::string_view directive);
  bool skipBraces();
  bool eat(char c);
  bool expect(char c, const char *where);
  bool atWord();
  std::string_view word();
  bool number(Operand &out);
  bool integer(uint64_t &out, const char *what);

  bool topLevel(RawModule &module);
  bool function(RawModule &module, bool external, bool entry);
  bool parameters(Function &head);
  bool bounds(Function &head);
  bool variable(std::string_view space, bool external, std::vector<RawVariable> &out);
  bool initialiser(Type type, RawVariable &variable);
  bool bodyVariable(RawFunction &function, std::string_view space);
  bool body(RawFunction &function);
  bool bodyItem(RawFunction &function);
  bool registers(RawFunction &function);
  bool table(RawFunction &function, std::string_view label);
  bool statement(RawFunction &function, std::string_view opcode, uint32_t predicate, bool negated);
  bool call(RawFunction &function, Statement &s);
  bool list(RawFunction &function, Operand &out);
  bool operand(RawFunction &function, Operand &out);
  bool address(Operand &out);
  bool named(std::string_view name, Operand &out);
  uint32_t lookup(std::string_view name) const;

  const char *at, *end;
  uint32_t line = 1;
  uint32_t sourceFile = 0, sourceLine = 0;
  PtxError &error;
  RawModule *current = nullptr;
  std::vector<Scope> scopes;
};

/// Marks the functions that a call through a pointer may mean.
void noteAddresses(RawModule &module);
/// `entry` with the body of every function that it calls in place of the call. Fails where a callee
/// has no body or calls itself.
bool inlineCalls(RawModule &module, const RawFunction &entry, RawFunction &out, PtxError &error);

} // namespace vitc::emu

#endif // VITC_EMULATOR_PARSER_H
