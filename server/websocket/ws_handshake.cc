#include "server/websocket/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>

#include "config/ascii.h"
#include "core/check.h"

namespace jsd {
namespace {

constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// 16 bytes in base64: 22 characters, the last of which has four bits to spare, and two of padding.
bool IsKey(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  const bool digits = std::ranges::all_of(key.substr(0, 22), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
  return digits && std::string_view("AQgw").find(key[21]) != std::string_view::npos;
}

}  // namespace

std::string WsAcceptKey(std::string_view key) {
  const std::string text = std::string(key).append(kAcceptSuffix);
  unsigned char digest[SHA_DIGEST_LENGTH];
  JSD_CHECK(EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha1(), nullptr) == 1);
  unsigned char encoded[32];
  const int size = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return std::string(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
}

int CheckWsHandshake(const RequestHead& head, std::span<const std::string> origins) {
  std::string_view key, version, origin;
  unsigned keys = 0, versions = 0, origin_count = 0;
  for (const HeaderField& field : head.fields) {
    if (EqualsIgnoringCase(field.name, "sec-websocket-key")) {
      key = field.value;
      ++keys;
    } else if (EqualsIgnoringCase(field.name, "sec-websocket-version")) {
      version = field.value;
      ++versions;
    } else if (EqualsIgnoringCase(field.name, "origin")) {
      origin = field.value;
      ++origin_count;
    }
  }
  if (versions == 0) return 400;
  if (versions > 1 || version != "13") return 426;
  if (keys != 1 || !IsKey(key)) return 400;
  if (origin_count > 1) return 400;
  if (origins.empty() || origin_count == 0) return 0;
  return std::ranges::any_of(origins, [&](const std::string& known) { return EqualsIgnoringCase(known, origin); })
             ? 0
             : 403;
}

std::string JoinedFields(const RequestHead& head, std::string_view name) {
  std::string joined;
  for (const HeaderField& field : head.fields) {
    if (!EqualsIgnoringCase(field.name, name)) continue;
    if (!joined.empty()) joined += ", ";
    joined += field.value;
  }
  return joined;
}

}  // namespace jsd
