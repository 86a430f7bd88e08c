#include "core/source_maps.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "core/modules/file_text.h"
#include "core/modules/module_resolver.h"
#include "core/value.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

bool HasScheme(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon != name.npos && colon > 1 && name.find('/') > colon;
}

}  // namespace

void SourceMaps::NoteUrl(const std::string& name, v8::Local<v8::Value> url) {
  if (url.IsEmpty() || !url->IsString() || url.As<v8::String>()->Length() == 0) return;
  noted_[name].url.Reset(isolate_, url.As<v8::String>());
}

std::string SourceMaps::Fetch(const std::string& name, const std::string& url, std::string* folder) {
  const fs::path script = name.substr(0, name.find('?'));
  *folder = script.parent_path().string();
  if (url.starts_with("data:")) return InlineSourceMap(url).value_or("");
  const std::string path = HasScheme(url) ? PathOfUrl(url) : (script.parent_path() / url).string();
  std::error_code error;
  const fs::path file = fs::canonical(path, error);
  if (error || !fs::is_regular_file(file, error)) return {};
  const auto below = file.lexically_relative(fs::weakly_canonical(root_, error));
  if (root_.empty() || error || below.empty() || *below.begin() == "..") return {};
  *folder = file.parent_path().string();
  return ReadFileText(file.string()).text;
}

void SourceMaps::Read(const std::string& name, Noted& noted) {
  noted.read = true;
  noted.folder = fs::path(name).parent_path().string();
  std::string json = std::exchange(noted.json, {});
  if (json.empty()) {
    const v8::HandleScope handle_scope(isolate_);
    json = Fetch(name, ToUtf8(isolate_, noted.url.Get(isolate_)), &noted.folder);
  }
  noted.url.Reset();
  std::string ignored;
  if (!json.empty()) noted.map = SourceMap::Parse(json, &ignored);
}

std::optional<SourceMaps::Position> SourceMaps::Find(const std::string& name, std::uint32_t line,
                                                     std::uint32_t column) {
  const auto found = noted_.find(name);
  if (found == noted_.end() || line == 0 || column == 0) return std::nullopt;
  Noted& noted = found->second;
  if (!noted.read) Read(name, noted);
  const auto original = noted.map ? noted.map->Find(line - 1, column - 1) : std::nullopt;
  if (!original) return std::nullopt;
  Position position{std::string(original->source), original->line + 1, original->column + 1, original->text};
  if (position.file.starts_with("file:")) {
    position.file = PathOfUrl(position.file);
  } else if (!HasScheme(position.file)) {
    position.file = (fs::path(noted.folder) / position.file).lexically_normal().string();
  }
  return position;
}

}  // namespace jsd
