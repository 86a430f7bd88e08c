#include "worker/line_handler.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;

}  // namespace

class LineHandler::Session final : public RequestEvent, public std::enable_shared_from_this<Session> {
 public:
  Session(LineHandler& handler, int socket, std::string remote_address)
      : handler_(handler),
        socket_(handler.io_, asio::generic::stream_protocol(AF_INET, 0), socket),
        remote_address_(std::move(remote_address)) {}

  bool busy() const { return busy_; }

  void Read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_), '\n',
                           [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                             if (error) return self->Close();
                             self->OnLine(size);
                           });
  }

  // True where a request was cut.
  bool Cut() {
    const bool cut = lent_;
    if (lent_) handler_.sink_.Cancel(*this, "the server is stopping");
    lent_ = false;
    Close();
    return cut;
  }

  void Close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    handler_.Remove(shared_from_this());
  }

  // RequestEvent:
  const RequestHead& head() const override { return head_; }
  std::string_view body() const override { return {}; }

  char* Reply(const ReplyHead& head, std::size_t body_size) override {
    output_ = std::to_string(head.status) + " ";
    const std::size_t start = output_.size();
    output_.resize(start + body_size + 1, '\n');
    End();
    return output_.data() + start;
  }

  void StartStream(const ReplyHead& head) override { output_ = std::to_string(head.status) + " "; }
  bool Write(std::string_view chunk) override {
    output_ += chunk;
    return true;
  }
  void EndStream(bool complete) override {
    output_ += complete ? "\n" : " incomplete\n";
    End();
  }
  void Fail(FailReason reason) override {
    output_ = std::to_string(StatusOf(reason)) + " \n";
    End();
  }

 private:
  void OnLine(std::size_t size) {
    target_ = input_.substr(0, size - 1);
    input_.erase(0, size);
    head_ = RequestHead{.method = "GET",
                        .scheme = "http",
                        .authority = "test.example",
                        .target = target_,
                        .remote_address = remote_address_,
                        .fields = {}};
    busy_ = lent_ = true;
    RequestEvent* const batch[] = {this};
    handler_.sink_.Dispatch(batch);
  }

  // The runtime fills the body's room after Reply has returned, so the write waits for the next turn.
  void End() {
    lent_ = false;
    asio::post(handler_.io_, [self = shared_from_this()] { self->WriteReply(); });
  }

  void WriteReply() {
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                        self->busy_ = false;
                        if (error || self->handler_.drained_) return self->Close();
                        self->Read();
                      });
  }

  LineHandler& handler_;
  asio::generic::stream_protocol::socket socket_;
  const std::string remote_address_;
  std::string input_;
  std::string output_;
  std::string target_;
  RequestHead head_;
  bool busy_ = false;  // From the request to the end of its reply.
  bool lent_ = false;  // The runtime holds it.
};

LineHandler::~LineHandler() = default;

ConnectionHandlerFactory LineHandler::Factory() {
  return [](asio::io_context& io, std::span<RequestSink* const> apps, Log&) {
    return std::make_unique<LineHandler>(io, *apps.front());
  };
}

void LineHandler::Adopt(Connection connection) {
  auto session = std::make_shared<Session>(*this, connection.socket.Release(), std::move(connection.remote_address));
  sessions_.insert(session);
  ++count_;
  session->Read();
}

void LineHandler::Drain(std::function<void()> drained, std::chrono::milliseconds) {
  drained_ = std::move(drained);
  const auto sessions = sessions_;
  for (const auto& session : sessions) {
    if (!session->busy()) session->Close();
  }
  if (sessions.empty()) drained_();
}

std::size_t LineHandler::CloseAll() {
  const auto sessions = sessions_;
  std::size_t cut = 0;
  for (const auto& session : sessions) cut += session->Cut();
  return cut;
}

void LineHandler::Remove(const std::shared_ptr<Session>& session) {
  if (sessions_.erase(session) == 0) return;
  --count_;
  if (sessions_.empty() && drained_) drained_();
}

}  // namespace jsd
