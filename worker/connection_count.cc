#include "worker/connection_count.h"

#include <arpa/inet.h>

#include <algorithm>

namespace jsd {
namespace {

// Whose connections an address counts among: of IPv6 its network of 64 bits, since a client has a whole one of them at
// least (RFC 6177), and as many addresses. Not where it stands for one of IPv4, or where all of a link share the
// network.
std::string ClientOf(const std::string& address) {
  in6_addr parsed;
  if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1 || IN6_IS_ADDR_V4MAPPED(&parsed) ||
      IN6_IS_ADDR_LINKLOCAL(&parsed)) {
    return address;
  }
  std::fill(std::begin(parsed.s6_addr) + 8, std::end(parsed.s6_addr), 0);
  char network[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &parsed, network, sizeof network);
}

}  // namespace

std::optional<ConnectionCount::Ticket> ConnectionCount::Admit(const std::string& address) {
  if (limit_ == 0 && limit_per_address_ == 0) return Ticket();
  const std::lock_guard lock(mutex_);
  if (limit_ != 0 && open_ >= limit_) return std::nullopt;
  Addresses::value_type* entry = nullptr;
  if (limit_per_address_ != 0 && !address.empty()) {
    entry = &*addresses_.try_emplace(ClientOf(address), 0).first;
    if (entry->second >= limit_per_address_) return std::nullopt;
    ++entry->second;
  }
  ++open_;
  return Ticket(this, entry);
}

void ConnectionCount::Remove(Addresses::value_type* address) {
  const std::lock_guard lock(mutex_);
  --open_;
  if (address != nullptr && --address->second == 0) addresses_.erase(addresses_.find(address->first));
}

}  // namespace jsd
