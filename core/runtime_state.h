#ifndef JSD_CORE_RUNTIME_STATE_H_
#define JSD_CORE_RUNTIME_STATE_H_

#include <v8.h>

#include <chrono>
#include <cstdint>

#include "core/callbacks.h"
#include "core/event_table.h"
#include "core/op_queue.h"
#include "core/ops/request_cache.h"
#include "core/rejections.h"
#include "core/runtime_host.h"
#include "core/timer_queue.h"

namespace jsd {

class ModuleLoader;

// What native functions find of their runtime: it hangs in a slot of the isolate.
//
// Owner: JsRuntime. Thread: the runtime's. Lifetime: from before the context until after it.
class RuntimeState {
 public:
  static RuntimeState& From(v8::Isolate* isolate) {
    return *static_cast<RuntimeState*>(isolate->GetData(kIsolateSlot));
  }
  void Attach(v8::Isolate* isolate) { isolate->SetData(kIsolateSlot, this); }

  // Null while a snapshot is made: nothing that runs then may need it.
  RuntimeHost* host = nullptr;
  CallbackTable callbacks;
  EventTable events;
  RequestCache requests;
  TimerQueue timers;
  OpQueue ops;
  RejectionTracker rejections;
  ModuleLoader* modules = nullptr;
  std::size_t waiting_until = 0;  // ctx.waitUntil promises that have not settled.
  std::chrono::steady_clock::time_point time_origin = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point wall_time_origin = std::chrono::system_clock::now();

 private:
  static constexpr std::uint32_t kIsolateSlot = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_RUNTIME_STATE_H_
