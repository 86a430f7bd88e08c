#include "server/listener_set.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "config/listen_address.h"
#include "core/check.h"

namespace jsd {
namespace {

const char* Purpose(Endpoint::Kind kind) {
  switch (kind) {
    case Endpoint::Kind::kTls:
      return " with TLS";
    case Endpoint::Kind::kMetrics:
      return " for metrics";
    case Endpoint::Kind::kHttp:
    case Endpoint::Kind::kRedirect:
      break;
  }
  return "";
}

}  // namespace

ListenerSet::ListenerSet(boost::asio::io_context& io, Log& log, bool leaves_files, Functions functions)
    : io_(io), log_(log), leaves_files_(leaves_files), functions_(std::move(functions)) {}

ListenerSet::~ListenerSet() = default;

bool ListenerSet::Prepare(const Config& config, std::vector<std::string>* errors) {
  for (const auto& entry : entries_) entry->wanted = entry->fresh = false;
  const Listener::Options options{.reuse_port = config.server.reuse_port,
                                  .unix_mode = config.server.unix_mode,
                                  .unix_owner = config.server.unix_owner};
  bool complete = true;
  for (const Endpoint& endpoint : EndpointsOf(config)) complete &= PrepareEndpoint(endpoint, options, errors);
  return complete;
}

bool ListenerSet::PrepareEndpoint(const Endpoint& endpoint, const Listener::Options& options,
                                  std::vector<std::string>* errors) {
  const Parsed<ListenAddress> address = ParseListenAddress(endpoint.address);
  JSD_CHECK(address.value);  // Loading the configuration has checked it.
  const bool systemd = address.value->kind == ListenAddress::Kind::kSystemd;
  bool found = false;
  for (const auto& entry : entries_) {
    if (entry->wanted || entry->listener->name() != endpoint.address) continue;
    entry->wanted = found = true;
    entry->next = endpoint;
    if (!systemd) break;
  }
  if (found) return true;
  const std::size_t errors_before = errors->size();
  if (AdoptInherited(endpoint, *address.value, errors)) return true;
  if (errors->size() > errors_before) return false;
  std::string error;
  std::unique_ptr<Listener> listener = Listener::Open(*address.value, options, &error);
  if (!listener) {
    errors->push_back(error);
    return false;
  }
  listener->LeaveFile(leaves_files_);
  if (functions_.opened) functions_.opened(*listener);
  Add(std::move(listener), endpoint);
  return true;
}

bool ListenerSet::AdoptInherited(const Endpoint& endpoint, const ListenAddress& address,
                                 std::vector<std::string>* errors) {
  bool found = false;
  for (;;) {
    UniqueFd socket = inherited_.Take(endpoint.address);
    if (!socket.valid()) return found;
    std::string error;
    std::unique_ptr<Listener> listener = Listener::Adopt(std::move(socket), address, &error);
    if (!listener) {
      errors->push_back(error);
      return false;
    }
    Add(std::move(listener), endpoint);
    found = true;
    // Of port 0 there may be several, each an entry of its own.
    if (address.kind != ListenAddress::Kind::kSystemd) return true;
  }
}

void ListenerSet::Add(std::unique_ptr<Listener> listener, const Endpoint& endpoint) {
  auto entry = std::make_unique<Entry>();
  entry->listener = std::move(listener);
  entry->next = endpoint;
  entries_.push_back(std::move(entry));
}

void ListenerSet::Commit() {
  Close([](const Entry& entry) { return !entry.wanted; });
  // What is left of an earlier process is for addresses that the configuration has no more; but what systemd holds may
  // be wanted again.
  for (InheritedSockets::Socket& socket : inherited_.TakeAll()) {
    const Parsed<ListenAddress> address = ParseListenAddress(socket.name);
    if (!address.value || address.value->kind == ListenAddress::Kind::kSystemd) {
      inherited_.Add(std::move(socket.name), std::move(socket.descriptor));
      continue;
    }
    std::string ignored;
    const auto listener = Listener::Adopt(std::move(socket.descriptor), *address.value, &ignored);
    if (listener && functions_.closed) functions_.closed(*listener);
  }
  for (const auto& entry : entries_) {
    entry->number = entry->next.number();
    entry->fresh = false;
    if (entry->acceptor) continue;
    entry->listener->LeaveFile(leaves_files_);
    Entry* const here = entry.get();
    entry->acceptor = std::make_unique<Acceptor>(
        io_, *entry->listener, log_, [this, here](UniqueFd socket, std::string address, std::uint16_t port) {
          functions_.accepted({.socket = std::move(socket),
                               .remote_address = std::move(address),
                               .ticket = {},
                               .listener = here->number,
                               .remote_port = port});
        });
    entry->acceptor->Start();
    log_.Info("listening on " + ToString(entry->listener->address()) + Purpose(entry->next.kind));
  }
}

void ListenerSet::Discard() {
  Close([](const Entry& entry) { return entry.fresh; });
}

template <typename Condition>
void ListenerSet::Close(Condition condition) {
  const auto kept =
      std::stable_partition(entries_.begin(), entries_.end(), [&](const auto& entry) { return !condition(*entry); });
  for (auto entry = kept; entry != entries_.end(); ++entry) {
    const ListenAddress& address = (*entry)->listener->address();
    if ((*entry)->acceptor) {
      (*entry)->acceptor->Stop();
      log_.Info("listening no more on " + ToString(address));
    }
    if (functions_.closed) functions_.closed(*(*entry)->listener);
    (*entry)->listener.reset();
    // The handlers of what was cancelled are on their way.
    boost::asio::post(io_, [gone = std::move(*entry)] {});
  }
  entries_.erase(kept, entries_.end());
}

void ListenerSet::Stop(bool leave_files) {
  for (const auto& entry : entries_) {
    if (entry->acceptor) entry->acceptor->Stop();
    if (leave_files && entry->listener) entry->listener->LeaveFile(true);
    entry->listener.reset();
  }
}

std::vector<const Listener*> ListenerSet::listeners() const {
  std::vector<const Listener*> listeners;
  for (const auto& entry : entries_) {
    if (entry->listener) listeners.push_back(entry->listener.get());
  }
  return listeners;
}

}  // namespace jsd
