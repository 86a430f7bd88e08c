#ifndef JSD_CORE_OPS_NODE_CRYPTO_H_
#define JSD_CORE_OPS_NODE_CRYPTO_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// What node:crypto has and Web Cryptography has not: digests and HMACs at once.
std::span<const Binding> NodeCryptoBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_NODE_CRYPTO_H_
