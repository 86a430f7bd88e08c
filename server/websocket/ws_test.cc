#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "server/websocket/ws_activity.h"
#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_frame.h"
#include "server/websocket/ws_handshake.h"
#include "server/websocket/ws_reader.h"

namespace jsd {
namespace {

using testing::ElementsAre;

TEST(WsFrame, HeadersHaveTheShortestLength) {
  const auto header = [](std::uint64_t size) {
    char out[kMaxWsHeader];
    return std::string(out, WriteWsHeader(out, WsOpcode::kBinary, true, false, size));
  };
  EXPECT_EQ(header(0), std::string("\x82\x00", 2));
  EXPECT_EQ(header(125), "\x82\x7d");
  EXPECT_EQ(header(126), std::string("\x82\x7e\x00\x7e", 4));
  EXPECT_EQ(header(65535), "\x82\x7e\xff\xff");
  EXPECT_EQ(header(65536), std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  char out[kMaxWsHeader];
  WriteWsHeader(out, WsOpcode::kText, false, true, 0);
  EXPECT_EQ(out[0], '\x41');
}

TEST(WsFrame, AMaskStandsBehindTheLength) {
  char out[kMaxWsHeader];
  const auto header = [&](std::uint64_t size) {
    return std::string(out, WriteMaskedWsHeader(out, WsOpcode::kText, false, size, 0x04030201));
  };
  EXPECT_EQ(header(5), std::string("\x81\x85\x01\x02\x03\x04"));
  EXPECT_EQ(header(126), std::string("\x81\xfe\x00\x7e\x01\x02\x03\x04", 8));
  EXPECT_EQ(header(65536), std::string("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04", 14));
}

TEST(WsFrame, MasksDiffer) {
  WsMasks masks;
  std::vector<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) seen.push_back(masks.Next());
  std::sort(seen.begin(), seen.end());
  // Two of a thousand may be the same, by chance; more are not.
  EXPECT_GT(std::unique(seen.begin(), seen.end()) - seen.begin(), 990);
}

TEST(WsFrame, AMaskMayBeAppliedInPieces) {
  const std::uint32_t mask = 0x04030201;  // The bytes 1, 2, 3, 4.
  std::string expected;
  for (int i = 0; i < 100; ++i) expected.push_back(static_cast<char>(i ^ (i % 4 + 1)));
  for (std::size_t cut = 0; cut <= 100; ++cut) {
    std::string data;
    for (int i = 0; i < 100; ++i) data.push_back(static_cast<char>(i));
    ApplyWsMask(data.data(), cut, mask, 0);
    ApplyWsMask(data.data() + cut, 100 - cut, mask, cut);
    ASSERT_EQ(data, expected) << cut;
  }
}

// As RFC 3629 says it, by decoding.
bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (size == 0 || i + size > text.size()) return false;
    std::uint32_t point = size == 1 ? lead : lead & (0x7F >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte >> 6 != 2) return false;
      point = point << 6 | (byte & 0x3F);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    i += size;
  }
  return true;
}

TEST(Utf8Checker, AgreesWithADecoderOnEveryThreeBytes) {
  std::string text = "abc";
  for (unsigned value = 0; value < 1u << 24; value += value < 0xC00000 ? 257 : 1) {
    text[0] = static_cast<char>(value >> 16);
    text[1] = static_cast<char>(value >> 8);
    text[2] = static_cast<char>(value);
    Utf8Checker checker;
    ASSERT_EQ(checker.Feed(text) && checker.complete(), IsUtf8(text)) << std::hex << value;
  }
}

TEST(Utf8Checker, LongTextsWithSomethingBeyondAsciiAnywhere) {
  for (std::size_t at = 0; at < 40; ++at) {
    for (const std::string_view piece : {"\xF0\x9F\x98\x80", "\xED\xA0\x80", "\xC3"}) {
      std::string text(40, 'a');
      text.insert(at, piece);
      Utf8Checker checker;
      ASSERT_EQ(checker.Feed(text) && checker.complete(), IsUtf8(text)) << at;
    }
  }
}

struct Seen final : WsSink {
  void OnMessage(bool text, std::string_view message) override {
    all.push_back((text ? "text " : "binary ") + std::string(message));
  }
  void OnPing(std::string_view payload) override { all.push_back("ping " + std::string(payload)); }
  void OnPong(std::string_view payload) override { all.push_back("pong " + std::string(payload)); }
  void OnClose(std::uint16_t code, std::string_view reason) override {
    all.push_back("close " + std::to_string(code) + " " + std::string(reason));
  }
  std::vector<std::string> all;
};

std::string Masked(unsigned char first, std::string_view payload) {
  std::string frame{static_cast<char>(first), static_cast<char>(0x80 | payload.size()), 7, 11, 13, 17};
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(payload[i] ^ "\x07\x0b\x0d\x11"[i % 4]));
  }
  return frame;
}

TEST(WsReader, ItIsTheSameHoweverTheBytesAreCut) {
  const std::string close = std::string("\x03\xe8", 2) + "bye";
  const std::string stream = Masked(0x81, "one") + Masked(0x01, "t\xE2\x82") + Masked(0x89, "p") +
                             Masked(0x00, "\xAC") + Masked(0x80, "o") + Masked(0x82, std::string(100, 'b')) +
                             Masked(0x8A, "") + Masked(0x88, close);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    WsReader reader(WsRole::kServer, {1000, 1000}, nullptr, false);
    Seen seen;
    // What is not done with comes again in front of the rest, as in a session's buffer.
    std::string buffer = stream.substr(0, cut);
    buffer.erase(0, reader.Read(buffer.data(), buffer.size(), seen));
    buffer += stream.substr(cut);
    EXPECT_EQ(reader.Read(buffer.data(), buffer.size(), seen), buffer.size());
    EXPECT_EQ(reader.error(), 0);
    EXPECT_TRUE(reader.done());
    ASSERT_THAT(seen.all, ElementsAre("text one", "ping p",
                                      "text t\xE2\x82\xAC"
                                      "o",
                                      "binary " + std::string(100, 'b'), "pong ", "close 1000 bye"))
        << cut;
  }
}

TEST(WsReader, AClientTakesNoMask) {
  WsReader reader(WsRole::kClient, {1000, 1000}, nullptr, false);
  Seen seen;
  std::string plain("\x81\x02hi");
  EXPECT_EQ(reader.Read(plain.data(), plain.size(), seen), plain.size());
  EXPECT_THAT(seen.all, ElementsAre("text hi"));
  std::string masked = Masked(0x81, "hi");
  reader.Read(masked.data(), masked.size(), seen);
  EXPECT_EQ(reader.error(), kWsProtocolError);
}

TEST(WsReader, WhatIsDecompressedIsReleasedBeforeThereIsMore) {
  WsDeflater deflater(15);
  std::string stream;
  for (int i = 0; i < 12; ++i) {
    stream += Masked(0xC2, deflater.Deflate(std::string(20'000, static_cast<char>('a' + i))));
    deflater.Reset();
  }
  WsInflater inflater;
  WsReader reader(WsRole::kServer, {100'000, 100'000}, &inflater, false);
  Seen seen;
  int reads = 0;
  while (!stream.empty()) {
    ASSERT_LT(++reads, 10);
    stream.erase(0, reader.Read(stream.data(), stream.size(), seen));
    EXPECT_EQ(seen.all.size(), static_cast<std::size_t>(4 * reads));
    EXPECT_TRUE(reader.full());
    EXPECT_EQ(reader.Read(stream.data(), stream.size(), seen), 0u);
    reader.ReleaseMessages();
    EXPECT_FALSE(reader.full());
  }
  EXPECT_EQ(reads, 3);
  EXPECT_EQ(seen.all.back(), "binary " + std::string(20'000, 'l'));
}

TEST(WsReader, LimitsAreForDataAlone) {
  WsReader reader(WsRole::kServer, {4, 6}, nullptr, false);
  Seen seen;
  std::string stream =
      Masked(0x89, "longer than both") + Masked(0x82, "four") + Masked(0x02, "four") + Masked(0x80, "si");
  reader.Read(stream.data(), stream.size(), seen);
  EXPECT_EQ(reader.error(), 0);
  EXPECT_THAT(seen.all, ElementsAre("ping longer than both", "binary four", "binary foursi"));
  std::string more = Masked(0x02, "four") + Masked(0x80, "six");
  reader.Read(more.data(), more.size(), seen);
  EXPECT_EQ(reader.error(), kWsTooBig);
}

TEST(WsDeflate, WhatOneEndCompressesTheOtherReads) {
  for (const bool context : {false, true}) {
    WsDeflater deflater(context ? 9 : 15);
    WsInflater inflater;
    for (const std::size_t size : {std::size_t{1}, std::size_t{200}, std::size_t{40000}, std::size_t{2'000'000}}) {
      std::string message;
      while (message.size() < size) message += "some text " + std::to_string(message.size() * 7919 % 1000);
      message.resize(size);
      std::string read;
      ASSERT_EQ(inflater.Inflate(deflater.Deflate(message), size, read), 0);
      EXPECT_EQ(read, message);
      if (!context) {
        deflater.Reset();
        inflater.Reset();
      }
    }
  }
}

TEST(WsDeflate, AMessageHasALimit) {
  WsDeflater deflater(15);
  const std::string payload(deflater.Deflate(std::string(1 << 20, 'x')));
  WsInflater inflater;
  std::string read;
  EXPECT_EQ(inflater.Inflate(payload, (1 << 20) - 1, read), kWsTooBig);
  EXPECT_LE(read.size(), 1u << 20);
}

std::string Agree(std::string_view offers, WebSocketCompression mode = WebSocketCompression::kConnection) {
  WsDeflateAgreement agreement;
  switch (NegotiateWsDeflate(offers, mode, &agreement)) {
    case WsNegotiation::kNone:
      return "none";
    case WsNegotiation::kMalformed:
      return "malformed";
    case WsNegotiation::kAgreed:
      break;
  }
  return agreement.response;
}

TEST(WsDeflate, OffersAreNegotiated) {
  EXPECT_EQ(Agree(""), "none");
  EXPECT_EQ(Agree("x-other; a=b"), "none");
  EXPECT_EQ(Agree("permessage-deflate"), "permessage-deflate");
  EXPECT_EQ(Agree("PerMessage-Deflate", WebSocketCompression::kOff), "none");
  EXPECT_EQ(Agree("x-other, permessage-deflate; client_max_window_bits"), "permessage-deflate");
  EXPECT_EQ(Agree("permessage-deflate", WebSocketCompression::kMessage),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(Agree("permessage-deflate; server_no_context_takeover"), "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(Agree("permessage-deflate; client_no_context_takeover; server_max_window_bits=10"),
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=10");
  EXPECT_EQ(Agree(R"(permessage-deflate; server_max_window_bits="12"; client_max_window_bits="9")"),
            "permessage-deflate; server_max_window_bits=12");
}

TEST(WsDeflate, OffersThatCannotBeMetAreDeclined) {
  for (const std::string_view parameter :
       {"unknown", "server_no_context_takeover=1", "client_no_context_takeover=x", "server_max_window_bits",
        "server_max_window_bits=7", "server_max_window_bits=8", "server_max_window_bits=16",
        "server_max_window_bits=09", "server_max_window_bits=1x", "client_max_window_bits=7",
        "client_max_window_bits=16", "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=10"}) {
    const std::string offer = "permessage-deflate; " + std::string(parameter);
    EXPECT_EQ(Agree(offer), "none") << offer;
    // The next one is looked at.
    EXPECT_EQ(Agree(offer + ", permessage-deflate"), "permessage-deflate") << offer;
  }
}

TEST(WsDeflate, WhatIsNoListOfOffersIsMalformed) {
  for (const std::string_view text : {",", ";", "a b", "a;", "a; =b", "a; b=", "a; b=\"", "a; b=\"\"", "a; b=\"c d\"",
                                      "a; b=\"c\"d", "a=b", "@", "a, b; c d"}) {
    EXPECT_EQ(Agree(text), "malformed") << text;
  }
  for (const std::string_view text : {"a", "a,,b", " a ; b = c , d", "a; b=\"c\""})
    EXPECT_EQ(Agree(text), "none") << text;
}

TEST(WsHandshake, TheKeyIsAnsweredAsInTheRfc) {
  EXPECT_EQ(WsAcceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WsHandshake, WhatIsWrongHasItsStatus) {
  const HeaderField key{"sec-websocket-KEY", "dGhlIHNhbXBsZSBub25jZQ=="};
  const HeaderField version{"Sec-WebSocket-Version", "13"};
  const auto check = [](std::vector<HeaderField> fields, std::vector<std::string> origins = {}) {
    RequestHead head;
    head.fields = fields;
    return CheckWsHandshake(head, origins);
  };
  EXPECT_EQ(check({key, version}), 0);
  EXPECT_EQ(check({key}), 400);
  EXPECT_EQ(check({key, {"Sec-WebSocket-Version", "8"}}), 426);
  EXPECT_EQ(check({key, version, version}), 426);
  EXPECT_EQ(check({version}), 400);
  EXPECT_EQ(check({key, key, version}), 400);
  for (const std::string_view bad : {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==",
                                     "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZQAA"}) {
    EXPECT_EQ(check({{"Sec-WebSocket-Key", bad}, version}), 400) << bad;
  }
  const std::vector<std::string> origins = {"https://example.org"};
  EXPECT_EQ(check({key, version}, origins), 0);
  EXPECT_EQ(check({key, version, {"Origin", "https://EXAMPLE.org"}}, origins), 0);
  EXPECT_EQ(check({key, version, {"Origin", "https://example.org.evil"}}, origins), 403);
  EXPECT_EQ(check({key, version, {"Origin", "null"}}, origins), 403);
  EXPECT_EQ(check({key, version, {"Origin", "https://a"}, {"Origin", "https://example.org"}}, origins), 400);
}

TEST(WsDeflate, AServerAgreesToWhatWasOffered) {
  const auto accept = [](std::string_view answer, WebSocketCompression mode, WsDeflateAgreement* agreement) {
    return AcceptWsDeflate(answer, mode, agreement) == WsNegotiation::kAgreed;
  };
  EXPECT_EQ(OfferWsDeflate(WebSocketCompression::kOff), "");
  WsDeflateAgreement agreement;
  ASSERT_TRUE(accept("permessage-deflate", WebSocketCompression::kConnection, &agreement));
  EXPECT_TRUE(agreement.server_context && agreement.client_context);
  EXPECT_EQ(agreement.client_window_bits, 15);
  ASSERT_TRUE(
      accept("Permessage-Deflate; server_no_context_takeover; client_max_window_bits=9; "
             "client_no_context_takeover; server_max_window_bits=\"8\"",
             WebSocketCompression::kConnection, &agreement));
  EXPECT_FALSE(agreement.server_context || agreement.client_context);
  EXPECT_EQ(agreement.client_window_bits, 9);
  ASSERT_TRUE(accept("permessage-deflate; server_no_context_takeover", WebSocketCompression::kMessage, &agreement));
  EXPECT_FALSE(agreement.server_context || agreement.client_context);
  for (const char* wrong :
       {"", "x", "permessage-deflate, permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=9; "
        "client_max_window_bits=9",
        "permessage-deflate; server_max_window_bits", "permessage-deflate; x",
        "permessage-deflate; server_no_context_takeover=1", "permessage-deflate;"}) {
    EXPECT_FALSE(accept(wrong, WebSocketCompression::kConnection, &agreement)) << wrong;
  }
  EXPECT_FALSE(accept("permessage-deflate", WebSocketCompression::kMessage, &agreement));
  EXPECT_FALSE(accept("permessage-deflate", WebSocketCompression::kOff, &agreement));
}

TEST(WsActivity, AsksOnceForASignOfLife) {
  using Due = WsActivity::Due;
  WebSocketConfig config;
  WsActivity activity;
  EXPECT_EQ(activity.Look(1000, config), Due::kNothing);
  EXPECT_EQ(activity.Look(1'000'000, config), Due::kNothing) << "zero: none is asked for";
  config.ping = std::chrono::milliseconds(100);
  activity.Heard();
  EXPECT_EQ(activity.Look(1'000'000, config), Due::kNothing);
  EXPECT_EQ(activity.Look(1'000'099, config), Due::kNothing);
  EXPECT_EQ(activity.Look(1'000'100, config), Due::kPing);
  EXPECT_EQ(activity.Look(1'000'199, config), Due::kNothing);
  activity.Heard();
  EXPECT_EQ(activity.Look(1'000'200, config), Due::kNothing);
  EXPECT_EQ(activity.Look(1'000'300, config), Due::kPing);
  EXPECT_EQ(activity.Look(1'000'400, config), Due::kGone);
}

TEST(WsActivity, PongsAreNoMessages) {
  using Due = WsActivity::Due;
  WebSocketConfig config;
  config.idle = std::chrono::milliseconds(100);
  WsActivity activity;
  EXPECT_EQ(activity.Look(1000, config), Due::kNothing);
  activity.Spoke();
  EXPECT_EQ(activity.Look(1090, config), Due::kNothing);
  activity.Heard();
  EXPECT_EQ(activity.Look(1189, config), Due::kNothing);
  EXPECT_EQ(activity.Look(1190, config), Due::kIdle);
}

}  // namespace
}  // namespace jsd
