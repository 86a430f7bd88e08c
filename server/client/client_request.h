#ifndef JSD_SERVER_CLIENT_CLIENT_REQUEST_H_
#define JSD_SERVER_CLIENT_CLIENT_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/http_client.h"
#include "server/client/client_stream.h"
#include "server/client/response_parser.h"

namespace jsd {

class ClientConnection;
class ConnectionPool;
struct ClientOrigin;

// What takes a connection over once the server has switched protocols (RFC 9110 section 7.8).
//
// Owner: whoever asked for the upgrade. Thread: the worker's. Lifetime: until it was called or the request has failed.
class UpgradeSink {
 public:
  // `rest` is what has come behind the head; valid for the call, as the head is.
  virtual void OnUpgraded(ClientStream stream, const ResponseParser& head, std::string_view rest) = 0;

 protected:
  ~UpgradeSink() = default;
};

// One request on its way: what is still to be sent, and who waits for the response. It goes from its origin's queue to
// a connection, and back once where a connection that was used before turns out to be dead.
//
// Owner: the runtime that started it. Thread: the worker's. Lifetime: within the pool's.
class ClientRequest final : public HttpClientRequest {
 public:
  // `upgrade` is null for a request that asks for no other protocol.
  ClientRequest(ConnectionPool& pool, ClientOrigin& origin, const OutgoingRequest& request, HttpClientEvents& events,
                UpgradeSink* upgrade = nullptr);
  ~ClientRequest() override;
  ClientRequest(const ClientRequest&) = delete;
  ClientRequest& operator=(const ClientRequest&) = delete;

  // --- HttpClientRequest

  bool Write(std::string_view bytes) override;
  void EndBody() override;
  void Resume() override;

  // --- For connections and the pool

  HttpClientEvents& events() { return events_; }
  ClientOrigin& origin() { return origin_; }
  bool is_head() const { return is_head_; }
  // Whether it may be sent a second time: the method is idempotent (RFC 9110 section 9.2.2) and all of it is here.
  bool repeatable() const { return repeatable_; }
  bool idempotent() const { return idempotent_; }
  // The response, or the failure, has been told.
  bool over() const { return over_; }

  std::string_view unsent() const { return std::string_view(out_).substr(sent_); }
  bool sent_whole() const { return body_ended_ && sent_ == out_.size(); }
  void Sent(std::size_t size);
  // From the start, on another connection.
  void Rewind() { sent_ = 0; }

  bool upgrades() const { return upgrade_ != nullptr; }
  void Upgrade(ClientStream stream, const ResponseParser& head, std::string_view rest);
  void End(std::string_view trailers);
  void Fail(const HttpClientFailure& failure);

  ClientConnection* connection = nullptr;  // While it has one.
  bool queued = false;
  std::int64_t deadline = 0;  // While it waits in the queue.

 private:
  void Flush();

  ConnectionPool& pool_;
  ClientOrigin& origin_;
  HttpClientEvents& events_;
  UpgradeSink* const upgrade_;
  std::string out_;
  std::size_t sent_ = 0;
  bool is_head_ = false;
  bool idempotent_ = false;
  bool repeatable_ = false;
  bool chunked_ = false;
  bool body_ended_ = true;
  bool blocked_ = false;  // A Write has returned false.
  bool over_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CLIENT_REQUEST_H_
