#ifndef JSD_CONFIG_LOAD_H_
#define JSD_CONFIG_LOAD_H_

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"

namespace jsd {

struct LoadResult {
  std::optional<Config> config;     // None where there are errors.
  std::vector<std::string> errors;  // Each a line for a person: those of the file in its order, then the others.
};

// Reads the TOML file and checks all of it against the table of config/schema.cc. What the file leaves out has its
// default; relative paths become absolute, seen from the folder of the file. Every error is reported, as
// "file:line:column: key: what was expected".
//
// `overrides` are "key=value", as `--set` takes them, and count as if they stood in the file instead of what it says:
// the value is TOML, or plain text where it is not. Of two for one key the later one counts. Their errors start with
// "--set key: ".
LoadResult Load(const std::filesystem::path& file, std::span<const std::string> overrides);

}  // namespace jsd

#endif  // JSD_CONFIG_LOAD_H_
