#ifndef JSD_CORE_OPS_TIMERS_H_
#define JSD_CORE_OPS_TIMERS_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// timerAdd(id, milliseconds), timerCancel(id), enqueueMicrotask(function), and the clocks now() and timeOrigin(), in
// milliseconds (High Resolution Time).
std::span<const Binding> TimerBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_TIMERS_H_
