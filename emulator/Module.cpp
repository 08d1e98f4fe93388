//===- Module.cpp - A module from its text ------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Parses, gives the variables their storage and values, and decodes every kernel.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "GlobalMemory.h"

#include <algorithm>
#include <cstring>

namespace vitc::emu {

Module::~Module() {
  for (const Variable &v : variables)
    memory.release(v.storage->address());
}

/// Gives the variables of `raw` their storage and values.
static bool allocate(Module &module, const RawModule &raw, PtxError &error) {
  for (const RawVariable &v : raw.variables) {
    if (v.space == Space::Shared)
      continue;
    if (v.external) {
      error = {v.line, "'" + v.name + "' is defined in another module; link them first"};
      return false;
    }
    Allocation *storage = module.memory.allocate(std::max<uint64_t>(1, v.bytes), v.name);
    if (!storage) {
      error = {v.line,
               "expected memory for '" + v.name + "' of " + std::to_string(v.bytes) + " bytes"};
      return false;
    }
    // Module variables without values start as zeros.
    memset(storage->base, 0, storage->size);
    memset(storage->written.get(), 1, storage->size);
    std::copy(v.initial.begin(), v.initial.end(), storage->base);
    module.variables.push_back({v.name, storage});
  }
  for (const RawVariable &v : raw.variables)
    for (const RawVariable::Pointer &p : v.pointers) {
      const Variable *from = nullptr, *to = nullptr;
      for (const Variable &known : module.variables) {
        from = known.name == v.name ? &known : from;
        to = known.name == p.name ? &known : to;
      }
      uint64_t address = to ? to->storage->address() : raw.functionAddress(p.name);
      if (!from || !address) {
        error = {v.line,
                 "unknown symbol '" + std::string(p.name) + "' in the values of '" + v.name + "'"};
        return false;
      }
      address += uint64_t(p.addend);
      memcpy(from->storage->base + p.offset, &address, std::min(8u, p.bytes));
    }
  return true;
}

std::unique_ptr<Module> Module::load(std::string text, GlobalMemory &memory, PtxError &error) {
  std::unique_ptr<Module> module(new Module(memory));
  module->text = std::move(text);
  RawModule raw;
  error = {};
  if (!Parser(module->text, error).run(raw) || !allocate(*module, raw, error))
    return nullptr;
  module->files = raw.files;
  noteAddresses(raw);
  for (const RawFunction &f : raw.functions) {
    RawFunction whole;
    if (f.entry && (!inlineCalls(raw, f, whole, error) ||
                    !Decoder(*module, raw, whole, module->functions.emplace_back(), error).run()))
      return nullptr;
  }
  return module;
}

const Function *Module::find(std::string_view name) const {
  for (const Function &f : functions)
    if (f.name == name)
      return &f;
  return nullptr;
}

} // namespace vitc::emu
