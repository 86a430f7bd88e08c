#ifndef JSD_CORE_OPS_CONSOLE_H_
#define JSD_CORE_OPS_CONSOLE_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// What the console needs beyond the language: writing, and looking into values without running any of their code.
//
//   consoleWrite(level, text), `level` a number of ConsoleLevel
//   kindOf(object) → the name of the built-in class that the object is an instance of, or ''
//   isProxy(value) → boolean
//   proxyDetails(proxy) → [target, handler], both null once it is revoked
//   promiseDetails(promise) → [state, result], the state 'pending', 'fulfilled' or 'rejected'
//   previewEntries(collection or iterator) → [entries, whether they are keys and values in turn]
//   ownNonIndexKeys(object) → its own enumerable string keys and all symbols, without array indices
std::span<const Binding> ConsoleBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_CONSOLE_H_
