#ifndef JSD_SERVER_ACCEPTOR_H_
#define JSD_SERVER_ACCEPTOR_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/listener.h"
#include "worker/log.h"
#include "worker/unique_fd.h"

namespace boost::asio {
class io_context;
}
namespace boost::system {
class error_code;
}

namespace jsd {

// Accepts the connections of one listener. Whatever accept(2) says, it is logged, and accepting goes on: at once after
// trouble of a single connection, after a pause when there is nothing but trouble, or the process or the machine is out
// of something.
//
// Owner: the master. Thread: the master's.
// Lifetime: within the log's and the io_context's, whose last handlers it has to see; the listener may go after Stop.
class Acceptor {
 public:
  // Non-blocking, close-on-exec, TCP_NODELAY set; the peer's IP address, empty for a unix socket, and its port.
  using Accepted = std::function<void(UniqueFd socket, std::string remote_address, std::uint16_t remote_port)>;

  // Out of descriptors, connections wait in the kernel's queue for `patience`; from then on they are refused.
  static constexpr std::chrono::milliseconds kPatience{5000};

  Acceptor(boost::asio::io_context& io, const Listener& listener, Log& log, Accepted accepted,
           std::chrono::milliseconds patience = kPatience);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void Start();

  // Accepts what the kernel has already completed, so that no client that got through is reset, and ends.
  void Stop();

 private:
  struct Waits;
  enum class Result { kEmpty, kMore, kExhausted };

  // What happens again and again has a line in the log from time to time.
  class LogPace {
   public:
    bool IsDue();

   private:
    std::optional<std::chrono::steady_clock::time_point> last_;
  };

  void WaitForConnections();
  void OnReadable(const boost::system::error_code& error);
  // Accepts until the queue is empty, but no more than a bounded number.
  Result AcceptBatch();
  void OnConnectionFailed(int error);
  void OnExhausted(int error);
  // Takes connections from the queue by the descriptor that is kept in reserve and closes them, so that clients learn
  // of it and can turn elsewhere.
  void RefuseBatch();

  const Listener& listener_;
  Log& log_;
  const Accepted accepted_;
  const std::chrono::milliseconds patience_;
  std::unique_ptr<Waits> waits_;
  UniqueFd reserve_;
  std::size_t failed_ = 0;   // Since the last line about it.
  std::size_t refused_ = 0;  // Likewise.
  LogPace failures_logged_;
  LogPace exhaustion_logged_;
  std::optional<std::chrono::steady_clock::time_point> exhausted_since_;  // None since the last that was accepted.
};

}  // namespace jsd

#endif  // JSD_SERVER_ACCEPTOR_H_
