#include "server/ws_deflate.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "server/ws_frame.h"

namespace jsd {
namespace {

namespace beast = boost::beast;

// What a message's payload would end in, were it not left out (RFC 7692 section 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

constexpr std::size_t kStep = 16 * 1024;
// Quick ones: messages are small and many.
constexpr int kLevel = 3;
constexpr int kMemoryLevel = 8;
// Memory that a shared compressor keeps for its next message.
constexpr std::size_t kBytesKept = 256 * 1024;

// The grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1), with the empty elements that lists may have.
bool IsExtensionList(std::string_view text) {
  const auto skip = [&text](std::string_view characters) {
    text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
  };
  const auto take = [&text](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto take_token = [&text] {
    const auto end = std::ranges::find_if_not(text, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
             (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
    });
    const bool any = end != text.begin();
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
    return any;
  };
  bool any = false;
  for (skip(" \t,"); !text.empty(); skip(" \t,")) {
    if (!take_token()) return false;
    for (skip(" \t"); take(';'); skip(" \t")) {
      skip(" \t");
      if (!take_token()) return false;
      skip(" \t");
      if (!take('=')) continue;
      skip(" \t");
      // What is quoted has to be a token, too.
      const bool quoted = take('"');
      if (!take_token() || (quoted && !take('"'))) return false;
    }
    if (!text.empty() && !text.starts_with(',')) return false;
    any = true;
  }
  return any;
}

// An offer's parameters, each at most once and in its range (RFC 7692 section 7.1).
struct Offer {
  bool server_no_context = false;
  bool client_no_context = false;
  std::optional<int> server_bits;
  bool client_bits = false;

  // False where the offer has to be declined.
  bool Set(beast::string_view name, beast::string_view value) {
    if (beast::iequals(name, "server_no_context_takeover")) {
      return value.empty() && !std::exchange(server_no_context, true);
    }
    if (beast::iequals(name, "client_no_context_takeover")) {
      return value.empty() && !std::exchange(client_no_context, true);
    }
    if (beast::iequals(name, "server_max_window_bits")) {
      const std::optional<int> bits = Bits(value);
      if (!bits || server_bits) return false;
      server_bits = bits;
      // zlib has no raw window of 256 bytes.
      return *bits > 8;
    }
    if (beast::iequals(name, "client_max_window_bits")) {
      return (value.empty() || Bits(value)) && !std::exchange(client_bits, true);
    }
    return false;
  }

 private:
  static std::optional<int> Bits(beast::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    int bits = 0;
    const char* const end = value.data() + value.size();
    if (value.empty() || value.front() == '0' || std::from_chars(value.data(), end, bits).ptr != end) return {};
    return bits >= 8 && bits <= 15 ? std::optional(bits) : std::nullopt;
  }
};

}  // namespace

WsNegotiation NegotiateWsDeflate(std::string_view offers, WebSocketCompression mode, WsDeflateAgreement* agreement) {
  const beast::http::ext_list list(beast::string_view(offers.data(), offers.size()));
  // Beast's list ends without a word at the first thing that is none.
  if (!offers.empty() && !IsExtensionList(offers)) return WsNegotiation::kMalformed;
  if (mode == WebSocketCompression::kOff) return WsNegotiation::kNone;
  for (const auto& [name, parameters] : list) {
    if (!beast::iequals(name, "permessage-deflate")) continue;
    Offer offer;
    bool good = true;
    for (const auto& [key, value] : parameters) good = good && offer.Set(key, value);
    if (!good) continue;
    const bool shared = mode == WebSocketCompression::kMessage;
    agreement->server_context = !shared && !offer.server_no_context;
    agreement->client_context = !shared && !offer.client_no_context;
    agreement->server_window_bits = offer.server_bits.value_or(15);
    agreement->response = "permessage-deflate";
    if (!agreement->server_context) agreement->response += "; server_no_context_takeover";
    if (!agreement->client_context) agreement->response += "; client_no_context_takeover";
    if (offer.server_bits) agreement->response += "; server_max_window_bits=" + std::to_string(*offer.server_bits);
    return WsNegotiation::kAgreed;
  }
  return WsNegotiation::kNone;
}

WsDeflater::WsDeflater(int window_bits) {
  JSD_CHECK(deflateInit2(&stream_, kLevel, Z_DEFLATED, -window_bits, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
}

WsDeflater::~WsDeflater() { deflateEnd(&stream_); }

std::string_view WsDeflater::Deflate(std::string_view message) {
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
  stream_.avail_in = static_cast<uInt>(message.size());
  std::size_t used = 0;
  do {
    if (out_.size() - used < kStep) out_.resize(used + std::max(kStep, message.size() / 2));
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + used);
    stream_.avail_out = static_cast<uInt>(out_.size() - used);
    JSD_CHECK(deflate(&stream_, Z_SYNC_FLUSH) != Z_STREAM_ERROR);
    used = out_.size() - stream_.avail_out;
  } while (stream_.avail_out == 0);
  JSD_CHECK(std::string_view(out_).substr(0, used).ends_with(kTail));
  return std::string_view(out_).substr(0, used - kTail.size());
}

void WsDeflater::Reset() {
  deflateReset(&stream_);
  if (out_.size() > kBytesKept) out_ = {};
}

WsInflater::WsInflater() { JSD_CHECK(inflateInit2(&stream_, -15) == Z_OK); }

WsInflater::~WsInflater() { inflateEnd(&stream_); }

std::uint16_t WsInflater::Inflate(std::string_view payload, std::size_t limit, std::string& out) {
  if (const std::uint16_t error = Feed(payload, limit, out); error != 0) return error;
  return Feed(kTail, limit, out);
}

std::uint16_t WsInflater::Feed(std::string_view bytes, std::size_t limit, std::string& out) {
  char chunk[kStep];
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
  do {
    stream_.next_out = reinterpret_cast<Bytef*>(chunk);
    stream_.avail_out = sizeof chunk;
    const int result = inflate(&stream_, Z_SYNC_FLUSH);
    const std::size_t size = sizeof chunk - stream_.avail_out;
    if (size > limit - out.size()) return kWsTooBig;
    out.append(chunk, size);
    // A sender may end its stream in the midst and go on with a new one over the same window (RFC 7692 section 7.2.3.5).
    if (result == Z_STREAM_END) {
      if (inflateResetKeep(&stream_) != Z_OK) return kWsInvalidData;
    } else if (result == Z_BUF_ERROR) {
      break;  // All is read.
    } else if (result != Z_OK) {
      return kWsInvalidData;
    }
  } while (stream_.avail_in != 0 || stream_.avail_out == 0);
  return 0;
}

void WsInflater::Reset() { inflateReset(&stream_); }

}  // namespace jsd
