#include "core/snapshot.h"

extern "C" {
// From snapshot_data.S.
extern const char jsd_snapshot_begin[];
extern const char jsd_snapshot_end[];
}

namespace jsd {

std::string_view EmbeddedSnapshot() {
  return {jsd_snapshot_begin, static_cast<std::size_t>(jsd_snapshot_end - jsd_snapshot_begin)};
}

}  // namespace jsd
