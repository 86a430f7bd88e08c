#ifndef JSD_CORE_MODULES_MODULE_RESOLVER_H_
#define JSD_CORE_MODULES_MODULE_RESOLVER_H_

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/modules/import_map.h"
#include "core/modules/package_json.h"

namespace jsd {

// How the text of a module is to be taken.
enum class ModuleFormat {
  kModule,     // An ES module.
  kCommonJs,   // A CommonJS module.
  kAmbiguous,  // A package's file that says neither: CommonJS, unless its syntax is a module's.
  kJson,
  kBuiltin,  // "node:…", which has no file.
};

// What must happen to a text before V8 takes it.
enum class ModuleSyntax { kJavaScript, kTypeScript, kTsx, kJsx };

struct ModuleLocation {
  std::string url;   // What tells modules apart.
  std::string path;  // Of the file, without symbolic links; for a built-in its name without "node:".
  ModuleFormat format = ModuleFormat::kModule;
  ModuleSyntax syntax = ModuleSyntax::kJavaScript;
};

struct Resolution {
  ModuleLocation module;
  std::string error;       // Why there is none; empty where there is.
  bool not_found = false;  // Nothing is there, rather than something broken.
};

// The built-in that stands for what a package's `browser` map has `false` for.
inline constexpr char kEmptyModule[] = "_empty";

// Finds the files that specifiers mean, as Node does ("ECMAScript modules, Resolution Algorithm" and "CommonJS modules,
// All together"), with the conditions `workerd`, `worker`, `browser` and `import` or `require`, and an import map
// before it.
//
// Owner: a ModuleLoader. Thread: its owner's. Lifetime: as long as the modules that it found; it remembers what it read
// of packages, so a new version of an application needs a new one.
class ModuleResolver {
 public:
  struct Options {
    std::string root;                   // No file outside of this folder is a module. Empty: any file.
    std::vector<std::string> builtins;  // Names of the built-in modules that there are, without "node:".
    ImportMap import_map;
  };

  explicit ModuleResolver(Options options);

  // The application's first module. `path` may be relative to the working directory.
  Resolution ResolveMain(const std::string& path);

  // `specifier` in an `import` of the module at `importer_url`.
  Resolution ResolveImport(std::string_view specifier, const std::string& importer_url);

  // `specifier` in a `require` of the module whose file is `importer_path`.
  Resolution ResolveRequire(std::string_view specifier, const std::string& importer_path);

  // The package that a file belongs to, by its name; empty where it belongs to none.
  std::string PackageOf(const std::string& path);

  const std::string& root() const { return options_.root; }

 private:
  enum class Kind { kImport, kRequire };

  Resolution FindImport(std::string_view specifier, const std::string& importer_url);
  Resolution FindRequired(std::string_view specifier, const std::string& importer_path);
  Resolution ResolveUrl(const std::string& url, const std::string& importer_path);
  Resolution ResolvePackageImport(std::string_view specifier, const std::string& importer_path, Kind kind);
  Resolution ResolvePackage(std::string_view specifier, const std::string& importer_path, Kind kind);
  Resolution ResolveInPackage(const std::string& folder, const std::string& subpath, Kind kind);
  Resolution ResolveTarget(const struct PackageTarget& target, const PackageJson& package, Kind kind);
  Resolution ResolveBuiltin(std::string_view name, const std::string& importer_path);
  Resolution ResolveFile(const std::string& path, const std::string& url_suffix = {});
  // What the `browser` map of the importer's package has for a module's name; nothing where it has nothing.
  std::optional<Resolution> ReplaceModule(std::string_view specifier, const std::string& importer_path, Kind kind);
  // What the `browser` map of a file's package has for it, or else the file.
  Resolution ReplaceFile(Resolution file, Kind kind);
  Resolution ResolveReplacement(const std::string& target, const PackageJson& package, Kind kind);
  Resolution ResolveFileOrFolder(const std::string& path);
  bool HasBuiltin(std::string_view name) const;
  // Sets format and syntax; false, with `error`, where the package.json that decides is broken.
  bool Classify(ModuleLocation* module, std::string* error);

  Options options_;
  PackageReader packages_;
  std::unordered_map<std::string, Resolution> files_;  // By path as asked for, where nothing follows it in the URL.
};

// The root where the configuration names none: the folder of the package that the script belongs to, or of the npm or
// pnpm workspaces that this package is one of; without a package.json the script's own folder.
std::string DefaultModuleRoot(const std::string& script);

// "file:///…" of an absolute path, and the other way round; empty where the URL names no file.
std::string UrlOfPath(std::string_view path);
std::string PathOfUrl(std::string_view url);

// By the ending of the file's name.
ModuleSyntax SyntaxOf(std::string_view path);

// Whether Node has a built-in module of that name ("fs", "fs/promises"), which jsd may have or not.
bool IsNodeBuiltin(std::string_view name);

}  // namespace jsd

#endif  // JSD_CORE_MODULES_MODULE_RESOLVER_H_
