#include "server/tls/tls_keys.h"

#include <gtest/gtest.h>

namespace jsd {
namespace {

class TlsKeysTest : public testing::Test {
 protected:
  TicketKeys::Clock::time_point now_{};
  TicketKeys keys_{[this] { return now_; }};
};

TEST_F(TlsKeysTest, ATicketIsTakenForTwoPeriodsAndRenewedInTheSecond) {
  const TicketKeys::Key first = keys_.Current();
  EXPECT_EQ(keys_.Current().name, first.name);
  now_ += TicketKeys::kPeriod - std::chrono::seconds(1);
  auto found = keys_.Find(first.name);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->outdated);
  EXPECT_EQ(found->key.cipher, first.cipher);
  EXPECT_EQ(found->key.mac, first.mac);

  now_ += std::chrono::seconds(2);
  found = keys_.Find(first.name);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->outdated);
  EXPECT_EQ(found->key.cipher, first.cipher);
  const TicketKeys::Key second = keys_.Current();
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);

  now_ += TicketKeys::kPeriod;
  EXPECT_FALSE(keys_.Find(first.name));
  ASSERT_TRUE(keys_.Find(second.name));
}

TEST_F(TlsKeysTest, NothingIsLeftAfterALongRest) {
  const TicketKeys::Key first = keys_.Current();
  now_ += 2 * TicketKeys::kPeriod;
  EXPECT_FALSE(keys_.Find(first.name));
}

TEST_F(TlsKeysTest, AnotherProcessHasOthers) {
  TicketKeys other([this] { return now_; });
  EXPECT_FALSE(keys_.Find(other.Current().name));
}

}  // namespace
}  // namespace jsd
