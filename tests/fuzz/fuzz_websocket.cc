// Frames of a WebSocket client, read at once and a piece at a time, which must come to the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_reader.h"

namespace {

constexpr jsd::WsReadLimits kLimits = {.frame = 4096, .message = 8192};

// All that was read, as one text.
struct Story final : jsd::WsSink {
  void OnMessage(bool is_text, std::string_view message) override {
    if (message.size() > kLimits.message) std::abort();
    Tell(is_text ? "text" : "binary", message);
  }
  void OnPing(std::string_view payload) override { Tell("ping", payload); }
  void OnPong(std::string_view payload) override { Tell("pong", payload); }
  void OnClose(std::uint16_t code, std::string_view reason) override { Tell("close " + std::to_string(code), reason); }
  void Tell(const std::string& what, std::string_view payload) {
    text.append(what).append(" ").append(std::to_string(payload.size())).append(" ").append(payload).append("\n");
  }
  std::string text;
};

// `step`: so many bytes come at a time.
std::string Read(std::string_view frames, std::size_t step, bool compressed, bool keeps_context) {
  jsd::WsInflater inflater;
  jsd::WsReader reader(jsd::WsRole::kServer, kLimits, compressed ? &inflater : nullptr, keeps_context);
  Story story;
  std::string pending;
  while (!frames.empty() && !reader.done()) {
    pending.append(frames.substr(0, step));
    frames.remove_prefix(std::min(step, frames.size()));
    // A copy of just this size, so that the address sanitizer sees a read beyond it.
    std::string input(pending);
    std::size_t consumed = 0;
    for (bool full = true; full;) {
      consumed += reader.Read(input.data() + consumed, input.size() - consumed, story);
      if (consumed > input.size()) std::abort();
      full = reader.full();
      reader.ReleaseMessages();
    }
    // What is left has to come again, so it must be as it came.
    if (!reader.done() && input.compare(consumed, std::string::npos, pending, consumed) != 0) std::abort();
    pending.erase(0, consumed);
  }
  return story.text + std::to_string(reader.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view frames(reinterpret_cast<const char*>(data + 1), size - 1);
  const bool compressed = (data[0] & 0x80) != 0;
  const bool keeps_context = (data[0] & 0x40) != 0;
  const std::string whole = Read(frames, std::max<std::size_t>(frames.size(), 1), compressed, keeps_context);
  const std::string in_pieces = Read(frames, data[0] % 16 + 1, compressed, keeps_context);
  if (whole != in_pieces) std::abort();
  return 0;
}
