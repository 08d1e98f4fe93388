//===- Result.h - A value or one line of text ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What the standalone parts return where they can fail: they throw nothing, so
// that programs without exceptions may link them, and an error is text that a
// user reads.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_RESULT_H
#define VITC_RUNTIME_WEIGHTS_RESULT_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace vitrt {

/// An error to be returned: one line, lower case, without full stop or newline.
struct Error {
  std::string text;
};

/// A value, or the text of the error that stands in its place.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : stored(std::move(value)) {}
  Result(Error error) : problem(std::move(error.text)) {}

  explicit operator bool() const { return stored.has_value(); }
  T &operator*() {
    assert(stored && "the error was not checked");
    return *stored;
  }
  T *operator->() { return &**this; }
  const T &operator*() const {
    assert(stored && "the error was not checked");
    return *stored;
  }
  const T *operator->() const { return &**this; }
  /// Empty where there is a value.
  const std::string &error() const { return problem; }
  /// Passes the error on to a caller with another value type.
  Error takeError() { return {std::move(problem)}; }

private:
  std::optional<T> stored;
  std::string problem;
};

/// Success, or the text of an error.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : problem(std::move(error.text)), good(false) {}

  explicit operator bool() const { return good; }
  const std::string &error() const { return problem; }
  Error takeError() { return {std::move(problem)}; }

private:
  std::string problem;
  bool good = true;
};

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_RESULT_H
