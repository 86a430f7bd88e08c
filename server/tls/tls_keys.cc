#include "server/tls/tls_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

TicketKeys::Key MakeKey() {
  TicketKeys::Key key;
  JSD_CHECK(RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
            RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1 &&
            RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1);
  return key;
}

}  // namespace

// The second is one that nobody has tickets of.
TicketKeys::TicketKeys(std::function<Clock::time_point()> now)
    : now_(std::move(now)), keys_{MakeKey(), MakeKey()}, made_(now_()) {}

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), sizeof keys_); }

void TicketKeys::Rotate() {
  const auto age = now_() - made_;
  if (age < kPeriod) return;
  // After two periods without a client the tickets of both keys are too old.
  keys_[1] = age < 2 * kPeriod ? keys_[0] : MakeKey();
  keys_[0] = MakeKey();
  made_ = now_();
}

TicketKeys::Key TicketKeys::Current() {
  const std::lock_guard lock(mutex_);
  Rotate();
  return keys_[0];
}

std::optional<TicketKeys::Found> TicketKeys::Find(std::span<const unsigned char, 16> name) {
  const std::lock_guard lock(mutex_);
  Rotate();
  for (const Key& key : keys_) {
    if (std::ranges::equal(key.name, name)) return Found{key, &key != keys_.data()};
  }
  return std::nullopt;
}

}  // namespace jsd
