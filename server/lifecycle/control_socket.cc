#include "server/lifecycle/control_socket.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "config/listen_address.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

// A word and its line break.
constexpr std::size_t kLongestCommand = 64;

constexpr std::string_view kOk = "ok";
constexpr std::string_view kFailed = "failed";

}  // namespace

// One connection. What Asio holds of it and the answer that is owed keep it alive.
class ControlSocket::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(asio::io_context& io, UniqueFd socket) : socket_(io, asio::local::stream_protocol(), socket.Release()) {}

  void Read(const Handler& handler) {
    asio::async_read_until(socket_, asio::dynamic_buffer(text_, kLongestCommand), '\n',
                           [self = shared_from_this(), handler](const boost::system::error_code& error, std::size_t) {
                             if (error) return;
                             const std::string word = self->text_.substr(0, self->text_.find('\n'));
                             handler(word, [self](bool ok, std::string_view reason) { self->Answer(ok, reason); });
                           });
  }

 private:
  void Answer(bool ok, std::string_view reason) {
    text_ = ok ? kOk : kFailed;
    text_ += '\n';
    text_ += reason;
    // At once as far as the socket takes it: the process may be about to end.
    boost::system::error_code ignored;
    socket_.non_blocking(false, ignored);
    asio::write(socket_, asio::buffer(text_), ignored);
    socket_.close(ignored);
  }

  asio::local::stream_protocol::socket socket_;
  std::string text_;
};

ControlSocket::ControlSocket(asio::io_context& io, std::unique_ptr<Listener> listener, Log& log, Handler handler)
    : listener_(std::move(listener)),
      acceptor_(io, *listener_, log,
                [&io, handler = std::move(handler)](UniqueFd socket, const std::string&, std::uint16_t) {
                  std::make_shared<Client>(io, std::move(socket))->Read(handler);
                }) {}

void ControlSocket::Stop(bool leave_file) {
  if (!listener_) return;
  acceptor_.Stop();
  if (leave_file) listener_->LeaveFile(true);
  listener_.reset();
}

ControlResult AskServer(const std::string& address, std::string_view word) {
  const Parsed<ListenAddress> parsed = ParseListenAddress(address);
  if (!parsed.value) return {1, address + ": " + parsed.error};
  asio::io_context io;
  asio::local::stream_protocol::socket socket(io);
  boost::system::error_code error;
  socket.connect(asio::local::stream_protocol::endpoint(parsed.value->path), error);
  if (error) return {1, "no server answers on " + parsed.value->path + ": " + error.message()};
  asio::write(socket, asio::buffer(std::string(word) + '\n'), error);
  std::string answer;
  if (!error) asio::read(socket, asio::dynamic_buffer(answer), error);
  const std::size_t line = std::min(answer.find('\n'), answer.size());
  const std::string text = answer.substr(std::min(line + 1, answer.size()));
  if (answer.substr(0, line) == kOk) return {0, text};
  return {1, text.empty() ? "the server has gone without an answer" : text};
}

}  // namespace jsd
