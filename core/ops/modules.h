#ifndef JSD_CORE_OPS_MODULES_H_
#define JSD_CORE_OPS_MODULES_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// For `require`, and for the built-in `node:` modules.
std::span<const Binding> ModuleBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_MODULES_H_
