#include "core/ops/compression.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/compression.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// What one call gives at most, and takes at most: between two calls the script can be terminated, and a stream can
// wait until what came out has been read.
constexpr std::size_t kMaxOutput = 64 * 1024;
constexpr std::size_t kMaxInput = 1024 * 1024;

// The states of a stream as bootstrap/compression.js knows them.
enum class StreamState : std::uint32_t { kNeedsInput = 0, kHasMore = 1, kEnded = 2, kBroken = 3, kTrailingData = 4 };

// A codec with the input that it has not taken yet. Lives as the memory of an ArrayBuffer that no script sees.
struct OpenCodec {
  std::unique_ptr<Codec> codec;
  std::string waiting;
  std::size_t taken = 0;  // Of `waiting`.
  StreamState state = StreamState::kNeedsInput;
  bool ended = false;  // The codec is not to be called again.

  std::string_view rest() const { return std::string_view(waiting).substr(taken); }

  Codec::Step Run(std::string_view input, bool last, std::span<char> room) {
    if (ended) {
      state = input.empty() ? StreamState::kEnded : StreamState::kTrailingData;
      return {};
    }
    const std::string_view part = input.substr(0, kMaxInput);
    const Codec::Step step = codec->Run(part, last && part.size() == input.size(), room);
    const bool all_taken = step.consumed == input.size();
    switch (step.state) {
      case Codec::State::kEnded:
        // What came out is given first; the error is for the next call.
        state = StreamState::kEnded;
        if (!all_taken) state = step.produced > 0 ? StreamState::kHasMore : StreamState::kTrailingData;
        break;
      case Codec::State::kBroken:
        state = StreamState::kBroken;
        break;
      case Codec::State::kNeedsInput:
        state = all_taken ? StreamState::kNeedsInput : StreamState::kHasMore;
        break;
      case Codec::State::kNeedsRoom:
        state = StreamState::kHasMore;
        break;
    }
    ended = step.state == Codec::State::kEnded || step.state == Codec::State::kBroken;
    return step;
  }
};

OpenCodec& FromValue(v8::Local<v8::Value> value) {
  JSD_CHECK(value->IsArrayBuffer() && value.As<v8::ArrayBuffer>()->ByteLength() == sizeof(OpenCodec));
  return *static_cast<OpenCodec*>(value.As<v8::ArrayBuffer>()->Data());
}

// codecOpen(format, decodes): `format` as CompressionFormat counts.
void CodecOpen(const Info& info) {
  JSD_CHECK(info.Length() == 2 && info[0]->IsUint32());
  v8::Isolate* isolate = info.GetIsolate();
  const auto format = static_cast<CompressionFormat>(info[0].As<v8::Uint32>()->Value());
  auto open = std::make_unique<OpenCodec>();
  open->codec = info[1]->IsTrue() ? MakeDecoder(format) : MakeEncoder(format);
  if (!open->codec) return ThrowRangeError(isolate, "There is no memory for another compression stream");
  auto store = v8::ArrayBuffer::NewBackingStore(
      open.release(), sizeof(OpenCodec), [](void* data, std::size_t, void*) { delete static_cast<OpenCodec*>(data); },
      nullptr);
  info.GetReturnValue().Set(v8::ArrayBuffer::New(isolate, std::move(store)));
}

// codecRun(codec, bytes or undefined, last): a Uint8Array with what came out, or undefined where that is nothing.
// `bytes` follow what earlier calls left over; undefined goes on with that alone.
void CodecRun(const Info& info) {
  JSD_CHECK(info.Length() == 3);
  v8::Isolate* isolate = info.GetIsolate();
  OpenCodec& open = FromValue(info[0]);
  std::string_view input = open.rest();
  const bool fresh = !info[1]->IsUndefined();
  if (fresh) {
    JSD_CHECK(input.empty() && GetBytes(info[1], &input));
  }
  // Filled and emptied within one call, so that all streams of a thread can share it.
  static thread_local std::array<char, kMaxOutput> room;
  const Codec::Step step = open.Run(input, info[2]->IsTrue(), room);
  if (fresh) {
    // A script may change or detach its buffer before the next call.
    open.waiting.assign(input.substr(step.consumed));
    open.taken = 0;
  } else {
    open.taken += step.consumed;
  }
  if (open.rest().empty()) {
    open.waiting = std::string();
    open.taken = 0;
  }
  if (step.produced == 0) return;
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, step.produced, v8::BackingStoreInitializationMode::kUninitialized)
           .ToLocal(&buffer)) {
    return ThrowRangeError(isolate, "Array buffer allocation failed");
  }
  std::memcpy(buffer->Data(), room.data(), step.produced);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, step.produced));
}

// codecState(codec): a StreamState.
void CodecState(const Info& info) {
  JSD_CHECK(info.Length() == 1);
  info.GetReturnValue().Set(static_cast<std::uint32_t>(FromValue(info[0]).state));
}

constexpr Binding kBindings[] = {{"codecOpen", CodecOpen}, {"codecRun", CodecRun}, {"codecState", CodecState}};

}  // namespace

std::span<const Binding> CompressionBindings() { return kBindings; }

}  // namespace jsd
