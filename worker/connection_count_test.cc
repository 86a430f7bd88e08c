#include "worker/connection_count.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace jsd {
namespace {

TEST(ConnectionCount, AdmitsAsManyAsThereMayBe) {
  ConnectionCount count(2, 0);
  auto first = count.Admit("192.0.2.1");
  auto second = count.Admit("");
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(count.Admit("192.0.2.2"));
  first.reset();
  EXPECT_TRUE(count.Admit("192.0.2.2"));
}

TEST(ConnectionCount, CountsEachAddressByItself) {
  ConnectionCount count(0, 2);
  std::vector<std::optional<ConnectionCount::Ticket>> open;
  for (const char* address : {"192.0.2.1", "192.0.2.1", "192.0.2.2", "", "", ""}) {
    open.push_back(count.Admit(address));
    EXPECT_TRUE(open.back()) << address;
  }
  EXPECT_FALSE(count.Admit("192.0.2.1"));
  open.erase(open.begin());
  EXPECT_TRUE(count.Admit("192.0.2.1"));
}

TEST(ConnectionCount, CountsANetworkOfIpv6AsOneAddress) {
  ConnectionCount count(0, 2);
  std::vector<std::optional<ConnectionCount::Ticket>> open;
  for (const char* address : {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "2001:db8::1", "::1"}) {
    open.push_back(count.Admit(address));
    EXPECT_TRUE(open.back()) << address;
  }
  EXPECT_FALSE(count.Admit("2001:db8:0:1::3"));
  open.erase(open.begin());
  EXPECT_TRUE(count.Admit("2001:db8:0:1::3"));
}

TEST(ConnectionCount, CountsWhatOnlyLooksLikeANetworkByItself) {
  for (const char* prefix : {"::ffff:192.0.2.", "fe80::"}) {
    ConnectionCount count(0, 1);
    const std::string address = prefix;
    auto first = count.Admit(address + "1");
    auto second = count.Admit(address + "2");
    EXPECT_TRUE(first && second) << address;
    EXPECT_FALSE(count.Admit(address + "1"));
  }
}

TEST(ConnectionCount, WhatIsRefusedDoesNotCount) {
  ConnectionCount count(2, 1);
  auto first = count.Admit("192.0.2.1");
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(count.Admit("192.0.2.1"));
  auto second = count.Admit("192.0.2.2");
  EXPECT_TRUE(second);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(count.Admit("192.0.2.3"));
  second.reset();
  EXPECT_TRUE(count.Admit("192.0.2.3"));
}

TEST(ConnectionCount, ATicketThatIsMovedCountsOnce) {
  ConnectionCount count(1, 1);
  auto ticket = count.Admit("192.0.2.1");
  {
    ConnectionCount::Ticket moved = std::move(*ticket);
    ticket.reset();
    EXPECT_FALSE(count.Admit("192.0.2.2"));
  }
  EXPECT_TRUE(count.Admit("192.0.2.1"));
}

TEST(ConnectionCount, WithoutLimitsCountsNothing) {
  ConnectionCount count(0, 0);
  std::vector<std::optional<ConnectionCount::Ticket>> open;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(open.emplace_back(count.Admit("192.0.2.1")));
}

}  // namespace
}  // namespace jsd
