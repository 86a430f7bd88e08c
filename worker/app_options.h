#ifndef JSD_WORKER_APP_OPTIONS_H_
#define JSD_WORKER_APP_OPTIONS_H_

#include <string>

#include "core/js_runtime.h"

namespace jsd {

// What the runtimes of one app are made from.
struct AppOptions {
  std::string name;        // Stands in the log lines; tells the app from the others.
  std::string script;      // Path of the application's module.
  unsigned workers = 0;    // Of its own; 0: it runs on the shared ones.
  RuntimeOptions runtime;  // The AppRuntime sets `host` and `execution`.
};

// An app that cannot be loaded.
struct LoadFailure {
  std::string script;
  std::string report;  // As ScriptError has it.
};

}  // namespace jsd

#endif  // JSD_WORKER_APP_OPTIONS_H_
