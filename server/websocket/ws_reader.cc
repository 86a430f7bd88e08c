#include "server/websocket/ws_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace jsd {
namespace {

constexpr unsigned char kFin = 0x80;
constexpr unsigned char kRsv1 = 0x40;
constexpr unsigned char kOtherRsv = 0x30;
constexpr unsigned char kOpcodeBits = 0x0F;
constexpr unsigned char kControl = 0x08;
constexpr unsigned char kMasked = 0x80;
constexpr unsigned char kSizeBits = 0x7F;

// A message is not given its whole room before its bytes have come.
constexpr std::size_t kFirstReserve = 64 * 1024;

constexpr std::size_t kMostAdded = 1024;

std::uint64_t BigEndian(const char* data, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(data[i]);
  return value;
}

}  // namespace

// What the first two bytes show; the sooner a client that is wrong hears of it, the better.
std::uint16_t WsReader::CheckHeader(unsigned char first, unsigned char second) const {
  const unsigned opcode = first & kOpcodeBits;
  const bool control = (opcode & kControl) != 0;
  if ((first & kOtherRsv) != 0) return kWsProtocolError;
  // RFC 7692 section 6: on the first frame of a message alone.
  if ((first & kRsv1) != 0 && (inflater_ == nullptr || control || opcode == 0)) return kWsProtocolError;
  if (control ? opcode > static_cast<unsigned>(WsOpcode::kPong) : opcode > static_cast<unsigned>(WsOpcode::kBinary)) {
    return kWsProtocolError;
  }
  if (((second & kMasked) != 0) != (role_ == WsRole::kServer)) return kWsProtocolError;
  if (control) {
    if ((first & kFin) == 0 || (second & kSizeBits) > kMaxWsControlPayload) return kWsProtocolError;
    // A Close has a code of two bytes or nothing.
    return opcode == static_cast<unsigned>(WsOpcode::kClose) && (second & kSizeBits) == 1 ? kWsProtocolError : 0;
  }
  return (opcode == 0) == in_message_ ? 0 : kWsProtocolError;
}

// How many bytes of a message may still come. Compression adds little where it gains nothing.
std::size_t WsReader::Room(bool compressed) const {
  const std::size_t most = limits_.message + (compressed || (in_message_ && compressed_) ? kMostAdded : 0);
  return most - std::min(most, in_message_ ? message_.size() : 0);
}

bool WsReader::ReadHeader(const char* data, std::size_t size, Header& header) {
  if (size < 2) return false;
  const auto first = static_cast<unsigned char>(data[0]);
  const auto second = static_cast<unsigned char>(data[1]);
  if (const std::uint16_t code = CheckHeader(first, second); code != 0) return Fail(code);
  const unsigned small_size = second & kSizeBits;
  const std::size_t size_bytes = small_size == 126 ? 2 : small_size == 127 ? 8 : 0;
  header.masked = (second & kMasked) != 0;
  header.length = 2 + size_bytes + (header.masked ? 4 : 0);
  if (size < 2 + size_bytes) return false;
  header.size = size_bytes == 0 ? small_size : BigEndian(data + 2, size_bytes);
  // The shortest form (RFC 6455 section 5.2), and no number beyond 63 bits.
  if (size_bytes == 2 && header.size < 126) return Fail(kWsProtocolError);
  if (size_bytes == 8 && (header.size <= 0xFFFF || header.size >> 63 != 0)) return Fail(kWsProtocolError);
  header.compressed = (first & kRsv1) != 0;
  const bool data_frame = (first & kControl) == 0;
  if (data_frame && header.size > std::min(limits_.frame, Room(header.compressed))) return Fail(kWsTooBig);
  if (size < header.length) return false;
  header.opcode = static_cast<WsOpcode>(first & kOpcodeBits);
  header.fin = (first & kFin) != 0;
  header.mask = 0;
  if (header.masked) std::memcpy(&header.mask, data + header.length - 4, 4);
  return true;
}

std::size_t WsReader::Read(char* data, std::size_t size, WsSink& sink) {
  std::size_t at = 0;
  while (at < size && !done() && !full()) {
    if (frame_left_ != 0) {
      const std::size_t part = std::min<std::uint64_t>(frame_left_, size - at);
      if (frame_mask_ != 0) ApplyWsMask(data + at, part, frame_mask_, frame_offset_);
      frame_left_ -= part;
      frame_offset_ += part;
      if (!Append(std::string_view(data + at, part))) break;
      at += part;
      if (frame_left_ == 0 && frame_fin_) FinishMessage(sink);
      continue;
    }
    Header header;
    if (!ReadHeader(data + at, size - at, header)) break;
    char* const payload = data + at + header.length;
    const std::size_t there = size - at - header.length;
    const bool whole = header.size <= there;
    if ((static_cast<unsigned char>(header.opcode) & kControl) != 0) {
      if (!whole) break;
      ApplyWsMask(payload, header.size, header.mask, 0);
      at += header.length + header.size;
      ReadControl(header, std::string_view(payload, header.size), sink);
      continue;
    }
    at += header.length;
    if (whole && header.fin && !in_message_) {
      if (header.mask != 0) ApplyWsMask(payload, header.size, header.mask, 0);
      at += header.size;
      ReadWhole(std::string_view(payload, header.size), header.opcode == WsOpcode::kText, header.compressed, sink);
      continue;
    }
    if (!in_message_) {
      in_message_ = true;
      text_ = header.opcode == WsOpcode::kText;
      compressed_ = header.compressed;
      message_.reserve(std::min<std::size_t>(header.size, kFirstReserve));
    }
    frame_left_ = header.size;
    frame_offset_ = 0;
    frame_mask_ = header.mask;
    frame_fin_ = header.fin;
    if (header.size == 0 && header.fin) FinishMessage(sink);
  }
  return done() ? size : at;
}

void WsReader::ReadControl(const Header& header, std::string_view payload, WsSink& sink) {
  switch (header.opcode) {
    case WsOpcode::kPing:
      return sink.OnPing(payload);
    case WsOpcode::kPong:
      return sink.OnPong(payload);
    default:
      return ReadClose(payload, sink);
  }
}

void WsReader::ReadClose(std::string_view payload, WsSink& sink) {
  std::uint16_t code = kWsNoStatus;
  if (!payload.empty()) {
    code = static_cast<std::uint16_t>(BigEndian(payload.data(), 2));
    payload.remove_prefix(2);
    if (!IsWsCloseCode(code)) return static_cast<void>(Fail(kWsProtocolError));
    Utf8Checker reason;
    if (!reason.Feed(payload) || !reason.complete()) return static_cast<void>(Fail(kWsInvalidData));
  }
  closed_ = true;
  sink.OnClose(code, payload);
}

void WsReader::ReadWhole(std::string_view payload, bool text, bool compressed, WsSink& sink) {
  if (compressed) {
    std::string& message = messages_.emplace_back();
    error_ = inflater_->Inflate(payload, limits_.message, message);
    if (!keeps_context_) inflater_->Reset();
    inflated_ += message.size();
    if (error_ != 0) return;
    payload = message;
  }
  if (text) {
    Utf8Checker utf8;
    if (!utf8.Feed(payload) || !utf8.complete()) return static_cast<void>(Fail(kWsInvalidData));
  }
  sink.OnMessage(text, payload);
}

bool WsReader::Append(std::string_view bytes) {
  // What is compressed is looked at when it is whole.
  if (text_ && !compressed_ && !utf8_.Feed(bytes)) return Fail(kWsInvalidData);
  message_.append(bytes);
  return true;
}

void WsReader::FinishMessage(WsSink& sink) {
  in_message_ = false;
  if (compressed_) {
    const std::string payload = std::exchange(message_, {});
    return ReadWhole(payload, text_, true, sink);
  }
  const bool complete = utf8_.complete();
  utf8_.Reset();
  if (text_ && !complete) return static_cast<void>(Fail(kWsInvalidData));
  messages_.push_back(std::exchange(message_, {}));
  sink.OnMessage(text_, messages_.back());
}

}  // namespace jsd
