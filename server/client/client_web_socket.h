#ifndef JSD_SERVER_CLIENT_CLIENT_WEB_SOCKET_H_
#define JSD_SERVER_CLIENT_CLIENT_WEB_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http_client.h"
#include "core/web_socket.h"
#include "server/client/client_request.h"
#include "server/client/client_stream.h"
#include "server/client/scheduled.h"
#include "server/poller.h"
#include "server/websocket/ws_activity.h"
#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_frame.h"
#include "server/websocket/ws_reader.h"

namespace jsd {

class ConnectionPool;

// The client's end of a WebSocket (RFC 6455): the handshake is a request like others, and its connection becomes this
// one's with the reply.
//
// Owner: the pool. Thread: the worker's. Lifetime: until the runtime lets go of it, and then until the poller can no
// longer know of it.
class ClientWebSocket final : public WebSocketPeer,
                              public Scheduled,
                              private HttpClientEvents,
                              private UpgradeSink,
                              private Poller::Client,
                              private WsSink {
 public:
  ClientWebSocket(ConnectionPool& pool, WebSocketClientEvents& events);
  ClientWebSocket(const ClientWebSocket&) = delete;
  ClientWebSocket& operator=(const ClientWebSocket&) = delete;
  ~ClientWebSocket();

  void Start(const OutgoingRequest& request);
  // More messages are wanted.
  void Resume();
  // Nobody hears of it any more: closes the connection.
  void Abandon();

  void CheckDeadline(std::int64_t now);
  void OnDue() override;

  std::size_t index = 0;  // In the pool's list.

  // --- WebSocketPeer

  void Send(Kind kind, std::string_view message) override;
  void Close(std::uint16_t code, std::string_view reason) override;
  std::size_t buffered_amount() const override;
  std::string_view extensions() const override { return extensions_; }

 private:
  enum class State {
    kHandshake,
    kOpen,
    kClosing,  // A Close has been sent, and is to be answered.
    kEnding,   // Both have sent one: the server closes the connection (RFC 6455 section 7.1.1).
    kClosed,
  };
  struct End {
    std::uint16_t code = kWsAbnormal;
    std::string reason;
    bool clean = false;
    bool failed = false;
  };
  // A message whose last byte stands at `end` of all that was ever sent.
  struct Queued {
    std::uint64_t end;
    std::size_t payload;
  };

  // HttpClientEvents, of the handshake.
  bool MayConnect(std::string_view address, std::uint16_t port) override;
  void OnHead(const IncomingHead& head) override;
  bool OnBody(std::string_view) override { return true; }
  void OnEnd(std::string_view) override {}
  void OnFailure(const HttpClientFailure& failure) override;
  void OnDrained() override {}

  void OnUpgraded(ClientStream stream, const ResponseParser& head, std::string_view rest) override;
  // What is wrong with the reply to the handshake; empty: nothing, and the agreement is made.
  std::string CheckReply(const ResponseParser& head);

  void OnReady(std::uint32_t events) override;
  void ReadAll();
  void Take(char* data, std::size_t size);
  void OnInputEnd();

  void OnMessage(bool text, std::string_view message) override;
  void OnPing(std::string_view payload) override;
  void OnPong(std::string_view) override {}
  void OnClose(std::uint16_t code, std::string_view reason) override;

  void SendFrame(WsOpcode opcode, std::string_view payload, bool compressed = false);
  void SendClose(std::uint16_t code, std::string_view reason);
  void Flush();
  std::size_t unsent() const { return out_.size() - sent_; }
  // Tells the runtime of the end, and closes the connection.
  void Report(const End& end);

  ConnectionPool& pool_;
  WebSocketClientEvents* events_;  // Null once abandoned.
  State state_ = State::kHandshake;

  std::string key_;
  std::string protocols_;  // That were asked for, joined by commas.
  std::string protocol_;
  std::string host_;  // For messages.
  std::unique_ptr<HttpClientRequest> handshake_;

  ClientStream stream_;
  bool input_ended_ = false;  // The poller said so; the bytes before it may be unread.
  std::string input_;         // What the reader has left.
  bool paused_ = false;
  bool resumed_ = false;

  std::string extensions_;
  std::unique_ptr<WsDeflater> own_deflater_;  // Null where messages stand alone.
  WsDeflater* deflater_ = nullptr;            // That, or one of the shared ones.
  std::unique_ptr<WsInflater> own_inflater_;
  bool compresses_ = false;
  bool deflater_keeps_context_ = false;
  std::optional<WsReader> reader_;

  std::string out_;
  std::size_t sent_ = 0;           // Of out_.
  std::uint64_t sent_before_ = 0;  // All that was sent and is no longer in out_.
  mutable std::deque<Queued> queued_;

  End end_;
  WsActivity activity_;
  std::int64_t close_deadline_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CLIENT_WEB_SOCKET_H_
