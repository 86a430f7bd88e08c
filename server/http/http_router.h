#ifndef JSD_SERVER_HTTP_HTTP_ROUTER_H_
#define JSD_SERVER_HTTP_HTTP_ROUTER_H_

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/request_event.h"
#include "core/web_socket.h"
#include "worker/metrics.h"
#include "worker/request_sink.h"

namespace jsd {

// An app as the sessions of a worker see it.
struct HttpApp {
  RequestSink* sink = nullptr;  // Null: it runs on other workers.
  std::string name;
  LimitsConfig limits;
  std::shared_ptr<AppCounters> counters;  // Null: requests are not measured.
  std::vector<RequestEvent*> batch;       // Its requests of this turn.
  std::vector<WebSocketEvent> messages;   // The same of WebSockets.
};

// Finds the app of a request by host and path. Of the apps that match, the one with the most specific host serves: a
// name before a pattern, a longer pattern before a shorter one, any before none; of those the one with the longest
// path.
//
// Owner: a service. Thread: the worker's. Lifetime: the service's, and the apps that it gives out live as long.
class HttpRouter {
 public:
  // `sinks` are those of `config.apps`, in their order; null for apps that run on other workers.
  HttpRouter(const Config& config, std::span<RequestSink* const> sinks) { Set(config, sinks); }
  HttpRouter(const HttpRouter&) = delete;
  HttpRouter& operator=(const HttpRouter&) = delete;

  // Routes by another configuration from now on. Apps whose sinks are in both stay the same.
  void Set(const Config& config, std::span<RequestSink* const> sinks);

  // Null where no app serves this. A single app that serves everything is found at no cost.
  HttpApp* Find(const RequestHead& head) const { return only_ != nullptr ? only_ : Search(head); }

  // All of them, also those that the configuration has no more.
  std::deque<HttpApp>& apps() { return apps_; }

  // Some app runs on other workers.
  bool spread() const { return spread_; }

  // What a header is parsed by, before its app is known.
  const LimitsConfig& limits() const { return limits_; }

 private:
  struct Route {
    std::string host;  // In lower case; ".example.org" for "*.example.org"; empty: all.
    bool exact = false;
    std::string path;  // "/v1", or empty: all.
    HttpApp* app = nullptr;
  };

  HttpApp& AppOf(RequestSink* sink, const std::string& name);
  HttpApp* Search(const RequestHead& head) const;

  std::deque<HttpApp> apps_;   // Their addresses stay.
  std::vector<Route> routes_;  // The most specific first.
  HttpApp* only_ = nullptr;
  bool spread_ = false;
  LimitsConfig limits_;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_ROUTER_H_
