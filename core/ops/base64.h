#ifndef JSD_CORE_OPS_BASE64_H_
#define JSD_CORE_OPS_BASE64_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// base64Decode(text) and base64Encode(text), as the Infra standard's forgiving decode and encode over strings of
// Latin-1; undefined where the text cannot be converted. And bytes to and from base64 and hex.
std::span<const Binding> Base64Bindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_BASE64_H_
