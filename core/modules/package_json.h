#ifndef JSD_CORE_MODULES_PACKAGE_JSON_H_
#define JSD_CORE_MODULES_PACKAGE_JSON_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "core/modules/browser_map.h"

namespace jsd {

// What module resolution wants of a package.json. Fields of another type than the documented one count as absent, as
// they do in Node.
struct PackageJson {
  enum class Type { kUnspecified, kModule, kCommonJs };

  std::string path;    // Of the file.
  std::string folder;  // That it stands in.
  std::string name;
  std::string main;
  std::string browser;     // In place of `main`, where it is a text.
  BrowserMap browser_map;  // Where it is an object.
  Type type = Type::kUnspecified;
  bool workspaces = false;         // It is the root of npm workspaces.
  nlohmann::ordered_json exports;  // Null where there is none. The order of conditions counts.
  nlohmann::ordered_json imports;
};

// Reads package.json files, each once.
//
// Owner: a ModuleResolver. Thread: its owner's. Lifetime: what it returned lives as long as it does.
class PackageReader {
 public:
  struct Found {
    const PackageJson* package = nullptr;  // Null where there is no file, or with `error`.
    std::string error;                     // With path, line and column, where the file is no JSON object.
  };

  // The package.json of this folder.
  const Found& In(const std::string& folder);

  // The one that a file belongs to: of its folder or the next one above, but not beyond a `node_modules`.
  const Found& NearestTo(const std::string& file);

 private:
  std::unordered_map<std::string, Found> found_;  // By folder.
  std::unordered_map<std::string, std::unique_ptr<PackageJson>> packages_;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULES_PACKAGE_JSON_H_
