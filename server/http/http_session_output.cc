// The output side of a session: the order of replies, and their way into the socket.

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "server/http/http_session.h"

namespace jsd {
namespace {

// Pieces of output that leave by one system call.
constexpr std::size_t kMaxWriteBuffers = 16;

constexpr std::string_view kBodyUnwanted = "The client wants no body.";

}  // namespace

ConnectionOption HttpSession::ConnectionOptionFor(const HttpExchange& exchange) {
  if (&exchange == receiving_ && exchange.state == HttpExchange::State::kRunning) DiscardBody();
  if (last_request_seen_ && &exchange == last_) return ConnectionOption::kClose;
  // HTTP/1.0 clients do not expect it (RFC 9112 section 9.3).
  return last_ == &exchange && !last_->request().http11 ? ConnectionOption::kKeepAlive : ConnectionOption::kNone;
}

void HttpSession::CloseAfter(const HttpExchange& exchange) {
  if (&exchange == last_) last_request_seen_ = true;
}

void HttpSession::Finished(HttpExchange& exchange) {
  if (&exchange == receiving_) DiscardBody();
  exchange.state = HttpExchange::State::kDone;
  if (context_.observes()) Observe(exchange);
  if (closed_) return;
  while (first_ != nullptr && first_->state == HttpExchange::State::kDone && !first_->cut()) {
    HttpExchange& done = *std::exchange(first_, first_->next);
    if (first_ == nullptr) {
      last_ = nullptr;
    } else {
      output_.Splice(first_->output());
    }
    --in_flight_;
    context_.ReleaseExchange(done);
  }
  Wrote();
}

void HttpSession::Observe(HttpExchange& exchange) {
  // 499, as others call it: the client has gone before there was a reply.
  const int status = exchange.status() == 0 ? 499 : exchange.status();
  const bool dispatched = exchange.started != std::chrono::steady_clock::time_point();
  const auto duration = dispatched ? std::chrono::steady_clock::now() - exchange.started : std::chrono::nanoseconds(0);
  AppCounters* const counters = exchange.app == nullptr ? context_.unrouted.get() : exchange.app->counters.get();
  if (counters != nullptr) counters->CountReply(status, duration);
  if (!context_.access_log) return;
  context_.access_log->Add({.head = exchange.head(),
                            .http11 = exchange.request().http11,
                            .status = status,
                            .bytes = exchange.body_written(),
                            .duration = duration});
}

void HttpSession::StopDiscarded() {
  while (first_ != nullptr && first_->discards()) {
    first_->app->sink->Cancel(*first_, kBodyUnwanted);
    first_->EndStream(true);
  }
}

void HttpSession::SendContinue() {
  // Not before the replies to the requests before it (RFC 9110 section 10.1.1).
  if (receiving_ == nullptr || receiving_ != first_ || !receiving_->awaits_body()) return;
  if (receiving_->state == HttpExchange::State::kRunning && OwesContinue(*receiving_)) output_.Append(kContinue);
}

// Here and in Receive the kernel is called without the C library, whose functions are cancellation points: in a process
// of many threads that costs a request 2 % of its time.
long HttpSession::SendOnce(std::span<iovec> buffers, int flags) {
  if (tls_ != nullptr) return tls_->Send(buffers);
  flags |= MSG_NOSIGNAL;
  if (buffers.size() == 1) {
    return syscall(SYS_sendto, socket_.get(), buffers[0].iov_base, buffers[0].iov_len, flags, nullptr, 0);
  }
  const msghdr message = {.msg_iov = buffers.data(), .msg_iovlen = buffers.size()};
  return syscall(SYS_sendmsg, socket_.get(), &message, flags);
}

void HttpSession::NoteProgress() {
  write_deadline_ = output_.empty() ? CoarseClock::kNever : CoarseClock::After(context_.config.timeouts.write);
  gone_deadline_ = CoarseClock::kNever;
}

void HttpSession::NoteBlocked() {
  blocked_ = true;
  if (write_deadline_ == CoarseClock::kNever) write_deadline_ = CoarseClock::After(context_.config.timeouts.write);
}

void HttpSession::Send() {
  // The connection's last bytes wait for its end, which follows at once, and leave with it in one packet.
  const bool ends = first_ == nullptr && last_request_seen_ && tls_ == nullptr && !output_.empty();
  const int flags = ends ? MSG_MORE : 0;
  std::array<iovec, kMaxWriteBuffers> buffers;
  while (!closed_ && !blocked_ && !output_.empty()) {
    const long sent = SendOnce(std::span(buffers.data(), output_.Gather(buffers)), flags);
    if (sent >= 0) {
      output_.Consume(static_cast<std::size_t>(sent));
      reading_.bytes += static_cast<std::size_t>(sent);
      NoteProgress();
    } else if (errno == EAGAIN) {
      NoteBlocked();
    } else if (errno != EINTR) {
      return Close(kClientGone);
    }
  }
  // Not left to the closing of the socket, which drops what waits where there are bytes unread.
  if (ends && output_.empty()) shutdown(socket_.get(), SHUT_WR);
}

void HttpSession::Flush(const HttpExchange& exchange) {
  std::array<iovec, kMaxWriteBuffers> buffers;
  while (!closed_ && !blocked_ && &exchange == first_ && !output_.empty()) {
    const long sent = SendOnce(std::span(buffers.data(), output_.Gather(buffers)));
    if (sent < 0) {
      if (errno == EAGAIN) NoteBlocked();
      return;
    }
    output_.Consume(static_cast<std::size_t>(sent));
    NoteProgress();
  }
}

std::size_t HttpSession::SendFromItsPlace(const HttpExchange& exchange, std::string_view body, std::string_view tail) {
  if (closed_ || blocked_ || &exchange != first_) return 0;
  std::array<iovec, kMaxWriteBuffers + 2> buffers;
  std::size_t count = output_.Gather(std::span(buffers).first(kMaxWriteBuffers));
  std::size_t queued = 0;
  for (std::size_t i = 0; i < count; ++i) queued += buffers[i].iov_len;
  if (queued != output_.bytes()) return 0;
  buffers[count++] = {.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()};
  if (!tail.empty()) buffers[count++] = {.iov_base = const_cast<char*>(tail.data()), .iov_len = tail.size()};
  const long sent = SendOnce(std::span(buffers).first(count));
  // An error comes up again when the rest is sent; here a handler is running, so the connection must stay.
  if (sent <= 0) {
    if (errno == EAGAIN) NoteBlocked();
    return 0;
  }
  const std::size_t from_queue = std::min(static_cast<std::size_t>(sent), queued);
  output_.Consume(from_queue);
  NoteProgress();
  return static_cast<std::size_t>(sent) - from_queue;
}

}  // namespace jsd
