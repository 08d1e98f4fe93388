/* What the sanitizers are told, in every program of such a build. Part of vitc, under the Apache
 * License v2.0 with LLVM Exceptions. */

/* LLVM's headers poison the free part of a slab of memory, but its libraries, which are not
 * instrumented, do not unpoison what they take of it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allow_user_poisoning=0:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }
