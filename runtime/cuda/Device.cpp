//===- Device.cpp - A device, and what its failures say --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Device.h"

#include <algorithm>
#include <span>
#include <vector>

namespace vitrt {
namespace {

/// The driver that a version of PTX came with.
struct Release {
  int ptx;
  const char *cuda, *driver;
};
constexpr Release releases[] = {
    {70, "11.0", "R450"}, {71, "11.1", "R455"}, {72, "11.2", "R460"}, {73, "11.3", "R465"},
    {74, "11.4", "R470"}, {75, "11.5", "R495"}, {76, "11.6", "R510"}, {77, "11.7", "R515"},
    {78, "11.8", "R520"}, {80, "12.0", "R525"}, {81, "12.1", "R530"}, {82, "12.2", "R535"},
    {83, "12.3", "R545"}, {84, "12.4", "R550"}, {85, "12.5", "R555"}, {86, "12.7", "R565"},
    {87, "12.8", "R570"}, {88, "12.9", "R575"}, {90, "13.0", "R580"}};

/// The word behind a directive at the beginning of a line.
std::string_view directive(std::string_view ptx, std::string_view keyword) {
  for (size_t at = ptx.find(keyword); at != ptx.npos; at = ptx.find(keyword, at + 1)) {
    if (at != 0 && ptx[at - 1] != '\n')
      continue;
    std::string_view rest = ptx.substr(at + keyword.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    return rest.substr(0, rest.find_first_of(", \t\r\n"));
  }
  return "";
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }

} // namespace

PtxHeader readPtxHeader(std::string_view ptx) {
  PtxHeader header;
  std::string_view version = directive(ptx, ".version"), target = directive(ptx, ".target");
  if (version.size() == 3 && isDigit(version[0]) && version[1] == '.' && isDigit(version[2]))
    header.version = 10 * (version[0] - '0') + version[2] - '0';
  header.targetText = target;
  if (target.substr(0, 3) != "sm_")
    return header;
  size_t i = 3;
  for (; i != target.size() && i != 6 && isDigit(target[i]); ++i)
    header.target = 10 * header.target + target[i] - '0';
  header.onlyThatTarget = i != target.size();
  return header;
}

std::string Device::leastDriver(int ptxVersion) {
  for (const Release &release : releases)
    if (release.ptx >= ptxVersion)
      return std::string("for CUDA ") + release.cuda + " (" + release.driver + ")";
  return std::string("newer than ") + std::end(releases)[-1].driver;
}

std::string Device::versionText() const {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string Device::text() const {
  std::string device = name.find(arch()) == name.npos ? name + " (" + arch() + ")" : name;
  return device + ", driver for CUDA " + versionText() +
         (built.empty() ? "" : ", library built for " + built);
}

Status Device::failure(CUresult error, const char *call, const std::string &about) const {
  Status status = driver->failure(error, call, about);
  if (name.empty() || isForked())
    return status;
  std::string message = status.message();
  size_t available = 0, all = 0; // where a context is current
  if (error == cudaOutOfMemory && driver->cuMemGetInfo &&
      driver->cuMemGetInfo(&available, &all) == cudaSuccess)
    message += "; " + std::to_string(available) + " of " + std::to_string(all) +
               " bytes are free: lower max_batch, or see with nvidia-smi what holds the rest";
  return {status.status(), message + "; on " + text()};
}

Status Device::refusePtx(const PtxHeader &ptx) const {
  if (ptx.target > number() || (ptx.onlyThatTarget && ptx.target != number())) {
    std::string who = "the library is built for " + (built.empty() ? ptx.targetText : built) +
                      ", this device is " + name + ", " + arch();
    return {VIT_DEVICE_ERROR, who + (number() < 80 ? "; vitc builds for sm_80 and later"
                                                   : "; build with --arch " + arch())};
  }
  return {};
}

std::string builtFor(const vit_target &target) {
  std::vector<std::string> archs;
  auto add = [&](std::string arch) {
    if (!arch.empty() && std::find(archs.begin(), archs.end(), arch) == archs.end())
      archs.push_back(std::move(arch));
  };
  for (const vit_kernel &kernel : std::span(target.kernels, target.kernel_count)) {
    const vit_cuda_code &code = codeOf(kernel);
    for (const vit_machine_code &machine : std::span(code.codes, code.code_count))
      add(machine.arch);
    add(readPtxHeader({code.ptx, code.ptx_size}).targetText);
  }
  std::string text;
  for (size_t i = 0; i != archs.size(); ++i)
    text += (i == 0 ? "" : i + 1 == archs.size() ? " and " : ", ") + archs[i];
  return text;
}

} // namespace vitrt
