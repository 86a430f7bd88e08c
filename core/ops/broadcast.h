#ifndef JSD_CORE_OPS_BROADCAST_H_
#define JSD_CORE_OPS_BROADCAST_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// What BroadcastChannel stands on (HTML, section 9.6).
std::span<const Binding> BroadcastBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_BROADCAST_H_
