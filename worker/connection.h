#ifndef JSD_WORKER_CONNECTION_H_
#define JSD_WORKER_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "worker/connection_count.h"
#include "worker/unique_fd.h"

namespace jsd {

// What has come of a connection that another worker has begun to serve, as the handlers know it.
//
// Owner: the connection that is moved. Thread: one at a time. Lifetime: until a session has taken it.
class BegunConnection {
 public:
  virtual ~BegunConnection() = default;
};

// A connection on its way from the acceptor, or from another worker, to what serves it.
struct Connection {
  UniqueFd socket;             // Connected, non-blocking.
  std::string remote_address;  // The peer's IP address, empty for a unix socket.
  ConnectionCount::Ticket ticket = {};
  unsigned listener = 0;          // Where it came in; the number means something to acceptor and handler alone.
  std::uint16_t remote_port = 0;  // 0: not known.

  // Of one that goes from worker to worker: the app that its next request is for.
  std::string app = {};
  std::unique_ptr<BegunConnection> begun = nullptr;
};

}  // namespace jsd

#endif  // JSD_WORKER_CONNECTION_H_
