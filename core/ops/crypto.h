#ifndef JSD_CORE_OPS_CRYPTO_H_
#define JSD_CORE_OPS_CRYPTO_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// randomFill(view), randomUuid(), digest(algorithm, bytes) and digestInBackground(id, algorithm, bytes), by OpenSSL.
// The algorithm is the name that Web Cryptography gives it, "SHA-256".
std::span<const Binding> CryptoBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_H_
