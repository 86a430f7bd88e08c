#ifndef JSD_CORE_OPS_COMPRESSION_H_
#define JSD_CORE_OPS_COMPRESSION_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// What CompressionStream and DecompressionStream stand on.
std::span<const Binding> CompressionBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_COMPRESSION_H_
