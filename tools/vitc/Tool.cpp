//===- Tool.cpp - What the verbs of vitc share ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/vitc/Tool.h"

#include "driver/Bisect.h"

using namespace vitc;
using driver::Diagnostic;

Console::Console(bool writesFiles) : interrupt("vitc", writesFiles) {
  current.diagnose = [this](const Diagnostic &diagnostic) { print(diagnostic); };
  current.progress = [this](std::string_view step, size_t done, size_t all) {
    progress.show(step, done, all);
  };
  current.stop = interrupt.token();
}

void Console::print(const Diagnostic &diagnostic) {
  progress.clear();
  if (interrupt.happened()) // which is what there is to say then
    return;
  if (diagnostic.located)
    fputs(diagnostic.text.c_str(), stderr);
  else
    say((diagnostic.severity == Diagnostic::Warning ? "warning: "
         : diagnostic.severity == Diagnostic::Note  ? "note: "
                                                    : "") +
        diagnostic.text);
}

void Console::say(const std::string &text) {
  progress.clear();
  vitc::fail("vitc", text);
}

int Console::fail(const std::string &text) {
  if (!interrupt.happened())
    say(text);
  return failed();
}

int Console::failed() const {
  return interrupt.happened() ? Interrupt::report("vitc") : int(exitFailed);
}

void vitc::announce(const std::string &device) {
  printf("device: %s\n", device.c_str());
  fflush(stdout);
}

void vitc::warnOfInput(const driver::Session &session, const driver::RunnableModel &model,
                       std::span<const float> input) {
  for (const std::string &warning : driver::inputWarnings(model.input, input))
    session.warn("input {}", warning);
}

bool vitc::warnOfOutputs(const driver::Session &session, driver::Runner &runner,
                         const driver::FiniteWatch &watch) {
  if (!watch.finding())
    return false;
  auto text = driver::explainNonfinite(runner, *watch.finding());
  session.warn("{}", text ? *text : watch.finding()->text() + ": " + text.error());
  return true;
}

llvm::Error vitc::writeFiles(driver::OutputFiles &folder,
                             const std::vector<driver::Artifact> &files) {
  for (const driver::Artifact &file : files)
    if (auto error = folder.write(file.name, file.bytes->getBuffer()))
      return error;
  return folder.commit();
}

static std::string sizeText(size_t bytes) {
  if (bytes < 1000)
    return fmt::format("{} bytes", bytes);
  return bytes < 1000000 ? fmt::format("{:.1f} kB", bytes * 1e-3)
                         : fmt::format("{:.1f} MB", bytes * 1e-6);
}

std::string vitc::describeFiles(const std::string &folder,
                                const std::vector<driver::Artifact> &files) {
  std::string text = "wrote ";
  for (const driver::Artifact &file : files)
    text += fmt::format("{}{} ({})", &file == &files.front() ? folder + "/" : ", ", file.name,
                        sizeText(file.bytes->getBufferSize()));
  return text;
}
