#ifndef JSD_CORE_OPS_FILE_H_
#define JSD_CORE_OPS_FILE_H_

#include <span>

#include "core/bindings.h"

namespace jsd {

// Files that the permissions let a script read.
//
//   readFile(path) → a promise of an ArrayBuffer, by core.opAsync. Rejects with a NotAllowedError, or a TypeError whose
//     `code` is the system's, "ENOENT"
std::span<const Binding> FileBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_FILE_H_
