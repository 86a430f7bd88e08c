#ifndef JSD_CONFIG_VALUES_H_
#define JSD_CONFIG_VALUES_H_

#include <filesystem>

#include "config/config.h"
#include "config/problems.h"
#include "config/schema.h"
#include "config/toml.h"

namespace jsd {

// Puts the value of a setting where its kind says, or reports what is wrong with it. Relative paths are seen from
// `folder`.
void ReadValue(const Setting& setting, const toml::node& node, const std::filesystem::path& folder, Config& config,
               Problems& problems);

}  // namespace jsd

#endif  // JSD_CONFIG_VALUES_H_
