#include "server/websocket/ws_deflate.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "config/ascii.h"
#include "core/check.h"
#include "server/websocket/ws_frame.h"

namespace jsd {
namespace {

// What a message's payload would end in, were it not left out (RFC 7692 section 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

constexpr std::size_t kStep = 16 * 1024;
// Quick ones: messages are small and many.
constexpr int kLevel = 3;
constexpr int kMemoryLevel = 8;
// Memory that a shared compressor keeps for its next message.
constexpr std::size_t kBytesKept = 256 * 1024;

struct Extension {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;  // The value is empty where there is none.
};

// Reads a Sec-WebSocket-Extensions (RFC 6455 section 9.1), with the empty elements that lists may have. None where it
// is no such list. Beast's ext_list does not tell that, and loses what follows a parameter without a value.
class ExtensionReader {
 public:
  explicit ExtensionReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<Extension>> Read() {
    std::vector<Extension> extensions;
    for (Skip(" \t,"); !text_.empty(); Skip(" \t,")) {
      Extension extension;
      if (!TakeToken(extension.name)) return std::nullopt;
      for (Skip(" \t"); Take(';'); Skip(" \t")) {
        auto& [name, value] = extension.parameters.emplace_back();
        Skip(" \t");
        if (!TakeToken(name)) return std::nullopt;
        Skip(" \t");
        if (!Take('=')) continue;
        Skip(" \t");
        // What is quoted has to be a token, too.
        const bool quoted = Take('"');
        if (!TakeToken(value) || (quoted && !Take('"'))) return std::nullopt;
      }
      if (!text_.empty() && !text_.starts_with(',')) return std::nullopt;
      extensions.push_back(std::move(extension));
    }
    if (extensions.empty()) return std::nullopt;
    return extensions;
  }

 private:
  void Skip(std::string_view characters) {
    text_.remove_prefix(std::min(text_.find_first_not_of(characters), text_.size()));
  }
  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeToken(std::string_view& token) {
    const auto end = std::ranges::find_if_not(text_, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
             (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
    });
    token = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
    text_.remove_prefix(token.size());
    return !token.empty();
  }

  std::string_view text_;
};

std::optional<int> WindowBits(std::string_view value) {
  int bits = 0;
  const char* const end = value.data() + value.size();
  if (value.empty() || value.front() == '0' || std::from_chars(value.data(), end, bits).ptr != end) return {};
  return bits >= 8 && bits <= 15 ? std::optional(bits) : std::nullopt;
}

// An offer's parameters, each at most once and in its range (RFC 7692 section 7.1).
struct Offer {
  bool server_no_context = false;
  bool client_no_context = false;
  std::optional<int> server_bits;
  bool client_bits = false;

  // False where the offer has to be declined.
  bool Set(std::string_view name, std::string_view value) {
    if (EqualsIgnoringCase(name, "server_no_context_takeover")) {
      return value.empty() && !std::exchange(server_no_context, true);
    }
    if (EqualsIgnoringCase(name, "client_no_context_takeover")) {
      return value.empty() && !std::exchange(client_no_context, true);
    }
    if (EqualsIgnoringCase(name, "server_max_window_bits")) {
      const std::optional<int> bits = WindowBits(value);
      if (!bits || server_bits) return false;
      server_bits = bits;
      // zlib has no raw window of 256 bytes.
      return *bits > 8;
    }
    if (EqualsIgnoringCase(name, "client_max_window_bits")) {
      return (value.empty() || WindowBits(value)) && !std::exchange(client_bits, true);
    }
    return false;
  }
};

}  // namespace

WsNegotiation NegotiateWsDeflate(std::string_view offers, WebSocketCompression mode, WsDeflateAgreement* agreement) {
  if (offers.empty()) return WsNegotiation::kNone;
  const auto extensions = ExtensionReader(offers).Read();
  if (!extensions) return WsNegotiation::kMalformed;
  if (mode == WebSocketCompression::kOff) return WsNegotiation::kNone;
  for (const auto& [name, parameters] : *extensions) {
    if (!EqualsIgnoringCase(name, "permessage-deflate")) continue;
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

std::string_view OfferWsDeflate(WebSocketCompression mode) {
  switch (mode) {
    case WebSocketCompression::kOff:
      return {};
    case WebSocketCompression::kMessage:
      return "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits";
    case WebSocketCompression::kConnection:
      return "permessage-deflate; client_max_window_bits";
  }
  return {};
}

WsNegotiation AcceptWsDeflate(std::string_view answer, WebSocketCompression mode, WsDeflateAgreement* agreement) {
  const auto extensions = ExtensionReader(answer).Read();
  if (mode == WebSocketCompression::kOff || !extensions || extensions->size() != 1 ||
      !EqualsIgnoringCase(extensions->front().name, "permessage-deflate")) {
    return WsNegotiation::kMalformed;
  }
  bool server_no_context = false, client_no_context = false, server_bits = false;
  std::optional<int> client_bits;
  for (const auto& [name, value] : extensions->front().parameters) {
    bool good = false;
    if (EqualsIgnoringCase(name, "server_no_context_takeover")) {
      good = value.empty() && !std::exchange(server_no_context, true);
    } else if (EqualsIgnoringCase(name, "client_no_context_takeover")) {
      good = value.empty() && !std::exchange(client_no_context, true);
    } else if (EqualsIgnoringCase(name, "server_max_window_bits")) {
      // A server may promise a smaller window without having been asked.
      good = WindowBits(value) && !std::exchange(server_bits, true);
    } else if (EqualsIgnoringCase(name, "client_max_window_bits") && !client_bits) {
      client_bits = WindowBits(value);
      // zlib has no raw window of 256 bytes.
      good = client_bits.value_or(8) > 8;
    }
    if (!good) return WsNegotiation::kMalformed;
  }
  const bool shared = mode == WebSocketCompression::kMessage;
  if (shared && !server_no_context) return WsNegotiation::kMalformed;
  agreement->server_context = !server_no_context;
  agreement->client_context = !shared && !client_no_context;
  agreement->client_window_bits = client_bits.value_or(15);
  agreement->response = answer;
  return WsNegotiation::kAgreed;
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
    // A sender may end its stream in the midst and go on with a new one over the same window (RFC 7692
    // section 7.2.3.5).
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

WsDeflater& SharedWsDeflate::DeflaterFor(int window_bits) {
  constexpr int kSmallest = 9;
  std::unique_ptr<WsDeflater>& deflater = deflaters_[static_cast<std::size_t>(window_bits - kSmallest)];
  if (!deflater) deflater = std::make_unique<WsDeflater>(window_bits);
  return *deflater;
}

WsInflater& SharedWsDeflate::Inflater() {
  if (!inflater_) inflater_ = std::make_unique<WsInflater>();
  return *inflater_;
}

}  // namespace jsd
