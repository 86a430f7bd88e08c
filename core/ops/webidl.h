#ifndef JSD_CORE_OPS_WEBIDL_H_
#define JSD_CORE_OPS_WEBIDL_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// bufferKind(value): what Web IDL's buffer types have to know of a value, in bits that bootstrap/webidl.js names.
// defineUnforgeable(object, name, getter): gives the object a [LegacyUnforgeable] readonly attribute.
std::span<const Binding> WebIdlBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_WEBIDL_H_
