#include "core/modules/package_json.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "core/modules/file_text.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// "3:14: …" of a parser's failure. Its own text begins with its name and says the position once more.
std::string DescribeParseError(const Json::parse_error& error, const std::string& text) {
  int line = 1, column = 1;
  for (std::size_t i = 0; i + 1 < error.byte && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  std::string_view what = error.what();
  if (const auto colon = what.find(": "); colon != what.npos) what.remove_prefix(colon + 2);
  return std::to_string(line) + ":" + std::to_string(column) + ": not valid JSON: " + std::string(what);
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json ValueOf(Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? Json() : std::move(*found);
}

std::unique_ptr<PackageJson> Parse(const std::string& path, const std::string& text, std::string* error) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& failure) {
    *error = path + ":" + DescribeParseError(failure, text);
    return nullptr;
  }
  if (!json.is_object()) {
    *error = path + ":1:1: not a JSON object";
    return nullptr;
  }
  auto package = std::make_unique<PackageJson>();
  package->path = path;
  package->folder = fs::path(path).parent_path().string();
  package->name = TextOf(json, "name");
  package->main = TextOf(json, "main");
  package->browser = TextOf(json, "browser");
  package->browser_map = BrowserMap(ValueOf(json, "browser"));
  const std::string type = TextOf(json, "type");
  if (type == "module") package->type = PackageJson::Type::kModule;
  if (type == "commonjs") package->type = PackageJson::Type::kCommonJs;
  package->workspaces = json.contains("workspaces");
  package->exports = ValueOf(json, "exports");
  package->imports = ValueOf(json, "imports");
  if (!package->imports.is_object()) package->imports = Json();
  return package;
}

}  // namespace

const PackageReader::Found& PackageReader::In(const std::string& folder) {
  if (const auto known = found_.find(folder); known != found_.end()) return known->second;
  Found found;
  const std::string path = (fs::path(folder) / "package.json").string();
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    const FileText file = ReadFileText(path);
    if (!file.error.empty()) {
      found.error = path + ": " + file.error;
    } else if (auto package = Parse(path, file.text, &found.error)) {
      found.package = package.get();
      packages_.emplace(folder, std::move(package));
    }
  }
  return found_.emplace(folder, std::move(found)).first->second;
}

const PackageReader::Found& PackageReader::NearestTo(const std::string& file) {
  fs::path folder = fs::path(file).parent_path();
  for (;;) {
    const Found& found = In(folder.string());
    if (found.package != nullptr || !found.error.empty()) return found;
    if (folder.filename() == "node_modules" || folder == folder.parent_path()) return found;
    folder = folder.parent_path();
  }
}

}  // namespace jsd
