#include "server/client/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;
using asio::ip::address;

constexpr std::size_t kMostThreads = 8;
constexpr std::size_t kMostEntries = 1024;
constexpr std::chrono::milliseconds kKeepFailure{1000};

HttpClientFailure FailureOf(int code, const std::string& host) {
  switch (code) {
    case EAI_AGAIN:
      return {"EAI_AGAIN", "the name servers did not answer for '" + host + "'"};
    case EAI_SYSTEM:
      return {"EAI_SYSTEM", "cannot look up '" + host + "': " + std::strerror(errno)};
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
      return {"ENOTFOUND", "the name '" + host + "' was not found"};
    default:
      return {"EAI_FAIL", "cannot look up '" + host + "': " + ::gai_strerror(code)};
  }
}

bool EndsWithLocalhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

}  // namespace

struct Resolver::Anchor {
  std::mutex mutex;
  asio::io_context* io;  // Guarded by mutex. Null once the resolver has gone, which `resolver` says to its own thread.
  Resolver* resolver;
};

Resolver::Answer Resolver::SystemLookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  Answer answer;
  if (code != 0) {
    answer.failure = FailureOf(code, host);
    return answer;
  }
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    address found;
    if (info->ai_family == AF_INET) {
      asio::ip::address_v4::bytes_type bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(info->ai_addr)->sin_addr, bytes.size());
      found = asio::ip::address_v4(bytes);
    } else if (info->ai_family == AF_INET6) {
      const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(info->ai_addr);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
      found = asio::ip::address_v6(bytes, v6->sin6_scope_id);
    } else {
      continue;
    }
    if (std::ranges::find(answer.addresses, found) == answer.addresses.end()) answer.addresses.push_back(found);
  }
  ::freeaddrinfo(list);
  if (answer.addresses.empty()) answer.failure = FailureOf(EAI_NONAME, host);
  return answer;
}

Resolver::Resolver(asio::io_context& io, std::chrono::milliseconds keep, Lookup lookup)
    : keep_(keep), lookup_(std::move(lookup)), anchor_(std::make_shared<Anchor>()) {
  anchor_->io = &io;
  anchor_->resolver = this;
}

Resolver::~Resolver() {
  const std::lock_guard lock(anchor_->mutex);
  anchor_->io = nullptr;
  anchor_->resolver = nullptr;
}

void Resolver::Resolve(const std::string& host, Done done) {
  boost::system::error_code not_literal;
  const bool bracketed = host.size() > 2 && host.front() == '[';
  const address literal = asio::ip::make_address(bracketed ? host.substr(1, host.size() - 2) : host, not_literal);
  if (!not_literal) return done({{literal}, {}});
  // RFC 6761 section 6.3: never a question to a name server.
  if (EndsWithLocalhost(host)) {
    return done({{asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()}, {}});
  }
  const auto now = Clock::now();
  Entry& entry = entries_[host];
  if (entry.known && now < entry.expires) return done(Answer(entry.answer));
  const bool under_way = !entry.known && !entry.waiting.empty();
  entry.known = false;
  entry.waiting.push_back(std::move(done));
  if (!under_way) Start(host);
}

void Resolver::Start(const std::string& host) {
  if (running_ == kMostThreads) {
    queued_.push_back(host);
    return;
  }
  ++running_;
  const auto work = [anchor = anchor_, lookup = lookup_, host] {
    Answer answer = lookup(host);
    const std::lock_guard lock(anchor->mutex);
    if (anchor->io == nullptr) return;
    asio::post(*anchor->io, [anchor, host, answer = std::move(answer)]() mutable {
      if (anchor->resolver != nullptr) anchor->resolver->OnAnswer(host, std::move(answer));
    });
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error& error) {
    asio::post(*anchor_->io, [anchor = anchor_, host, message = std::string(error.what())] {
      if (anchor->resolver == nullptr) return;
      anchor->resolver->OnAnswer(host, {{}, {"EAGAIN", "cannot look up '" + host + "': " + message}});
    });
  }
}

void Resolver::OnAnswer(const std::string& host, Answer answer) {
  --running_;
  MakeRoom();
  Entry& entry = entries_[host];
  entry.known = true;
  entry.expires = Clock::now() + (answer.addresses.empty() ? std::min(keep_, kKeepFailure) : keep_);
  entry.answer = std::move(answer);
  const std::vector<Done> waiting = std::exchange(entry.waiting, {});
  const Answer copy = entry.answer;
  if (!queued_.empty()) {
    const std::string next = std::move(queued_.front());
    queued_.erase(queued_.begin());
    Start(next);
  }
  for (const Done& done : waiting) done(copy);
}

void Resolver::MakeRoom() {
  if (entries_.size() < kMostEntries) return;
  const auto now = Clock::now();
  std::erase_if(entries_, [now](const auto& item) { return item.second.known && item.second.expires <= now; });
  if (entries_.size() >= kMostEntries) {
    std::erase_if(entries_, [](const auto& item) { return item.second.known; });
  }
}

}  // namespace jsd
