// A connection goes to another worker, where the app of its next request runs.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "server/http/http_session.h"

namespace jsd {
namespace {

// What goes with the socket.
struct BegunHttp final : BegunConnection {
  std::string input;               // What has been read and not served: it starts with a request.
  std::unique_ptr<TlsStream> tls;  // Null where there is none.
  unsigned requests = 0;           // That have been served.
};

}  // namespace

void HttpSession::MoveAway(HttpExchange& exchange, std::string_view header) {
  // It is as if the request had not been read.
  std::memcpy(input_->first() + scanner_.start(), header.data(), header.size());
  const std::string app = exchange.app->name;
  receiving_ = nullptr;
  parser_.reset();
  scanner_.Reset();
  HttpExchange* before = first_ == &exchange ? nullptr : first_;
  while (before != nullptr && before->next != &exchange) before = before->next;
  (before == nullptr ? first_ : before->next) = nullptr;
  last_ = before;
  --in_flight_;
  context_.ReleaseExchange(exchange);
  leaving_ = limited_ = true;
  if (first_ != nullptr || !output_.empty()) return;

  auto begun = std::make_unique<BegunHttp>();
  begun->input.assign(input_->first(), input_->size());
  begun->tls = std::move(tls_);
  begun->requests = requests_;
  context_.poller.Forget(socket_.get(), *this);
  Connection connection{.socket = std::move(socket_),
                        .remote_address = remote_address_,
                        .ticket = std::move(ticket_),
                        .listener = listener_,
                        .remote_port = remote_port_,
                        .app = app,
                        .begun = std::move(begun)};
  Close({});
  context_.HandOver(std::move(connection));
}

void HttpSession::MoveIn(BegunConnection& begun) {
  auto& from = static_cast<BegunHttp&>(begun);
  tls_ = std::move(from.tls);
  requests_ = from.requests;
  input_ = context_.blocks.Acquire(std::max(from.input.size() + 1, BlockPool::kStandardCapacity));
  std::memcpy(input_->data(), from.input.data(), from.input.size());
  input_->end = from.input.size();
  // What has come meanwhile may lie in the socket, or in TLS.
  more_input_ = true;
}

}  // namespace jsd
