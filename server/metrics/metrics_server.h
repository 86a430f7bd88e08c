#ifndef JSD_SERVER_METRICS_METRICS_SERVER_H_
#define JSD_SERVER_METRICS_METRICS_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/unique_fd.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// Answers GET and HEAD of /metrics, on a thread that no script can hold up.
//
// Owner: the master. Thread: the one that runs the io_context. Lifetime: within the io_context's.
class MetricsServer {
 public:
  // Called for each request; it calls `answer` once, with the page, or destroys it.
  using Source = std::function<void(std::function<void(std::string page)> answer)>;

  MetricsServer(boost::asio::io_context& io, Source source);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // A connection that was accepted. Of more than a few at a time the further ones are closed.
  void Serve(UniqueFd socket);

  // Connections end after their next reply.
  void Stop() { stopping_ = true; }

 private:
  class Client;

  boost::asio::io_context& io_;
  const Source source_;
  std::vector<std::weak_ptr<Client>> clients_;
  bool stopping_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_METRICS_METRICS_SERVER_H_
