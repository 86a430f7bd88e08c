#ifndef JSD_SERVER_NEEDS_RESTART_H_
#define JSD_SERVER_NEEDS_RESTART_H_

#include "config/config.h"

namespace jsd {

// The key of a setting that a reload cannot change; null where none of those differs.
const char* NeedsRestart(const Config& before, const Config& after);

}  // namespace jsd

#endif  // JSD_SERVER_NEEDS_RESTART_H_
