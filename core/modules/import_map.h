#ifndef JSD_CORE_MODULES_IMPORT_MAP_H_
#define JSD_CORE_MODULES_IMPORT_MAP_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jsd {

// An import map (HTML, section 8.1.5.2 "Import map parse result" and following): addresses for specifiers, for all
// modules or for those below a prefix.
//
// A value. Thread: any that has it. Lifetime: its owner's.
class ImportMap {
 public:
  ImportMap() = default;

  // Reads the file at `path`; relative addresses in it are relative to it. Nothing, with `error`, where it cannot be
  // read or is no import map.
  static std::optional<ImportMap> Read(const std::string& path, std::string* error);

  struct Match {
    std::string url;
    std::string error;  // The entry that fits blocks the specifier.
  };

  // What the map says of a specifier in the module at `base_url`; nothing where it says nothing.
  std::optional<Match> Resolve(std::string_view specifier, std::string_view base_url) const;

  bool empty() const { return imports_.empty() && scopes_.empty(); }

 private:
  // Longest key first. An empty address blocks.
  using Entries = std::vector<std::pair<std::string, std::string>>;
  friend class ImportMapReader;

  static std::optional<Match> Find(const Entries& entries, const std::string& specifier, bool is_url);

  Entries imports_;
  std::vector<std::pair<std::string, Entries>> scopes_;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULES_IMPORT_MAP_H_
