#include "server/http/http_websocket.h"

#include <algorithm>
#include <array>

#include "server/http/http_session.h"

namespace jsd {
namespace {

// Shorter messages gain nothing.
constexpr std::size_t kLeastCompressed = 128;
// Up to here header and message lie in one block.
constexpr std::size_t kContiguous = 8 * 1024;

WsInflater* Inflater(HttpContext& context, const WsDeflateAgreement* agreement, std::unique_ptr<WsInflater>& own) {
  if (agreement == nullptr) return nullptr;
  if (!agreement->client_context) return &context.ws_deflate.Inflater();
  own = std::make_unique<WsInflater>();
  return own.get();
}

}  // namespace

HttpWebSocket::HttpWebSocket(HttpContext& context, HttpSession& session, HttpExchange& exchange,
                             const WsDeflateAgreement* agreement)
    : context_(context),
      session_(session),
      exchange_(exchange),
      app_(*exchange.app),
      compresses_(agreement != nullptr),
      deflater_keeps_context_(agreement != nullptr && agreement->server_context),
      extensions_(agreement == nullptr ? std::string() : agreement->response),
      reader_(WsRole::kServer, {context.config.websocket.frame, context.config.websocket.message},
              Inflater(context, agreement, own_inflater_), agreement != nullptr && agreement->client_context) {
  lent_to = exchange.lent_to;
  if (agreement == nullptr) return;
  if (agreement->server_context) own_deflater_ = std::make_unique<WsDeflater>(agreement->server_window_bits);
  deflater_ = own_deflater_ ? own_deflater_.get() : &context.ws_deflate.DeflaterFor(agreement->server_window_bits);
}

HttpWebSocket::~HttpWebSocket() = default;

// --- Input

std::size_t HttpWebSocket::Read(char* data, std::size_t size) {
  if (state_ == State::kClosed) return size;
  activity_.Heard();
  const std::size_t consumed = reader_.Read(data, size, *this);
  // The client broke the protocol.
  if (reader_.error() != 0 && end_ == nullptr) end_ = std::make_unique<End>(End{.answer = reader_.error()});
  return consumed;
}

void HttpWebSocket::OnMessage(bool text, std::string_view message) {
  // What was under way when the script closed comes too late.
  if (state_ != State::kOpen) return;
  activity_.Spoke();
  app_.messages.push_back({.peer = this,
                           .kind = text ? WebSocketEvent::Kind::kText : WebSocketEvent::Kind::kBinary,
                           .data = message,
                           .code = 0});
}

void HttpWebSocket::OnPing(std::string_view payload) {
  // One that floods the server with pings and reads no pongs gets no more of them.
  if (state_ == State::kOpen && MayQueue()) SendFrame(WsOpcode::kPong, payload);
}

void HttpWebSocket::OnPong(std::string_view) {}

void HttpWebSocket::OnClose(std::uint16_t code, std::string_view reason) {
  end_ = std::make_unique<End>(End{code, code, std::string(reason), true, false});
}

void HttpWebSocket::OnInputEnd() {
  if (state_ == State::kClosed || end_ != nullptr) return;
  end_ = std::make_unique<End>(End{.answer = kWsNoStatus, .failed = state_ == State::kOpen});
}

void HttpWebSocket::EndTurn() {
  reader_.ReleaseMessages();
  if (end_ == nullptr || state_ == State::kClosed) return;
  if (state_ == State::kOpen) SendClose(end_->answer == kWsNoStatus ? 0 : end_->answer, {});
  // The server closes first (RFC 6455 section 7.1.1), when what it has to say has left.
  session_.EndAfter(exchange_);
  Report();
}

// --- Output

OutputQueue& HttpWebSocket::output() const { return session_.OutputFor(exchange_); }

void HttpWebSocket::ForgetSent() const {
  // Negative where what came before the first frame is not sent yet.
  const auto sent = static_cast<std::int64_t>(queued_bytes_) - static_cast<std::int64_t>(output().bytes());
  const auto unsent = std::ranges::find_if(
      queued_, [sent](const Queued& message) { return static_cast<std::int64_t>(message.end) > sent; });
  queued_.erase(queued_.begin(), unsent);
}

std::size_t HttpWebSocket::buffered_amount() const {
  if (state_ == State::kClosed) return 0;
  ForgetSent();
  const auto sent = static_cast<std::int64_t>(queued_bytes_) - static_cast<std::int64_t>(output().bytes());
  std::size_t amount = 0;
  for (const Queued& message : queued_) {
    const auto unsent = static_cast<std::size_t>(static_cast<std::int64_t>(message.end) - sent);
    amount += std::min(message.payload, unsent);
  }
  return amount;
}

bool HttpWebSocket::MayQueue() {
  if (output().bytes() <= context_.config.websocket.queue) return true;
  session_.Flush(exchange_);
  return output().bytes() <= context_.config.websocket.queue;
}

void HttpWebSocket::SendFrame(WsOpcode opcode, std::string_view payload, bool compressed) {
  OutputQueue& out = output();
  if (payload.size() <= kContiguous) {
    char* const begin = out.Prepare(kMaxWsHeader + payload.size());
    char* const end = WriteWsHeader(begin, opcode, true, compressed, payload.size());
    payload.copy(end, payload.size());
    const std::size_t size = static_cast<std::size_t>(end - begin) + payload.size();
    out.Commit(size);
    queued_bytes_ += size;
  } else {
    std::array<char, kMaxWsHeader> header;
    const char* const end = WriteWsHeader(header.data(), opcode, true, compressed, payload.size());
    const auto size = static_cast<std::size_t>(end - header.data());
    out.Append({header.data(), size});
    out.Append(payload);
    queued_bytes_ += size + payload.size();
  }
  session_.Wrote();
}

void HttpWebSocket::Send(Kind kind, std::string_view message) {
  if (state_ != State::kOpen) return;
  if (!MayQueue()) {
    if (context_.config.websocket.overflow == WebSocketOverflow::kClose) Close(kWsTryAgainLater, "too slow");
    return;
  }
  activity_.Spoke();
  const WsOpcode opcode = kind == Kind::kText ? WsOpcode::kText : WsOpcode::kBinary;
  if (compresses_ && message.size() >= kLeastCompressed) {
    SendFrame(opcode, deflater_->Deflate(message), true);
    if (!deflater_keeps_context_) deflater_->Reset();
  } else {
    SendFrame(opcode, message);
  }
  // Most messages leave before the next one is sent.
  if (queued_.size() >= 64) ForgetSent();
  queued_.push_back({queued_bytes_, message.size()});
}

void HttpWebSocket::SendClose(std::uint16_t code, std::string_view reason) {
  SendFrame(WsOpcode::kClose, WsClosePayload(code, reason).text());
}

void HttpWebSocket::Close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  SendClose(code, reason);
  state_ = State::kClosing;
  close_deadline_ = CoarseClock::After(context_.config.websocket.close);
}

void HttpWebSocket::GoAway() { Close(kWsGoingAway, "the server is going away"); }

// --- The end

void HttpWebSocket::Report() {
  if (end_ == nullptr) end_ = std::make_unique<End>(End{.failed = state_ == State::kOpen});
  state_ = State::kClosed;
  queued_ = {};
  const WebSocketEvent event{.peer = this,
                             .kind = WebSocketEvent::Kind::kClosed,
                             .data = end_->reason,
                             .code = end_->code,
                             .clean = end_->clean,
                             .failed = end_->failed};
  app_.sink->DispatchMessages({&event, 1});
}

void HttpWebSocket::OnClosed() {
  if (state_ != State::kClosed) Report();
}

bool HttpWebSocket::IsOverdue(std::int64_t now) {
  if (state_ == State::kClosing) return now >= close_deadline_;
  if (state_ != State::kOpen) return false;
  switch (activity_.Look(now, context_.config.websocket)) {
    case WsActivity::Due::kNothing:
      return false;
    case WsActivity::Due::kPing:
      SendFrame(WsOpcode::kPing, {});
      return false;
    case WsActivity::Due::kGone:
      return true;
    case WsActivity::Due::kIdle:
      Close(kWsGoingAway, "idle");
      return false;
  }
  return false;
}

}  // namespace jsd
