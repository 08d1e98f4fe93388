//===- EmitHeader.cpp - The header of a library ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What an application must know of a model: the order, names and shapes of its
// tensors and the largest batch. The example in it is the shortest program that
// runs the model, with this model's names.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

std::string vitc::codegen::makeIdentifier(StringRef text) {
  std::string name = text.empty() || isDigit(text.front()) ? "_" : "";
  for (char c : text)
    name += isAlnum(c) ? c : '_';
  return name;
}

bool vitc::codegen::isIdentifier(StringRef text) {
  // Only what is reserved in C or C++ and has no underscore at its ends; `_x` is legal C.
  static const char *const keywords[] = {
      "alignas",  "alignof",  "and",      "asm",    "auto",    "bitand",    "bitor",    "bool",
      "break",    "case",     "catch",    "char",   "class",   "compl",     "concept",  "const",
      "continue", "decltype", "default",  "delete", "do",      "double",    "else",     "enum",
      "explicit", "export",   "extern",   "false",  "float",   "for",       "friend",   "goto",
      "if",       "inline",   "int",      "long",   "mutable", "namespace", "new",      "noexcept",
      "not",      "nullptr",  "operator", "or",     "private", "protected", "public",   "register",
      "requires", "restrict", "return",   "short",  "signed",  "sizeof",    "static",   "struct",
      "switch",   "template", "this",     "throw",  "true",    "try",       "typedef",  "typeid",
      "typename", "union",    "unsigned", "using",  "virtual", "void",      "volatile", "while",
      "xor"};
  // N.h would hide these from the runtime's headers.
  static const char *const taken[] = {"math",   "stdbool", "stddef", "stdint",
                                      "stdlib", "stdio",   "string"};
  return !text.empty() && makeIdentifier(text) == text && !is_contained(keywords, text) &&
         !is_contained(taken, text);
}

StringRef vitc::codegen::dtypeText(uint32_t dtype) {
  switch (dtype) {
  case VIT_F16:
    return "f16";
  case VIT_BF16:
    return "bf16";
  case VIT_TF32:
    return "tf32";
  case VIT_F64:
    return "f64";
  case VIT_U8:
    return "u8";
  case VIT_I8:
    return "i8";
  default:
    return "f32";
  }
}

namespace {

/// "[batch, 3, 224, 224] f32"
std::string shapeText(const vit_tensor &tensor) {
  std::string text = "[batch";
  for (int64_t size : ArrayRef(tensor.shape, tensor.rank).drop_front())
    text += ", " + (size < 0 ? std::string("any") : std::to_string(size));
  return text + "] " + dtypeText(tensor.dtype).str();
}

/// Names come from .mlir files too: nothing in them may end a comment.
std::string inComment(StringRef name) {
  std::string text;
  for (char c : name)
    text += isPrint(c) && c != '*' && c != '\\' && c != '?' ? c : '_';
  return text;
}

class HeaderWriter {
public:
  explicit HeaderWriter(const vit_library &library)
      : library(library), name(library.name), inputs(library.inputs, library.input_count),
        outputs(library.outputs, library.output_count), out(text) {}

  std::string write() {
    out << "/* " << name << ".h - a model that " << inComment(library.compiler) << " made.\n";
    example();
    out << " */\n";
    std::string guard = "VIT_MODEL_" + StringRef(name).upper() + "_H";
    out << "#ifndef " << guard << "\n#define " << guard << "\n\n"
        << "#include <vit/runtime.h>\n\n"
        << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    constants();
    out << "\n/* The model's kernels and plan, or NULL if `abi` is not the ABI they were made for. "
           "Pass\n * VIT_ABI. Constant, never freed. */\n"
        << "const vit_library *" << name << "_library(uint32_t abi);\n\n"
        << "#ifdef __cplusplus\n}\n#endif\n#endif /* " << guard << " */\n";
    return std::move(text);
  }

private:
  std::string arrays(ArrayRef<vit_tensor> tensors) {
    std::string list;
    for (const vit_tensor &tensor : tensors)
      list += (list.empty() ? "" : ", ") + makeIdentifier(tensor.name);
    return list;
  }

  void example() {
    const char *weights = library.embedded ? "NULL" : "\"model.safetensors\"";
    out << " *\n"
        << " *   vit_model *model = NULL;\n"
        << " *   vit_workspace *workspace = NULL;\n"
        << " *   const void *in[] = {" << arrays(inputs) << "};\n"
        << " *   void *out[] = {" << arrays(outputs) << "};\n"
        << " *   if (vit_model_load(" << name << "_library(VIT_ABI), " << weights
        << ", NULL, &model) != VIT_OK ||\n"
        << " *       vit_workspace_create(model, batch, &workspace) != VIT_OK ||\n"
        << " *       vit_model_run_host(model, workspace, batch, in, " << inputs.size() << ", out, "
        << outputs.size() << ") != VIT_OK)\n"
        << " *     fprintf(stderr, \"%s\\n\", vit_last_error());\n"
        << " *   vit_workspace_free(workspace);\n"
        << " *   vit_model_free(model);\n";
  }

  /// Place in the array of pointers and values per image, for every tensor. A tensor that is input
  /// and output has the same size but maybe not the same place, so outputs say what they are.
  void constants() {
    out << "enum {\n  " << name << "_max_batch = " << library.max_batch << ",\n";
    StringSet<> taken;
    for (const char *suffix : {"_max_batch", "_library", "_input_count", "_output_count"})
      taken.insert(name + suffix);
    const vit_plan &native = library.plans[0];
    write(inputs, "input", native.input_values, taken);
    write(outputs, "output", native.output_values, taken);
    out << "  " << name << "_input_count = " << inputs.size() << ",\n"
        << "  " << name << "_output_count = " << outputs.size() << "\n};\n";
  }

  void write(ArrayRef<vit_tensor> tensors, StringRef array, const vit_count *values,
             StringSet<> &taken) {
    for (auto [i, tensor] : enumerate(tensors)) {
      std::string base = name + "_" + makeIdentifier(tensor.name);
      while (taken.contains(base) || taken.contains(base + "_size"))
        base += "_";
      taken.insert(base);
      taken.insert(base + "_size");
      out << "  /* " << array << " '" << inComment(tensor.name) << "': " << shapeText(tensor)
          << " */\n  " << base << " = " << i << ", /* index */\n  " << base
          << "_size = " << values[i].per_image << ", /* values per image */\n";
    }
  }

  const vit_library &library;
  std::string name;
  ArrayRef<vit_tensor> inputs, outputs;
  std::string text;
  raw_string_ostream out;
};

} // namespace

std::string vitc::codegen::emitHeader(const vit_library &library) {
  return HeaderWriter(library).write();
}
