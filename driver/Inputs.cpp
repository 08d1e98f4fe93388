//===- Inputs.cpp - Which files are read, and which must stay -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inputs.h"

#include "driver/run/SameFile.h"
#include "frontend/checkpoint/Import.h"
#include "weights/Safetensors.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::driver;

std::vector<std::string> driver::inputFiles(const CompileOptions &options,
                                            const std::string &weights,
                                            ArrayRef<std::string> others) {
  std::vector<std::string> files;
  if (StringRef(options.model).ends_with_insensitive(".mlir"))
    files.push_back(options.model);
  else
    files = checkpoint::inputFiles(options.model);
  if (!weights.empty())
    append_range(files, vitrt::Safetensors::filesOf(weights));
  for (const std::string &file : {options.tuning, options.labels})
    if (!file.empty())
      files.push_back(file);
  append_range(files, others);
  return files;
}

std::vector<std::string> driver::inputFiles(const BuildOptions &options) {
  return inputFiles(options.compile, options.weights, options.profiles);
}

LogicalResult driver::keepInputs(const std::string &output, ArrayRef<std::string> inputs,
                                 const Session &session) {
  std::string why = objectionToOutput(output, inputs);
  return why.empty() ? success() : session.error(why);
}

/// Whether a file is the shared library of a model called `name`: the one function that it exports
/// says so.
static bool isOurs(StringRef path, const std::string &name) {
  sys::fs::file_status status;
  if (sys::fs::status(path, status) || !sys::fs::is_regular_file(status))
    return false;
  auto object = object::ObjectFile::createObjectFile(path);
  if (!object) {
    consumeError(object.takeError());
    return false;
  }
  auto *elf = dyn_cast<object::ELFObjectFileBase>(object->getBinary());
  if (!elf || elf->getEType() != ELF::ET_DYN)
    return false;
  bool exported = false;
  for (object::ELFSymbolRef symbol : elf->getDynamicSymbolIterators()) {
    Expected<uint32_t> flags = symbol.getFlags();
    Expected<StringRef> label = symbol.getName();
    bool known = bool(flags) && bool(label);
    bool defined = flags && !(*flags & object::SymbolRef::SF_Undefined);
    bool library = label && *label == name + "_library";
    consumeError(flags.takeError());
    consumeError(label.takeError());
    if (!known || (defined && !library))
      return false; // of somebody else, who may have put a model into it
    exported |= defined;
  }
  return exported;
}

LogicalResult driver::checkFolder(const BuildOptions &options, const std::string &name,
                                  std::string &stale, const Session &session) {
  if (options.folder.empty())
    return success();
  auto inFolder = [&](const std::string &file) {
    SmallString<128> path(options.folder);
    sys::path::append(path, file);
    return path.str().str();
  };
  std::string archive = fmt::format("lib{}.a", name), shared = fmt::format("lib{}.so", name);
  std::vector<std::string> inputs = inputFiles(options);
  for (const std::string &file :
       {archive, shared, fmt::format("{}.h", name), fmt::format("{}.report.json", name)})
    if (failed(keepInputs(inFolder(file), inputs, session)))
      return failure();
  std::string path = inFolder(shared);
  if (options.shared || !sys::fs::exists(path))
    return success();
  if (!isOurs(path, name))
    return session.error(
        "'{}': -l{} would find it instead of the new {}, and vitc did not write it; "
        "move it away, or choose another --name or folder",
        path, name, archive);
  stale = shared;
  return success();
}
