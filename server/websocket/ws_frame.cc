#include "server/websocket/ws_frame.h"

#include <openssl/rand.h>

#include <bit>
#include <cstring>

#include "core/check.h"

namespace jsd {

char* WriteWsHeader(char* out, WsOpcode opcode, bool fin, bool compressed, std::uint64_t size) {
  *out++ = static_cast<char>((fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | static_cast<int>(opcode));
  if (size < 126) {
    *out++ = static_cast<char>(size);
    return out;
  }
  const bool is_short = size <= 0xFFFF;
  *out++ = static_cast<char>(is_short ? 126 : 127);
  for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8) *out++ = static_cast<char>(size >> shift);
  return out;
}

char* WriteMaskedWsHeader(char* out, WsOpcode opcode, bool compressed, std::uint64_t size, std::uint32_t mask) {
  char* const end = WriteWsHeader(out, opcode, true, compressed, size);
  out[1] = static_cast<char>(out[1] | 0x80);
  std::memcpy(end, &mask, sizeof mask);
  return end + sizeof mask;
}

void ApplyWsMask(char* data, std::size_t size, std::uint32_t mask, std::size_t offset) {
  // `mask` has its first byte lowest; turned so that this is the one for data[0].
  const unsigned turn = static_cast<unsigned>(offset % 4) * 8;
  const std::uint32_t key = std::rotr(mask, static_cast<int>(turn));
  const std::uint64_t wide = (std::uint64_t{key} << 32) | key;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + i, sizeof word);
    word ^= wide;
    std::memcpy(data + i, &word, sizeof word);
  }
  for (; i < size; ++i) data[i] = static_cast<char>(data[i] ^ static_cast<char>(key >> (i % 4 * 8)));
}

WsClosePayload::WsClosePayload(std::uint16_t code, std::string_view reason) {
  if (code == 0) return;
  bytes_[0] = static_cast<char>(code >> 8);
  bytes_[1] = static_cast<char>(code);
  size_ = 2 + reason.copy(bytes_.data() + 2, bytes_.size() - 2);
}

std::uint32_t WsMasks::Next() {
  if (next_ == masks_.size()) {
    JSD_CHECK(::RAND_bytes(reinterpret_cast<unsigned char*>(masks_.data()), sizeof masks_) == 1);
    next_ = 0;
  }
  return masks_[next_++];
}

bool Utf8Checker::Feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    if (missing_ == 0) {
      std::uint64_t word = 0;
      while (end - at >= 8) {
        std::memcpy(&word, at, sizeof word);
        if ((word & 0x8080808080808080u) != 0) break;
        at += 8;
      }
      if (at == end) break;
    }
    const auto byte = static_cast<unsigned char>(*at++);
    if (missing_ != 0) {
      if (byte < low_ || byte > high_) return false;
      --missing_;
      low_ = 0x80;
      high_ = 0xBF;
    } else if (byte >= 0x80) {
      // RFC 3629 section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF.
      if (byte < 0xC2 || byte > 0xF4) return false;
      missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
      if (byte == 0xE0) low_ = 0xA0;
      if (byte == 0xED) high_ = 0x9F;
      if (byte == 0xF0) low_ = 0x90;
      if (byte == 0xF4) high_ = 0x8F;
    }
  }
  return true;
}

}  // namespace jsd
