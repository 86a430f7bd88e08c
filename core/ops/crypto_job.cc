#include "core/ops/crypto_job.h"

#include <openssl/crypto.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

// Work in the background may still run when the process exits; OpenSSL must not take its tables away meanwhile. This
// has to be said before its first use.
[[maybe_unused]] const int kKeepsTables = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

}  // namespace

v8::MaybeLocal<v8::Value> OutcomeValue(v8::Isolate* isolate, const Outcome& outcome) {
  if (const auto* bytes = std::get_if<SecretBytes>(&outcome)) {
    v8::Local<v8::ArrayBuffer> buffer;
    if (!v8::ArrayBuffer::MaybeNew(isolate, bytes->size()).ToLocal(&buffer)) {
      ThrowRangeError(isolate, "Array buffer allocation failed");
      return {};
    }
    if (bytes->size() > 0) std::memcpy(buffer->Data(), bytes->data(), bytes->size());
    return buffer;
  }
  if (const bool* flag = std::get_if<bool>(&outcome)) return v8::Boolean::New(isolate, *flag);
  if (const auto* key = std::get_if<SharedKey>(&outcome)) return KeyHandle(isolate, *key);
  return v8::Undefined(isolate);
}

void PerformCrypto(const v8::FunctionCallbackInfo<v8::Value>& info, CryptoWork work) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::uint32_t id = NumberArgument(info[0]);
  if (id == 0) {
    v8::Local<v8::Value> value;
    if (OutcomeValue(isolate, work()).ToLocal(&value)) info.GetReturnValue().Set(value);
    return;
  }
  RuntimeState::From(isolate).ops.StartOnPool(id, [work = std::move(work)]() -> OpQueue::MakeValue {
    return [outcome = std::make_shared<const Outcome>(work())](v8::Local<v8::Context> context) {
      return OutcomeValue(context->GetIsolate(), *outcome);
    };
  });
}

SecretBytes BytesArgument(v8::Local<v8::Value> value) {
  std::string_view bytes;
  JSD_CHECK(GetBytes(value, &bytes));
  return SecretBytes(bytes);
}

std::uint32_t NumberArgument(v8::Local<v8::Value> value) {
  JSD_CHECK(value->IsUint32());
  return value.As<v8::Uint32>()->Value();
}

}  // namespace jsd
