#include "core/modules/import_map.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "ada.h"
#include "core/modules/file_text.h"

namespace jsd {
namespace {

// "Resolve a URL-like module specifier": nothing for a bare one.
std::optional<std::string> UrlLike(std::string_view specifier, const ada::url_aggregator& base) {
  const bool relative = specifier.starts_with("/") || specifier.starts_with("./") || specifier.starts_with("../");
  const auto url =
      relative ? ada::parse<ada::url_aggregator>(specifier, &base) : ada::parse<ada::url_aggregator>(specifier);
  if (!url) return std::nullopt;
  return std::string(url->get_href());
}

}  // namespace

// One reading of a file: where it is, and what is wrong with it.
class ImportMapReader {
 public:
  ImportMapReader(std::string path, ada::url_aggregator base) : path_(std::move(path)), base_(std::move(base)) {}

  bool Read(const std::string& text, ImportMap* map) {
    nlohmann::json json;
    try {
      json = nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& failure) {
      return Fail(failure.what());
    }
    if (!json.is_object()) return Fail("it is not a JSON object");
    for (const auto& [key, value] : json.items()) {
      if (key != "imports" && key != "scopes") return Fail("'" + key + "' is not a key of an import map");
      if (!value.is_object()) return Fail("'" + key + "' is not an object");
    }
    if (json.contains("imports") && !ReadEntries(json["imports"], &map->imports_)) return false;
    if (!json.contains("scopes")) return true;
    for (const auto& [prefix, value] : json["scopes"].items()) {
      const auto url = ada::parse<ada::url_aggregator>(prefix, &base_);
      if (!url) return Fail("the scope '" + prefix + "' is not a valid URL");
      if (!value.is_object()) return Fail("the scope '" + prefix + "' is not an object");
      ImportMap::Entries entries;
      if (!ReadEntries(value, &entries)) return false;
      map->scopes_.emplace_back(url->get_href(), std::move(entries));
    }
    std::ranges::sort(map->scopes_, [](const auto& a, const auto& b) { return a.first > b.first; });
    return true;
  }

  const std::string& error() const { return error_; }

 private:
  bool Fail(const std::string& reason) {
    error_ = path_ + ": " + reason;
    return false;
  }

  // A browser warns of a useless entry and goes on; a server's configuration is either right or refused.
  bool ReadEntries(const nlohmann::json& json, ImportMap::Entries* entries) {
    for (const auto& [key, value] : json.items()) {
      if (key.empty()) return Fail("a specifier is empty");
      std::string address;
      if (!value.is_null()) {
        if (!value.is_string()) return Fail("the address of '" + key + "' is not a text");
        const auto url = UrlLike(value.get<std::string>(), base_);
        if (!url) return Fail("the address of '" + key + "' must begin with './', '../' or '/', or be a URL");
        if (key.ends_with('/') && !url->ends_with('/')) {
          return Fail("the address of '" + key + "' must end in a slash, as its specifier does");
        }
        address = *url;
      }
      entries->emplace_back(UrlLike(key, base_).value_or(key), std::move(address));
    }
    std::ranges::sort(*entries, [](const auto& a, const auto& b) { return a.first > b.first; });
    return true;
  }

  const std::string path_;
  const ada::url_aggregator base_;
  std::string error_;
};

std::optional<ImportMap> ImportMap::Read(const std::string& path, std::string* error) {
  const FileText file = ReadFileText(path);
  if (!file.error.empty()) {
    *error = path + ": " + file.error;
    return std::nullopt;
  }
  ImportMapReader reader(path, *ada::parse<ada::url_aggregator>(ada::href_from_file(path)));
  ImportMap map;
  if (reader.Read(file.text, &map)) return map;
  *error = reader.error();
  return std::nullopt;
}

std::optional<ImportMap::Match> ImportMap::Find(const Entries& entries, const std::string& specifier, bool is_url) {
  for (const auto& [key, address] : entries) {
    const bool whole = key == specifier;
    // By its prefix only a bare specifier or the URL of a special scheme is mapped, and "file:" is the one there is.
    const bool prefix = key.ends_with('/') && specifier.starts_with(key) && (!is_url || specifier.starts_with("file:"));
    if (!whole && !prefix) continue;
    if (address.empty()) return Match{.url = {}, .error = "the import map blocks it"};
    if (whole) return Match{.url = address, .error = {}};
    const auto base = ada::parse<ada::url_aggregator>(address);
    const auto url = ada::parse<ada::url_aggregator>(std::string_view(specifier).substr(key.size()), &base.value());
    if (!url || !url->get_href().starts_with(address)) {
      return Match{.url = {}, .error = "it leaves '" + key + "' of the import map"};
    }
    return Match{.url = std::string(url->get_href()), .error = {}};
  }
  return std::nullopt;
}

std::optional<ImportMap::Match> ImportMap::Resolve(std::string_view specifier, std::string_view base_url) const {
  if (empty()) return std::nullopt;
  const auto base = ada::parse<ada::url_aggregator>(base_url);
  const auto url = base ? UrlLike(specifier, *base) : std::nullopt;
  const std::string normalized = url.value_or(std::string(specifier));
  for (const auto& [prefix, entries] : scopes_) {
    if (prefix != base_url && !(prefix.ends_with('/') && base_url.starts_with(prefix))) continue;
    if (auto match = Find(entries, normalized, url.has_value())) return match;
  }
  return Find(imports_, normalized, url.has_value());
}

}  // namespace jsd
