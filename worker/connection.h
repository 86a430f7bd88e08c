#ifndef JSD_WORKER_CONNECTION_H_
#define JSD_WORKER_CONNECTION_H_

#include <string>

#include "worker/connection_count.h"
#include "worker/unique_fd.h"

namespace jsd {

// A connection on its way from the acceptor to what serves it.
struct Connection {
  UniqueFd socket;             // Connected, non-blocking.
  std::string remote_address;  // The peer's IP address, empty for a unix socket.
  ConnectionCount::Ticket ticket = {};
  unsigned listener = 0;  // Where it came in; the number means something to acceptor and handler alone.
};

}  // namespace jsd

#endif  // JSD_WORKER_CONNECTION_H_
