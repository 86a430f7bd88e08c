#ifndef JSD_CORE_OPS_CRYPTO_JOB_H_
#define JSD_CORE_OPS_CRYPTO_JOB_H_

#include <v8.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include "core/ops/crypto_key.h"

namespace jsd {

// What a cryptographic operation ends in. Nothing: it failed, and the caller in JavaScript knows what that means.
using Outcome = std::variant<std::monostate, SecretBytes, bool, std::shared_ptr<const Key>>;

// The operation itself: uses no V8, so that it can run on any thread.
using CryptoWork = std::function<Outcome()>;

// Ops of this kind take as their first argument the id of an asynchronous op, or 0. With 0 the work is done here and
// its outcome is the op's value: an ArrayBuffer, a boolean, a key's handle, or undefined. Otherwise it is done in the
// background, and `work` must own its data.
void PerformCrypto(const v8::FunctionCallbackInfo<v8::Value>& info, CryptoWork work);

// Outcome → value; empty where an exception is pending.
v8::MaybeLocal<v8::Value> OutcomeValue(v8::Isolate* isolate, const Outcome& outcome);

// Arguments of ops. A wrong one is a bug of the bootstrap code.
SecretBytes BytesArgument(v8::Local<v8::Value> value);
std::uint32_t NumberArgument(v8::Local<v8::Value> value);

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_JOB_H_
