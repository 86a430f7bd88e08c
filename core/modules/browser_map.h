#ifndef JSD_CORE_MODULES_BROWSER_MAP_H_
#define JSD_CORE_MODULES_BROWSER_MAP_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

namespace jsd {

// What a package puts in place of files and modules where there is no Node: `browser` of its package.json, if it is an
// object (github.com/defunctzombie/package-browser-field-spec, "replace specific files" and "ignore a module").
//
// Owner: a PackageJson. Thread: its owner's. Lifetime: that of the package.json.
class BrowserMap {
 public:
  BrowserMap() = default;
  explicit BrowserMap(const nlohmann::ordered_json& object);

  bool empty() const { return targets_.empty(); }

  // What stands for a specifier that names a module, in files of the package; null where it stands for itself. An empty
  // text: an empty module.
  const std::string* OfModule(std::string_view specifier) const;

  // What stands for a file of the package, `path` being relative to its folder. As bundlers have it, a key may lack
  // "./", an ending, or "index.js".
  const std::string* OfFile(std::string_view path) const;

 private:
  std::unordered_map<std::string, std::string> targets_;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULES_BROWSER_MAP_H_
