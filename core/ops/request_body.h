#ifndef JSD_CORE_OPS_REQUEST_BODY_H_
#define JSD_CORE_OPS_REQUEST_BODY_H_

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "core/bindings.h"
#include "core/request_event.h"

namespace jsd {

// The bodies of requests. Each op takes the handle of an event as its first argument; one whose event has ended finds
// an empty body.
//
//   requestBodyState(handle) → 0: none, 1: whole, 2 and more: it arrives (BodyState of core/request_event.h)
//   requestBody(handle) → Uint8Array; requestBodyText(handle) → string, decoded as UTF-8 without its byte order mark;
//     of a body that is whole
//   requestBodyRead(handle) → Uint8Array, the next piece; null at the end; undefined where the callback `bodyArrived`
//     tells when there is more
//   requestBodyGather(handle) → Uint8Array, all that was not read; undefined where `bodyArrived` tells when that is
//     there, to be had by the same call
//   copyBytes(BufferSource) → Uint8Array
std::span<const Binding> RequestBodyBindings();

// A body that is gathered into one buffer while it arrives: what the client sends is received in its place.
struct BodyGather {
  std::unique_ptr<v8::BackingStore> store;
  std::size_t filled = 0;
  bool out_of_memory = false;
};

// The bodies that are being gathered, by the handles of their events.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: within the isolate's.
class BodyGathers {
 public:
  bool empty() const { return gathers_.empty(); }
  BodyGather& operator[](std::uint32_t handle) { return gathers_[handle]; }
  BodyGather* Find(std::uint32_t handle) {
    const auto found = gathers_.find(handle);
    return found == gathers_.end() ? nullptr : &found->second;
  }
  void Remove(std::uint32_t handle) { gathers_.erase(handle); }

 private:
  std::unordered_map<std::uint32_t, BodyGather> gathers_;
};

// Takes what has come of the body and asks for the rest. True when the gathering is over: the body is whole, or there
// is no memory for it.
bool GoOnGathering(v8::Isolate* isolate, RequestEvent& event, BodyGather& gather);

}  // namespace jsd

#endif  // JSD_CORE_OPS_REQUEST_BODY_H_
