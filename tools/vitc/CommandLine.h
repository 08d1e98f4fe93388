//===- CommandLine.h - The program vitc, for whoever has its main -*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TOOLS_VITC_COMMANDLINE_H
#define TOOLS_VITC_COMMANDLINE_H

namespace vitc {

/// Does what the arguments of the program say, and returns its exit code. Once in a process.
int runCommandLine(int argc, char **argv);

} // namespace vitc

#endif // TOOLS_VITC_COMMANDLINE_H
