#ifndef JSD_CORE_OPS_FETCH_EVENT_H_
#define JSD_CORE_OPS_FETCH_EVENT_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// Requests and their replies. Each takes the handle of an event as its first argument; one whose event has ended finds
// nothing and answers so.
//
//   requestMethod(handle), requestUrl(handle), requestRemoteAddress(handle) → string
//   requestTls(handle) → JSON, or "" where the connection has no TLS
//   requestHeader(handle, name in lower case) → the value, fields of the same name combined, or null
//   requestHeaders(handle) → [name, value, …], names in lower case, in order of arrival
//   requestHead(handle) → the head as text, for the time after the event
//   respond(handle, status, statusText, fields, body, declaredLength) → as requestHead; the event has ended. `fields`
//     is a header block "name: value\r\n…" or the number of a constant one; `body` is null, a string, or bytes
//   fail(handle) → as requestHead; the event has ended
//   streamStart(handle, status, statusText, fields, declaredLength)
//   streamWrite(handle, Uint8Array) → false where the writer should wait for `streamDrained`
//   streamEnd(handle, complete, trailers) → as requestHead; the event has ended. `trailers` is a header block or
//     undefined
//   waitUntilStarted(), waitUntilSettled()
//   makeRequestUrl(scheme, authority, target) → string
std::span<const Binding> FetchEventBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_FETCH_EVENT_H_
