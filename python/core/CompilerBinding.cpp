//===- CompilerBinding.cpp - Builds for Python ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A build runs in a thread of its own, so that the thread that asked for it can
// listen to signals: Ctrl-C stops the build and becomes KeyboardInterrupt.
//
//===----------------------------------------------------------------------===//

#include "python/core/Bindings.h"
#include "python/shared/Compile.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>

using namespace vitc::python;
namespace package = vitc::package;

namespace {

/// What a build said: (severity, text) in order, with "error", "warning" and "note".
using Messages = std::vector<std::pair<std::string, std::string>>;

const char *nameOf(package::Message::Severity severity) {
  switch (severity) {
  case package::Message::Error:
    return "error";
  case package::Message::Warning:
    return "warning";
  case package::Message::Note:
    return "note";
  }
  return "error";
}

/// Calls `work`, which returns whether it succeeded, without the interpreter's lock.
template <class Work> Messages call(Work work) {
  Messages messages;
  std::mutex mutex;
  std::stop_source stop;
  package::Caller caller;
  caller.stop = stop.get_token();
  caller.say = [&](const package::Message &message) {
    std::lock_guard lock(mutex);
    messages.emplace_back(nameOf(message.severity), message.text);
  };
  bool done = false;
  {
    nb::gil_scoped_release released;
    std::packaged_task<bool()> task([&] { return work(caller); });
    std::future<bool> result = task.get_future();
    std::jthread thread(std::move(task));
    bool interrupted = false;
    while (result.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
      nb::gil_scoped_acquire held;
      if (!interrupted && PyErr_CheckSignals() != 0) {
        interrupted = true; // the exception waits until the thread is through
        stop.request_stop();
      }
    }
    thread.join();
    if (interrupted) {
      nb::gil_scoped_acquire held;
      throw nb::python_error();
    }
    done = result.get();
  }
  if (done)
    return messages;
  for (const auto &[severity, text] : messages)
    if (severity == "error")
      throw Failure(-1, text);
  throw Failure(-1, "the compiler failed without a reason; please report the model");
}

package::Request
requestOf(const std::string &model, const std::string &name,
          const std::vector<std::pair<std::string, std::vector<std::string>>> &options) {
  package::Request request;
  request.model = model;
  request.name = name;
  for (const auto &[flag, values] : options)
    request.options.push_back({flag, values});
  return request;
}

} // namespace

void vitc::python::bindCompiler(nb::module_ &module) {
  using Options = std::vector<std::pair<std::string, std::vector<std::string>>>;

  nb::class_<package::Built>(module, "Built", "What a build gives: files in memory, and a report.")
      .def_ro("name", &package::Built::name)
      .def_ro("table", &package::Built::table)
      .def_ro("page", &package::Built::page)
      .def_prop_ro("files",
                   [](const package::Built &built) {
                     std::vector<std::string> names;
                     for (const package::File &file : built.files)
                       names.push_back(file.name);
                     return names;
                   })
      .def("read",
           [](const package::Built &built, const std::string &name) {
             for (const package::File &file : built.files)
               if (file.name == name)
                 return nb::bytes(file.bytes.get(), file.size);
             throw nb::key_error(name.c_str());
           })
      .def("save", [](const package::Built &built, const std::string &folder) {
        return call(
            [&](const package::Caller &caller) { return package::save(built, folder, caller); });
      });

  module.def(
      "build",
      [](const std::string &model, const std::string &name, const Options &options, bool embed,
         bool random, bool allowNonfinite, const std::string &weights) {
        package::Request request = requestOf(model, name, options);
        request.embedWeights = embed;
        request.randomWeights = random;
        request.allowNonfinite = allowNonfinite;
        request.weights = weights;
        package::Built built;
        Messages messages = call(
            [&](const package::Caller &caller) { return package::build(request, caller, built); });
        return std::make_pair(std::move(built), std::move(messages));
      },
      nb::arg("model"), nb::arg("name"), nb::arg("options"), nb::arg("embed_weights"),
      nb::arg("random_weights"), nb::arg("allow_nonfinite"), nb::arg("weights"));

  module.def(
      "emit",
      [](const std::string &model, const std::string &level, const Options &options) {
        package::Request request = requestOf(model, "", options);
        std::string text;
        Messages messages = call([&](const package::Caller &caller) {
          return package::emit(request, level, caller, text);
        });
        return std::make_pair(std::move(text), std::move(messages));
      },
      nb::arg("model"), nb::arg("level"), nb::arg("options"));

  module.def("flags", &package::flags, "The options of a build, as `vitc build` has them.");
  module.def("identity", &package::identity, "Which compiler this is.");
}
