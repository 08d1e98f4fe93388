//===- EmitObject.cpp - A library as an object file -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The structs of vit/library.h become LLVM constants field by field, so that
// pointers become relocations. A struct type of LLVM has the layout of the C
// struct with the same fields; that is checked against sizeof. All constants
// are private to the object, which leaves one symbol: the function that hands
// out the root.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace vitc;

namespace {

/// Builds the constants. One `constant` per struct of library.h, in the order of its fields.
class ConstantBuilder {
public:
  ConstantBuilder(Module &module)
      : module(module), context(module.getContext()), pointer(PointerType::getUnqual(context)),
        i32(Type::getInt32Ty(context)), i64(Type::getInt64Ty(context)) {}

  Constant *constant(const vit_tensor &t) {
    return make<vit_tensor>({text(t.name), word(t.dtype), word(t.rank), sizes(t.shape)});
  }
  Constant *constant(const vit_machine_code &c) {
    return make<vit_machine_code>(
        {text(c.arch), bytes(c.image, c.size, ".rodata.vit.code", 64), quad(c.size)});
  }
  Constant *constant(const vit_kernel &k) {
    // The PTX ends with a zero byte that ptx_size does not count.
    return make<vit_kernel>({text(k.name), text(k.base), text(k.schedule),
                             bytes(k.ptx, k.ptx_size + 1, ".rodata.vit.ptx", 1), quad(k.ptx_size),
                             list(k.codes, k.code_count), word(k.code_count), word(k.threads),
                             word(k.dynamic_smem), word(k.part), quad(k.hash)});
  }
  Constant *constant(const vit_extent &e) {
    return make<vit_extent>({word(e.per_image), word(e.divisor), word(e.times)});
  }
  Constant *constant(const vit_arg &a) {
    return make<vit_arg>({word(a.kind), word(a.index), word(a.written)});
  }
  Constant *constant(const vit_step &s) {
    SmallVector<Constant *> grid;
    for (const vit_extent &extent : s.grid)
      grid.push_back(constant(extent));
    return make<vit_step>({text(s.label), word(s.kernel), word(s.min_batch), word(s.max_batch),
                           word(s.launch), array(grid), word(s.arg_count),
                           list(s.args, s.arg_count)});
  }
  Constant *constant(const vit_buffer &b) {
    return make<vit_buffer>({text(b.name), quad(b.offset), quad(b.bytes)});
  }
  Constant *constant(const vit_prepared &w) {
    return make<vit_prepared>({word(w.value), word(w.dtype), quad(w.offset), quad(w.bytes)});
  }
  Constant *constant(const vit_key &k) { return make<vit_key>({text(k.name), word(k.transposed)}); }
  Constant *constant(const vit_recipe_step &s) {
    SmallVector<Constant *> operands;
    for (uint32_t operand : s.operands)
      operands.push_back(word(operand));
    return make<vit_recipe_step>({word(s.op), word(s.operand_count), array(operands), word(s.rank),
                                  sizes(s.shape), quad(s.first), word(s.dtype), word(s.file_rank),
                                  sizes(s.file_shape), list(s.keys, s.key_count),
                                  word(s.key_count)});
  }
  Constant *constant(const char *const &name) { return text(name); }

  Constant *constant(const vit_library &l) {
    return make<vit_library>(
        {word(l.abi),
         word(l.size),
         text(l.name),
         text(l.compiler),
         text(l.assembler),
         word(l.max_batch),
         word(l.batch_axis),
         list(l.inputs, l.input_count),
         list(l.outputs, l.output_count),
         list(l.kernels, l.kernel_count),
         list(l.steps, l.step_count),
         list(l.buffers, l.buffer_count),
         list(l.recipe, l.recipe_count),
         list(l.weights, l.weight_count),
         list(l.ignored, l.ignored_count),
         word(l.input_count),
         word(l.output_count),
         word(l.kernel_count),
         word(l.step_count),
         word(l.buffer_count),
         word(l.recipe_count),
         word(l.weight_count),
         word(l.ignored_count),
         quad(l.workspace_bytes),
         quad(l.scratch_bytes),
         quad(l.weight_bytes),
         bytes(l.embedded, l.embedded ? l.weight_bytes : 0, ".rodata.vit.weights", 256)});
  }

  GlobalVariable *global(Constant *value, const Twine &name) {
    auto *variable = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                        GlobalValue::PrivateLinkage, value, name);
    variable->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    return variable;
  }

private:
  Constant *word(uint32_t value) { return ConstantInt::get(i32, value); }
  Constant *quad(uint64_t value) { return ConstantInt::get(i64, value); }
  Constant *array(ArrayRef<Constant *> values) {
    return ConstantArray::get(ArrayType::get(values.front()->getType(), values.size()), values);
  }
  Constant *sizes(const int64_t (&shape)[VIT_MAX_RANK]) {
    return ConstantDataArray::get(
        context, ArrayRef(reinterpret_cast<const uint64_t *>(shape), VIT_MAX_RANK));
  }

  /// A struct with C's layout: the types of its fields say where padding goes.
  template <class T> Constant *make(ArrayRef<Constant *> fields) {
    Constant *value = ConstantStruct::getAnon(context, fields);
    if (module.getDataLayout().getTypeAllocSize(value->getType()) != sizeof(T))
      report_fatal_error("a struct of vit/library.h has fields that EmitObject.cpp does not write");
    return value;
  }

  /// Equal texts are one constant.
  Constant *text(const char *string) {
    if (!string)
      return ConstantPointerNull::get(pointer);
    GlobalVariable *&variable = texts[string];
    if (!variable)
      variable = global(ConstantDataArray::getString(context, string), "text");
    return variable;
  }

  Constant *bytes(const void *data, uint64_t size, StringRef section, unsigned alignment) {
    if (!data)
      return ConstantPointerNull::get(pointer);
    StringRef raw(static_cast<const char *>(data), size);
    GlobalVariable *variable =
        global(ConstantDataArray::getRaw(raw, size, Type::getInt8Ty(context)), "bytes");
    variable->setSection(section);
    variable->setAlignment(Align(alignment));
    return variable;
  }

  template <class T> Constant *list(const T *values, uint32_t count) {
    if (!count)
      return ConstantPointerNull::get(pointer);
    SmallVector<Constant *> elements;
    for (const T &value : ArrayRef(values, count))
      elements.push_back(constant(value));
    return global(array(elements), "list");
  }

  Module &module;
  LLVMContext &context;
  PointerType *pointer;
  Type *i32, *i64;
  StringMap<GlobalVariable *> texts;
};

/// `return abi == VIT_ABI ? &root : NULL;`
void addEntry(Module &module, GlobalVariable *root, StringRef name) {
  LLVMContext &context = module.getContext();
  auto *pointer = PointerType::getUnqual(context);
  auto *type = FunctionType::get(pointer, {Type::getInt32Ty(context)}, false);
  auto *function = Function::Create(type, GlobalValue::ExternalLinkage, name + "_library", module);
  function->setDoesNotThrow();
  function->setDSOLocal(true);
  IRBuilder<> builder(BasicBlock::Create(context, "", function));
  Value *known = builder.CreateICmpEQ(function->getArg(0), builder.getInt32(VIT_ABI));
  builder.CreateRet(builder.CreateSelect(known, root, ConstantPointerNull::get(pointer)));
}

Expected<std::unique_ptr<TargetMachine>> createMachine(const Triple &triple) {
  static const bool initialized = [] {
    InitializeAllTargetInfos(); // of libLLVM: X86 and what else it has
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    return true;
  }();
  (void)initialized;
  std::string problem;
  const Target *target = TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return createStringError("this LLVM cannot write x86-64 objects: " + problem);
  return std::unique_ptr<TargetMachine>(
      target->createTargetMachine(triple, "x86-64", "", TargetOptions(), Reloc::PIC_,
                                  CodeModel::Small, CodeGenOptLevel::Default));
}

} // namespace

Expected<std::unique_ptr<MemoryBuffer>> vitc::emitObject(const vit_library &library) {
  constexpr uint64_t limit = uint64_t(2) << 30; // reach of the small code model
  if (library.embedded && library.weight_bytes >= limit)
    return createStringError("the weights are " + Twine(library.weight_bytes) +
                             " bytes, an object holds less than " + Twine(limit) +
                             "; build without --embed-weights and ship the file");
  Triple triple("x86_64-unknown-linux-gnu");
  auto machine = createMachine(triple);
  if (!machine)
    return machine.takeError();

  LLVMContext context;
  Module module(library.name, context);
  module.setSourceFileName(library.name); // ends in the symbol table
  module.setTargetTriple(triple);
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  ConstantBuilder builder(module);
  addEntry(module, builder.global(builder.constant(library), "library"), library.name);
  assert(!verifyModule(module) && "the object of a library is valid LLVM IR");

  SmallVector<char, 0> object;
  raw_svector_ostream stream(object);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::ObjectFile))
    return createStringError("this LLVM cannot write object files");
  passes.run(module);
  return std::make_unique<SmallVectorMemoryBuffer>(
      std::move(object), std::string(library.name) + ".o", /*RequiresNullTerminator=*/false);
}

Expected<std::unique_ptr<MemoryBuffer>> vitc::emitArchive(MemoryBufferRef object) {
  NewArchiveMember member(object); // no time, no owner
  return writeArchiveToBuffer(member, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
                              /*Deterministic=*/true, /*Thin=*/false);
}
