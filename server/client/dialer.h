#ifndef JSD_SERVER_CLIENT_DIALER_H_
#define JSD_SERVER_CLIENT_DIALER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/http_client.h"
#include "server/client/resolver.h"
#include "server/poller.h"
#include "worker/unique_fd.h"

namespace jsd {

// Where a connection goes.
struct DialTarget {
  std::string host;  // As Resolver takes it.
  std::uint16_t port = 0;
  std::string unix_path;  // Not empty: this socket instead of host and port.
};

// Makes one TCP connection: looks the name up and tries its addresses by Happy Eyeballs (RFC 8305), the families in
// turn, each a quarter of a second after the one before or as soon as that has failed; the first to connect wins.
//
// Owner: the connection that is to be made. Thread: the worker's. Lifetime: until destroyed, which stops it; that may
// happen inside `done`.
class Dialer {
 public:
  struct Result {
    UniqueFd socket;                   // Invalid: `failure` says why.
    boost::asio::ip::address address;  // That it is connected to; unspecified for a unix socket.
    HttpClientFailure failure;
  };
  using Done = std::function<void(Result)>;
  using MayConnect = std::function<bool(const boost::asio::ip::address&)>;

  Dialer(boost::asio::io_context& io, Poller& poller, Resolver& resolver);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  // Once. `done` is never called from inside.
  void Start(const DialTarget& target, MayConnect may_connect, Done done);

 private:
  struct Attempt;
  struct Anchor;

  void OnResolved(const Resolver::Answer& answer);
  void StartUnix();
  // Starts with the next address; false where there is none.
  bool TryNext();
  void ArmTimer();
  void OnAttempt(Attempt& attempt, int error);
  void Finish(Result result);

  boost::asio::io_context& io_;
  Poller& poller_;
  Resolver& resolver_;
  DialTarget target_;
  MayConnect may_connect_;
  Done done_;
  std::shared_ptr<Anchor> anchor_;
  boost::asio::steady_timer timer_;
  std::vector<boost::asio::ip::address> addresses_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  HttpClientFailure last_failure_;
};

// The failure of a socket: "ECONNREFUSED" and its like, with where it should have led.
HttpClientFailure SocketFailure(int error, const std::string& where);

// The bytes of an address in network order.
std::string NetworkBytes(const boost::asio::ip::address& address);

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_DIALER_H_
