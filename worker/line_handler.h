#ifndef JSD_WORKER_LINE_HANDLER_H_
#define JSD_WORKER_LINE_HANDLER_H_

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "worker/connection_handler.h"

namespace jsd {

// A connection handler for tests, with the least protocol: a line is the target of a GET request, "/hello\n", and its
// reply is a line of status and body, "200 hi\n". One request of a connection at a time.
//
// Owner, thread, lifetime: as of every ConnectionHandler.
class LineHandler final : public ConnectionHandler {
 public:
  LineHandler(boost::asio::io_context& io, RequestSink& sink) : io_(io), sink_(sink) {}
  ~LineHandler() override;

  static ConnectionHandlerFactory Factory();

  void Adopt(Connection connection) override;
  void Drain(std::function<void()> drained, std::chrono::milliseconds idle_patience) override;
  void Reconfigure(const Config&, std::span<RequestSink* const>) override {}
  std::size_t CloseAll() override;
  std::size_t connections() const override { return count_; }

 private:
  class Session;
  void Remove(const std::shared_ptr<Session>& session);

  boost::asio::io_context& io_;
  RequestSink& sink_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  std::atomic<std::size_t> count_{0};
  std::function<void()> drained_;
};

}  // namespace jsd

#endif  // JSD_WORKER_LINE_HANDLER_H_
