#ifndef JSD_WORKER_REQUEST_SINK_H_
#define JSD_WORKER_REQUEST_SINK_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "core/request_event.h"
#include "core/web_socket.h"

namespace jsd {

// What a session asks of the runtime beside it; the same contract as JsRuntime's methods of these names, and the
// runtime's next turn is seen to.
//
// Owner: the worker. Thread: the worker's. Lifetime: beyond that of the sessions.
class RequestSink {
 public:
  virtual void Dispatch(std::span<RequestEvent* const> batch) = 0;
  virtual void Cancel(RequestEvent& event, std::string_view reason) = 0;
  virtual void Drained(RequestEvent& event) = 0;
  virtual void BodyArrived(RequestEvent& event, std::size_t filled) = 0;
  virtual void DispatchMessages(std::span<const WebSocketEvent> batch) = 0;

 protected:
  ~RequestSink() = default;
};

}  // namespace jsd

#endif  // JSD_WORKER_REQUEST_SINK_H_
