#ifndef JSD_CORE_OPS_RUNTIME_H_
#define JSD_CORE_OPS_RUNTIME_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// What bootstrap code needs of the runtime itself: print, recv, send, bindCallback, and the reporting of errors.
std::span<const Binding> RuntimeBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_RUNTIME_H_
