#ifndef JSD_CORE_FATAL_ERRORS_H_
#define JSD_CORE_FATAL_ERRORS_H_

#include <v8.h>

namespace jsd {

// V8 ends the process where it cannot go on: out of memory, and beyond some sizes. On a worker's thread that is in
// JavaScript the thread is given up instead: it sleeps for ever, and the watchdog sees to the rest. Anything else that
// is fatal to V8 means that its state is wrong, and ends the process.

// Once per process, before V8 runs.
void InstallFatalErrorHandlers();

// For each isolate.
void InstallFatalErrorHandlers(v8::Isolate* isolate);

}  // namespace jsd

#endif  // JSD_CORE_FATAL_ERRORS_H_
