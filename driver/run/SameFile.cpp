//===- SameFile.cpp - An output that would destroy an input ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/SameFile.h"
#include "weights/Safetensors.h"

#include <sys/stat.h>

namespace vitc::driver {

std::string objectionToOutput(const std::string &output, std::span<const std::string> inputs) {
  struct stat written, read;
  if (stat(output.c_str(), &written) != 0 || !S_ISREG(written.st_mode))
    return "";
  for (const std::string &input : inputs)
    if (!input.empty() && stat(input.c_str(), &read) == 0 && read.st_dev == written.st_dev &&
        read.st_ino == written.st_ino)
      return vitrt::quoted(output) + " is also the input" +
             (input == output ? "" : " " + vitrt::quoted(input)) +
             ", which would be lost; name another file for the output";
  return "";
}

} // namespace vitc::driver
