#ifndef JSD_SERVER_CLIENT_RESOLVER_H_
#define JSD_SERVER_CLIENT_RESOLVER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/http_client.h"

namespace jsd {

// Host names as addresses, by the system's resolver (RFC 6724 order) on threads of its own, since that may block for
// many seconds. Answers are kept for a while, failures for a second, and those who ask for a name that is being looked
// up wait for the same answer.
//
// Owner: the worker's HTTP client. Thread: the worker's. Lifetime: within that of the io_context; a thread that is
// still looking something up when the resolver goes ends by itself, in nothing.
class Resolver {
 public:
  struct Answer {
    std::vector<boost::asio::ip::address> addresses;  // Empty: `failure` says why.
    HttpClientFailure failure;
  };
  using Done = std::function<void(const Answer&)>;

  // What looks a name up, on any thread.
  using Lookup = std::function<Answer(const std::string& host)>;
  static Answer SystemLookup(const std::string& host);

  Resolver(boost::asio::io_context& io, std::chrono::milliseconds keep, Lookup lookup = SystemLookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `host` as the URL standard writes it: a name, an IPv4 address, or an IPv6 address in brackets. `done` is called
  // from inside where the answer is known, else later; never after the resolver has gone.
  void Resolve(const std::string& host, Done done);

 private:
  using Clock = std::chrono::steady_clock;

  // What the threads share with the resolver.
  struct Anchor;

  struct Entry {
    bool known = false;
    Clock::time_point expires;
    Answer answer;
    std::vector<Done> waiting;
  };

  void Start(const std::string& host);
  void OnAnswer(const std::string& host, Answer answer);
  void MakeRoom();

  const std::chrono::milliseconds keep_;
  const Lookup lookup_;
  const std::shared_ptr<Anchor> anchor_;
  std::unordered_map<std::string, Entry> entries_;
  std::vector<std::string> queued_;  // Names that wait for a thread.
  std::size_t running_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_RESOLVER_H_
