#include "core/ops/request_cache.h"

#include <ada.h>

#include <cstring>

#include "core/value.h"

namespace jsd {
namespace {

// Eight bytes a round: texts are short, and a collision costs a comparison only.
std::uint64_t Hash(std::string_view text) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  std::uint64_t hash = text.size() * kMultiplier;
  while (text.size() >= sizeof hash) {
    std::uint64_t block;
    std::memcpy(&block, text.data(), sizeof block);
    hash = (hash ^ block) * kMultiplier;
    hash ^= hash >> 32;
    text.remove_prefix(sizeof block);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) std::memcpy(&rest, text.data(), text.size());
  hash = (hash ^ rest) * kMultiplier;
  return hash ^ (hash >> 32);
}

v8::Local<v8::String> NewString(v8::Isolate* isolate, std::string_view text, v8::NewStringType type) {
  // What comes here was bounded by the limit of a request's head, far below that of a string.
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const std::uint8_t*>(text.data()), type,
                                    static_cast<int>(text.size()))
      .ToLocalChecked();
}

}  // namespace

v8::Local<v8::String> RequestCache::String(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > kMaxLength) return NewString(isolate, text, v8::NewStringType::kNormal);
  const std::uint64_t hash = Hash(text);
  Slot& slot = slots_[hash % kSlots];
  if (slot.hash == hash) {
    if (slot.string.IsEmpty()) {
      const auto string = NewString(isolate, text, v8::NewStringType::kInternalized);
      slot.text = text;
      slot.string.Reset(isolate, string);
      return string;
    }
    if (slot.text == text) return slot.string.Get(isolate);
  }
  slot.hash = hash;
  slot.string.Reset();
  return NewString(isolate, text, v8::NewStringType::kNormal);
}

std::string_view RequestCache::Origin(std::string_view scheme, std::string_view authority) {
  if (scheme != scheme_ || authority != authority_) {
    scheme_ = scheme;
    authority_ = authority;
    origin_ = scheme_ + "://" + authority_;
    const auto url = ada::parse<ada::url_aggregator>(origin_);
    if (url) origin_ = url->get_origin();
  }
  return origin_;
}

}  // namespace jsd
