#include "server/metrics/metrics_server.h"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kMostClients = 32;
constexpr std::size_t kHeaderLimit = 8 * 1024;
constexpr std::size_t kBodyLimit = 8 * 1024;

// For a request, which may follow one in the same connection: more than the pause between two looks of most monitoring.
constexpr std::chrono::seconds kReadTime{120};
constexpr std::chrono::seconds kWriteTime{10};

constexpr std::string_view kPath = "/metrics";
constexpr char kPageType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kTextType[] = "text/plain; charset=utf-8";

}  // namespace

// One connection, of TCP or of a unix socket.
//
// Owner: the handlers that Asio holds, and an answer that is owed. Thread: the server's. Lifetime: the connection's;
// the server is there whenever a handler is called.
class MetricsServer::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(MetricsServer& server, UniqueFd socket) : server_(server), stream_(server.io_) {
    stream_.socket().assign(Protocol(AF_UNSPEC, 0), socket.Release());
  }

  void Read() {
    parser_.emplace();
    parser_->header_limit(kHeaderLimit);
    parser_->body_limit(kBodyLimit);
    stream_.expires_after(kReadTime);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) { self->OnRequest(error); });
  }

 private:
  using Protocol = asio::generic::stream_protocol;

  void OnRequest(beast::error_code error) {
    if (error == http::error::end_of_stream) return;
    response_ = {};
    if (error) {
      // Else the client has gone, or been idle.
      if (error.category() == http::make_error_code(http::error::bad_method).category()) {
        Write(http::status::bad_request, kTextType, "Bad Request\n", true);
      }
      return;
    }
    const auto& request = parser_->get();
    const bool last = !request.keep_alive();
    const std::string_view target(request.target().data(), request.target().size());
    if (target.substr(0, target.find('?')) != kPath) {
      return Write(http::status::not_found, kTextType, "Not Found: there is " + std::string(kPath) + "\n", last);
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      response_.set(http::field::allow, "GET, HEAD");
      return Write(http::status::method_not_allowed, kTextType, "Method Not Allowed\n", last);
    }
    server_.source_([self = shared_from_this(), last](std::string page) {
      self->Write(http::status::ok, kPageType, std::move(page), last);
    });
  }

  void Write(http::status status, const char* type, std::string text, bool last) {
    response_.result(status);
    response_.set(http::field::content_type, type);
    response_.body() = std::move(text);
    response_.keep_alive(!last && !server_.stopping_);
    response_.prepare_payload();
    serializer_.emplace(response_);
    stream_.expires_after(kWriteTime);
    auto written = [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) self->Read();
    };
    if (parser_->get().method() == http::verb::head) {
      http::async_write_header(stream_, *serializer_, std::move(written));
    } else {
      http::async_write(stream_, *serializer_, std::move(written));
    }
  }

  MetricsServer& server_;
  beast::basic_stream<Protocol> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

MetricsServer::MetricsServer(asio::io_context& io, Source source) : io_(io), source_(std::move(source)) {}

MetricsServer::~MetricsServer() = default;

void MetricsServer::Serve(UniqueFd socket) {
  std::erase_if(clients_, [](const std::weak_ptr<Client>& client) { return client.expired(); });
  if (clients_.size() >= kMostClients) return;
  const auto client = std::make_shared<Client>(*this, std::move(socket));
  clients_.push_back(client);
  client->Read();
}

}  // namespace jsd
