#ifndef JSD_SERVER_CLIENT_CLIENT_CONNECTION_H_
#define JSD_SERVER_CLIENT_CLIENT_CONNECTION_H_

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http_client.h"
#include "server/client/client_stream.h"
#include "server/client/dialer.h"
#include "server/client/response_parser.h"
#include "server/client/scheduled.h"
#include "server/poller.h"

namespace jsd {

class ClientRequest;
class ConnectionPool;
struct ClientOrigin;

// One connection to an origin, from the look-up of its name to its end; it carries one request at a time.
//
// Owner: the pool. Thread: the worker's. Lifetime: until closed, and then until the poller can no longer know of it.
class ClientConnection final : public Poller::Client, public Scheduled, public ResponseSink {
 public:
  // Connects for `request`, which it serves first.
  ClientConnection(ConnectionPool& pool, ClientRequest& request);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  void Connect();

  // Sends a request over an idle connection.
  void Serve(ClientRequest& request);
  // Whether an idle connection can be used for a request: the peer has not closed it, as far as a look at the socket
  // tells.
  bool Alive();
  bool MayServe(ClientRequest& request);

  // For its request: there is more to send; more of the response is wanted; nobody waits for the response any more.
  void FlushSoon();
  void ResumeSoon();
  void Abandon();

  // What FlushSoon and ResumeSoon have asked for.
  void OnDue() override;
  void CheckDeadline(std::int64_t now);
  void Close();

  ClientOrigin& origin() { return origin_; }
  bool idle() const { return phase_ == Phase::kIdle; }
  std::size_t index = 0;  // In the pool's list.

 private:
  enum class Phase { kDialing, kTunnel, kTls, kIdle, kBusy, kClosed };

  void OnDialed(Dialer::Result result);
  void StartTunnel();
  void StartTls();
  void ContinueTls();
  void OnConnected();

  void OnReady(std::uint32_t events) override;
  void Flush();
  void ReadAll();
  // False: stop reading.
  bool Take(std::string_view bytes);
  void TakeTunnelReply();
  void OnInputEnd(const ClientStream::Progress& progress);
  void OnResponseHead() override;
  void OnResponseBody(std::string_view bytes) override;
  void FinishResponse(bool reusable);
  // The connection is no longer one for HTTP.
  void HandOver(std::string_view rest);
  void SetDeadline();

  void Fail(const HttpClientFailure& failure);
  // The connection broke: the request is sent again where that is safe.
  void Break(const HttpClientFailure& failure);
  std::string DescribeSilence() const;

  ConnectionPool& pool_;
  ClientOrigin& origin_;
  Phase phase_ = Phase::kDialing;
  std::unique_ptr<Dialer> dialer_;
  ClientStream stream_;
  boost::asio::ip::address address_;
  ClientRequest* request_ = nullptr;
  std::optional<ResponseParser> parser_;
  std::string input_;  // What the parser has left.
  std::string tunnel_output_;
  std::uint64_t body_bytes_ = 0;
  std::int64_t deadline_ = 0;
  bool used_before_ = false;
  bool response_begun_ = false;  // A byte of it has come.
  bool head_seen_ = false;
  bool paused_ = false;
  bool input_ended_ = false;  // The poller said so; the bytes before it may be unread.
  bool flush_due_ = false;
  bool read_due_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CLIENT_CONNECTION_H_
