#include "core/snapshot.h"

namespace jsd {

// The program that makes the snapshot has none.
std::string_view EmbeddedSnapshot() { return {}; }

}  // namespace jsd
