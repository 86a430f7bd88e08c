#ifndef JSD_WORKER_CONNECTION_HANDLER_H_
#define JSD_WORKER_CONNECTION_HANDLER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "config/config.h"
#include "core/http_client.h"
#include "worker/connection.h"
#include "worker/request_sink.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

class Log;

// What serves the connections of one worker. The worker makes it on its own thread by the factory that the server
// hands to the pool, so that nothing here knows a protocol.
//
// Owner: the worker. Thread: the worker's. Lifetime: within that of the worker's io_context and RequestSink.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  // While it drains only such as have begun elsewhere; Drain follows, once more.
  virtual void Adopt(Connection connection) = 0;

  // Takes connections whose next request is for an app that is not here. Set before the first is adopted.
  virtual void set_hand_over(std::function<void(Connection)>) {}

  // No further requests: idle connections close now, the others after the replies in flight. With a patience above zero
  // idle ones get so long for another request, which is answered as the last: no request can cross with the close.
  // `drained` is called once, when the last connection has closed.
  virtual void Drain(std::function<void()> drained, std::chrono::milliseconds idle_patience) = 0;

  // Serves by another configuration from now on; what is under way may go on by the one before. `apps` as for the
  // factory.
  virtual void Reconfigure(const Config& config, std::span<RequestSink* const> apps) = 0;

  // The drain time is over: what is still open is closed. Returns how many requests were cut.
  virtual std::size_t CloseAll() = 0;

  // How many connections are open; the pool compares workers by it. From any thread, so an atomic counter.
  virtual std::size_t connections() const = 0;
};

// One sink for each app, in the order of WorkerOptions::apps; null for those that run on other workers. The log is the
// worker's own: what is written there names the worker. All of them outlive the handler; the span itself does not.
using ConnectionHandlerFactory = std::function<std::unique_ptr<ConnectionHandler>(
    boost::asio::io_context&, std::span<RequestSink* const> apps, Log&)>;

// Makes what sends the requests of a worker's scripts, on the worker's thread; the same holds for its arguments.
using HttpClientFactory = std::function<std::unique_ptr<HttpClient>(boost::asio::io_context&, Log&)>;

}  // namespace jsd

#endif  // JSD_WORKER_CONNECTION_HANDLER_H_
