#include "config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/listen_address.h"
#include "config/problems.h"
#include "config/schema.h"
#include "config/toml.h"
#include "config/units.h"
#include "config/values.h"

namespace jsd {
namespace {

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
  explicit Loader(const std::filesystem::path& file) : file_(file.string()), problems_(file_) {
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
  void ReportMissing(const Setting& setting, const toml::table* table);
  void ReportUnknown(const toml::source_region& source, const std::string& key);

  const std::string file_;  // As messages name it.
  std::filesystem::path folder_;
  toml::table root_;
  Config config_;
  Problems problems_;
};

bool Loader::ReadFile() {
  const Parsed<std::string> text = ReadText(file_);
  if (!text.value) {
    problems_.ReportFile({}, "cannot be read: " + text.error);
    return false;
  }
  toml::parse_result parsed = toml::parse(*text.value, file_);
  if (!parsed) {
    problems_.ReportFile(parsed.error().source().begin, std::string(parsed.error().description()));
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
    problems_.Report({}, assignment, "expected key=value");
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
    problems_.Report({}, key, "a section that is repeated is set by the file alone");
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
      problems_.Report(section_node.source(), section,
                       "expected a table [" + section + "] or tables [[" + section + "]], got " + Show(section_node));
    } else if (table == nullptr) {
      const std::string given = section_node.is_array_of_tables() ? "[[" + section + "]]" : Show(section_node);
      problems_.Report(section_node.source(), section, "expected one table [" + section + "], got " + given);
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
      problems_.Report(node.source(), key, "expected one table [" + key + "], got " + Show(node));
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
    problems_.Report(node.source(), section, "expected tables [[" + section + "]], got " + given);
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
  const auto assign = [&](const toml::node& node) { ReadValue(setting, node, folder_, config_, problems_); };
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
    problems_.Report(given.node()->source(), "server.listen", "it is empty, and there is no [[server.tls]]");
  }
  if (const auto pid_file = root_["server"]["pid_file"]; pid_file && !config_.server.pid_file.empty()) {
    const auto control = ParseListenAddress(ControlAddress(config_.server.pid_file.string()));
    if (!control.value)
      problems_.Report(pid_file.node()->source(), "server.pid_file", "with \".sock\": " + control.error);
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
      if (same(j)) problems_.Report(source(i), "app.name", "another app is called " + Quote(app.name) + " too");
    }
    const std::vector<std::string> any = {""};
    for (const std::string& host : app.hosts.empty() ? any : app.hosts) {
      std::pair<std::string, std::string> route(host, app.path);
      if (std::ranges::find(routes, route) != routes.end()) {
        const std::string where = (host.empty() ? "every host" : Quote(host)) + " and path " + Quote(app.path);
        problems_.Report(source(i), "app", "another app serves " + where + " too");
      }
      routes.push_back(std::move(route));
    }
  }
}

void Loader::CheckTls(const TlsConfig& tls, const toml::node& node) {
  const auto report = [&](const char* name, const std::string& message) {
    const toml::node* const value = node.as_table()->get(name);
    problems_.Report(value == nullptr ? node.source() : value->source(), std::string("server.tls.") + name, message);
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
  result.errors = problems_.Take();
  if (result.errors.empty()) result.config = std::move(config_);
  return result;
}

void Loader::ReportMissing(const Setting& setting, const toml::table* table) {
  // A section that is no table has its own error.
  if (table == nullptr && root_.get(setting.section) != nullptr) return;
  const std::string message = setting.key() + ": expected " + Describe(setting.kind) + ", but it is missing";
  problems_.ReportFile(table == nullptr ? toml::source_position{} : table->source().begin, message);
}

void Loader::ReportUnknown(const toml::source_region& source, const std::string& key) {
  std::string message = "unknown key; ";
  if (const std::string nearest = NearestKey(key); !nearest.empty()) {
    problems_.Report(source, key, message + "did you mean " + Quote(nearest) + "?");
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
  problems_.Report(source, key, message);
}

// `node` is the setting's value or a part of it.
}  // namespace

LoadResult Load(const std::filesystem::path& file, std::span<const std::string> overrides) {
  return Loader(file).Run(overrides);
}

}  // namespace jsd
