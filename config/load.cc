#include "config/load.h"

// Errors are values here, as everywhere in jsd.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "config/listen_address.h"
#include "config/schema.h"
#include "config/units.h"

namespace jsd {
namespace {

// A value as a message shows it: in TOML, without what would make the line long.
std::string Show(const toml::node& node) {
  constexpr std::size_t kLongest = 60;
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  constexpr auto kOneLine = toml::toml_formatter::default_flags & ~toml::format_flags::allow_literal_strings &
                            ~toml::format_flags::allow_multi_line_strings;
  std::ostringstream stream;
  stream << toml::toml_formatter(node, kOneLine);
  std::string text = std::move(stream).str();
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while ((text[end] & 0xC0) == 0x80) --end;  // Not within a character.
  return text.substr(0, end) + "…";
}

std::string Quote(std::string_view text) { return '"' + std::string(text) + '"'; }

Parsed<std::string> ReadText(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (file == nullptr) return {{}, std::strerror(errno)};
  std::string text;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, file.get())) text.append(buffer, size);
  // A folder opens, but cannot be read.
  if (std::ferror(file.get())) return {{}, std::strerror(errno)};
  return {std::move(text), {}};
}

bool IsMap(const SettingKind& kind) {
  return std::holds_alternative<StringMapKind>(kind) || std::holds_alternative<PathMapKind>(kind);
}

// Reads one file. Everything that was wrong is in `problems_` at the end.
//
// Owner: Load. Thread: any one. Lifetime: the call.
class Loader {
 public:
  explicit Loader(const std::filesystem::path& file) : file_(file.string()) {
    std::error_code ignored;  // There is none for a file that can be read.
    folder_ = std::filesystem::absolute(file, ignored).parent_path();
  }

  LoadResult Run(std::span<const std::string> overrides) {
    if (ReadFile()) {
      for (const std::string& assignment : overrides) ApplyOverride(assignment);
      CheckNames();
      // Those that may be repeated start from the others.
      for (const Section& section : Sections()) {
        if (section.add == nullptr) AssignSection(section);
      }
      for (const Section& section : Sections()) {
        if (section.add != nullptr) AssignSection(section);
      }
      CheckListeners();
      if (problems_.empty()) CheckApps();
    }
    return TakeResult();
  }

 private:
  struct Problem {
    std::tuple<bool, toml::source_index, toml::source_index> order;  // Not in the file; line; column.
    std::string text;
  };

  bool ReadFile();
  void ApplyOverride(const std::string& assignment);
  void CheckNames();
  void CheckNamesIn(const toml::table& table, const std::string& section);
  void CheckRepeated(const toml::node& node, const std::string& section);
  void AssignSection(const Section& section);
  void AssignTable(const Section& section, const toml::table* table);
  // Of a section, made if need be; null where something else than tables stands there.
  toml::table* TableOf(std::string_view section);
  // The table is null where the file does not have the section.
  void AssignSetting(const Setting& setting, const toml::table* table);
  void CheckListeners();
  void CheckApps();
  void CheckTls(const TlsConfig& tls, const toml::node& node);
  LoadResult TakeResult();

  void Assign(const Setting& setting, const toml::node& node, const SizeKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const DurationKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const CountKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const ChoiceKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const AddressListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const FlagListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const StringMapKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const StringListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const BoolKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const TextKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const TextListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathMapKind& kind);
  // None, reported, where the node is no path.
  std::optional<std::filesystem::path> PathOf(const Setting& setting, const toml::node& node);

  void ReportMissing(const Setting& setting, const toml::table* table);
  void ReportUnknown(const toml::source_region& source, const std::string& key);
  void Mismatch(const Setting& setting, const toml::node& node, std::string_view reason = {});
  void Report(const toml::source_region& source, const std::string& key, const std::string& message);
  void ReportFile(const toml::source_position& position, const std::string& message);

  std::filesystem::path Absolute(const std::filesystem::path& path) const {
    return (folder_ / path).lexically_normal();
  }

  const std::string file_;  // As messages name it.
  std::filesystem::path folder_;
  toml::table root_;
  Config config_;
  std::vector<Problem> problems_;
};

bool Loader::ReadFile() {
  const Parsed<std::string> text = ReadText(file_);
  if (!text.value) {
    ReportFile({}, "cannot be read: " + text.error);
    return false;
  }
  toml::parse_result parsed = toml::parse(*text.value, file_);
  if (!parsed) {
    ReportFile(parsed.error().source().begin, std::string(parsed.error().description()));
    return false;
  }
  root_ = std::move(parsed).table();
  return true;
}

// Puts the value into the tree that the file made. Nodes are copied, and copies have no source: that is how Report
// tells an override's value from the file's.
void Loader::ApplyOverride(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) {
    Report({}, assignment, "expected key=value");
    return;
  }
  const std::string key = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);

  const Setting* setting = FindSetting(key);
  std::string entry;  // Of a map, "NAME" of "app.env.NAME".
  if (const std::size_t dot = key.find('.', key.find('.') + 1); setting == nullptr && dot != std::string::npos) {
    const Setting* const map = FindSetting(std::string_view(key).substr(0, dot));
    if (map != nullptr && IsMap(map->kind)) setting = map;
    entry = key.substr(dot + 1);
  }
  if (setting == nullptr) {
    ReportUnknown({}, key);
    return;
  }

  const std::string_view top = setting->section.substr(0, setting->section.find('.'));
  const bool repeated = FindSection(setting->section)->add != nullptr && !FindSection(setting->section)->once_too;
  if (repeated || root_[top].is_array()) {
    Report({}, key, "a section that is repeated is set by the file alone");
    return;
  }

  // A line break in the value could make more than one key of it.
  toml::parse_result parsed = toml::parse("value = " + text);
  const toml::value<std::string> plain(text);
  const bool is_toml = parsed && parsed.table().size() == 1 && (entry.empty() || parsed.table()["value"].is_string());
  const toml::node& value = is_toml ? *parsed.table().get("value") : static_cast<const toml::node&>(plain);

  // Where the file has something else than a table, CheckNames and Assign say so.
  toml::table* table = TableOf(setting->section);
  if (table != nullptr && !entry.empty()) {
    table = table->insert(setting->name, toml::table()).first->second.as_table();
  }
  if (table != nullptr) table->insert_or_assign(entry.empty() ? setting->name : std::string_view(entry), value);
}

toml::table* Loader::TableOf(std::string_view section) {
  toml::table* table = &root_;
  while (table != nullptr && !section.empty()) {
    const std::size_t dot = std::min(section.find('.'), section.size());
    table = table->insert(section.substr(0, dot), toml::table()).first->second.as_table();
    section.remove_prefix(std::min(dot + 1, section.size()));
  }
  return table;
}

void Loader::CheckNames() {
  for (const auto& [section_key, section_node] : root_) {
    const std::string section(section_key.str());
    const Section* const known = FindSection(section);
    if (known == nullptr || !known->parent().empty()) {
      ReportUnknown(section_key.source(), section);
      continue;
    }
    const toml::table* const table = section_node.as_table();
    if (known->once_too && section_node.is_array_of_tables()) {
      CheckRepeated(section_node, section);
    } else if (table == nullptr && known->once_too) {
      Report(section_node.source(), section,
             "expected a table [" + section + "] or tables [[" + section + "]], got " + Show(section_node));
    } else if (table == nullptr) {
      const std::string given = section_node.is_array_of_tables() ? "[[" + section + "]]" : Show(section_node);
      Report(section_node.source(), section, "expected one table [" + section + "], got " + given);
    } else {
      CheckNamesIn(*table, section);
    }
  }
}

void Loader::CheckNamesIn(const toml::table& table, const std::string& section) {
  for (const auto& [name, node] : table) {
    const std::string key = section + "." + std::string(name.str());
    if (const Section* const inner = FindSection(key); inner != nullptr && inner->add != nullptr) {
      CheckRepeated(node, key);
    } else if (inner != nullptr && node.is_table()) {
      CheckNamesIn(*node.as_table(), key);
    } else if (inner != nullptr) {
      Report(node.source(), key, "expected one table [" + key + "], got " + Show(node));
    } else if (FindSetting(key) == nullptr) {
      ReportUnknown(name.source(), key);
    }
  }
}

void Loader::CheckRepeated(const toml::node& node, const std::string& section) {
  if (node.is_array_of_tables()) {
    for (const toml::node& element : *node.as_array()) CheckNamesIn(*element.as_table(), section);
  } else if (const toml::array* const list = node.as_array(); list == nullptr || !list->empty()) {
    const std::string given = node.is_table() ? "[" + section + "]" : Show(node);
    Report(node.source(), section, "expected tables [[" + section + "]], got " + given);
  }
}

void Loader::AssignSection(const Section& section) {
  const Section* const parent = FindSection(section.parent());
  if (parent != nullptr && parent->add != nullptr) return;  // With each of those.
  const toml::node_view given = root_.at_path(section.name);
  if (section.add == nullptr) return AssignTable(section, given.as_table());
  // What is not an array of tables has its own error.
  if (const toml::array* const list = given.as_array(); list != nullptr && list->is_array_of_tables()) {
    for (const toml::node& element : *list) {
      section.add(config_);
      AssignTable(section, element.as_table());
    }
  } else if (section.once_too) {
    section.add(config_);
    AssignTable(section, given.as_table());
  }
}

void Loader::AssignTable(const Section& section, const toml::table* table) {
  for (const Setting& setting : Settings()) {
    if (setting.section == section.name) AssignSetting(setting, table);
  }
  if (section.add == nullptr) return;
  for (const Section& inner : Sections()) {
    if (inner.parent() != section.name) continue;
    const toml::node* const given = table == nullptr ? nullptr : table->get(inner.name.substr(section.name.size() + 1));
    AssignTable(inner, given == nullptr ? nullptr : given->as_table());
  }
}

void Loader::AssignSetting(const Setting& setting, const toml::table* table) {
  const auto assign = [&](const toml::node& node) {
    std::visit([&](const auto& kind) { Assign(setting, node, kind); }, setting.kind);
  };
  const toml::node* const given = table == nullptr ? nullptr : table->get(setting.name);
  if (given != nullptr) {
    assign(*given);
  } else if (!FindSection(setting.section)->inherits.empty()) {
    return;
  } else if (setting.default_value.empty()) {
    ReportMissing(setting, table);
  } else {
    assign(*toml::parse("value = " + std::string(setting.default_value)).table().get("value"));
  }
}

// What no single value shows.
void Loader::CheckListeners() {
  const toml::node_view given = root_["server"]["listen"];
  const bool no_address = given.is_array() && given.as_array()->empty();
  if (no_address && config_.server.tls.empty()) {
    Report(given.node()->source(), "server.listen", "it is empty, and there is no [[server.tls]]");
  }
  if (const auto pid_file = root_["server"]["pid_file"]; pid_file && !config_.server.pid_file.empty()) {
    const auto control = ParseListenAddress(ControlAddress(config_.server.pid_file.string()));
    if (!control.value) Report(pid_file.node()->source(), "server.pid_file", "with \".sock\": " + control.error);
  }
  const toml::array* const list = root_["server"]["tls"].as_array();
  if (list == nullptr || list->size() != config_.server.tls.size()) return;
  for (std::size_t i = 0; i < list->size(); ++i) CheckTls(config_.server.tls[i], *list->get(i));
}

void Loader::CheckApps() {
  const toml::array* const list = root_["app"].as_array();
  const auto source = [&](std::size_t index) {
    return list == nullptr ? toml::source_region{} : list->get(index)->source();
  };
  std::vector<std::pair<std::string, std::string>> routes;
  for (std::size_t i = 0; i < config_.apps.size(); ++i) {
    AppConfig& app = config_.apps[i];
    if (app.name.empty()) app.name = app.script.filename().string();
    const auto same = [&](std::size_t j) { return config_.apps[j].name == app.name; };
    for (std::size_t j = 0; j < i; ++j) {
      if (same(j)) Report(source(i), "app.name", "another app is called " + Quote(app.name) + " too");
    }
    const std::vector<std::string> any = {""};
    for (const std::string& host : app.hosts.empty() ? any : app.hosts) {
      std::pair<std::string, std::string> route(host, app.path);
      if (std::ranges::find(routes, route) != routes.end()) {
        const std::string where = (host.empty() ? "every host" : Quote(host)) + " and path " + Quote(app.path);
        Report(source(i), "app", "another app serves " + where + " too");
      }
      routes.push_back(std::move(route));
    }
  }
}

void Loader::CheckTls(const TlsConfig& tls, const toml::node& node) {
  const auto report = [&](const char* name, const std::string& message) {
    const toml::node* const value = node.as_table()->get(name);
    Report(value == nullptr ? node.source() : value->source(), std::string("server.tls.") + name, message);
  };
  // What is missing altogether has its own error.
  if (tls.certificates.empty() || tls.keys.empty()) return;
  const std::string certificates = std::to_string(tls.certificates.size());
  if (tls.keys.size() != tls.certificates.size()) {
    report("key", "expected one for each of " + certificates + ", got " + std::to_string(tls.keys.size()));
  }
  if (!tls.ocsp.empty() && tls.ocsp.size() != tls.certificates.size()) {
    report("ocsp", "expected one for each of " + certificates + ", got " + std::to_string(tls.ocsp.size()));
  }
  if (tls.client_certificates != ClientCertificates::kNone && tls.client_ca.empty()) {
    report("client_certificates", "they need client_ca, the authorities that sign them");
  }
}

LoadResult Loader::TakeResult() {
  LoadResult result;
  std::ranges::stable_sort(problems_, {}, &Problem::order);
  for (Problem& problem : problems_) result.errors.push_back(std::move(problem.text));
  if (result.errors.empty()) result.config = std::move(config_);
  return result;
}

void Loader::Assign(const Setting& setting, const toml::node& node, const SizeKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const Parsed<std::uint64_t> size = ParseSize(text->get());
  if (!size.value) return Mismatch(setting, node, size.error);
  if (*size.value < kind.minimum || *size.value > kind.maximum) return Mismatch(setting, node);
  kind.field(config_) = *size.value;
}

void Loader::Assign(const Setting& setting, const toml::node& node, const DurationKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const Parsed<std::chrono::milliseconds> duration = ParseDuration(text->get());
  if (!duration.value) return Mismatch(setting, node, duration.error);
  if (*duration.value < kind.minimum || *duration.value > kind.maximum) return Mismatch(setting, node);
  kind.field(config_) = *duration.value;
}

void Loader::Assign(const Setting& setting, const toml::node& node, const CountKind& kind) {
  const auto* const text = node.as_string();
  if (kind.auto_is_zero && text != nullptr && text->get() == "auto") {
    kind.field(config_) = 0;
    return;
  }
  const auto* const number = node.as_integer();
  if (number == nullptr || number->get() < kind.minimum || number->get() > kind.maximum) {
    return Mismatch(setting, node);
  }
  kind.field(config_) = static_cast<unsigned>(number->get());
}

void Loader::Assign(const Setting& setting, const toml::node& node, const ChoiceKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const auto found = std::ranges::find(kind.names, text->get());
  if (found == kind.names.end()) return Mismatch(setting, node);
  kind.set(config_, found - kind.names.begin());
}

void Loader::Assign(const Setting& setting, const toml::node& node, const PathKind& kind) {
  const auto* const text = node.as_string();
  if (kind.may_be_empty && text != nullptr && text->get().empty()) {
    kind.field(config_).clear();
    return;
  }
  if (auto path = PathOf(setting, node)) kind.field(config_) = std::move(*path);
}

void Loader::Assign(const Setting& setting, const toml::node& node, const PathListKind& kind) {
  auto& field = kind.field(config_);
  const toml::array* const list = node.as_array();
  if (list == nullptr) {
    if (auto path = PathOf(setting, node)) field.push_back(std::move(*path));
    return;
  }
  if (list->empty() && !kind.may_be_empty) return Mismatch(setting, node, "it is empty");
  for (const toml::node& element : *list) {
    if (auto path = PathOf(setting, element)) field.push_back(std::move(*path));
  }
}

std::optional<std::filesystem::path> Loader::PathOf(const Setting& setting, const toml::node& node) {
  const auto* const text = node.as_string();
  if (text == nullptr || text->get().empty()) {
    Mismatch(setting, node);
    return std::nullopt;
  }
  if (text->get().find('\0') != std::string::npos) {
    Mismatch(setting, node, "the path holds a NUL");
    return std::nullopt;
  }
  return Absolute(text->get());
}

void Loader::Assign(const Setting& setting, const toml::node& node, const StringListKind& kind) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return Mismatch(setting, node);
  for (const toml::node& element : *list) {
    if (const auto* const text = element.as_string(); text != nullptr && !text->get().empty()) {
      kind.field(config_).push_back(text->get());
    } else {
      Mismatch(setting, element);
    }
  }
}

void Loader::Assign(const Setting& setting, const toml::node& node, const BoolKind& kind) {
  const auto* const value = node.as_boolean();
  if (value == nullptr) return Mismatch(setting, node);
  kind.field(config_) = value->get();
}

void Loader::Assign(const Setting& setting, const toml::node& node, const TextKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  Parsed<std::string> parsed = kind.parse(text->get());
  if (!parsed.value) return Mismatch(setting, node, parsed.error);
  kind.field(config_) = std::move(*parsed.value);
}

void Loader::Assign(const Setting& setting, const toml::node& node, const TextListKind& kind) {
  const auto add = [&](const toml::node& element) {
    const auto* const text = element.as_string();
    if (text == nullptr) return Mismatch(setting, element);
    Parsed<std::string> parsed = kind.parse(text->get());
    if (!parsed.value) return Mismatch(setting, element, parsed.error);
    kind.field(config_).push_back(std::move(*parsed.value));
  };
  const toml::array* const list = node.as_array();
  if (list == nullptr) return add(node);
  for (const toml::node& element : *list) add(element);
}

void Loader::Assign(const Setting& setting, const toml::node& node, const AddressListKind& kind) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return Mismatch(setting, node);
  if (list->empty() && !kind.may_be_empty) return Mismatch(setting, node, "it is empty");
  std::vector<ListenAddress> addresses;
  for (const toml::node& element : *list) {
    const auto* const text = element.as_string();
    if (text == nullptr) {
      Mismatch(setting, element);
      continue;
    }
    Parsed<ListenAddress> address = ParseListenAddress(text->get());
    if (address.value && address.value->kind == ListenAddress::Kind::kUnix) {
      address.value->path = Absolute(address.value->path);
      // The kernel's limit is one of the absolute path.
      address = ParseListenAddress(ToString(*address.value));
    }
    if (!address.value) {
      Mismatch(setting, element, address.error);
      continue;
    }
    const bool tcp =
        address.value->kind == ListenAddress::Kind::kIpv4 || address.value->kind == ListenAddress::Kind::kIpv6;
    const bool kernel_chooses = tcp && address.value->port == 0;
    if (!kernel_chooses && std::ranges::find(addresses, *address.value) != addresses.end()) {
      Mismatch(setting, element, "it is listed twice");
    }
    addresses.push_back(std::move(*address.value));
  }
  auto& field = kind.field(config_);
  for (const ListenAddress& address : addresses) field.push_back(ToString(address));
}

void Loader::Assign(const Setting& setting, const toml::node& node, const FlagListKind& kind) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return Mismatch(setting, node);
  for (const toml::node& element : *list) {
    const auto* const flag = element.as_string();
    // V8 takes text without "--" for the arguments of a program and ignores it.
    if (flag == nullptr || !flag->get().starts_with("--") || flag->get().size() == 2) {
      Mismatch(setting, element);
    } else {
      kind.field(config_).push_back(flag->get());
    }
  }
}

void Loader::Assign(const Setting& setting, const toml::node& node, const StringMapKind& kind) {
  const toml::table* const map = node.as_table();
  if (map == nullptr) return Report(node.source(), setting.key(), "expected " + Describe(setting.kind));
  for (const auto& [name, value] : *map) {
    if (const auto* const text = value.as_string(); text != nullptr) {
      kind.field(config_).emplace_back(name.str(), text->get());
    } else {
      // The value may be a secret.
      Report(value.source(), setting.key() + "." + std::string(name.str()), "expected a string, in quotes");
    }
  }
}

void Loader::Assign(const Setting& setting, const toml::node& node, const PathMapKind& kind) {
  const toml::table* const map = node.as_table();
  if (map == nullptr) return Mismatch(setting, node);
  for (const auto& [name, value] : *map) {
    const std::string key = setting.key() + "." + std::string(name.str());
    Parsed<std::string> parsed = kind.parse_name(name.str());
    const auto* const text = value.as_string();
    if (!parsed.value) {
      Report(name.source(), key, parsed.error);
    } else if (text == nullptr || text->get().empty() || text->get().find('\0') != std::string::npos) {
      Report(value.source(), key, "expected a path, got " + Show(value));
    } else {
      kind.field(config_).emplace_back(std::move(*parsed.value), Absolute(text->get()));
    }
  }
}

void Loader::ReportMissing(const Setting& setting, const toml::table* table) {
  // A section that is no table has its own error.
  if (table == nullptr && root_.get(setting.section) != nullptr) return;
  const std::string message = setting.key() + ": expected " + Describe(setting.kind) + ", but it is missing";
  ReportFile(table == nullptr ? toml::source_position{} : table->source().begin, message);
}

void Loader::ReportUnknown(const toml::source_region& source, const std::string& key) {
  std::string message = "unknown key; ";
  if (const std::string nearest = NearestKey(key); !nearest.empty()) {
    Report(source, key, message + "did you mean " + Quote(nearest) + "?");
    return;
  }
  std::vector<std::string> names;
  const Section* section = FindSection(std::string_view(key).substr(0, key.rfind('.')));
  if (section == nullptr) section = FindSection(std::string_view(key).substr(0, key.find('.')));
  for (const Setting& setting : Settings()) {
    if (section != nullptr && setting.section == section->name) names.push_back(Quote(setting.key()));
  }
  if (section == nullptr) {
    for (const Section& known : Sections()) {
      if (known.parent().empty()) names.push_back(Quote(known.name));
    }
  }
  message += names.size() == 1 ? "expected " : "expected one of ";
  for (const std::string& name : names) message += (&name == &names.front() ? "" : ", ") + name;
  Report(source, key, message);
}

// `node` is the setting's value or a part of it.
void Loader::Mismatch(const Setting& setting, const toml::node& node, std::string_view reason) {
  std::string message = "expected " + Describe(setting.kind) + ", got " + Show(node);
  if (!reason.empty()) message += ": " + std::string(reason);
  Report(node.source(), setting.key(), message);
}

void Loader::Report(const toml::source_region& source, const std::string& key, const std::string& message) {
  if (source.begin) {
    ReportFile(source.begin, key + ": " + message);
  } else {
    problems_.push_back({{true, 0, 0}, "--set " + key + ": " + message});
  }
}

// Without a position the file as a whole is meant.
void Loader::ReportFile(const toml::source_position& position, const std::string& message) {
  std::string prefix = file_ + ":";
  if (position) prefix += std::to_string(position.line) + ":" + std::to_string(position.column) + ":";
  problems_.push_back({{false, position.line, position.column}, prefix + " " + message});
}

}  // namespace

LoadResult Load(const std::filesystem::path& file, std::span<const std::string> overrides) {
  return Loader(file).Run(overrides);
}

}  // namespace jsd
