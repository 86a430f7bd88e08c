#ifndef JSD_SERVER_HTTP_HTTP_WEBSOCKET_H_
#define JSD_SERVER_HTTP_HTTP_WEBSOCKET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/web_socket.h"
#include "server/http/http_context.h"
#include "server/websocket/ws_activity.h"
#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_frame.h"
#include "server/websocket/ws_reader.h"

namespace jsd {

class HttpExchange;
class HttpSession;
class OutputQueue;

// A connection after its upgrade: what the session reads goes to Read, what is sent goes to the session's output, and
// messages wait in the context until all sessions of a turn have read.
//
// Owner: the session. Thread: the worker's. Lifetime: the session's; the exchange it began with stays the session's
// first until the closing handshake is done.
class HttpWebSocket final : public WebSocketPeer, private WsSink {
 public:
  HttpWebSocket(HttpContext& context, HttpSession& session, HttpExchange& exchange,
                const WsDeflateAgreement* agreement);
  ~HttpWebSocket();

  // --- For the session.

  // Reads what has come; returns how much of it is done with.
  std::size_t Read(char* data, std::size_t size);
  // There is more to read when this turn is over, though nothing may come.
  bool full() const { return reader_.full(); }
  // The client sends no more.
  void OnInputEnd();
  // The messages of this turn have been dispatched, and what they were answered has been queued.
  void EndTurn();
  // True: the session has to close the connection, at once.
  bool IsOverdue(std::int64_t now);
  // The server ends: 1001.
  void GoAway();
  // The connection is gone.
  void OnClosed();
  bool open() const { return state_ == State::kOpen; }

  // --- WebSocketPeer

  void Send(Kind kind, std::string_view message) override;
  void Close(std::uint16_t code, std::string_view reason) override;
  std::size_t buffered_amount() const override;
  std::string_view extensions() const override { return extensions_; }

 private:
  enum class State {
    kOpen,
    kClosing,  // A Close has been sent, and is to be answered.
    kClosed,   // Nothing more is sent or read.
  };
  // A message whose last byte stands at `end` of all bytes queued.
  struct Queued {
    std::uint64_t end;
    std::size_t payload;
  };

  void OnMessage(bool text, std::string_view message) override;
  void OnPing(std::string_view payload) override;
  void OnPong(std::string_view payload) override;
  void OnClose(std::uint16_t code, std::string_view reason) override;

  OutputQueue& output() const;
  void SendFrame(WsOpcode opcode, std::string_view payload, bool compressed = false);
  void SendClose(std::uint16_t code, std::string_view reason);
  // Tells the runtime of the end.
  void Report();
  bool MayQueue();
  void ForgetSent() const;

  HttpContext& context_;
  HttpSession& session_;
  HttpExchange& exchange_;
  HttpApp& app_;
  std::unique_ptr<WsDeflater> own_deflater_;  // Null where messages stand alone.
  std::unique_ptr<WsInflater> own_inflater_;
  const bool compresses_;
  WsDeflater* deflater_ = nullptr;  // That, or one of the shared ones.
  const bool deflater_keeps_context_;
  const std::string extensions_;
  WsReader reader_;
  State state_ = State::kOpen;
  // How the connection ends once the messages before that have been answered.
  struct End {
    std::uint16_t answer = 0;  // Of a Close that is still to be sent.
    std::uint16_t code = kWsAbnormal;
    std::string reason;
    bool clean = false;
    bool failed = true;
  };
  std::unique_ptr<End> end_;

  std::uint64_t queued_bytes_ = 0;      // All that was ever queued.
  mutable std::vector<Queued> queued_;  // What may not have been sent whole.

  WsActivity activity_;
  std::int64_t close_deadline_ = CoarseClock::kNever;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_WEBSOCKET_H_
