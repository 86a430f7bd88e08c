#ifndef JSD_CORE_GUARDED_H_
#define JSD_CORE_GUARDED_H_

#include <v8.h>

#include "core/execution.h"
#include "core/runtime_state.h"

namespace jsd {

// An op that uses what belongs to the worker and not to the runtime, such as requests and sockets, stands in its table
// as Guarded<Op>: on a thread that is lost it returns undefined and does nothing. It must not run a script's code: what
// such code holds up could not be taken from it.
template <v8::FunctionCallback kOp>
void Guarded(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const Execution::Op op(*RuntimeState::From(info.GetIsolate()).execution);
  if (op) kOp(info);
}

}  // namespace jsd

#endif  // JSD_CORE_GUARDED_H_
