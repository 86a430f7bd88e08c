#ifndef JSD_CORE_OPS_CRYPTO_ASYMMETRIC_H_
#define JSD_CORE_OPS_CRYPTO_ASYMMETRIC_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// Signatures, RSA-OAEP, key agreement.
std::span<const Binding> CryptoAsymmetricBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_ASYMMETRIC_H_
