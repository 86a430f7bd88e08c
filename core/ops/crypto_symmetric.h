#ifndef JSD_CORE_OPS_CRYPTO_SYMMETRIC_H_
#define JSD_CORE_OPS_CRYPTO_SYMMETRIC_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// AES, HMAC, HKDF, PBKDF2.
std::span<const Binding> CryptoSymmetricBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_SYMMETRIC_H_
