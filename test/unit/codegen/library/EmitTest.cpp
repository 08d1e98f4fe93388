//===- EmitTest.cpp - Objects, archives and headers ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library made by hand goes through object and linker, is loaded, and every
// field is compared: an emitter that forgets or swaps one is seen here.
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"
#include "codegen/library/LibraryData.h"

#include "llvm/Object/Archive.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <dlfcn.h>

using namespace vitc;
using namespace vitc::codegen;

namespace {

/// One of everything, no two numbers alike.
void fill(LibraryData &data, bool embedded = true) {
  vit_library &l = data.library;
  l.abi = VIT_ABI;
  l.size = sizeof l;
  l.name = data.keep("tiny");
  l.compiler = data.keep("vitc of a test");
  l.assembler = data.keep("ptxas of a test");
  l.max_batch = 17;
  l.batch_axis = 1;
  l.inputs =
      data.keep(std::vector<vit_tensor>{{data.keep("pixel_values"), VIT_F32, 4, {-1, 3, 48, 32}}});
  l.outputs = data.keep(std::vector<vit_tensor>{{data.keep("logits"), VIT_F32, 2, {-1, 10}},
                                                {data.keep("tokens"), VIT_F16, 3, {-1, 7, 64}}});
  std::string image("\x7f"
                    "ELF\0code",
                    9);
  std::vector<vit_machine_code> codes = {
      {data.keep("sm_89"), data.keep(llvm::StringRef(image)), image.size()}};
  const char *ptx = data.keep(".version 8.4\n.target sm_89\n");
  auto code = [&](const std::vector<vit_machine_code> &images, uint32_t threads, uint32_t smem) {
    return data.keep(std::vector<vit_cuda_code>{
        {ptx, strlen(ptx), data.keep(images), uint32_t(images.size()), threads, smem}});
  };
  std::vector<vit_kernel> kernels = {
      {data.keep("first"), data.keep("base"), data.keep("128x64"), 1234567890123456789u,
       code(codes, 128, 49152)},
      {data.keep("second"), data.keep("other"), data.keep("8"), 5, code({}, 256, 11)}};
  l.targets = data.keep(std::vector<vit_target>{{VIT_TARGET_CUDA, 2, data.keep(kernels), 0, 0}});
  std::vector<vit_arg> args = {{VIT_ARG_INPUT, 0, 0, {}},
                               {VIT_ARG_BUFFER, 21, 1, {}},
                               {VIT_ARG_WEIGHT, 22, 0, {}},
                               {VIT_ARG_COUNT, 0, 0, {1, 197, 2, 3}},
                               {VIT_ARG_SCRATCH, 0, 1, {4, 5, 6, uint64_t(1) << 33}}};
  vit_step step = {data.keep("blocks.0.fc1"), 1, 2, 16, 31, {}, 5, data.keep(args), {7, 6, 5, 4}};
  for (uint32_t i = 0; i < 3; ++i)
    step.grid[i] = {{41 + i, 51 + i, 61 + i, 71 + i}, 81 + i, 91 + i};
  std::vector<vit_buffer> buffers = {{data.keep("a"), {256, 512, 768, 1024}, {100, 101, 102, 103}},
                                     {data.keep("b"), {0, uint64_t(1) << 40, 0, 0}, {0, 9, 0, 0}}};
  auto counts = [&](uint64_t first, size_t size) {
    std::vector<vit_count> list;
    for (uint64_t i = 0; i < size; ++i)
      list.push_back({first + i, first + 10 + i, first + 20 + i, first + 30 + i});
    return data.keep(list);
  };
  vit_plan native = {0,
                     48,
                     32,
                     16,
                     8,
                     1000,
                     1,
                     2,
                     data.keep(std::vector{step}),
                     data.keep(buffers),
                     counts(100, 1),
                     counts(200, 2),
                     {4096, 1, 2, 3},
                     {8192, 4, 5, 6},
                     {256, 7, 8, 9}};
  native.input_values = counts(3 * 48 * 32 - 10, 1); // per image: 3 * 48 * 32
  vit_plan other = {0,
                    96,
                    33,
                    0,
                    0,
                    0,
                    0,
                    0,
                    nullptr,
                    nullptr,
                    counts(300, 1),
                    counts(400, 2),
                    {7, 0, 0, 0},
                    {8, 0, 0, 0},
                    {9, 0, 0, 0}};
  l.plans = data.keep(std::vector{native, other});
  l.labels =
      data.keep(std::vector<const char *>{data.keep("cat"), data.keep("dog"), data.keep("owl")});
  vit_preprocessing pictures = {};
  pictures.processor = VIT_PROCESSOR_TIMM;
  pictures.resize = VIT_RESIZE_SHORTEST;
  pictures.resize_height = 256;
  pictures.resize_width = 1;
  pictures.filter = VIT_PICTURE_BICUBIC;
  pictures.crop_height = 224;
  pictures.crop_width = 225;
  pictures.fill = 0x102030;
  pictures.rescale = 7;
  pictures.normalize = 8;
  pictures.rescale_first = 9;
  pictures.exif_orientation = 10;
  pictures.scale = 0.125;
  for (int i = 0; i != 3; ++i) {
    pictures.mean[i] = 0.5 + i;
    pictures.deviation[i] = 1.25 + i;
  }
  l.preprocessing = data.keep(std::vector{pictures});
  std::vector<vit_key> keys = {{data.keep("fc1.weight"), 0}, {data.keep("mlp_w1"), 1}};
  vit_recipe_step load = {}, slice = {};
  load.op = VIT_RECIPE_LOAD;
  load.rank = 2;
  load.shape[0] = 30, load.shape[1] = 40;
  load.file_rank = 3;
  load.file_shape[0] = 30, load.file_shape[1] = 2, load.file_shape[2] = 20;
  load.keys = data.keep(keys);
  load.key_count = 2;
  slice.op = VIT_RECIPE_SLICE;
  slice.operand_count = 6;
  slice.operands = data.keep(std::vector<uint32_t>{0, 8, 9, 10, 11, 12});
  slice.rank = 2;
  slice.shape[0] = 10, slice.shape[1] = 40;
  slice.first = 12;
  slice.order[0] = 3, slice.order[2] = 2, slice.order[3] = 1;
  slice.factor = -0.1;
  slice.axis = 1;
  slice.dtype = VIT_BF16;
  slice.grid[0] = 3, slice.grid[1] = 5, slice.grid[3] = 7;
  slice.filter = VIT_FILTER_CUBIC;
  slice.antialias = 1;
  slice.numbers = data.keep(std::vector<double>{0.25, -3});
  slice.number_count = 2;
  l.recipe = data.keep(std::vector{load, slice});
  l.weights = data.keep(std::vector<vit_prepared>{{1, VIT_F16, 768, 800}});
  l.ignored = data.keep(std::vector<const char *>{data.keep("pooler.*"), data.keep("mask")});
  l.input_count = l.target_count = l.weight_count = 1;
  l.output_count = l.plan_count = l.recipe_count = l.ignored_count = 2;
  l.label_count = 3;
  l.weight_bytes = 1024;
  if (embedded) {
    std::vector<uint8_t> bytes(1024);
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = uint8_t(i * 7);
    data.embed(std::move(bytes));
  }
}

bool same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

/// memcmp of structs without pointers and padding.
template <class T> bool sameBytes(const T &a, const T &b) { return !memcmp(&a, &b, sizeof(T)); }

void compare(const vit_kernel &a, const vit_kernel &b) {
  CHECK(same(a.name, b.name));
  CHECK(same(a.base, b.base));
  CHECK(same(a.schedule, b.schedule));
  CHECK(a.hash == b.hash);
  REQUIRE(b.code);
  const auto &x = *static_cast<const vit_cuda_code *>(a.code);
  const auto &y = *static_cast<const vit_cuda_code *>(b.code);
  CHECK(same(x.ptx, y.ptx));
  CHECK(x.ptx_size == y.ptx_size);
  CHECK(x.threads == y.threads);
  CHECK(x.dynamic_smem == y.dynamic_smem);
  REQUIRE(x.code_count == y.code_count);
  CHECK((x.codes == nullptr) == (y.codes == nullptr));
  for (uint32_t k = 0; k < x.code_count; ++k) {
    CHECK(same(x.codes[k].arch, y.codes[k].arch));
    REQUIRE(x.codes[k].size == y.codes[k].size);
    CHECK(!memcmp(x.codes[k].image, y.codes[k].image, x.codes[k].size));
  }
}

void compare(const vit_library &library, const vit_plan &a, const vit_plan &b) {
  REQUIRE(!memcmp(&a, &b, offsetof(vit_plan, steps))); // numbers
  for (uint32_t i = 0; i < a.step_count; ++i) {
    const vit_step &x = a.steps[i], &y = b.steps[i];
    CHECK(same(x.label, y.label));
    CHECK(x.kernel == y.kernel);
    CHECK(x.min_batch == y.min_batch);
    CHECK(x.max_batch == y.max_batch);
    CHECK(x.launch == y.launch);
    CHECK(sameBytes(x.grid, y.grid));
    CHECK(sameBytes(x.measure, y.measure));
    REQUIRE(x.arg_count == y.arg_count);
    for (uint32_t k = 0; k < x.arg_count; ++k) {
      CHECK(x.args[k].kind == y.args[k].kind);
      CHECK(x.args[k].index == y.args[k].index);
      CHECK(x.args[k].written == y.args[k].written);
      CHECK(sameBytes(x.args[k].count, y.args[k].count));
    }
  }
  CHECK((a.steps == nullptr) == (b.steps == nullptr));
  for (uint32_t i = 0; i < a.buffer_count; ++i) {
    CHECK(same(a.buffers[i].name, b.buffers[i].name));
    CHECK(sameBytes(a.buffers[i].offset, b.buffers[i].offset));
    CHECK(sameBytes(a.buffers[i].bytes, b.buffers[i].bytes));
  }
  for (uint32_t i = 0; i < library.input_count; ++i)
    CHECK(sameBytes(a.input_values[i], b.input_values[i]));
  for (uint32_t i = 0; i < library.output_count; ++i)
    CHECK(sameBytes(a.output_values[i], b.output_values[i]));
  CHECK(sameBytes(a.workspace_bytes, b.workspace_bytes));
  CHECK(sameBytes(a.scratch_bytes, b.scratch_bytes));
  CHECK(sameBytes(a.counter_bytes, b.counter_bytes));
}

void compare(const vit_library &a, const vit_library &b) {
  CHECK(a.abi == b.abi);
  CHECK(a.size == b.size);
  CHECK(same(a.name, b.name));
  CHECK(same(a.compiler, b.compiler));
  CHECK(same(a.assembler, b.assembler));
  CHECK(a.max_batch == b.max_batch);
  CHECK(a.batch_axis == b.batch_axis);
  // The counts and sizes stand together.
  REQUIRE(!memcmp(&a.input_count, &b.input_count,
                  offsetof(vit_library, embedded) - offsetof(vit_library, input_count)));
  auto tensors = [](const vit_tensor *x, const vit_tensor *y, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i) {
      CHECK(same(x[i].name, y[i].name));
      CHECK(x[i].dtype == y[i].dtype);
      CHECK(x[i].rank == y[i].rank);
      CHECK(sameBytes(x[i].shape, y[i].shape));
    }
  };
  tensors(a.inputs, b.inputs, a.input_count);
  tensors(a.outputs, b.outputs, a.output_count);
  for (uint32_t i = 0; i < a.target_count; ++i) {
    CHECK(a.targets[i].kind == b.targets[i].kind);
    REQUIRE(a.targets[i].kernel_count == b.targets[i].kernel_count);
    for (uint32_t j = 0; j < a.targets[i].kernel_count; ++j)
      compare(a.targets[i].kernels[j], b.targets[i].kernels[j]);
  }
  for (uint32_t i = 0; i < a.plan_count; ++i)
    compare(a, a.plans[i], b.plans[i]);
  for (uint32_t i = 0; i < a.label_count; ++i)
    CHECK(same(a.labels[i], b.labels[i]));
  REQUIRE(b.preprocessing);
  CHECK(sameBytes(*a.preprocessing, *b.preprocessing));
  for (uint32_t i = 0; i < a.recipe_count; ++i) {
    const vit_recipe_step &x = a.recipe[i], &y = b.recipe[i];
    CHECK(x.op == y.op);
    REQUIRE(x.operand_count == y.operand_count);
    for (uint32_t k = 0; k < x.operand_count; ++k)
      CHECK(x.operands[k] == y.operands[k]);
    CHECK(x.rank == y.rank);
    CHECK(sameBytes(x.shape, y.shape));
    CHECK(x.first == y.first);
    CHECK(sameBytes(x.order, y.order));
    CHECK(x.factor == y.factor);
    CHECK(x.axis == y.axis);
    CHECK(x.dtype == y.dtype);
    CHECK(sameBytes(x.grid, y.grid));
    CHECK(x.filter == y.filter);
    CHECK(x.antialias == y.antialias);
    REQUIRE(x.number_count == y.number_count);
    for (uint32_t k = 0; k < x.number_count; ++k)
      CHECK(x.numbers[k] == y.numbers[k]);
    CHECK(x.file_rank == y.file_rank);
    CHECK(sameBytes(x.file_shape, y.file_shape));
    REQUIRE(x.key_count == y.key_count);
    for (uint32_t k = 0; k < x.key_count; ++k) {
      CHECK(same(x.keys[k].name, y.keys[k].name));
      CHECK(x.keys[k].transposed == y.keys[k].transposed);
    }
  }
  CHECK(sameBytes(a.weights[0], b.weights[0]));
  for (uint32_t i = 0; i < a.ignored_count; ++i)
    CHECK(same(a.ignored[i], b.ignored[i]));
  REQUIRE((a.embedded == nullptr) == (b.embedded == nullptr));
  if (a.embedded)
    CHECK(!memcmp(a.embedded, b.embedded, a.weight_bytes));
}

/// A folder that goes away with its files.
struct TemporaryFolder {
  llvm::SmallString<128> path;
  TemporaryFolder() {
    if (llvm::sys::fs::createUniqueDirectory("vitc-library-test", path))
      FAIL("no temporary directory");
  }
  ~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }
  std::string file(const char *name) { return (path + "/" + name).str(); }
};

void writeText(const std::string &path, llvm::StringRef text) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  REQUIRE(!error);
  out << text;
}

template <class T> T check(llvm::Expected<T> value) {
  if (!value)
    FAIL(llvm::toString(value.takeError()));
  return std::move(*value);
}

} // namespace

TEST_CASE("every field of a library survives object and linker", "[library]") {
  bool embedded = GENERATE(true, false);
  LibraryData data;
  fill(data, embedded);
  auto object = check(emitObject(*data.view(), true));
  TemporaryFolder folder;
  auto shared = check(linkShared(object->getMemBufferRef(), "tiny"));
  writeText(folder.file("libtiny.so"), shared->getBuffer());

  void *handle = dlopen(folder.file("libtiny.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(handle);
  auto entry = reinterpret_cast<const vit_library *(*)(uint32_t)>(dlsym(handle, "tiny_library"));
  REQUIRE(entry);
  CHECK(entry(VIT_ABI + 1) == nullptr);
  CHECK(entry(0) == nullptr);
  const vit_library *loaded = entry(VIT_ABI);
  REQUIRE(loaded);
  compare(*data.view(), *loaded);
  dlclose(handle);
}

TEST_CASE("an archive has one object with one global symbol, and no other", "[library]") {
  LibraryData data;
  fill(data);
  auto object = check(emitObject(*data.view(), false));
  auto archive = check(emitArchive(object->getMemBufferRef()));
  auto file = check(llvm::object::Archive::create(archive->getMemBufferRef()));
  CHECK(file->getNumberOfSymbols() == 1);
  CHECK(file->symbol_begin()->getName() == "tiny_library");

  auto parsed = check(llvm::object::ObjectFile::createObjectFile(object->getMemBufferRef()));
  std::vector<std::string> symbols, wanted;
  for (const auto &symbol : parsed->symbols()) {
    uint32_t flags = check(symbol.getFlags());
    if (flags & llvm::object::SymbolRef::SF_Undefined) {
      if (std::string name = check(symbol.getName()).str(); !name.empty())
        wanted.push_back(name);
      continue;
    }
    CHECK(!(flags & llvm::object::SymbolRef::SF_Exported)); // by no plugin that it is linked into
    if (flags & llvm::object::SymbolRef::SF_Global)
      symbols.push_back(check(symbol.getName()).str());
  }
  CHECK(symbols == std::vector<std::string>{"tiny_library"});
  CHECK(wanted == std::vector<std::string>{"vit_needs_cuda"}); // the runtime's part for CUDA
}

TEST_CASE("equal libraries give equal bytes", "[library]") {
  LibraryData one, two;
  fill(one);
  std::vector<std::unique_ptr<LibraryData>> noise; // other addresses for the second
  for (int i = 0; i < 10; ++i)
    fill(*noise.emplace_back(std::make_unique<LibraryData>()));
  fill(two);
  auto first = check(emitObject(*one.view(), true)), second = check(emitObject(*two.view(), true));
  CHECK(first->getBuffer() == second->getBuffer());
  CHECK(emitHeader(*one.view()) == emitHeader(*two.view()));
  const_cast<vit_step *>(two.library.plans[0].steps)->max_batch = 15;
  CHECK(first->getBuffer() != check(emitObject(*two.view(), true))->getBuffer());
}

TEST_CASE("the header compiles alone as C11 and C++", "[library]") {
  LibraryData data;
  fill(data);
  // Names that could end a comment or clash with the constants of the header.
  data.library.outputs =
      data.keep(std::vector<vit_tensor>{{data.keep("pixel_values"), VIT_F32, 2, {-1, 10}},
                                        {data.keep("a*/ int x; /*\\\n?\?/"), VIT_F32, 2, {-1, 3}},
                                        {data.keep("max_batch"), VIT_F32, 2, {-1, 3}},
                                        {data.keep("a"), VIT_F32, 2, {-1, 4}},
                                        {data.keep("a_size"), VIT_F32, 2, {-1, 5}},
                                        {data.keep("b_size"), VIT_F32, 2, {-1, 6}},
                                        {data.keep("b"), VIT_F32, 2, {-1, 7}}});
  data.library.output_count = 7;
  std::vector<vit_count> values = {{0, 10, 0, 0}, {0, 3, 0, 0}, {0, 3, 0, 0}, {0, 4, 0, 0},
                                   {0, 5, 0, 0},  {0, 6, 0, 0}, {0, 7, 0, 0}};
  const_cast<vit_plan *>(data.library.plans)->output_values = data.keep(values);
  TemporaryFolder folder;
  writeText(folder.file("tiny.h"), emitHeader(*data.view()));
  std::string program = "#include \"tiny.h\"\n"
                        "int main(void) { return tiny_max_batch == 17 && tiny_pixel_values == 0 && "
                        "tiny_pixel_values_size == 3 * 48 * 32 && tiny_pixel_values__size == 10 && "
                        "tiny_a == 3 && tiny_a_size == 4 && tiny_a_size_ == 4 && "
                        "tiny_a_size__size == 5 && tiny_b_size == 5 && tiny_b_size_size == 6 && "
                        "tiny_b_ == 6 && tiny_b__size == 7 && "
                        "tiny_output_count == 7 ? 0 : 1; }\n";
  std::string includes =
      std::string(" -Wall -Wextra -Werror -I" VITC_SOURCE_DIR "/runtime/include -o ") +
      folder.file("program") + " ";
  auto compile = [&](const char *compiler, const char *file) {
    writeText(folder.file(file), program);
    CHECK(std::system((compiler + includes + folder.file(file)).c_str()) == 0);
    CHECK(std::system(folder.file("program").c_str()) == 0);
  };
  compile("cc -std=c11 -pedantic", "c.c");
  compile("c++ -std=c++17 -pedantic -fno-exceptions -fno-rtti", "cpp.cpp");
}

TEST_CASE("names become identifiers", "[library]") {
  CHECK(makeIdentifier("vit-b16.224") == "vit_b16_224");
  CHECK(makeIdentifier("16") == "_16");
  CHECK(makeIdentifier("") == "_");
  CHECK(isIdentifier("digits"));
  CHECK_FALSE(isIdentifier("vit-b16"));
  CHECK_FALSE(isIdentifier("namespace"));
  CHECK_FALSE(isIdentifier("stdint")); // which N.h includes
  CHECK_FALSE(isIdentifier(""));
}

TEST_CASE("the compiler says who it is", "[library]") {
  std::string identity = compilerIdentity();
  CHECK(identity.rfind("vitc ", 0) == 0);
  CHECK(identity.find("LLVM 22.") != std::string::npos);
  CHECK(identity.find('/') == std::string::npos); // no path
}
