#include "server/http/http_service.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/listen_address.h"
#include "server/endpoint.h"
#include "server/handler_memory.h"
#include "server/http/http_context.h"
#include "server/http/http_exchange.h"
#include "server/http/http_session.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

// Free exchanges that are kept.
constexpr std::size_t kExchangesKept = 1024;

// Requests of several connections are one batch as long as what they are answered stays in the processor's caches until
// it is sent.
constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr std::size_t kMostInBatch = 128;

// Deadlines are looked at so often: a tenth of the shortest timeout, within these bounds.
constexpr std::chrono::milliseconds kShortestSweep{10};
constexpr std::chrono::milliseconds kLongestSweep{500};

using SessionPtr = boost::intrusive_ptr<HttpSession>;

// The sessions of one worker, and what they share.
//
// Owner: the worker. Thread: the worker's. Lifetime: within that of io_context, sink, config and log.
class HttpService final : public ConnectionHandler, private HttpContext {
 public:
  HttpService(asio::io_context& io_context, std::span<RequestSink* const> sinks, const Config& configuration,
              Log& service_log, const TlsRegistry* tls, LogSink* access, Metrics* metrics);
  ~HttpService() override;

  void Adopt(Connection connection) override;
  void Drain(std::function<void()> drained, std::chrono::milliseconds idle_patience) override;
  void Reconfigure(const Config& next, std::span<RequestSink* const> apps) override;
  std::size_t CloseAll() override;
  std::size_t connections() const override { return session_count_; }
  void set_hand_over(std::function<void(Connection)> hand_over) override { hand_over_ = std::move(hand_over); }

 private:
  HttpExchange* AcquireExchange() override;
  void ReleaseExchange(HttpExchange& exchange) override;
  void Reap() override;
  void AddTurn(HttpSession& session) override;
  void ScheduleTurn(HttpSession& session) override;
  void RunTurns() override;
  void Remove(HttpSession& session) override;
  std::unique_ptr<TlsStream> StartTls(unsigned listener, int socket) override;
  bool Redirects(unsigned listener) override;
  void HandOver(Connection connection) override { hand_over_(std::move(connection)); }

  void SetProxies();
  void SetCounters();
  void ScheduleSweep();
  void Sweep();
  void ReportDrained();
  template <typename Action>
  void ForEachSession(Action action);

  // What the handlers that Asio holds share with the service: when it is gone, they see that and have their memory.
  struct Anchor {
    HttpService* service = nullptr;
    HandlerMemory turns_memory;
    HandlerMemory sweep_memory;
  };

  const std::shared_ptr<Anchor> anchor_;
  const TlsRegistry* const tls_;
  Metrics* const metrics_;
  HttpSession* sessions_ = nullptr;
  std::atomic<std::size_t> session_count_ = 0;
  HttpExchange* released_ = nullptr;
  HttpExchange* free_exchanges_ = nullptr;
  std::size_t free_count_ = 0;
  bool turns_posted_ = false;
  std::vector<SessionPtr> scheduled_;
  std::vector<SessionPtr> running_;
  std::size_t sessions_in_batch_ = kMostInBatch;  // So many as their replies, by the last ones' size, are kBatchBytes.
  asio::steady_timer sweep_timer_;
  std::chrono::milliseconds sweep_period_;
  bool sweep_scheduled_ = false;
  std::function<void()> drained_;
  std::function<void(Connection)> hand_over_;
};

std::chrono::milliseconds SweepPeriod(const Config& config) {
  std::chrono::milliseconds period = kLongestSweep;
  const TimeoutsConfig& timeouts = config.timeouts;
  const WebSocketConfig& websocket = config.websocket;
  const auto consider = [&period](std::chrono::milliseconds timeout) {
    if (timeout.count() != 0) period = std::min(period, timeout / 10);
  };
  for (const auto timeout : {timeouts.handshake, timeouts.header, timeouts.body, timeouts.idle, timeouts.write,
                             websocket.ping, websocket.idle, websocket.close}) {
    consider(timeout);
  }
  for (const AppConfig& app : config.apps) consider(app.limits.request);
  return std::max(period, kShortestSweep);
}

// Of the first address with TLS, as URLs have it.
std::string HttpsPort(const Config& config) {
  if (config.server.tls.empty()) return {};
  const auto address = ParseListenAddress(config.server.tls.front().listen.front());
  // A unix socket's port is its proxy's, most likely the usual one.
  return address.value->port == 443 || address.value->port == 0 ? "" : ":" + std::to_string(address.value->port);
}

HttpService::HttpService(asio::io_context& io_context, std::span<RequestSink* const> sinks, const Config& configuration,
                         Log& service_log, const TlsRegistry* tls, LogSink* access, Metrics* metrics)
    : HttpContext(io_context, sinks, configuration, service_log),
      anchor_(std::make_shared<Anchor>()),
      tls_(tls),
      metrics_(metrics),
      sweep_timer_(io_context),
      sweep_period_(SweepPeriod(configuration)) {
  if (access != nullptr) access_log.emplace(*access, configuration.log.access_format);
  if (metrics != nullptr) unrouted = metrics->Join("");
  anchor_->service = this;
  SetProxies();
  SetCounters();
  https_port = HttpsPort(configuration);
}

HttpService::~HttpService() {
  anchor_->service = nullptr;
  drained_ = nullptr;
  CloseAll();
  Reap();
  while (free_exchanges_ != nullptr) delete std::exchange(free_exchanges_, free_exchanges_->next);
}

void HttpService::Adopt(Connection connection) {
  if (draining && connection.begun == nullptr) return;
  // Two reloads have passed since it was accepted on an address that is gone.
  const unsigned listener = connection.listener;
  const bool tls = Endpoint::KindOf(listener) == Endpoint::Kind::kTls && connection.begun == nullptr;
  if (tls && !tls_->Find(Endpoint::TlsOf(listener))) return;
  const std::unique_ptr<BegunConnection> begun = std::move(connection.begun);
  const SessionPtr session(new HttpSession(*this, std::move(connection), begun.get()));
  if (!session->Start()) return log.Error("cannot serve a connection", {{"error", std::strerror(errno)}});
  intrusive_ptr_add_ref(session.get());  // The list's.
  session->next = sessions_;
  if (sessions_ != nullptr) sessions_->previous = session.get();
  sessions_ = session.get();
  ++session_count_;
  ScheduleSweep();
}

std::unique_ptr<TlsStream> HttpService::StartTls(unsigned listener, int socket) {
  if (Endpoint::KindOf(listener) != Endpoint::Kind::kTls) return nullptr;
  return std::make_unique<TlsStream>(tls_->Find(Endpoint::TlsOf(listener)), socket);
}

bool HttpService::Redirects(unsigned listener) { return Endpoint::KindOf(listener) == Endpoint::Kind::kRedirect; }

void HttpService::Remove(HttpSession& session) {
  (session.previous == nullptr ? sessions_ : session.previous->next) = session.next;
  if (session.next != nullptr) session.next->previous = session.previous;
  --session_count_;
  intrusive_ptr_release(&session);
  if (session_count_ == 0) ReportDrained();
}

void HttpService::Drain(std::function<void()> drained, std::chrono::milliseconds idle_patience) {
  draining = true;
  drained_ = std::move(drained);
  ForEachSession([&](HttpSession& session) { session.Drain(idle_patience); });
  if (session_count_ == 0) ReportDrained();
}

void HttpService::Reconfigure(const Config& next, std::span<RequestSink* const> apps) {
  config = next;
  router.Set(config, apps);
  SetProxies();
  SetCounters();
  sweep_period_ = SweepPeriod(config);
  https_port = HttpsPort(config);
}

void HttpService::SetProxies() {
  proxies.clear();
  for (const std::string& text : config.proxy.trusted) proxies.push_back(*ParseTrustedProxy(text).value);
}

void HttpService::SetCounters() {
  if (metrics_ == nullptr) return;
  for (HttpApp& app : router.apps()) {
    if (!app.counters) app.counters = metrics_->Join(app.name);
  }
}

void HttpService::ReportDrained() {
  // Posted, so that the caller may do away with the service.
  if (drained_) asio::post(io, std::exchange(drained_, nullptr));
}

std::size_t HttpService::CloseAll() {
  std::size_t cut = 0;
  ForEachSession([&cut](HttpSession& session) {
    cut += session.unanswered();
    session.Cut("The server is shutting down.");
  });
  return cut;
}

// Sessions close only by themselves, so that no action takes away another session than its own.
template <typename Action>
void HttpService::ForEachSession(Action action) {
  for (HttpSession* session = sessions_; session != nullptr;) {
    const SessionPtr alive(session);
    HttpSession* const next = session->next;
    action(*session);
    session = next;
  }
}

HttpExchange* HttpService::AcquireExchange() {
  if (free_exchanges_ == nullptr) return new HttpExchange(blocks);
  --free_count_;
  return std::exchange(free_exchanges_, free_exchanges_->next);
}

void HttpService::ReleaseExchange(HttpExchange& exchange) { exchange.next = std::exchange(released_, &exchange); }

void HttpService::Reap() {
  while (released_ != nullptr) {
    HttpExchange& exchange = *std::exchange(released_, released_->next);
    exchange.End();
    if (free_count_ == kExchangesKept) {
      delete &exchange;
    } else {
      exchange.next = std::exchange(free_exchanges_, &exchange);
      ++free_count_;
    }
  }
}

void HttpService::AddTurn(HttpSession& session) {
  if (session.turn_scheduled) return;
  session.turn_scheduled = true;
  scheduled_.emplace_back(&session);
}

void HttpService::ScheduleTurn(HttpSession& session) {
  AddTurn(session);
  if (turns_posted_) return;
  turns_posted_ = true;
  const auto run = [anchor = anchor_] {
    if (anchor->service == nullptr) return;
    anchor->service->turns_posted_ = false;
    anchor->service->RunTurns();
  };
  asio::post(io, KeptIn(anchor_->turns_memory, run));
}

void HttpService::RunTurns() {
  running_.swap(scheduled_);
  for (std::span<const SessionPtr> rest(running_); !rest.empty();) {
    const auto together = rest.first(std::min(rest.size(), sessions_in_batch_));
    rest = rest.subspan(together.size());
    for (const SessionPtr& session : together) {
      session->turn_scheduled = false;
      session->BeginTurn();
    }
    for (HttpApp& app : router.apps()) {
      if (!app.batch.empty()) {
        app.sink->Dispatch(app.batch);
        app.batch.clear();
      }
      if (!app.messages.empty()) {
        app.sink->DispatchMessages(app.messages);
        app.messages.clear();
      }
    }
    std::size_t bytes = 0;
    for (const SessionPtr& session : together) {
      bytes += session->output_bytes();
      session->EndTurn();
    }
    sessions_in_batch_ =
        std::clamp<std::size_t>(kBatchBytes * together.size() / std::max<std::size_t>(bytes, 1), 1, kMostInBatch);
    Reap();
  }
  running_.clear();
}

void HttpService::ScheduleSweep() {
  if (sweep_scheduled_) return;
  sweep_scheduled_ = true;
  sweep_timer_.expires_after(sweep_period_);
  const auto sweep = [anchor = anchor_](const boost::system::error_code&) {
    if (anchor->service != nullptr) anchor->service->Sweep();
  };
  sweep_timer_.async_wait(KeptIn(anchor_->sweep_memory, sweep));
}

void HttpService::Sweep() {
  sweep_scheduled_ = false;
  const std::int64_t now = CoarseClock::Now();
  ForEachSession([now](HttpSession& session) { session.CheckDeadlines(now); });
  Reap();
  if (access_log) access_log->Flush();
  if (session_count_ != 0) ScheduleSweep();
}

}  // namespace

std::unique_ptr<ConnectionHandler> MakeHttpService(asio::io_context& io, std::span<RequestSink* const> apps,
                                                   const Config& config, Log& log, const TlsRegistry* tls,
                                                   LogSink* access, Metrics* metrics) {
  return std::make_unique<HttpService>(io, apps, config, log, tls, access, metrics);
}

}  // namespace jsd
