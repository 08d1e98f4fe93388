# Read by ctest in a build with sanitizers, before it runs a test.
#
# LLVM's headers, compiled with AddressSanitizer, poison the free part of a slab of memory; LLVM's
# libraries, which are not, take from it without unpoisoning. Every other kind of report stays on, and
# has an exit code that no tool has.
#
# LLVM's signal handlers replace a thread's alternative stack with their own where they find the
# runtime's too small for them, which depends on the processor; at the thread's end the runtime then
# unmaps what it did not map, and aborts. It gets no alternative stack.
set(ENV{ASAN_OPTIONS}
  "allow_user_poisoning=0:use_sigaltstack=0:detect_stack_use_after_return=1:exitcode=99:$ENV{ASAN_OPTIONS}")
set(ENV{UBSAN_OPTIONS} "print_stacktrace=1:exitcode=99:$ENV{UBSAN_OPTIONS}")
