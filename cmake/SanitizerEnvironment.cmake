# Read by ctest in a build with sanitizers, before it runs a test.
#
# LLVM's headers, compiled with AddressSanitizer, poison the free part of a slab of memory; LLVM's
# libraries, which are not, take from it without unpoisoning. Every other kind of report stays on, and
# has an exit code that no tool has.
set(ENV{ASAN_OPTIONS}
  "allow_user_poisoning=0:detect_stack_use_after_return=1:exitcode=99:$ENV{ASAN_OPTIONS}")
set(ENV{UBSAN_OPTIONS} "print_stacktrace=1:exitcode=99:$ENV{UBSAN_OPTIONS}")
