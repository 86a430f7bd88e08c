#ifndef JSD_CONFIG_SCHEMA_H_
#define JSD_CONFIG_SCHEMA_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/units.h"

namespace jsd {

// The table of every key that a config file may hold. It drives the checks, the defaults and the printed reference.

// Where a setting's value goes.
template <typename T>
using Field = T& (*)(Config&);

// What a setting's value is: how it is written, what it may be, where it goes. Ranges include both ends.
struct SizeKind {
  Field<std::size_t> field;
  std::uint64_t minimum;
  std::uint64_t maximum;
};
struct DurationKind {
  Field<std::chrono::milliseconds> field;
  std::chrono::milliseconds minimum;
  std::chrono::milliseconds maximum;
};
struct CountKind {
  Field<unsigned> field;
  unsigned minimum;
  unsigned maximum;
  bool auto_is_zero;  // "auto" is written for 0.
};
struct ChoiceKind {
  void (*set)(Config&, std::size_t index);
  std::span<const std::string_view> names;
};
struct PathKind {
  Field<std::filesystem::path> field;
  bool may_be_empty;
};
struct AddressListKind {
  Field<std::vector<std::string>> field;
  bool may_be_empty;
};
struct StringListKind {
  Field<std::vector<std::string>> field;
};
struct BoolKind {
  Field<bool> field;
};
// One path is written for a list of one.
struct PathListKind {
  Field<std::vector<std::filesystem::path>> field;
  bool may_be_empty;
};
struct FlagListKind {
  Field<std::vector<std::string>> field;
};
struct StringMapKind {
  Field<std::vector<std::pair<std::string, std::string>>> field;
};
// A table of paths, by names of a certain form.
struct PathMapKind {
  Field<std::vector<std::pair<std::string, std::filesystem::path>>> field;
  Parsed<std::string> (*parse_name)(std::string_view);
  std::string_view names;  // "hosts".
};
// Text of a certain form. `parse` gives it as it is kept.
struct TextKind {
  Field<std::string> field;
  Parsed<std::string> (*parse)(std::string_view);
  std::string_view what;  // "a name".
};
// One text is written for a list of one.
struct TextListKind {
  Field<std::vector<std::string>> field;
  Parsed<std::string> (*parse)(std::string_view);
  std::string_view what;  // "a host".
  std::string_view many;  // "hosts".
};
using SettingKind =
    std::variant<SizeKind, DurationKind, CountKind, ChoiceKind, PathKind, AddressListKind, FlagListKind, StringMapKind,
                 BoolKind, PathListKind, StringListKind, TextKind, TextListKind, PathMapKind>;

struct Setting {
  std::string_view section;
  std::string_view name;
  std::string_view default_value;  // As it stands in the file; empty: the file has to say it.
  SettingKind kind;
  std::string_view about;  // One paragraph of Markdown.

  // "limits.heap".
  std::string key() const { return std::string(section) + "." + std::string(name); }
};

struct Section {
  std::string_view name;
  std::string_view about;
  // Of a section that a file may have any number of times, [[server.tls]]: adds one to the config. The fields of its
  // settings are those of the one that was added last.
  void (*add)(Config&) = nullptr;
  // Where there is only one, it may be written as [app] too.
  bool once_too = false;
  // The section whose settings of the same names stand in for those that are not given; empty: none.
  std::string_view inherits = {};

  // The section that it is a part of, "server" of "server.tls"; empty: none.
  std::string_view parent() const { return name.substr(0, name.find('.') == name.npos ? 0 : name.rfind('.')); }
};

// Both in the order of the reference; settings of a section stand together.
std::span<const Section> Sections();
std::span<const Setting> Settings();

// Null where there is none.
const Setting* FindSetting(std::string_view key);
const Section* FindSection(std::string_view name);

// What the value has to be: "a size from \"16MiB\" to \"64GiB\"".
std::string Describe(const SettingKind& kind);

// The key or section that someone who wrote `unknown` most likely meant; empty where none is near.
std::string NearestKey(std::string_view unknown);

}  // namespace jsd

#endif  // JSD_CONFIG_SCHEMA_H_
