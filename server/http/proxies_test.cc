#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/http/forwarded.h"
#include "server/http/proxy_protocol.h"

namespace jsd {
namespace {

using State = ProxyHeader::State;
using namespace std::string_literals;

// --- The PROXY protocol

std::string Binary(char command, char family, const std::string& rest, int length = -1) {
  const auto size = static_cast<unsigned>(length < 0 ? static_cast<int>(rest.size()) : length);
  return "\r\n\r\n\0\r\nQUIT\n"s + command + family + static_cast<char>(size >> 8) + static_cast<char>(size & 255) +
         rest;
}

const std::string kAddresses4 = "\xC0\x00\x02\x07\x0A\x00\x00\x01\x11\xD7\x01\xBB"s;

TEST(ProxyProtocolTest, BothVersionsNameTheClient) {
  struct Case {
    std::string header;
    const char* address;
    unsigned port;
  };
  const std::string six =
      "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x01" + std::string(16, '\1') + "\x11\xD7\x01\xBB"s;
  const Case cases[] = {
      {"PROXY TCP4 192.0.2.7 10.0.0.1 4567 443\r\n", "192.0.2.7", 4567},
      {"PROXY TCP6 2001:DB8:0::1 ::1 4567 443\r\n", "2001:db8::1", 4567},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255", 65535},
      {Binary('\x21', '\x11', kAddresses4), "192.0.2.7", 4567},
      {Binary('\x21', '\x11', kAddresses4 + "\x04\x00\x00"), "192.0.2.7", 4567},
      {Binary('\x21', '\x21', six), "2001:db8::1", 4567},
      {Binary('\x21', '\x31', std::string(216, 'p')), "", 0},
  };
  for (const Case& each : cases) {
    for (const std::string& behind : {""s, "GET / HTTP/1.1\r\n"s}) {
      const ProxyHeader header = ParseProxyHeader(each.header + behind);
      EXPECT_EQ(header.state, State::kComplete) << each.header;
      EXPECT_EQ(header.size, each.header.size());
      EXPECT_TRUE(header.has_client);
      EXPECT_EQ(header.address, each.address);
      EXPECT_EQ(header.port, each.port);
    }
    // Cut off anywhere it waits for the rest.
    for (std::size_t size = 0; size < each.header.size(); ++size) {
      EXPECT_EQ(ParseProxyHeader(each.header.substr(0, size)).state, State::kIncomplete) << each.header << size;
    }
  }
}

TEST(ProxyProtocolTest, AProxyMaySpeakForItself) {
  for (const std::string& text :
       {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN ffff::1 whatever 1 2\r\n"s, Binary('\x20', '\0', ""),
        Binary('\x20', '\x11', kAddresses4), Binary('\x21', '\0', ""), Binary('\x21', '\x12', kAddresses4),
        Binary('\x21', '\0', "\x03\x00\x04"s + "abcd")}) {
    const ProxyHeader header = ParseProxyHeader(text);
    EXPECT_EQ(header.state, State::kComplete) << text;
    EXPECT_EQ(header.size, text.size());
    EXPECT_FALSE(header.has_client);
  }
}

TEST(ProxyProtocolTest, AnythingElseIsRefused) {
  for (const std::string& text : {
           "GET / HTTP/1.1\r\n"s,
           "proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n"s,
           "PROXY  TCP4 192.0.2.7 10.0.0.1 1 2\r\n"s,
           "PROXY TCP4\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n"s,
           "PROXY TCP4 192.0.2.7  10.0.0.1 1 2\r\n"s,
           "PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n"s,
           "PROXY TCP4 ::1 ::1 1 2\r\n"s,
           "PROXY TCP6 192.0.2.7 ::1 1 2\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n"s,
           "PROXY TCP4 192.0.2.7\0 10.0.0.1 1 2\r\n"s,
           "PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n"s,
           "PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n" + std::string(100, 'x'),
           "PROXY UNKNOWN " + std::string(100, 'x') + "\r\n",
           "\r\n\r\n\0\r\nQUIX"s,
           Binary('\x11', '\x11', kAddresses4),
           Binary('\x22', '\x11', kAddresses4),
           Binary('\x21', '\x11', kAddresses4.substr(1)),
           Binary('\x21', '\x21', kAddresses4),
           Binary('\x21', '\x31', std::string(215, 'p')),
           Binary('\x21', '\x11', kAddresses4, 65535),
       }) {
    EXPECT_EQ(ParseProxyHeader(text).state, State::kInvalid) << text;
  }
}

// --- Fields

std::vector<TrustedProxy> Trusted(std::vector<std::string_view> texts) {
  std::vector<TrustedProxy> trusted;
  for (const std::string_view text : texts) trusted.push_back(*ParseTrustedProxy(text).value);
  return trusted;
}

Forwarded Read(ForwardedFields kind, std::vector<HeaderField> fields) {
  static const std::vector<TrustedProxy> trusted = Trusted({"10.0.0.0/8", "fd00::/8"});
  return ReadForwarded(fields, kind, trusted);
}

std::string AddressOf(ForwardedFields kind, std::vector<HeaderField> fields) {
  const Forwarded read = Read(kind, std::move(fields));
  return std::string(read.address) + (read.port == 0 ? "" : " " + std::to_string(read.port));
}

TEST(ForwardedTest, TheLastAddressThatNoProxyHasIsTheClients) {
  const auto of = [](std::vector<HeaderField> fields) {
    return AddressOf(ForwardedFields::kXForwarded, std::move(fields));
  };
  EXPECT_EQ(of({}), "");
  EXPECT_EQ(of({{"X-Forwarded-For", "192.0.2.7"}}), "192.0.2.7");
  EXPECT_EQ(of({{"x-forwarded-for", "1.1.1.1, 192.0.2.7"}}), "192.0.2.7");
  EXPECT_EQ(of({{"x-forwarded-for", "1.1.1.1,192.0.2.7 ,\t10.1.2.3"}}), "192.0.2.7");
  EXPECT_EQ(of({{"x-forwarded-for", "192.0.2.7"}, {"a", "b"}, {"X-FORWARDED-FOR", "10.1.2.3, fd00::1"}}), "192.0.2.7");
  EXPECT_EQ(of({{"x-forwarded-for", "10.1.2.3"}}), "10.1.2.3");
  EXPECT_EQ(of({{"x-forwarded-for", "10.1.2.3, 10.1.2.4"}}), "10.1.2.3");
  EXPECT_EQ(of({{"x-forwarded-for", "192.0.2.7:99"}}), "192.0.2.7 99");
  EXPECT_EQ(of({{"x-forwarded-for", "2001:db8::1"}}), "2001:db8::1");
  EXPECT_EQ(of({{"x-forwarded-for", "[2001:db8::1]"}}), "2001:db8::1");
  EXPECT_EQ(of({{"x-forwarded-for", "[2001:db8::1]:99"}}), "2001:db8::1 99");
  EXPECT_EQ(of({{"x-forwarded-for", ", ,192.0.2.7,, "}}), "192.0.2.7");
  // What is no address ends the way back.
  for (const char* const other :
       {"unknown", "_hidden", "", "300.1.1.1", "[192.0.2.7]", "[::1", "[::1]x", "a b", "1.1.1.1:2:3"}) {
    EXPECT_EQ(of({{"x-forwarded-for", std::string("192.0.2.7, ") + other + ", 10.1.2.3"}}),
              *other == '\0' ? "192.0.2.7" : "10.1.2.3")
        << other;
  }
  std::string many = "192.0.2.7";
  for (int i = 0; i < 1000; ++i) many += ", 10.0.0.1";
  EXPECT_EQ(of({{"x-forwarded-for", many}}), "10.0.0.1");
}

TEST(ForwardedTest, SchemeAndHostAreThoseOfTheLastProxy) {
  const auto read = [](std::string_view proto, std::string_view host) {
    return Read(ForwardedFields::kXForwarded, {{"X-Forwarded-Proto", proto}, {"X-Forwarded-Host", host}});
  };
  EXPECT_EQ(read("https", "a.example").scheme, "https");
  EXPECT_EQ(read("https", "a.example").authority, "a.example");
  EXPECT_EQ(read("https, HTTP", "evil.example, a.example:8443").scheme, "http");
  EXPECT_EQ(read("https, http", "evil.example, a.example:8443").authority, "a.example:8443");
  EXPECT_EQ(read("gopher", "a/b").scheme, "");
  for (const char* const host : {"", "a/b", "a@b", "a b", "a.example:x", "[::1", "a\"b", "a?b", "a#b"}) {
    EXPECT_EQ(read("", host).authority, "") << host;
  }
}

TEST(ForwardedTest, TheStandardFieldIsReadTheSameWay) {
  const auto read = [](std::vector<HeaderField> fields) {
    return Read(ForwardedFields::kForwarded, std::move(fields));
  };
  const auto of = [](std::string_view value) { return AddressOf(ForwardedFields::kForwarded, {{"Forwarded", value}}); };
  EXPECT_EQ(of("for=192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(of("For=\"192.0.2.7:99\""), "192.0.2.7 99");
  EXPECT_EQ(of("for=\"[2001:db8::1]:_port\";proto=https"), "2001:db8::1");
  EXPECT_EQ(of("for=1.1.1.1, for=192.0.2.7;by=10.0.0.1, for=10.0.0.1"), "192.0.2.7");
  EXPECT_EQ(of("for=192.0.2.7, for=_hidden, for=10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(of("for=\"a,for=1.1.1.1\", for=10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(of(" , ;for=192.0.2.7; ,"), "192.0.2.7");
  EXPECT_EQ(of("extra=\"quo\\\"ted, for=1.1.1.1\";for=192.0.2.7"), "192.0.2.7");
  // The whole is dropped where it is not what the RFC has.
  for (const char* const wrong :
       {"for", "for=", "for=\"192.0.2.7", "=192.0.2.7", "for=192.0.2.7 proto=https", "for =1.1.1.1", "for=192.0.2.7:99",
        "for=[::1]", "for=192.0.2.7;;\"", "\x01", "for=192.0.2.7, @"}) {
    EXPECT_EQ(of(wrong), "") << wrong;
  }
  const Forwarded chosen = read({{"Forwarded", "for=1.1.1.1;proto=http;host=evil.example"},
                                 {"forwarded", "for=192.0.2.7;proto=HTTPS;host=\"a.example:8443\""},
                                 {"Forwarded", "for=10.0.0.1;proto=http;host=inner"}});
  EXPECT_EQ(chosen.address, "192.0.2.7");
  EXPECT_EQ(chosen.scheme, "https");
  EXPECT_EQ(chosen.authority, "a.example:8443");
  EXPECT_EQ(read({{"X-Forwarded-For", "192.0.2.7"}}).address, "");
  EXPECT_EQ(Read(ForwardedFields::kXForwarded, {{"Forwarded", "for=192.0.2.7"}}).address, "");
  EXPECT_EQ(Read(ForwardedFields::kNone, {{"Forwarded", "for=192.0.2.7"}, {"X-Forwarded-For", "192.0.2.7"}}).address,
            "");
  std::string many = "for=192.0.2.7";
  for (int i = 0; i < 1000; ++i) many += ", for=10.0.0.1";
  EXPECT_EQ(of(many), "10.0.0.1");
}

TEST(TrustedProxyTest, AddressesRangesAndUnixSockets) {
  const auto trusted = Trusted({"192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "unix"});
  const auto covers = [&](std::string_view address) {
    return std::any_of(trusted.begin(), trusted.end(),
                       [&](const TrustedProxy& proxy) { return proxy.Covers(address); });
  };
  for (const char* const address : {"192.0.2.1", "10.255.0.1", "2001:db8:1::", "", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(covers(address)) << address;
  }
  for (const char* const address : {"192.0.2.2", "11.0.0.1", "2001:db9::", "unix", "localhost"}) {
    EXPECT_FALSE(covers(address)) << address;
  }
  for (const char* const wrong :
       {"", "localhost", "*", "10.0.0.0/33", "10.0.0.1:80", "*.example.org", "10.0.0.0/8:80"}) {
    EXPECT_FALSE(ParseTrustedProxy(wrong).value) << wrong;
  }
}

}  // namespace
}  // namespace jsd
