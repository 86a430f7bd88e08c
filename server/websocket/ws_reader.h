#ifndef JSD_SERVER_WEBSOCKET_WS_READER_H_
#define JSD_SERVER_WEBSOCKET_WS_READER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_frame.h"

namespace jsd {

// What takes what a WsReader has read. The views of messages stay valid until ReleaseMessages, while the bytes that
// were read do; the others for the call.
//
// Owner: whoever reads. Thread: the caller's. Lifetime: the call's to which it is given.
class WsSink {
 public:
  virtual void OnMessage(bool text, std::string_view message) = 0;
  virtual void OnPing(std::string_view payload) = 0;
  virtual void OnPong(std::string_view payload) = 0;
  // kWsNoStatus where the frame had no code. It is the last that is read.
  virtual void OnClose(std::uint16_t code, std::string_view reason) = 0;

 protected:
  ~WsSink() = default;
};

struct WsReadLimits {
  std::size_t frame = 0;    // Bytes of a frame's payload as it is sent.
  std::size_t message = 0;  // Bytes of a message, decompressed.
};

// Reads frames as they arrive and makes messages of them (RFC 6455 section 5, RFC 7692 section 6). A message in one
// frame that came whole stays where it was read.
//
// Owner: a connection. Thread: the worker's. Lifetime: the connection's.
class WsReader {
 public:
  // The inflater is null where no compression was agreed on; one that other connections use too has its context
  // forgotten after each message.
  WsReader(WsRole role, const WsReadLimits& limits, WsInflater* inflater, bool inflater_keeps_context)
      : role_(role), limits_(limits), inflater_(inflater), keeps_context_(inflater_keeps_context) {}
  WsReader(const WsReader&) = delete;
  WsReader& operator=(const WsReader&) = delete;

  // Reads what has come, unmasking it in its place, and returns how many bytes are done with: the rest, less than a
  // header and a control frame, has to come again with what follows. Nothing is read after an error or a Close, and
  // nothing while it is full.
  std::size_t Read(char* data, std::size_t size, WsSink& sink);

  // What broke the protocol, as the code of the Close that answers it; 0: nothing.
  std::uint16_t error() const { return error_; }
  bool done() const { return error_ != 0 || closed_; }

  // What was decompressed takes so much memory, a thousand times what was read, that it should be released before more
  // is read.
  bool full() const { return inflated_ >= kMostInflated; }
  void ReleaseMessages() {
    messages_.clear();
    inflated_ = 0;
  }

 private:
  static constexpr std::size_t kMostInflated = 64 * 1024;

  struct Header {
    WsOpcode opcode;
    bool fin;
    bool compressed;
    bool masked;
    std::uint32_t mask;
    std::uint64_t size;
    std::size_t length;  // Of the header itself.
  };

  // False where more has to come, or on an error.
  bool ReadHeader(const char* data, std::size_t size, Header& header);
  std::size_t Room(bool compressed) const;
  std::uint16_t CheckHeader(unsigned char first, unsigned char second) const;
  void ReadControl(const Header& header, std::string_view payload, WsSink& sink);
  void ReadClose(std::string_view payload, WsSink& sink);
  // A data frame that came whole and is a message of its own.
  void ReadWhole(std::string_view payload, bool text, bool compressed, WsSink& sink);
  // The next bytes of a message that is put together.
  bool Append(std::string_view bytes);
  void FinishMessage(WsSink& sink);
  bool Fail(std::uint16_t code) {
    error_ = code;
    return false;
  }

  const WsRole role_;
  const WsReadLimits limits_;
  WsInflater* const inflater_;
  const bool keeps_context_;

  bool in_message_ = false;  // More frames of a message will come.
  bool text_ = false;
  bool compressed_ = false;
  std::string message_;
  Utf8Checker utf8_;

  // The data frame whose payload is arriving.
  std::uint64_t frame_left_ = 0;
  std::size_t frame_offset_ = 0;
  std::uint32_t frame_mask_ = 0;
  bool frame_fin_ = false;

  std::list<std::string> messages_;  // Those put together, until they are released. None may move.
  std::size_t inflated_ = 0;         // Bytes of them that were decompressed.
  std::uint16_t error_ = 0;
  bool closed_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_WEBSOCKET_WS_READER_H_
