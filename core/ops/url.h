#ifndef JSD_CORE_OPS_URL_H_
#define JSD_CORE_OPS_URL_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// The URL standard's parser, setters and application/x-www-form-urlencoded coding: urlParse, urlCanParse, urlSet,
// formEncode, formDecode.
std::span<const Binding> UrlBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_URL_H_
