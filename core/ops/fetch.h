#ifndef JSD_CORE_OPS_FETCH_H_
#define JSD_CORE_OPS_FETCH_H_

#include <v8.h>

#include <functional>
#include <span>

#include "core/bindings.h"

namespace jsd {

// Outgoing requests. Each takes the handle of one as its first argument; one that has ended does nothing.
//
//   fetchStart(method, href, fields, body, length) → handle; 0 where this runtime has no network. `fields` is a block
//     "name: value\r\n…"; `body` is null, a string, a Uint8Array, or undefined for one that is written: then `length`
//     is its declared length, or -2
//   fetchWrite(handle, Uint8Array) → false where the writer should wait for the event kDrained; fetchEndBody(handle)
//   fetchRead(handle) → Uint8Array, null at the end, or undefined: then the event kReadable or kFailure follows
//   fetchForward(handle, eventHandle) → true: the event kForwarded follows; false: all there was has been written
//   fetchTrailers(handle) → header block
//   fetchDrop(handle)
//
// What happens to them comes by the callback `fetchEvent` (handle, event, …), see bootstrap/fetch.js.
std::span<const Binding> FetchBindings();

// Hands the arguments of `fetchEvent` to `call` for everything that has happened.
void TellFetches(v8::Local<v8::Context> context, const std::function<void(std::span<v8::Local<v8::Value>>)>& call);

}  // namespace jsd

#endif  // JSD_CORE_OPS_FETCH_H_
