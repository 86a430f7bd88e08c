#include "server/client/client_request.h"

#include <charconv>
#include <utility>

#include "server/client/client_connection.h"
#include "server/client/connection_pool.h"

namespace jsd {
namespace {

// Unsent bytes above which a body's source is asked to wait, and below which it may go on.
constexpr std::size_t kHighWater = 256 * 1024;
constexpr std::size_t kLowWater = 64 * 1024;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

// The methods for which no body is a body of no bytes (RFC 9110 section 8.6).
bool ExpectsBody(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

}  // namespace

ClientRequest::ClientRequest(ConnectionPool& pool, ClientOrigin& origin, const OutgoingRequest& request,
                             HttpClientEvents& events, UpgradeSink* upgrade)
    : pool_(pool),
      origin_(origin),
      events_(events),
      upgrade_(upgrade),
      is_head_(request.method == "HEAD"),
      idempotent_(IsIdempotent(request.method)) {
  const bool streamed =
      request.body_length == OutgoingRequest::kUnknownLength ||
      (request.body_length > 0 && static_cast<std::size_t>(request.body_length) != request.body.size());
  chunked_ = request.body_length == OutgoingRequest::kUnknownLength;
  body_ended_ = !streamed;
  repeatable_ = idempotent_ && !streamed;

  const std::string& prefix = origin.route.absolute_prefix;
  out_.reserve(request.method.size() + prefix.size() + request.target.size() + origin.first_fields.size() +
               request.fields.size() + request.body.size() + 64);
  out_.append(request.method).append(" ").append(prefix).append(request.target).append(" HTTP/1.1\r\n");
  out_.append(origin.first_fields).append(request.fields);
  if (chunked_) {
    out_.append("transfer-encoding: chunked\r\n");
  } else if (request.body_length > 0 || (request.body_length == 0 && ExpectsBody(request.method)) ||
             (request.body_length == OutgoingRequest::kNoBody && ExpectsBody(request.method))) {
    out_.append("content-length: ");
    out_.append(std::to_string(request.body_length > 0 ? request.body_length : 0)).append("\r\n");
  }
  out_.append("\r\n").append(request.body);
}

ClientRequest::~ClientRequest() {
  if (queued) pool_.Unqueue(*this);
  if (connection != nullptr) connection->Abandon();
}

bool ClientRequest::Write(std::string_view bytes) {
  if (over_ || body_ended_ || bytes.empty()) return true;
  if (chunked_) {
    char size[20];
    const char* const end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    out_.append(size, static_cast<std::size_t>(end - size)).append("\r\n").append(bytes).append("\r\n");
  } else {
    out_.append(bytes);
  }
  Flush();
  blocked_ = unsent().size() >= kHighWater;
  return !blocked_;
}

void ClientRequest::EndBody() {
  if (over_ || body_ended_) return;
  body_ended_ = true;
  if (chunked_) out_.append("0\r\n\r\n");
  Flush();
}

void ClientRequest::Flush() {
  if (connection != nullptr) connection->FlushSoon();
}

void ClientRequest::Resume() {
  if (connection != nullptr) connection->ResumeSoon();
}

void ClientRequest::Sent(std::size_t size) {
  sent_ += size;
  if (!repeatable_ && (sent_ == out_.size() || sent_ >= kHighWater)) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  if (blocked_ && unsent().size() <= kLowWater && !over_) {
    blocked_ = false;
    events_.OnDrained();
  }
}

void ClientRequest::Upgrade(ClientStream stream, const ResponseParser& head, std::string_view rest) {
  over_ = true;
  connection = nullptr;
  upgrade_->OnUpgraded(std::move(stream), head, rest);
}

void ClientRequest::End(std::string_view trailers) {
  over_ = true;
  connection = nullptr;
  events_.OnEnd(trailers);
}

void ClientRequest::Fail(const HttpClientFailure& failure) {
  over_ = true;
  connection = nullptr;
  events_.OnFailure(failure);
}

}  // namespace jsd
