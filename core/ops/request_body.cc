#include "core/ops/request_body.h"

#include <icu_simdutf.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/array_buffer_allocator.h"
#include "core/check.h"
#include "core/guarded.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// A client that declares a long body has not sent it yet: memory for it is taken as it comes, in growing steps. While
// most of what the buffers may take is free, the first step may be larger.
constexpr std::size_t kFirstStep = 256 * 1024;
constexpr std::size_t kFirstStepInPlenty = 2 * 1024 * 1024;
constexpr std::size_t kFirstStepUndeclared = 16 * 1024;
constexpr std::size_t kGrowth = 4;

std::uint32_t HandleOf(const Info& info) { return info[0].As<v8::Uint32>()->Value(); }

RequestEvent* FindEvent(const Info& info) { return RuntimeState::From(info.GetIsolate()).events.Find(HandleOf(info)); }

void ThrowOutOfMemory(v8::Isolate* isolate) { ThrowRangeError(isolate, "Array buffer allocation failed"); }

// Empty where there is no memory for it: then a RangeError is pending.
v8::MaybeLocal<v8::ArrayBuffer> NewBuffer(v8::Isolate* isolate, std::size_t size) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, size, v8::BackingStoreInitializationMode::kUninitialized).ToLocal(&buffer)) {
    ThrowOutOfMemory(isolate);
  }
  return buffer;
}

std::span<char> RoomIn(const BodyGather& gather) {
  if (!gather.store) return {};
  return {static_cast<char*>(gather.store->Data()) + gather.filled, gather.store->ByteLength() - gather.filled};
}

// False where there is no memory.
bool Resize(v8::Isolate* isolate, BodyGather& gather, std::size_t capacity) {
  auto store = v8::ArrayBuffer::NewBackingStore(isolate, capacity, v8::BackingStoreInitializationMode::kUninitialized,
                                                v8::BackingStoreOnFailureMode::kReturnNull);
  if (!store) return false;
  if (gather.filled != 0) std::memcpy(store->Data(), gather.store->Data(), gather.filled);
  gather.store = std::move(store);
  return true;
}

std::size_t FirstStep(v8::Isolate* isolate) {
  const ArrayBufferAllocator& buffers = *RuntimeState::From(isolate).buffers;
  return buffers.limit() == 0 || buffers.used() < buffers.limit() / 2 ? kFirstStepInPlenty : kFirstStep;
}

std::size_t NextCapacity(v8::Isolate* isolate, const RequestEvent& event, const BodyGather& gather) {
  const std::size_t capacity = gather.store ? gather.store->ByteLength() : 0;
  // Of a body that is all there the size is known.
  if (event.body_state() == BodyState::kArrived) return gather.filled + event.body_bytes();
  if (event.body_length() < 0) return std::max(kGrowth * capacity, kFirstStepUndeclared);
  return std::min(static_cast<std::size_t>(event.body_length()), std::max(kGrowth * capacity, FirstStep(isolate)));
}

void RequestBodyState(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  const BodyState state = event == nullptr ? BodyState::kNone : event->body_state();
  info.GetReturnValue().Set(static_cast<std::uint32_t>(state));
}

void RequestBody(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  const std::string_view body = event == nullptr ? std::string_view() : event->body();
  v8::Local<v8::ArrayBuffer> buffer;
  if (!NewBuffer(info.GetIsolate(), body.size()).ToLocal(&buffer)) return;
  if (!body.empty()) std::memcpy(buffer->Data(), body.data(), body.size());
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, body.size()));
}

void RequestBodyText(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  std::string_view body = event->body();
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::String> text;
  const bool made = simdutf::validate_ascii(body.data(), body.size()) ? ToV8Latin1(isolate, body).ToLocal(&text)
                                                                      : ToV8(isolate, body).ToLocal(&text);
  if (made) info.GetReturnValue().Set(text);
}

void RequestBodyRead(const Info& info) {
  RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetNull();
  const std::size_t size = event->body_bytes();
  if (size == 0) {
    if (event->body_state() == BodyState::kArrived) return info.GetReturnValue().SetNull();
    return event->AwaitBody({});
  }
  v8::Local<v8::ArrayBuffer> buffer;
  if (!NewBuffer(info.GetIsolate(), size).ToLocal(&buffer)) return;
  JSD_CHECK(event->ReadBody({static_cast<char*>(buffer->Data()), size}) == size);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, size));
}

void RequestBodyGather(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  RequestEvent* event = FindEvent(info);
  BodyGathers& gathers = RuntimeState::From(isolate).gathers;
  BodyGather whole;
  if (event != nullptr) {
    BodyGather& gather = gathers[HandleOf(info)];
    if (!gather.out_of_memory && !GoOnGathering(isolate, *event, gather)) return;
    whole = std::move(gather);
    gathers.Remove(HandleOf(info));
  }
  if (whole.out_of_memory) return ThrowOutOfMemory(isolate);
  if (!whole.store || whole.store->ByteLength() != whole.filled) {
    if (!Resize(isolate, whole, whole.filled)) return ThrowOutOfMemory(isolate);
  }
  const std::size_t size = whole.filled;
  const auto buffer = v8::ArrayBuffer::New(isolate, std::move(whole.store));
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, size));
}

// A copy of the bytes of a buffer or view, which scripts cannot change.
void CopyBytes(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::ArrayBuffer> buffer;
  std::size_t size;
  if (info[0]->IsArrayBufferView()) {
    // Small arrays live in V8's heap, without a buffer; asking for their buffer would make one.
    const auto view = info[0].As<v8::ArrayBufferView>();
    size = view->ByteLength();
    if (!NewBuffer(isolate, size).ToLocal(&buffer)) return;
    view->CopyContents(buffer->Data(), size);
  } else {
    std::string_view bytes;
    JSD_CHECK(GetBytes(info[0], &bytes));
    size = bytes.size();
    if (!NewBuffer(isolate, size).ToLocal(&buffer)) return;
    if (size != 0) std::memcpy(buffer->Data(), bytes.data(), size);
  }
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, size));
}

constexpr Binding kBindings[] = {
    {"requestBodyState", Guarded<RequestBodyState>},   {"requestBody", Guarded<RequestBody>},
    {"requestBodyText", Guarded<RequestBodyText>},     {"requestBodyRead", Guarded<RequestBodyRead>},
    {"requestBodyGather", Guarded<RequestBodyGather>}, {"copyBytes", CopyBytes},
};

}  // namespace

std::span<const Binding> RequestBodyBindings() { return kBindings; }

bool GoOnGathering(v8::Isolate* isolate, RequestEvent& event, BodyGather& gather) {
  for (;;) {
    if (const auto room = RoomIn(gather); !room.empty()) gather.filled += event.ReadBody(room);
    if (event.body_state() == BodyState::kArrived && event.body_bytes() == 0) return true;
    if (const auto room = RoomIn(gather); !room.empty()) {
      event.AwaitBody(room);
      return false;
    }
    if (!Resize(isolate, gather, NextCapacity(isolate, event, gather))) return gather.out_of_memory = true;
  }
}

}  // namespace jsd
