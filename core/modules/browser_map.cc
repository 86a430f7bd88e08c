#include "core/modules/browser_map.h"

#include <filesystem>

namespace jsd {
namespace {

// "./lib/../a.js" and "./a.js" are the same file.
std::string Normalize(const std::string& key) {
  if (!key.starts_with("./")) return key;
  return "./" + std::filesystem::path(key).lexically_normal().string();
}

}  // namespace

BrowserMap::BrowserMap(const nlohmann::ordered_json& object) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
      targets_.emplace(Normalize(key), value.get<std::string>());
    } else if (value.is_boolean() && !value.get<bool>()) {
      targets_.emplace(Normalize(key), std::string());
    }
  }
}

const std::string* BrowserMap::OfModule(std::string_view specifier) const {
  if (targets_.empty()) return nullptr;
  const auto found = targets_.find(std::string(specifier));
  return found == targets_.end() ? nullptr : &found->second;
}

const std::string* BrowserMap::OfFile(std::string_view path) const {
  if (targets_.empty()) return nullptr;
  for (const std::string_view ending : {"", ".js", ".json", ".cjs", "/index.js", "/index.json"}) {
    if (!path.ends_with(ending)) continue;
    const std::string name(path.substr(0, path.size() - ending.size()));
    for (const std::string& key : {"./" + name, name}) {
      if (const auto found = targets_.find(key); found != targets_.end()) return &found->second;
    }
  }
  return nullptr;
}

}  // namespace jsd
