#include "core/modules/module_resolver.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "ada.h"
#include "core/modules/package_exports.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImportConditions[] = {"workerd", "worker", "browser", "import", "module-sync"};
constexpr std::string_view kRequireConditions[] = {"workerd", "worker", "browser", "require", "module-sync"};

// Of Node 24, without those that have only a name with "node:".
constexpr std::string_view kNodeBuiltins[] = {
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
};

Resolution Fail(std::string error, bool not_found = false) {
  Resolution resolution;
  resolution.error = std::move(error);
  resolution.not_found = not_found;
  return resolution;
}

bool IsRelative(std::string_view specifier) {
  return specifier.starts_with("./") || specifier.starts_with("../") || specifier == "." || specifier == "..";
}

bool IsFile(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool IsBelow(std::string_view path, std::string_view folder) {
  return folder == "/" || (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

bool IsInNodeModules(std::string_view path) { return path.find("/node_modules/") != path.npos; }

// Splits "@scope/name/sub/path" into the package's name and "." or "./sub/path". False where the name is none.
bool SplitPackage(std::string_view specifier, std::string* name, std::string* subpath) {
  std::size_t end = specifier.find('/');
  if (specifier.starts_with('@')) {
    if (end == specifier.npos || end + 1 == specifier.size()) return false;
    end = specifier.find('/', end + 1);
  }
  *name = specifier.substr(0, end);
  *subpath = end == specifier.npos ? "." : "." + std::string(specifier.substr(end));
  return !name->empty() && !name->starts_with('.') && name->find_first_of("\\%") == name->npos && *name != "@/";
}

// TypeScript's own convention names the file that a compiler would write: "./a.js" for "./a.ts".
std::string SourceOfCompiled(const std::string& path) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {".js", ".ts"}, {".js", ".tsx"}, {".mjs", ".mts"}, {".cjs", ".cts"}, {".jsx", ".tsx"}};
  for (const auto& [compiled, source] : kEndings) {
    if (!path.ends_with(compiled)) continue;
    const std::string candidate = path.substr(0, path.size() - compiled.size()) + std::string(source);
    if (IsFile(candidate)) return candidate;
  }
  return {};
}

// A file beside the missing one that was most likely meant, for the message.
std::string Suggest(const std::string& path) {
  for (const char* ending : {".mjs", ".js", ".ts", ".mts", ".tsx", ".cjs", "/index.js", "/index.mjs", "/index.ts"}) {
    if (IsFile(path + ending)) return "; did you mean '" + fs::path(path).filename().string() + ending + "'?";
  }
  return {};
}

}  // namespace

std::string UrlOfPath(std::string_view path) {
  // What the URL parser would take for something else, or leave as an escape.
  std::string escaped;
  for (const char c : path) {
    switch (c) {
      case '%':
        escaped += "%25";
        break;
      case '\\':
        escaped += "%5C";
        break;
      case '\n':
        escaped += "%0A";
        break;
      case '\r':
        escaped += "%0D";
        break;
      case '\t':
        escaped += "%09";
        break;
      default:
        escaped.push_back(c);
    }
  }
  return ada::href_from_file(escaped);
}

std::string PathOfUrl(std::string_view text) {
  const auto url = ada::parse<ada::url_aggregator>(text);
  if (!url || url->get_protocol() != "file:" || !url->get_hostname().empty()) return {};
  const std::string_view encoded = url->get_pathname();
  std::string path = ada::unicode::percent_decode(encoded, encoded.find('%'));
  return path.find('\0') == path.npos ? path : std::string();
}

bool IsNodeBuiltin(std::string_view name) { return std::ranges::find(kNodeBuiltins, name) != std::end(kNodeBuiltins); }

ModuleSyntax SyntaxOf(std::string_view path) {
  if (path.ends_with(".ts") || path.ends_with(".mts") || path.ends_with(".cts")) return ModuleSyntax::kTypeScript;
  if (path.ends_with(".tsx")) return ModuleSyntax::kTsx;
  if (path.ends_with(".jsx")) return ModuleSyntax::kJsx;
  return ModuleSyntax::kJavaScript;
}

std::string DefaultModuleRoot(const std::string& script) {
  std::error_code ignored;
  const fs::path path = fs::weakly_canonical(script, ignored);
  const fs::path own = path.parent_path();
  PackageReader packages;
  const PackageReader::Found& nearest = packages.NearestTo(path.string());
  if (nearest.package == nullptr) return own.string();
  fs::path folder = nearest.package->folder;
  const fs::path package = folder;
  for (;;) {
    const PackageReader::Found& found = packages.In(folder.string());
    if ((found.package != nullptr && found.package->workspaces) || IsFile((folder / "pnpm-workspace.yaml").string())) {
      return folder.string();
    }
    if (folder == folder.parent_path()) return package.string();
    folder = folder.parent_path();
  }
}

ModuleResolver::ModuleResolver(Options options) : options_(std::move(options)) {
  if (options_.root.empty()) return;
  std::error_code ignored;
  options_.root = fs::weakly_canonical(options_.root, ignored).string();
  if (options_.root.size() > 1 && options_.root.ends_with('/')) options_.root.pop_back();
}

bool ModuleResolver::HasBuiltin(std::string_view name) const {
  return std::ranges::find(options_.builtins, name) != options_.builtins.end();
}

std::string ModuleResolver::PackageOf(const std::string& path) {
  const PackageReader::Found& found = packages_.NearestTo(path);
  return found.package == nullptr ? std::string() : found.package->name;
}

Resolution ModuleResolver::ResolveMain(const std::string& path) {
  std::error_code ignored;
  return ResolveFile(fs::absolute(path, ignored).lexically_normal().string());
}

Resolution ModuleResolver::ResolveImport(std::string_view specifier, const std::string& importer_url) {
  return ReplaceFile(FindImport(specifier, importer_url), Kind::kImport);
}

Resolution ModuleResolver::FindImport(std::string_view specifier, const std::string& importer_url) {
  std::string mapped;
  if (const auto match = options_.import_map.Resolve(specifier, importer_url)) {
    if (!match->error.empty()) return Fail(match->error);
    mapped = match->url;
    specifier = mapped;
  }
  const std::string importer_path = PathOfUrl(importer_url);
  if (mapped.empty()) {
    if (auto replaced = ReplaceModule(specifier, importer_path, Kind::kImport)) return *std::move(replaced);
  }
  if (specifier.starts_with("node:")) return ResolveBuiltin(specifier.substr(5), importer_path);
  if (IsRelative(specifier) || specifier.starts_with('/')) {
    const auto base = ada::parse<ada::url_aggregator>(importer_url);
    if (!base) return Fail("there is no file to resolve it against");
    const auto url = ada::parse<ada::url_aggregator>(specifier, &base.value());
    if (!url) return Fail("it is not a valid path");
    return ResolveUrl(std::string(url->get_href()), importer_path);
  }
  if (specifier.starts_with('#')) return ResolvePackageImport(specifier, importer_path, Kind::kImport);
  if (const auto url = ada::parse<ada::url_aggregator>(specifier)) {
    if (url->get_protocol() != "file:") return Fail("modules are read from files only");
    return ResolveUrl(std::string(url->get_href()), importer_path);
  }
  return ResolvePackage(specifier, importer_path, Kind::kImport);
}

Resolution ModuleResolver::ResolveRequire(std::string_view specifier, const std::string& importer_path) {
  return ReplaceFile(FindRequired(specifier, importer_path), Kind::kRequire);
}

Resolution ModuleResolver::FindRequired(std::string_view specifier, const std::string& importer_path) {
  if (specifier.empty()) return Fail("it is empty");
  if (specifier.find('\0') != specifier.npos) return Fail("it is not a valid path");
  if (auto replaced = ReplaceModule(specifier, importer_path, Kind::kRequire)) return *std::move(replaced);
  if (specifier.starts_with("node:")) return ResolveBuiltin(specifier.substr(5), importer_path);
  if (IsRelative(specifier) || specifier.starts_with('/')) {
    const fs::path path = (fs::path(importer_path).parent_path() / specifier).lexically_normal();
    return ResolveFileOrFolder(path.string());
  }
  if (specifier.starts_with('#')) return ResolvePackageImport(specifier, importer_path, Kind::kRequire);
  return ResolvePackage(specifier, importer_path, Kind::kRequire);
}

std::optional<Resolution> ModuleResolver::ReplaceModule(std::string_view specifier, const std::string& importer_path,
                                                        Kind kind) {
  if (IsRelative(specifier) || specifier.starts_with('/')) return std::nullopt;
  const PackageJson* const package = packages_.NearestTo(importer_path).package;
  const std::string* const target = package == nullptr ? nullptr : package->browser_map.OfModule(specifier);
  if (target == nullptr) return std::nullopt;
  return ResolveReplacement(*target, *package, kind);
}

Resolution ModuleResolver::ReplaceFile(Resolution file, Kind kind) {
  const ModuleLocation& module = file.module;
  if (!file.error.empty() || module.format == ModuleFormat::kBuiltin) return file;
  const PackageJson* const package = packages_.NearestTo(module.path).package;
  if (package == nullptr || package->browser_map.empty()) return file;
  const fs::path relative = fs::path(module.path).lexically_relative(package->folder);
  const std::string* const target = package->browser_map.OfFile(relative.string());
  return target == nullptr ? file : ResolveReplacement(*target, *package, kind);
}

// Not looked up once more, so that maps may be circular.
Resolution ModuleResolver::ResolveReplacement(const std::string& target, const PackageJson& package, Kind kind) {
  if (target.empty()) {
    Resolution nothing;
    nothing.module = {std::string("node:") + kEmptyModule, kEmptyModule, ModuleFormat::kBuiltin,
                      ModuleSyntax::kJavaScript};
    return nothing;
  }
  const std::string path = (fs::path(package.folder) / target).lexically_normal().string();
  if (IsRelative(target) || IsFile(path)) return ResolveFileOrFolder(path);
  return ResolvePackage(target, package.path, kind);
}

Resolution ModuleResolver::ResolveUrl(const std::string& url, const std::string& importer_path) {
  const std::string path = PathOfUrl(url);
  if (path.empty()) return Fail("it is not the URL of a file here");
  const std::size_t suffix = url.find_first_of("?#");
  const std::string after = suffix == url.npos ? std::string() : url.substr(suffix);
  const ModuleSyntax importer = SyntaxOf(importer_path);
  if ((importer == ModuleSyntax::kTypeScript || importer == ModuleSyntax::kTsx) && !IsFile(path)) {
    if (const std::string source = SourceOfCompiled(path); !source.empty()) return ResolveFile(source, after);
  }
  return ResolveFile(path, after);
}

Resolution ModuleResolver::ResolveBuiltin(std::string_view name, const std::string& importer_path) {
  if (HasBuiltin(name)) {
    Resolution resolution;
    resolution.module = {"node:" + std::string(name), std::string(name), ModuleFormat::kBuiltin,
                         ModuleSyntax::kJavaScript};
    return resolution;
  }
  const std::string package = IsInNodeModules(importer_path) ? PackageOf(importer_path) : std::string();
  return Fail((package.empty() ? "" : "the package '" + package + "' needs it, and ") +
                  std::string("jsd has no built-in module 'node:") + std::string(name) + "'",
              true);
}

Resolution ModuleResolver::ResolvePackageImport(std::string_view specifier, const std::string& importer_path,
                                                Kind kind) {
  const PackageReader::Found& found = packages_.NearestTo(importer_path);
  if (!found.error.empty()) return Fail(found.error);
  if (found.package == nullptr) return Fail("there is no package.json with imports above " + importer_path, true);
  const auto conditions = kind == Kind::kImport ? std::span<const std::string_view>(kImportConditions)
                                                : std::span<const std::string_view>(kRequireConditions);
  return ResolveTarget(ResolveImports(*found.package, std::string(specifier), conditions), *found.package, kind);
}

Resolution ModuleResolver::ResolveTarget(const PackageTarget& target, const PackageJson& package, Kind kind) {
  if (!target.error.empty()) return Fail(target.error, true);
  if (!target.path.empty()) {
    // Targets are parts of URLs where a module is imported.
    const std::string path = kind == Kind::kImport ? PathOfUrl("file://" + target.path) : target.path;
    if (path.empty()) return Fail(package.path + ": the target '" + target.path + "' is not a valid path");
    return ResolveFile(path);
  }
  if (target.specifier.starts_with("node:")) return ResolveBuiltin(target.specifier.substr(5), package.path);
  if (ada::parse<ada::url_aggregator>(target.specifier)) return Fail("modules are read from files only");
  return ResolvePackage(target.specifier, package.path, kind);
}

Resolution ModuleResolver::ResolvePackage(std::string_view specifier, const std::string& importer_path, Kind kind) {
  // Node's own modules go before packages of their names.
  if (HasBuiltin(specifier)) return ResolveBuiltin(specifier, importer_path);
  std::string name, subpath;
  if (!SplitPackage(specifier, &name, &subpath)) return Fail("it is neither a path nor a package's name");

  // A package may import itself by its name if it has exports.
  const PackageReader::Found& own = packages_.NearestTo(importer_path);
  if (!own.error.empty()) return Fail(own.error);
  if (own.package != nullptr && own.package->name == name && !own.package->exports.is_null()) {
    return ResolveInPackage(own.package->folder, subpath, kind);
  }
  for (fs::path folder = fs::path(importer_path).parent_path();; folder = folder.parent_path()) {
    if (folder.filename() != "node_modules") {
      const std::string candidate = (folder / "node_modules" / name).string();
      if (IsFolder(candidate)) return ResolveInPackage(candidate, subpath, kind);
      // `require` also takes a file that lies there by itself.
      if (kind == Kind::kRequire && subpath == "." && IsFile(candidate + ".js")) return ResolveFile(candidate + ".js");
    }
    if (folder == folder.parent_path() || (!options_.root.empty() && folder == options_.root)) break;
  }
  if (IsNodeBuiltin(specifier)) return ResolveBuiltin(specifier, importer_path);
  return Fail("there is no package '" + name + "' in node_modules of " +
                  fs::path(importer_path).parent_path().string() + " or above",
              true);
}

Resolution ModuleResolver::ResolveInPackage(const std::string& folder, const std::string& subpath, Kind kind) {
  const PackageReader::Found& found = packages_.In(folder);
  if (!found.error.empty()) return Fail(found.error);
  if (found.package != nullptr && !found.package->exports.is_null()) {
    const auto conditions = kind == Kind::kImport ? std::span<const std::string_view>(kImportConditions)
                                                  : std::span<const std::string_view>(kRequireConditions);
    return ResolveTarget(ResolveExports(*found.package, subpath, conditions), *found.package, kind);
  }
  if (subpath != ".") {
    const std::string path = folder + subpath.substr(1);
    if (kind == Kind::kRequire) return ResolveFileOrFolder(fs::path(path).lexically_normal().string());
    const std::string decoded = PathOfUrl("file://" + path);
    if (decoded.empty()) return Fail("it is not a valid path");
    return ResolveFile(decoded);
  }
  // LEGACY_MAIN_RESOLVE and LOAD_AS_DIRECTORY, with what stands in for `main` where there is no Node.
  const std::string none;
  for (const std::string& name : {found.package == nullptr ? none : found.package->browser,
                                  found.package == nullptr ? none : found.package->main}) {
    if (name.empty()) continue;
    const std::string main = (fs::path(folder) / name).lexically_normal().string();
    const std::string base = main.ends_with('/') ? main.substr(0, main.size() - 1) : main;
    for (const char* ending : {"", ".js", ".json", "/index.js", "/index.json"}) {
      if (IsFile(base + ending)) return ResolveFile(base + ending);
    }
  }
  for (const char* index : {"/index.js", "/index.json"}) {
    if (IsFile(folder + index)) return ResolveFile(folder + index);
  }
  return Fail("the package in " + folder + " has no file to import: neither exports nor main nor index.js", true);
}

Resolution ModuleResolver::ResolveFileOrFolder(const std::string& path) {
  if (!path.ends_with('/')) {
    for (const char* ending : {"", ".js", ".json", ".cjs"}) {
      if (IsFile(path + ending)) return ResolveFile(path + ending);
    }
  }
  const std::string folder = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  if (IsFolder(folder)) {
    const PackageReader::Found& found = packages_.In(folder);
    if (!found.error.empty()) return Fail(found.error);
    const std::string main = found.package == nullptr ? std::string() : found.package->main;
    std::vector<std::string> candidates;
    if (!main.empty()) {
      const std::string base = (fs::path(folder) / main).lexically_normal().string();
      for (const char* ending : {"", ".js", ".json", "/index.js", "/index.json"}) candidates.push_back(base + ending);
    }
    for (const char* index : {"/index.js", "/index.json"}) candidates.push_back(folder + index);
    for (const std::string& candidate : candidates) {
      if (IsFile(candidate)) return ResolveFile(candidate);
    }
  }
  return Fail(path + ": no such file", true);
}

Resolution ModuleResolver::ResolveFile(const std::string& path, const std::string& url_suffix) {
  if (url_suffix.empty()) {
    if (const auto known = files_.find(path); known != files_.end()) return known->second;
  }
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (error) return Fail(path + ": no such file" + Suggest(path), true);
  if (!options_.root.empty() && !IsBelow(canonical.string(), options_.root)) {
    return Fail(canonical.string() + " is outside of the folder of modules, " + options_.root +
                " (app.root in the configuration)");
  }
  if (IsFolder(canonical.string())) return Fail(path + ": it is a directory" + Suggest(path));
  if (!IsFile(canonical.string())) return Fail(path + ": it is not a regular file");
  Resolution resolution;
  resolution.module.path = canonical.string();
  resolution.module.url = UrlOfPath(resolution.module.path) + url_suffix;
  if (!Classify(&resolution.module, &resolution.error)) return resolution;
  if (url_suffix.empty()) files_.emplace(path, resolution);
  return resolution;
}

bool ModuleResolver::Classify(ModuleLocation* module, std::string* error) {
  const std::string_view path = module->path;
  const std::string ending = fs::path(path).extension().string();
  module->syntax = SyntaxOf(path);
  module->format = ModuleFormat::kModule;
  if (ending == ".json") module->format = ModuleFormat::kJson;
  if (ending == ".cjs" || ending == ".cts") module->format = ModuleFormat::kCommonJs;
  if (ending != ".js" && ending != ".ts" && ending != ".jsx" && ending != ".tsx") return true;
  const PackageReader::Found& found = packages_.NearestTo(module->path);
  if (!found.error.empty()) {
    *error = found.error;
    return false;
  }
  const auto type = found.package == nullptr ? PackageJson::Type::kUnspecified : found.package->type;
  if (type == PackageJson::Type::kCommonJs) module->format = ModuleFormat::kCommonJs;
  // An application's own file is a module where nothing is said; packages were written for Node.
  if (type == PackageJson::Type::kUnspecified && IsInNodeModules(path)) module->format = ModuleFormat::kAmbiguous;
  return true;
}

}  // namespace jsd
