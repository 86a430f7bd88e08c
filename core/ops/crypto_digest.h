#ifndef JSD_CORE_OPS_CRYPTO_DIGEST_H_
#define JSD_CORE_OPS_CRYPTO_DIGEST_H_

#include <openssl/evp.h>
#include <v8.h>

namespace jsd {

// The digest that the bootstrap code names as Web Cryptography does, "SHA-256". Never null.
const EVP_MD* DigestArgument(v8::Isolate* isolate, v8::Local<v8::Value> name);

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_DIGEST_H_
