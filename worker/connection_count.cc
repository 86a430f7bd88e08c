#include "worker/connection_count.h"

namespace jsd {

std::optional<ConnectionCount::Ticket> ConnectionCount::Admit(const std::string& address) {
  if (limit_ == 0 && limit_per_address_ == 0) return Ticket();
  const std::lock_guard lock(mutex_);
  if (limit_ != 0 && open_ >= limit_) return std::nullopt;
  Addresses::value_type* entry = nullptr;
  if (limit_per_address_ != 0 && !address.empty()) {
    entry = &*addresses_.try_emplace(address, 0).first;
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
