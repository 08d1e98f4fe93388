//===- EmitObject.cpp - A library as an object file -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The structs of vit/library.h become LLVM constants field by field, so that
// pointers become relocations. A struct type of LLVM has the layout of the C
// struct with the same fields; that is checked against sizeof. All constants
// are private to the object, which leaves one symbol: the function that hands
// out the root. Beside it stands whether a program needs the runtime's part for
// CUDA.
//
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"

#include "codegen/cpu/CpuCode.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

namespace {

/// Builds the constants. One `constant` for each struct of library.h, in the order of its fields.
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
  Constant *constant(const vit_cuda_code &c) {
    // The PTX ends with a zero byte that ptx_size does not count.
    return make<vit_cuda_code>({bytes(c.ptx, c.ptx_size + 1, ".rodata.vit.ptx", 1),
                                quad(c.ptx_size), list(c.codes, c.code_count), word(c.code_count),
                                word(c.threads), word(c.dynamic_smem)});
  }
  /// The functions of a kernel, which the module has.
  Constant *constant(const vit_cpu_code &c, StringRef kernel) {
    SmallVector<Constant *> forms;
    for (const vit_cpu_form &form : ArrayRef(c.forms, c.form_count)) {
      Function *function = module.getFunction(cpuSymbol(kernel, vit_isa(form.isa)));
      assert(function && "code of a CPU has all its kernels");
      forms.push_back(make<vit_cpu_form>({word(form.isa), function}));
    }
    return make<vit_cpu_code>({list(forms), word(c.form_count), word(c.scratch_bytes)});
  }
  Constant *constant(const vit_kernel &k, uint32_t kind) {
    Constant *code = kind == VIT_TARGET_CPU
                         ? list({constant(*static_cast<const vit_cpu_code *>(k.code), k.name)})
                         : list(static_cast<const vit_cuda_code *>(k.code), 1);
    return make<vit_kernel>({text(k.name), text(k.base), text(k.schedule), quad(k.hash), code});
  }
  Constant *constant(const vit_target &t) {
    SmallVector<Constant *> kernels;
    for (const vit_kernel &kernel : ArrayRef(t.kernels, t.kernel_count))
      kernels.push_back(constant(kernel, t.kind));
    return make<vit_target>({word(t.kind), word(t.kernel_count), list(kernels),
                             quad(t.weight_begin), quad(t.weight_end)});
  }
  Constant *constant(const vit_count &c) {
    return make<vit_count>(
        {quad(c.constant), quad(c.per_image), quad(c.per_length), quad(c.per_token)});
  }
  Constant *constant(const vit_extent &e) {
    return make<vit_extent>({constant(e.count), word(e.divisor), word(e.times)});
  }
  Constant *constant(const vit_arg &a) {
    return make<vit_arg>({word(a.kind), word(a.index), word(a.written), constant(a.count)});
  }
  Constant *constant(const vit_step &s) {
    SmallVector<Constant *> grid;
    for (const vit_extent &extent : s.grid)
      grid.push_back(constant(extent));
    return make<vit_step>({text(s.label), word(s.kernel), word(s.min_batch), word(s.max_batch),
                           word(s.launch), array(grid), word(s.arg_count),
                           list(s.args, s.arg_count), constant(s.measure)});
  }
  Constant *constant(const vit_buffer &b) {
    return make<vit_buffer>({text(b.name), constant(b.offset), constant(b.bytes)});
  }
  Constant *constant(const vit_preprocessing &p) {
    return make<vit_preprocessing>(
        {word(p.processor), word(p.resize), word(p.resize_height), word(p.resize_width),
         word(p.filter), word(p.crop_height), word(p.crop_width), word(p.fill), word(p.rescale),
         word(p.normalize), word(p.rescale_first), word(p.exif_orientation), real(p.scale),
         ConstantDataArray::get(context, ArrayRef(p.mean)),
         ConstantDataArray::get(context, ArrayRef(p.deviation))});
  }
  Constant *constant(const vit_prepared &w) {
    return make<vit_prepared>({word(w.value), word(w.dtype), quad(w.offset), quad(w.bytes)});
  }
  Constant *constant(const vit_key &k) { return make<vit_key>({text(k.name), word(k.transposed)}); }
  Constant *constant(const vit_recipe_step &s) {
    SmallVector<Constant *> order, grid;
    for (uint32_t dimension : s.order)
      order.push_back(word(dimension));
    for (int64_t size : s.grid)
      grid.push_back(quad(size));
    return make<vit_recipe_step>(
        {word(s.op), word(s.operand_count), list(s.operands, s.operand_count), word(s.rank),
         sizes(s.shape), quad(s.first), array(order), real(s.factor), word(s.axis), word(s.dtype),
         array(grid), word(s.filter), word(s.antialias), list(s.numbers, s.number_count),
         word(s.number_count), word(s.file_rank), sizes(s.file_shape), list(s.keys, s.key_count),
         word(s.key_count)});
  }
  Constant *constant(const char *const &name) { return text(name); }
  Constant *constant(const uint32_t &value) { return word(value); }
  Constant *constant(const double &value) { return real(value); }

  // clang-format off
  Constant *constant(const vit_plan &p, uint32_t inputs, uint32_t outputs) {
    return make<vit_plan>({
        word(p.target), word(p.height), word(p.width),
        word(p.patch_height), word(p.patch_width), word(p.max_tokens),
        word(p.step_count), word(p.buffer_count),
        list(p.steps, p.step_count), list(p.buffers, p.buffer_count),
        list(p.input_values, inputs), list(p.output_values, outputs),
        constant(p.workspace_bytes), constant(p.scratch_bytes),
        constant(p.counter_bytes)});
  }

  Constant *constant(const vit_library &l) {
    SmallVector<Constant *> plans;
    for (const vit_plan &plan : ArrayRef(l.plans, l.plan_count))
      plans.push_back(constant(plan, l.input_count, l.output_count));
    return make<vit_library>({
        word(l.abi), word(l.size), text(l.name), text(l.compiler), text(l.assembler),
        word(l.max_batch), word(l.batch_axis),
        list(l.inputs, l.input_count), list(l.outputs, l.output_count),
        list(l.targets, l.target_count), list(plans),
        list(l.recipe, l.recipe_count), list(l.weights, l.weight_count),
        list(l.ignored, l.ignored_count), list(l.labels, l.label_count),
        list(l.preprocessing, l.preprocessing != nullptr),
        word(l.input_count), word(l.output_count), word(l.target_count), word(l.plan_count),
        word(l.recipe_count), word(l.weight_count), word(l.ignored_count), word(l.label_count),
        quad(l.weight_bytes),
        bytes(l.embedded, l.embedded ? l.weight_bytes : 0, ".rodata.vit.weights", 256)});
  }
  // clang-format on

  GlobalVariable *global(Constant *value, const Twine &name) {
    auto *variable = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                        GlobalValue::PrivateLinkage, value, name);
    variable->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    return variable;
  }

private:
  Constant *word(uint32_t value) { return ConstantInt::get(i32, value); }
  Constant *quad(uint64_t value) { return ConstantInt::get(i64, value); }
  Constant *real(double value) { return ConstantFP::get(Type::getDoubleTy(context), value); }
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
    SmallVector<Constant *> elements;
    for (const T &value : ArrayRef(values, count))
      elements.push_back(constant(value));
    return list(elements);
  }
  Constant *list(ArrayRef<Constant *> elements) {
    if (elements.empty())
      return ConstantPointerNull::get(pointer);
    return global(array(elements), "list");
  }

  Module &module;
  LLVMContext &context;
  PointerType *pointer;
  Type *i32, *i64;
  StringMap<GlobalVariable *> texts;
};

/// Says whether a program needs the runtime's part for CUDA: see vit_cuda_backend. Only an archive
/// can ask for it, for other objects are linked with no runtime.
void addBackends(Module &module, const vit_library &library, bool isArchive) {
  auto *pointer = PointerType::getUnqual(module.getContext());
  auto hasCuda = llvm::any_of(ArrayRef(library.targets, library.target_count),
                              [](const vit_target &t) { return t.kind == VIT_TARGET_CUDA; });
  if (!hasCuda) {
    auto *none =
        new GlobalVariable(module, pointer, /*isConstant=*/true, GlobalValue::WeakAnyLinkage,
                           ConstantPointerNull::get(pointer), "vit_cuda_backend");
    none->setVisibility(GlobalValue::HiddenVisibility);
  } else if (isArchive) {
    auto *needed = new GlobalVariable(module, Type::getInt8Ty(module.getContext()),
                                      /*isConstant=*/true, GlobalValue::ExternalLinkage, nullptr,
                                      "vit_needs_cuda");
    auto *reference = new GlobalVariable(module, pointer, /*isConstant=*/true,
                                         GlobalValue::PrivateLinkage, needed, "cuda");
    appendToCompilerUsed(module, {reference});
  }
}

/// `return abi == VIT_ABI ? &root : NULL;`
void addEntry(Module &module, GlobalVariable *root, StringRef name, bool exported) {
  LLVMContext &context = module.getContext();
  auto *pointer = PointerType::getUnqual(context);
  auto *type = FunctionType::get(pointer, {Type::getInt32Ty(context)}, false);
  auto *function = Function::Create(type, GlobalValue::ExternalLinkage, name + "_library", module);
  function->setDoesNotThrow();
  function->setDSOLocal(true);
  if (!exported)
    function->setVisibility(GlobalValue::HiddenVisibility);
  IRBuilder<> builder(BasicBlock::Create(context, "", function));
  Value *known = builder.CreateICmpEQ(function->getArg(0), builder.getInt32(VIT_ABI));
  builder.CreateRet(builder.CreateSelect(known, root, ConstantPointerNull::get(pointer)));
}

} // namespace

/// What the library's constants join: an empty module, or the functions of a CPU, which nobody else
/// may see: two models in one program have functions of one name.
static Expected<std::unique_ptr<Module>> startModule(const std::vector<std::string> &bitcode,
                                                     LLVMContext &context) {
  std::unique_ptr<Module> all;
  for (const std::string &part : bitcode) {
    auto parsed = parseBitcodeFile(MemoryBufferRef(part, "cpu"), context);
    if (!parsed)
      return parsed.takeError();
    if (!all)
      all = std::move(*parsed);
    else if (Linker::linkModules(*all, std::move(*parsed)))
      return createStringError("the code of a CPU for two plans has functions of one name");
  }
  if (!all)
    return std::make_unique<Module>("", context);
  for (Function &function : *all)
    if (!function.isDeclaration())
      function.setLinkage(GlobalValue::InternalLinkage);
  return all;
}

Expected<std::unique_ptr<MemoryBuffer>>
vitc::codegen::emitObject(const vit_library &library, bool exported,
                          const std::vector<std::string> &cpuBitcode) {
  constexpr uint64_t limit = uint64_t(2) << 30; // reach of the small code model
  if (library.embedded && library.weight_bytes >= limit)
    return createStringError("the weights are " + Twine(library.weight_bytes) +
                             " bytes, an object holds less than " + Twine(limit) +
                             "; build without --embed-weights and ship the file, or, where it is " +
                             "those of two targets, for one --target");
  auto machine = createCpuMachine();
  if (!machine)
    return machine.takeError();

  LLVMContext context;
  auto started = startModule(cpuBitcode, context);
  if (!started)
    return started.takeError();
  Module &module = **started;
  module.setModuleIdentifier(library.name);
  module.setSourceFileName(library.name); // ends in the symbol table
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  ConstantBuilder builder(module);
  addBackends(module, library, /*isArchive=*/!exported);
  addEntry(module, builder.global(builder.constant(library), "library"), library.name, exported);
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

Expected<std::unique_ptr<MemoryBuffer>> vitc::codegen::emitArchive(MemoryBufferRef object) {
  NewArchiveMember member(object); // no time, no owner
  return writeArchiveToBuffer(member, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
                              /*Deterministic=*/true, /*Thin=*/false);
}
