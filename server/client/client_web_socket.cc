#include "server/client/client_web_socket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/rfc7230.hpp>
#include <cerrno>
#include <utility>

#include "config/ascii.h"
#include "core/check.h"
#include "server/client/connection_pool.h"
#include "server/websocket/ws_handshake.h"

namespace jsd {
namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
// Shorter messages gain nothing by compression.
constexpr std::size_t kLeastCompressed = 128;
// Memory that is kept for what is sent next.
constexpr std::size_t kBytesKept = 64 * 1024;

bool HasToken(const std::string& list, std::string_view token) {
  return boost::beast::http::token_list(list).exists({token.data(), token.size()});
}

// The value of a field among lines of "name: value\r\n", repeated ones joined by commas; none where it is not there.
std::optional<std::string> FieldOf(std::string_view lines, std::string_view name) {
  std::optional<std::string> value;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(line.size() + 2, lines.size()));
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos || !EqualsIgnoringCase(line.substr(0, colon), name)) continue;
    if (value) {
      value->append(", ").append(line.substr(colon + 2));
    } else {
      value.emplace(line.substr(colon + 2));
    }
  }
  return value;
}

// RFC 6455 section 4.1: a nonce of 16 bytes.
std::string MakeKey() {
  std::array<unsigned char, 16> nonce;
  JSD_CHECK(::RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1);
  std::array<unsigned char, 25> encoded;
  const int size = ::EVP_EncodeBlock(encoded.data(), nonce.data(), static_cast<int>(nonce.size()));
  return std::string(reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size));
}

}  // namespace

ClientWebSocket::ClientWebSocket(ConnectionPool& pool, WebSocketClientEvents& events)
    : pool_(pool), events_(&events), key_(MakeKey()) {}

ClientWebSocket::~ClientWebSocket() = default;

// --- The handshake (RFC 6455 section 4.1)

void ClientWebSocket::Start(const OutgoingRequest& request) {
  host_ = request.host;
  protocols_ = FieldOf(request.fields, "sec-websocket-protocol").value_or("");
  std::string fields = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ";
  fields.append(key_).append("\r\n");
  if (const std::string_view offer = OfferWsDeflate(pool_.web_socket_config.compression); !offer.empty()) {
    fields.append("sec-websocket-extensions: ").append(offer).append("\r\n");
  }
  fields.append(request.fields);
  OutgoingRequest handshake = request;
  handshake.fields = fields;
  handshake_ = pool_.StartUpgrade(handshake, *this, *this);
}

bool ClientWebSocket::MayConnect(std::string_view address, std::uint16_t port) {
  return events_ != nullptr && events_->MayConnect(address, port);
}

void ClientWebSocket::OnHead(const IncomingHead& head) {
  OnFailure({"ERR_WEBSOCKET_HANDSHAKE",
             host_ + " answered with status " + std::to_string(head.status) + " instead of opening a WebSocket"});
}

void ClientWebSocket::OnFailure(const HttpClientFailure& failure) {
  if (state_ != State::kHandshake) return;
  state_ = State::kClosed;
  if (events_ != nullptr) events_->OnFailure(failure);
}

std::string ClientWebSocket::CheckReply(const ResponseParser& head) {
  if (!EqualsIgnoringCase(head.upgrade(), "websocket") || !HasToken(head.connection(), "upgrade")) {
    return "it does not say Upgrade: websocket";
  }
  if (FieldOf(head.fields(), "sec-websocket-accept") != WsAcceptKey(key_)) {
    return "its Sec-WebSocket-Accept does not fit the key";
  }
  protocol_ = FieldOf(head.fields(), "sec-websocket-protocol").value_or("");
  // Fetch's "establish a WebSocket connection": one of those that were asked for, and one at all where some were.
  const bool chosen = !protocol_.empty() && protocol_.find(',') == std::string::npos &&
                      std::ranges::any_of(boost::beast::http::token_list(protocols_),
                                          [this](const auto& token) { return token == protocol_; });
  if (chosen ? protocols_.empty() : !protocols_.empty() || !protocol_.empty()) {
    return "it does not choose one of the subprotocols";
  }
  const std::optional<std::string> extensions = FieldOf(head.fields(), "sec-websocket-extensions");
  if (!extensions) return {};
  const WebSocketCompression mode = pool_.web_socket_config.compression;
  WsDeflateAgreement agreement;
  if (AcceptWsDeflate(*extensions, mode, &agreement) != WsNegotiation::kAgreed) {
    return "it agrees to extensions that were not offered";
  }
  extensions_ = agreement.response;
  compresses_ = true;
  deflater_keeps_context_ = agreement.client_context;
  if (agreement.server_context) own_inflater_ = std::make_unique<WsInflater>();
  if (agreement.client_context) own_deflater_ = std::make_unique<WsDeflater>(agreement.client_window_bits);
  deflater_ = own_deflater_ ? own_deflater_.get() : &pool_.ws_deflate.DeflaterFor(agreement.client_window_bits);
  return {};
}

void ClientWebSocket::OnUpgraded(ClientStream stream, const ResponseParser& head, std::string_view rest) {
  if (const std::string problem = CheckReply(head); !problem.empty()) {
    return OnFailure({"ERR_WEBSOCKET_HANDSHAKE", "the reply of " + host_ + " opens no WebSocket: " + problem});
  }
  stream_ = std::move(stream);
  if (!pool_.poller.Watch(stream_.socket(), kEvents, *this)) return OnFailure(SocketFailure(errno, host_));
  WsInflater* const inflater = !compresses_    ? nullptr
                               : own_inflater_ ? own_inflater_.get()
                                               : &pool_.ws_deflate.Inflater();
  reader_.emplace(WsRole::kClient, WsReadLimits{pool_.web_socket_config.frame, pool_.web_socket_config.message},
                  inflater, own_inflater_ != nullptr);
  state_ = State::kOpen;
  if (events_ == nullptr) return;
  events_->OnOpen(*this, protocol_);
  std::string first(rest);
  Take(first.data(), first.size());
}

// --- Input

void ClientWebSocket::OnReady(std::uint32_t events) {
  if (state_ == State::kClosed || state_ == State::kHandshake) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) input_ended_ = true;
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || stream_.secure()) ReadAll();
}

void ClientWebSocket::ReadAll() {
  while (state_ != State::kClosed && !paused_) {
    std::vector<char>& room = pool_.scratch;
    const ClientStream::Progress progress = stream_.Read(room.data(), room.size());
    if (progress.status == ClientStream::Status::kAgain) return;
    if (progress.status != ClientStream::Status::kDone) return OnInputEnd();
    Take(room.data(), progress.size);
    // The poller tells when more has come; what TLS holds back it does not know of.
    if (progress.size < room.size() && !input_ended_ && !stream_.secure()) return;
  }
}

void ClientWebSocket::Take(char* data, std::size_t size) {
  // What follows a Close is nobody's.
  if (size == 0 || state_ == State::kEnding) return;
  activity_.Heard();
  const bool direct = input_.empty();
  if (!direct) {
    input_.append(data, size);
    data = input_.data();
    size = input_.size();
  }
  std::size_t consumed = 0;
  for (bool full = true; full;) {
    consumed += reader_->Read(data + consumed, size - consumed, *this);
    full = reader_->full();
    reader_->ReleaseMessages();
  }
  if (direct) {
    input_.assign(data + consumed, size - consumed);
  } else {
    input_.erase(0, consumed);
  }
  if (reader_->error() == 0) return;
  // RFC 6455 section 7.1.7: fail the WebSocket connection.
  if (state_ == State::kOpen) SendClose(reader_->error(), {});
  Flush();
  Report({.failed = true});
}

void ClientWebSocket::OnMessage(bool text, std::string_view message) {
  // What was under way when the script closed comes too late.
  if (state_ != State::kOpen || events_ == nullptr) return;
  activity_.Spoke();
  const bool more = events_->OnEvent(
      {.peer = this, .kind = text ? WebSocketEvent::Kind::kText : WebSocketEvent::Kind::kBinary, .data = message});
  paused_ = paused_ || !more;
}

void ClientWebSocket::OnPing(std::string_view payload) {
  // One that floods the client with pings and reads no pongs gets no more of them.
  if (state_ == State::kOpen && unsent() <= kBytesKept) SendFrame(WsOpcode::kPong, payload);
}

void ClientWebSocket::OnClose(std::uint16_t code, std::string_view reason) {
  end_ = {.code = code, .reason = std::string(reason), .clean = true, .failed = false};
  if (state_ == State::kOpen) {
    SendClose(code == kWsNoStatus ? 0 : code, {});
    close_deadline_ = CoarseClock::After(pool_.web_socket_config.close);
  }
  state_ = State::kEnding;
}

void ClientWebSocket::OnInputEnd() {
  end_.failed = state_ == State::kOpen;
  Report(end_);
}

void ClientWebSocket::Resume() {
  if (!paused_ || std::exchange(resumed_, true)) return;
  pool_.Schedule(*this);
}

void ClientWebSocket::OnDue() {
  if (state_ == State::kClosed) return;
  Flush();
  if (!std::exchange(resumed_, false)) return;
  paused_ = false;
  ReadAll();
}

// --- Output

void ClientWebSocket::SendFrame(WsOpcode opcode, std::string_view payload, bool compressed) {
  const std::size_t begin = out_.size();
  const std::uint32_t mask = pool_.masks.Next();
  out_.resize(begin + kMaxWsHeader + payload.size());
  char* const body = WriteMaskedWsHeader(out_.data() + begin, opcode, compressed, payload.size(), mask);
  payload.copy(body, payload.size());
  ApplyWsMask(body, payload.size(), mask, 0);
  out_.resize(static_cast<std::size_t>(body - out_.data()) + payload.size());
  // A script may be running, which must not hear of a failure in the midst of what it does.
  pool_.Schedule(*this);
}

void ClientWebSocket::Send(Kind kind, std::string_view message) {
  if (state_ != State::kOpen) return;
  if (unsent() > pool_.config.queue) {
    Flush();
    if (state_ != State::kOpen) return;
    // The WebSockets standard: one whose data cannot be queued is full, and ends as one that has failed.
    if (unsent() > pool_.config.queue) return Report({.failed = true});
  }
  activity_.Spoke();
  const WsOpcode opcode = kind == Kind::kText ? WsOpcode::kText : WsOpcode::kBinary;
  if (compresses_ && message.size() >= kLeastCompressed) {
    SendFrame(opcode, deflater_->Deflate(message), true);
    if (!deflater_keeps_context_) deflater_->Reset();
  } else {
    SendFrame(opcode, message);
  }
  queued_.push_back({sent_before_ + out_.size(), message.size()});
}

void ClientWebSocket::SendClose(std::uint16_t code, std::string_view reason) {
  SendFrame(WsOpcode::kClose, WsClosePayload(code, reason).text());
}

void ClientWebSocket::Close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  SendClose(code, reason);
  state_ = State::kClosing;
  close_deadline_ = CoarseClock::After(pool_.web_socket_config.close);
}

void ClientWebSocket::Flush() {
  while (unsent() != 0) {
    const ClientStream::Progress progress = stream_.Write(std::string_view(out_).substr(sent_));
    if (progress.status == ClientStream::Status::kAgain) break;
    if (progress.status != ClientStream::Status::kDone) {
      // What the server has said before it went may still be there to read; the poller tells.
      out_.clear();
      sent_ = 0;
      return;
    }
    sent_ += progress.size;
  }
  const std::uint64_t sent = sent_before_ + sent_;
  while (!queued_.empty() && queued_.front().end <= sent) queued_.pop_front();
  if (unsent() != 0 && sent_ < out_.size() / 2) return;
  sent_before_ = sent;
  out_.erase(0, std::exchange(sent_, 0));
  if (out_.empty() && out_.capacity() > kBytesKept) out_.shrink_to_fit();
}

std::size_t ClientWebSocket::buffered_amount() const {
  const std::uint64_t sent = sent_before_ + sent_;
  std::size_t amount = 0;
  for (const Queued& message : queued_) {
    amount += std::min<std::uint64_t>(message.payload, message.end - std::min(message.end, sent));
  }
  return amount;
}

// --- The end

void ClientWebSocket::Report(const End& end) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  stream_.Close();
  if (events_ == nullptr) return;
  events_->OnEvent({.peer = this,
                    .kind = WebSocketEvent::Kind::kClosed,
                    .data = end.reason,
                    .code = end.code,
                    .clean = end.clean,
                    .failed = end.failed});
}

void ClientWebSocket::Abandon() {
  events_ = nullptr;
  handshake_.reset();
  if (state_ == State::kOpen) SendClose(kWsGoingAway, {});
  if (state_ != State::kClosed && stream_.open()) Flush();
  state_ = State::kClosed;
  stream_.Close();
  pool_.Remove(*this);
}

void ClientWebSocket::CheckDeadline(std::int64_t now) {
  // In the handshake the request has deadlines of its own.
  if (state_ == State::kHandshake || state_ == State::kClosed) return;
  if (state_ != State::kOpen) {
    if (now >= close_deadline_) Report(end_);
    return;
  }
  // What has come is not read: nobody knows whether the server is silent.
  if (paused_) activity_.Heard();
  switch (activity_.Look(now, pool_.web_socket_config)) {
    case WsActivity::Due::kNothing:
      break;
    case WsActivity::Due::kPing:
      SendFrame(WsOpcode::kPing, {});
      break;
    case WsActivity::Due::kGone:
      Report({.failed = true});
      break;
    case WsActivity::Due::kIdle:
      Close(kWsGoingAway, "idle");
      break;
  }
}

}  // namespace jsd
