#ifndef JSD_CORE_RUNTIME_STATE_H_
#define JSD_CORE_RUNTIME_STATE_H_

#include <v8.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/broadcast.h"
#include "core/callbacks.h"
#include "core/event_table.h"
#include "core/execution.h"
#include "core/fetch_table.h"
#include "core/op_queue.h"
#include "core/ops/request_body.h"
#include "core/ops/request_cache.h"
#include "core/permissions.h"
#include "core/rejections.h"
#include "core/runtime_host.h"
#include "core/timer_queue.h"
#include "core/web_socket_client.h"

namespace jsd {

class ArrayBufferAllocator;
class ModuleLoader;

// What native functions find of their runtime: it hangs in a slot of the isolate.
//
// Owner: JsRuntime. Thread: the runtime's. Lifetime: from before the context until after it.
class RuntimeState {
 public:
  static RuntimeState& From(v8::Isolate* isolate) {
    return *static_cast<RuntimeState*>(isolate->GetData(kIsolateSlot));
  }
  static RuntimeState* FromOrNull(v8::Isolate* isolate) {
    return static_cast<RuntimeState*>(isolate->GetData(kIsolateSlot));
  }
  void Attach(v8::Isolate* isolate) { isolate->SetData(kIsolateSlot, this); }

  // The event of `handle` goes back to its session.
  void EndEvent(std::uint32_t handle) {
    events.Remove(handle);
    if (!gathers.empty()) gathers.Remove(handle);
  }

  // Null while a snapshot is made: nothing that runs then may need it.
  RuntimeHost* host = nullptr;
  Execution* execution = nullptr;
  Permissions permissions;
  std::shared_ptr<ArrayBufferAllocator> buffers;
  CallbackTable callbacks;
  EventTable events;
  FetchTable fetches{events, permissions};
  BodyGathers gathers;
  WebSocketTable web_sockets;
  BroadcastTable broadcasts;
  WebSocketClients web_socket_clients{permissions};
  std::size_t own_web_sockets = 0;  // Of web_sockets, those that the script has asked for.
  RequestCache requests;
  TimerQueue timers;
  OpQueue ops;
  RejectionTracker rejections;
  ModuleLoader* modules = nullptr;
  const std::vector<std::pair<std::string, std::string>>* env = nullptr;  // What scripts get as `env`.
  std::size_t waiting_until = 0;  // ctx.waitUntil promises that have not settled.
  std::chrono::steady_clock::time_point time_origin = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point wall_time_origin = std::chrono::system_clock::now();

  // The handle of the request that the code that runs is for; 0, which no request has, where there is none. V8 keeps it
  // with every promise reaction: as a number, or first in an array of what else is kept there.
  static std::uint32_t CurrentRequest(v8::Isolate* isolate) {
    v8::Local<v8::Value> handle = isolate->GetContinuationPreservedEmbedderData();
    if (handle->IsArray() && !handle.As<v8::Array>()->Get(isolate->GetCurrentContext(), 0).ToLocal(&handle)) return 0;
    return handle->IsUint32() ? handle.As<v8::Uint32>()->Value() : 0;
  }
  static void SetCurrentRequest(v8::Isolate* isolate, std::uint32_t handle) {
    v8::Local<v8::Value> value = v8::Undefined(isolate);
    if (handle != 0) value = v8::Integer::NewFromUnsigned(isolate, handle);
    isolate->SetContinuationPreservedEmbedderData(value);
  }

 private:
  static constexpr std::uint32_t kIsolateSlot = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_RUNTIME_STATE_H_
