#include "server/http/http_exchange.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "config/ascii.h"
#include "server/http/http_session.h"
#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_handshake.h"

namespace jsd {
namespace {

// Memory that an exchange keeps for its next request; more is given back.
constexpr std::size_t kBytesKept = 64 * 1024;
constexpr std::size_t kFieldsKept = 64;
// From this size on, copying a body costs more than a system call of its own.
constexpr std::size_t kSentFromItsPlace = 32 * 1024;

}  // namespace

void HttpExchange::Begin(HttpSession& session) {
  session_ = &session;
  request_.Clear();
  request_.head.remote_address = session.remote_address();
  request_.head.remote_port = session.remote_port();
  state = State::kReceiving;
  app = nullptr;
  next = nullptr;
  runtime_handle = 0;
  started = {};
}

void HttpExchange::End() {
  session_ = nullptr;
  state = State::kDone;
  source_ = body_ = {};
  body_state_ = BodyState::kNone;
  body_length_ = -1;
  body_written_ = 0;
  trailers_.clear();
  streamed_ = 0;
  status_ = 0;
  body_queue_.Clear();
  TakeNews();
  remaining_ = 0;
  framing_ = Framing::kNone;
  discard_ = blocked_ = cut_ = false;
  output_.Clear();
  if (copy_capacity_ > kBytesKept) {
    copy_.reset();
    copy_capacity_ = 0;
  }
  if (request_.fields.capacity() > kFieldsKept) request_.fields = {};
}

void HttpExchange::Rebase(std::string_view& view, const char* copy) const {
  // Views of literals, of the session and of the body's own memory stay.
  if (view.data() < source_.data() || view.data() > source_.data() + source_.size()) return;
  view = std::string_view(copy + (view.data() - source_.data()), view.size());
}

void HttpExchange::Own() {
  if (source_.empty()) return;
  if (copy_capacity_ < source_.size()) {
    copy_ = std::make_unique_for_overwrite<char[]>(source_.size());
    copy_capacity_ = source_.size();
  }
  std::memcpy(copy_.get(), source_.data(), source_.size());
  Rebase(request_.head.method, copy_.get());
  Rebase(request_.head.authority, copy_.get());
  Rebase(request_.head.target, copy_.get());
  Rebase(request_.head.remote_address, copy_.get());
  Rebase(request_.head.field_lines, copy_.get());
  for (HeaderField& field : request_.fields) {
    Rebase(field.name, copy_.get());
    Rebase(field.value, copy_.get());
  }
  Rebase(body_, copy_.get());
  source_ = {};
}

std::span<char> HttpExchange::BodyRoom(std::size_t size) {
  if (!body_room_.empty()) return body_room_.first(std::min(size, body_room_.size()));
  return body_queue_.Extend(std::min(size, kBodyWindow - body_queue_.bytes()));
}

void HttpExchange::BodyReceived(std::size_t size) {
  if (body_room_.empty()) return body_queue_.Commit(size);
  body_room_ = body_room_.subspan(size);
  body_filled_ += size;
}

void HttpExchange::AppendBody(std::string_view bytes) {
  if (!body_room_.empty()) {
    const std::size_t size = bytes.copy(body_room_.data(), body_room_.size());
    BodyReceived(size);
    bytes.remove_prefix(size);
  }
  body_queue_.Append(bytes);
}

void HttpExchange::MakeBodyWhole() {
  const std::string_view piece = body_queue_.piece();
  if (piece.size() == body_queue_.bytes()) SetBody(piece);
}

std::size_t HttpExchange::TakeNews() {
  awaits_body_ = direct_ = false;
  body_room_ = {};
  return std::exchange(body_filled_, 0);
}

std::size_t HttpExchange::ReadBody(std::span<char> room) {
  const bool was_full = !TakesBody();
  const std::size_t size = body_queue_.Read(room);
  if (was_full) session_->ReadOn();
  return size;
}

void HttpExchange::AwaitBody(std::span<char> room) {
  awaits_body_ = true;
  direct_ = !room.empty();
  body_room_ = room;
  body_filled_ = 0;
  session_->Awaits(*this);
}

void HttpExchange::PutHead(OutputQueue& out, const ReplyHead& head, const ReplyFraming& framing) {
  char* const begin = out.Prepare(MaxHeadSize(head));
  out.Commit(static_cast<std::size_t>(WriteHead(begin, head, framing, session_->date()) - begin));
}

bool HttpExchange::FrameWhole(const ReplyHead& head, std::size_t body_size, ReplyFraming& framing) {
  status_ = head.status;
  framing.connection = session_->ConnectionOptionFor(*this);
  framing.hsts = session_->hsts();
  if (IsBodyless(head.status)) return false;
  framing.framing = Framing::kLength;
  // 205 says that there is no body by a length of zero (RFC 9110 section 15.3.6).
  framing.length = head.status == 205 ? 0 : body_size;
  const bool send_body = head.status != 205 && request_.head.method != "HEAD";
  if (send_body) body_written_ = body_size;
  return send_body;
}

char* HttpExchange::Reply(const ReplyHead& head, std::size_t body_size) {
  ReplyFraming framing;
  const bool send_body = FrameWhole(head, body_size, framing);
  OutputQueue& out = session_->OutputFor(*this);
  char* room = nullptr;
  if (send_body) {
    char* const begin = out.Prepare(MaxHeadSize(head) + body_size);
    room = WriteHead(begin, head, framing, session_->date());
    out.Commit(static_cast<std::size_t>(room - begin) + body_size);
  } else {
    PutHead(out, head, framing);
  }
  session_->Finished(*this);
  return room;
}

void HttpExchange::ReplyWith(const ReplyHead& head, std::string_view body) {
  if (body.size() < kSentFromItsPlace) return RequestEvent::ReplyWith(head, body);
  ReplyFraming framing;
  const bool send_body = FrameWhole(head, body.size(), framing);
  OutputQueue& out = session_->OutputFor(*this);
  PutHead(out, head, framing);
  if (send_body) out.Append(body.substr(session_->SendFromItsPlace(*this, body)));
  session_->Finished(*this);
}

void HttpExchange::ReplyWithOwned(const ReplyHead& head, std::string_view body, std::shared_ptr<const void> owner) {
  ReplyFraming framing;
  const bool send_body = FrameWhole(head, body.size(), framing);
  OutputQueue& out = session_->OutputFor(*this);
  PutHead(out, head, framing);
  if (send_body) out.AppendOwned(body.substr(session_->SendFromItsPlace(*this, body)), std::move(owner));
  session_->Finished(*this);
}

void HttpExchange::Answer(int status, std::string_view body) {
  char* const room = Reply(ReplyHead{.status = status, .status_text = {}, .fields = kGenericFields}, body.size());
  if (room != nullptr) std::memcpy(room, body.data(), body.size());
}

std::string_view HttpExchange::DescribeTls() const { return session_->DescribeTls(); }

WebSocketPeer& HttpExchange::Upgrade(std::string_view fields) {
  const RequestHead& head = request_.head;
  WsDeflateAgreement agreement;
  const bool compressed = session_->NegotiateCompression(*this, &agreement) == WsNegotiation::kAgreed;
  std::string lines = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  lines.append(WsAcceptKey(JoinedFields(head, "sec-websocket-key"))).append("\r\n");
  if (compressed) lines.append("Sec-WebSocket-Extensions: ").append(agreement.response).append("\r\n");
  lines.append(fields);
  status_ = 101;
  PutHead(session_->OutputFor(*this), {.status = 101, .status_text = "Switching Protocols", .fields = lines}, {});
  state = State::kUpgraded;
  source_ = {};
  return session_->TakeOver(*this, compressed ? &agreement : nullptr);
}

void HttpExchange::Fail(FailReason reason) {
  if (state == State::kStreaming) return EndStream(false);
  Answer(StatusOf(reason));
}

void HttpExchange::StartStream(const ReplyHead& head) {
  state = State::kStreaming;
  status_ = head.status;
  ReplyFraming framing;
  const bool bodyless = IsBodyless(head.status) || head.status == 205;
  if (head.status == 205) {
    framing.framing = Framing::kLength;
  } else if (!bodyless && head.declared_length >= 0) {
    framing.framing = Framing::kLength;
    framing.length = remaining_ = static_cast<std::uint64_t>(head.declared_length);
  } else if (!bodyless && request_.http11) {
    framing.framing = Framing::kChunked;
  }
  discard_ = bodyless || request_.head.method == "HEAD";
  framing_ = framing.framing;
  // HTTP/1.0 without a length: the end of the connection is the end of the body.
  if (framing_ == Framing::kNone && !discard_) session_->CloseAfter(*this);
  framing.connection = session_->ConnectionOptionFor(*this);
  framing.hsts = session_->hsts();
  // The client would not take it for an answer to its question after the head of another reply.
  if (head.status < 300 && session_->OwesContinue(*this)) session_->OutputFor(*this).Append(kContinue);
  PutHead(session_->OutputFor(*this), head, framing);
  session_->Wrote();
}

void HttpExchange::Put(OutputQueue& out, std::string_view bytes, std::string_view tail) {
  const bool is_much = out.bytes() + bytes.size() >= kStreamBatch;
  const std::size_t sent = is_much ? session_->SendFromItsPlace(*this, bytes, tail) : 0;
  const std::size_t sent_of_bytes = std::min(sent, bytes.size());
  out.Append(bytes.substr(sent_of_bytes));
  out.Append(tail.substr(sent - sent_of_bytes));
}

bool HttpExchange::Write(std::string_view chunk) {
  if (discard_ || chunk.empty()) return true;
  OutputQueue& out = session_->OutputFor(*this);
  switch (framing_) {
    case Framing::kChunked: {
      char* const begin = out.Prepare(kMaxChunkSizeLine);
      out.Commit(static_cast<std::size_t>(WriteChunkSize(begin, chunk.size()) - begin));
      Put(out, chunk, "\r\n");
      break;
    }
    case Framing::kLength:
      if (chunk.size() > remaining_) {
        // More than was declared would be read as the next reply.
        chunk = chunk.substr(0, remaining_);
        cut_ = true;
      }
      remaining_ -= chunk.size();
      Put(out, chunk);
      break;
    case Framing::kNone:
      Put(out, chunk);
      break;
  }
  body_written_ += chunk.size();
  session_->Wrote();
  streamed_ += chunk.size();
  blocked_ = out.bytes() >= kStreamHighWater || streamed_ >= kStreamTurn;
  return !blocked_;
}

void HttpExchange::SetTrailers(std::string_view fields) {
  // RFC 9110 section 10.1.4: TE tells that the client, and all between here and there, will not just drop them.
  if (framing_ != Framing::kChunked || discard_) return;
  const std::string accepted = JoinedFields(request_.head, "te");
  for (std::string_view rest = accepted; !rest.empty();) {
    const std::string_view member = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(member.size() + 1, rest.size()));
    if (EqualsIgnoringCase(TrimBlanks(member), "trailers")) trailers_ = fields;
  }
}

void HttpExchange::EndStream(bool complete) {
  if (discard_) {
    cut_ = false;
  } else if (!complete || remaining_ != 0) {
    cut_ = true;
  } else if (framing_ == Framing::kChunked) {
    OutputQueue& out = session_->OutputFor(*this);
    if (trailers_.empty()) {
      out.Append(kLastChunk);
    } else {
      out.Append("0\r\n");
      out.Append(trailers_);
      out.Append("\r\n");
    }
  }
  session_->Finished(*this);
}

}  // namespace jsd
