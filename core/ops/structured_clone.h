#ifndef JSD_CORE_OPS_STRUCTURED_CLONE_H_
#define JSD_CORE_OPS_STRUCTURED_CLONE_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// markCloneable(object) and structuredClone(value, transfer, cloneObject): HTML, sections 2.7.7 and 2.7.10, within one
// context.
std::span<const Binding> StructuredCloneBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_STRUCTURED_CLONE_H_
