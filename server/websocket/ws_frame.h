#ifndef JSD_SERVER_WEBSOCKET_WS_FRAME_H_
#define JSD_SERVER_WEBSOCKET_WS_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace jsd {

// Frames of the WebSocket protocol (RFC 6455 section 5).

enum class WsOpcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

// Whose end of the connection this is: clients mask what they send, servers do not.
enum class WsRole { kServer, kClient };

// Status codes that end a connection (RFC 6455 section 7.4, and IANA's registry).
inline constexpr std::uint16_t kWsNormal = 1000;
inline constexpr std::uint16_t kWsGoingAway = 1001;
inline constexpr std::uint16_t kWsProtocolError = 1002;
inline constexpr std::uint16_t kWsNoStatus = 1005;  // Never sent: the frame had none.
inline constexpr std::uint16_t kWsAbnormal = 1006;  // Never sent: the connection ended without a frame.
inline constexpr std::uint16_t kWsInvalidData = 1007;
inline constexpr std::uint16_t kWsTooBig = 1009;
inline constexpr std::uint16_t kWsInternalError = 1011;
inline constexpr std::uint16_t kWsTryAgainLater = 1013;

// Whether a Close frame may carry it.
constexpr bool IsWsCloseCode(unsigned code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != kWsNoStatus && code != kWsAbnormal) ||
         (code >= 3000 && code <= 4999);
}

inline constexpr std::size_t kMaxWsControlPayload = 125;
inline constexpr std::size_t kMaxWsHeader = 14;

// Writes the header of an unmasked frame at `out`, which has room for kMaxWsHeader bytes, and returns its end.
char* WriteWsHeader(char* out, WsOpcode opcode, bool fin, bool compressed, std::uint64_t size);

// The same for a masked one, with the mask behind it.
char* WriteMaskedWsHeader(char* out, WsOpcode opcode, bool compressed, std::uint64_t size, std::uint32_t mask);

// XORs `size` bytes with the mask, whose first byte is the one for offset 0 of the payload; `offset` is that of `data`.
void ApplyWsMask(char* data, std::size_t size, std::uint32_t mask, std::size_t offset);

// The payload of a Close frame (RFC 6455 section 5.5.1): nothing where the code is 0. A reason that is too long is cut.
//
// A value. Thread: one at a time. Lifetime: its owner's, within which the text is valid.
class WsClosePayload {
 public:
  WsClosePayload(std::uint16_t code, std::string_view reason);
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMaxWsControlPayload> bytes_;
  std::size_t size_ = 0;
};

// The masks of a client's frames, which nobody may foresee (RFC 6455 section 10.3).
//
// Owner: the worker's HTTP client. Thread: the worker's. Lifetime: any.
class WsMasks {
 public:
  std::uint32_t Next();

 private:
  std::array<std::uint32_t, 256> masks_;
  std::size_t next_ = 256;
};

// Text in pieces: whether it is UTF-8 (RFC 3629), found out at the first byte that cannot be.
//
// Owner: whoever reads. Thread: any one. Lifetime: any.
class Utf8Checker {
 public:
  // False once a byte was wrong.
  bool Feed(std::string_view bytes);
  // No character is unfinished.
  bool complete() const { return missing_ == 0; }
  void Reset() { missing_ = 0; }

 private:
  unsigned missing_ = 0;  // Bytes of the character that has begun.
  unsigned char low_ = 0x80;
  unsigned char high_ = 0xBF;  // The range of the next one.
};

}  // namespace jsd

#endif  // JSD_SERVER_WEBSOCKET_WS_FRAME_H_
