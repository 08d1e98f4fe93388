//===- Options.cpp - The command line -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A value that the model or the device cannot take is the verb's to refuse.
//
//===----------------------------------------------------------------------===//

#include "tools/vitc/Options.h"

#include "llvm/ADT/StringExtras.h"

using namespace vitc;

/// Numbers joined by the characters of `form`: "0x0x0/0x0/0" is a tile.
static CLI::Validator hasForm(std::string form, std::string name) {
  auto matches = [form, name](std::string &text) -> std::string {
    llvm::StringRef rest = text;
    for (char expected : form) {
      size_t digits = rest.find_first_not_of("0123456789");
      if (expected != '0' ? !rest.consume_front(llvm::StringRef(&expected, 1))
                          : digits == 0 || rest.empty() || rest.take_front(digits).size() > 6)
        return "expected " + name + ", got '" + text + "'";
      if (expected == '0')
        rest = digits == llvm::StringRef::npos ? "" : rest.drop_front(digits);
    }
    return rest.empty() ? "" : "expected " + name + ", got '" + text + "'";
  };
  return CLI::Validator(matches, name);
}

static CLI::Validator isArchitecture() {
  auto matches = [](std::string &text) -> std::string {
    llvm::StringRef rest = text;
    int number;
    if (rest.consume_front("sm_") && rest.size() == 2 && !rest.getAsInteger(10, number))
      return "";
    return "expected an architecture like sm_89, got '" + text + "'";
  };
  return CLI::Validator(matches, "sm_NN");
}

/// "no-spill", or "fuse:" and names of ops joined by '+'.
static CLI::Validator isRequirement() {
  auto matches = [](std::string &text) -> std::string {
    llvm::StringRef rest = text;
    auto isName = [](llvm::StringRef op) {
      return !op.empty() && llvm::all_of(op, [](char c) { return llvm::isAlnum(c) || c == '_'; });
    };
    if (rest == "no-spill" ||
        (rest.consume_front("fuse:") && llvm::all_of(llvm::split(rest, '+'), isName)))
      return "";
    return "expected no-spill or fuse:OP+OP..., got '" + text + "'";
  };
  return CLI::Validator(matches, "REQUIREMENT");
}

void vitc::addCompileOptions(CLI::App &app, CompileOptions &options) {
  app.add_option("MODEL", options.model, "checkpoint directory (config.json), or .mlir file")
      ->required();
  app.add_option("--gpu", options.gpu, "device to build for")->capture_default_str();
  app.add_option("--dtype", options.dtype, "what matrix products read: f16 or bf16")
      ->check(CLI::IsMember({"f16", "bf16", "tf32", "f32"}))
      ->capture_default_str();
  app.add_option("--residual", options.residual, "residual stream: f16, bf16 or f32")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}));
  addInteger(app, "--max-batch", options.maxBatch, batchRange,
             "largest batch (default 64; 17 where images of a batch attend to each other)");
  app.add_option("--image-size", options.imageSize, "size of the images, HxW; that of the config")
      ->check(hasForm("0x0", "HxW"));
  app.add_option("--outputs", options.outputs, "outputs to compute, a,b (default: all)")
      ->delimiter(',');
  app.add_flag("--no-prune", options.noPrune, "compute also what no output depends on");
  app.add_flag("--no-fuse", options.noFuse, "make every op a kernel of its own");
  app.add_flag("--force-fuse", options.forceFuse, "fuse also what the cost model refuses");
  app.add_option("--tile", options.tile, "tile of every linear, BMxBNxBK/WMxWN/STAGES")
      ->check(hasForm("0x0x0/0x0/0", "BMxBNxBK/WMxWN/STAGES"));
  addInteger(app, "--register-budget", options.registerBudget,
             {cost::leastBudget, cost::mostBudget},
             "registers that a thread may have (default: what the device has)");
  app.add_option("--fuse-policy", options.fusePolicy,
                 "what is used twice: auto, keep (in registers) or recompute")
      ->check(CLI::IsMember({"auto", "keep", "recompute"}))
      ->capture_default_str();
  app.add_option("--tile-policy", options.tilePolicy,
                 "who chooses schedules: model, classic (fixed rules) or tuned (--tuning)")
      ->check(CLI::IsMember({"model", "classic", "tuned"}))
      ->capture_default_str();
  app.add_option("--tuning", options.tuning, "what vit-run --tune measured");
  app.add_option("--require", options.require,
                 "fail unless all hold: no-spill, fuse:linear+bias_add+gelu, ...")
      ->delimiter(',')
      ->check(isRequirement());
  app.add_flag("--batch-invariant", options.batchInvariant,
               "give an image the same bits whatever the batch");
}

void vitc::addAssemblerOptions(CLI::App &app, CompileOptions &options) {
  app.add_option("--arch", options.archs, "architectures of the machine code (default: the GPU's)")
      ->delimiter(',')
      ->check(isArchitecture());
  app.add_option("--ptxas", options.ptxas,
                 "path of ptxas, or none (default: $VITC_PTXAS, PATH, CUDA_HOME, /usr/local/cuda)");
  addInteger(app, "-j,--jobs", options.jobs, {1, 4096},
             "ptxas processes at a time (default: one per core)");
}

void vitc::addProfileOption(CLI::App &app, std::vector<std::string> &profiles) {
  app.add_option(
         "--ncu", profiles,
         "what `ncu --csv --page raw` wrote of this build: kernels that spill, or that their "
         "registers bind, get other schedules")
      ->allow_extra_args(false);
}

void vitc::addDeviceOptions(CLI::App &app, DeviceOptions &options) {
  addDevice(app, options.device, {"reference"});
  app.add_flag("--emulate", options.emulate, "run the GPU code on the emulator");
  auto *weights = app.add_option("--weights", options.weights,
                                 "safetensors file (default: model.safetensors of MODEL)");
  app.add_flag("--random-weights", options.randomWeights, "make weights from their names")
      ->excludes(weights);
  app.add_option("--ptx", options.ptx, "PTX file whose kernels replace those of the same name");
}
