#include "core/modules/module_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace jsd {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class ModuleResolverTest : public testing::Test {
 protected:
  ModuleResolverTest() {
    std::string name = (fs::temp_directory_path() / "jsd-test-XXXXXX").string();
    folder_ = fs::canonical(mkdtemp(name.data())).string();
  }
  ~ModuleResolverTest() override { fs::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text = "") {
    const fs::path file = fs::path(folder_) / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  // The path below the folder, or the error.
  std::string Shorten(const Resolution& resolution) {
    if (!resolution.error.empty()) return "error: " + resolution.error;
    last_ = resolution.module;
    const std::string& path = resolution.module.path;
    return path.starts_with(folder_ + "/") ? path.substr(folder_.size() + 1) : path;
  }
  std::string Import(std::string_view specifier, const std::string& importer = "main.mjs") {
    return Shorten(Resolver().ResolveImport(specifier, UrlOfPath(folder_ + "/" + importer)));
  }
  std::string Require(std::string_view specifier, const std::string& importer = "main.cjs") {
    return Shorten(Resolver().ResolveRequire(specifier, folder_ + "/" + importer));
  }
  ModuleResolver Resolver() {
    return ModuleResolver({.root = root_, .builtins = {"path", "fs/promises"}, .import_map = import_map_});
  }
  ModuleFormat FormatOf(const std::string& specifier) {
    Import(specifier);
    return last_.format;
  }

  std::string folder_;
  std::string root_;
  ImportMap import_map_;
  ModuleLocation last_;
};

TEST_F(ModuleResolverTest, RelativeAndAbsolutePathsAndUrls) {
  Write("a.mjs");
  Write("lib/b.mjs");
  EXPECT_EQ(Import("./a.mjs"), "a.mjs");
  EXPECT_EQ(Import("../a.mjs", "lib/b.mjs"), "a.mjs");
  EXPECT_EQ(Import(folder_ + "/lib/b.mjs"), "lib/b.mjs");
  EXPECT_EQ(Import("file://" + folder_ + "/lib/b.mjs"), "lib/b.mjs");
  EXPECT_THAT(Import("https://example.org/a.mjs"), HasSubstr("modules are read from files only"));
  EXPECT_THAT(Import("./lib"), HasSubstr("it is a directory"));
  EXPECT_THAT(Import("./c.mjs"), HasSubstr("/c.mjs: no such file"));
  EXPECT_THAT(Import("./a"), HasSubstr("did you mean 'a.mjs'?"));
}

TEST_F(ModuleResolverTest, QueriesTellModulesOfOneFileApart) {
  Write("a.mjs");
  EXPECT_EQ(Import("./a.mjs?x=1#y"), "a.mjs");
  EXPECT_EQ(last_.url, UrlOfPath(folder_ + "/a.mjs") + "?x=1#y");
}

TEST_F(ModuleResolverTest, NamesThatUrlsEscape) {
  Write("100% é#?\\\n.mjs");
  EXPECT_EQ(Import("./100%25%20%C3%A9%23%3F%5C%0A.mjs"), "100% é#?\\\n.mjs");
  EXPECT_EQ(PathOfUrl(last_.url), last_.path);
  EXPECT_THAT(Import("./a%00b.mjs"), HasSubstr("not the URL of a file"));
}

TEST_F(ModuleResolverTest, FormatsByEndingAndPackageType) {
  Write("esm/package.json", R"({"type": "module"})");
  Write("cjs/package.json", R"({"type": "commonjs"})");
  Write("node_modules/p/package.json", R"({"name": "p"})");
  for (const char* folder : {"", "esm/", "cjs/", "node_modules/p/"}) {
    for (const char* file : {"a.js", "a.mjs", "a.cjs", "a.json", "a.ts", "a.mts", "a.cts", "a.tsx"}) {
      Write(std::string(folder) + file);
    }
  }
  EXPECT_EQ(FormatOf("./a.js"), ModuleFormat::kModule);
  EXPECT_EQ(FormatOf("./esm/a.js"), ModuleFormat::kModule);
  EXPECT_EQ(FormatOf("./cjs/a.js"), ModuleFormat::kCommonJs);
  EXPECT_EQ(FormatOf("./node_modules/p/a.js"), ModuleFormat::kAmbiguous);
  EXPECT_EQ(FormatOf("./cjs/a.mjs"), ModuleFormat::kModule);
  EXPECT_EQ(FormatOf("./esm/a.cjs"), ModuleFormat::kCommonJs);
  EXPECT_EQ(FormatOf("./a.json"), ModuleFormat::kJson);
  EXPECT_EQ(last_.syntax, ModuleSyntax::kJavaScript);
  EXPECT_EQ(FormatOf("./cjs/a.mts"), ModuleFormat::kModule);
  EXPECT_EQ(last_.syntax, ModuleSyntax::kTypeScript);
  EXPECT_EQ(FormatOf("./esm/a.cts"), ModuleFormat::kCommonJs);
  EXPECT_EQ(FormatOf("./cjs/a.ts"), ModuleFormat::kCommonJs);
  EXPECT_EQ(FormatOf("./a.tsx"), ModuleFormat::kModule);
  EXPECT_EQ(last_.syntax, ModuleSyntax::kTsx);
}

TEST_F(ModuleResolverTest, PackagesWithoutExports) {
  Write("node_modules/main/package.json", R"({"main": "lib/main"})");
  Write("node_modules/main/lib/main.js");
  Write("node_modules/main/other.js");
  Write("node_modules/index/index.js");
  Write("node_modules/@scope/name/package.json", R"({"main": "./dist"})");
  Write("node_modules/@scope/name/dist/index.js");
  Write("node_modules/empty/package.json", "{}");
  EXPECT_EQ(Import("main"), "node_modules/main/lib/main.js");
  EXPECT_EQ(Import("main/other.js"), "node_modules/main/other.js");
  EXPECT_THAT(Import("main/other"), HasSubstr("no such file; did you mean 'other.js'?"));
  EXPECT_EQ(Import("index", "a/b/c.mjs"), "node_modules/index/index.js");
  EXPECT_EQ(Import("@scope/name"), "node_modules/@scope/name/dist/index.js");
  EXPECT_THAT(Import("empty"), HasSubstr("neither exports nor main"));
  EXPECT_THAT(Import("missing"), HasSubstr("there is no package 'missing'"));
  EXPECT_THAT(Import("@scope"), HasSubstr("neither a path nor a package's name"));
  EXPECT_THAT(Import(""), HasSubstr("neither a path nor a package's name"));
}

TEST_F(ModuleResolverTest, TheNearestNodeModulesWins) {
  Write("node_modules/p/index.js");
  Write("a/node_modules/p/index.js");
  EXPECT_EQ(Import("p", "a/b/main.mjs"), "a/node_modules/p/index.js");
  EXPECT_EQ(Import("p", "c/main.mjs"), "node_modules/p/index.js");
  // A package looks beside itself, not into node_modules/node_modules.
  Write("node_modules/q/index.js");
  EXPECT_EQ(Import("p", "node_modules/q/index.js"), "node_modules/p/index.js");
}

TEST_F(ModuleResolverTest, ConditionsInTheOrderOfThePackage) {
  Write("node_modules/p/package.json", R"({"exports": {
    ".": {"node": "./node.js", "workerd": "./workerd.js", "default": "./default.js"},
    "./order": {"import": "./import.js", "worker": "./workerd.js", "require": "./require.js"},
    "./require-only": {"require": "./require.js"},
    "./nested": {"deno": "./no.js", "import": {"bun": "./no.js", "default": "./import.js"}},
    "./fall-through": {"import": {"bun": "./no.js"}, "default": "./default.js"},
    "./browser": {"node": "./no.js", "browser": "./workerd.js", "default": "./default.js"},
    "./forbidden": {"import": null, "default": "./default.js"},
    "./list": [{"bun": "./no.js"}, "bad", "./default.js"]
  }})");
  for (const char* file : {"workerd.js", "default.js", "import.js", "require.js", "hidden.js"}) {
    Write("node_modules/p/" + std::string(file));
  }
  EXPECT_EQ(Import("p"), "node_modules/p/workerd.js");
  EXPECT_EQ(Import("p/order"), "node_modules/p/import.js");
  EXPECT_EQ(Require("p/order"), "node_modules/p/workerd.js");
  EXPECT_THAT(Import("p/require-only"), HasSubstr("does not export './require-only' under the conditions workerd"));
  EXPECT_EQ(Require("p/require-only"), "node_modules/p/require.js");
  EXPECT_EQ(Import("p/nested"), "node_modules/p/import.js");
  EXPECT_EQ(Import("p/fall-through"), "node_modules/p/default.js");
  EXPECT_EQ(Import("p/browser"), "node_modules/p/workerd.js");
  EXPECT_EQ(Require("p/browser"), "node_modules/p/workerd.js");
  EXPECT_THAT(Import("p/forbidden"), HasSubstr("does not export"));
  EXPECT_EQ(Import("p/list"), "node_modules/p/default.js");
  EXPECT_THAT(Import("p/hidden.js"), HasSubstr("does not export './hidden.js'"));
  EXPECT_THAT(Import("p/"), HasSubstr("does not export './'"));
}

TEST_F(ModuleResolverTest, TakesTheFileForBrowsersInPlaceOfMain) {
  Write("node_modules/p/package.json", R"({"main": "node.js", "browser": "lib/browser"})");
  Write("node_modules/p/node.js");
  Write("node_modules/p/lib/browser.js");
  EXPECT_EQ(Import("p"), "node_modules/p/lib/browser.js");
  EXPECT_EQ(Require("p"), "node_modules/p/lib/browser.js");
  // A file that is not there is none.
  Write("node_modules/r/package.json", R"({"main": "node.js", "browser": "browser.js"})");
  Write("node_modules/r/node.js");
  EXPECT_EQ(Import("r"), "node_modules/r/node.js");
}

TEST_F(ModuleResolverTest, TheBrowserMapReplacesFilesOfItsPackage) {
  Write("node_modules/p/package.json", R"({"main": "./node", "browser": {
    "./node.js": "./browser.js", "./lib/rng": "./lib/rng-browser", "./lib/../deep/index.js": "./lib/rng-browser.js",
    "lib/bare.js": "lib/rng-browser.js", "./lib/none.js": false, "./browser.js": "./node.js", "./gone.js": "./no.js",
    "./lib/text.js": 7}})");
  for (const char* name : {"node.js", "browser.js", "lib/rng.js", "lib/rng-browser.js", "deep/index.js", "lib/bare.js",
                           "lib/none.js", "gone.js", "lib/text.js"}) {
    Write(std::string("node_modules/p/") + name);
  }
  const std::string inside = "node_modules/p/lib/a.js";
  EXPECT_EQ(Import("p"), "node_modules/p/browser.js");
  EXPECT_EQ(Require("p"), "node_modules/p/browser.js");
  EXPECT_EQ(Import("./rng.js", inside), "node_modules/p/lib/rng-browser.js");
  EXPECT_EQ(Require("./rng", inside), "node_modules/p/lib/rng-browser.js");
  EXPECT_EQ(Require("p/lib/rng"), "node_modules/p/lib/rng-browser.js");
  EXPECT_EQ(Require("../deep", inside), "node_modules/p/lib/rng-browser.js");
  EXPECT_EQ(Require("./bare", inside), "node_modules/p/lib/rng-browser.js");
  EXPECT_EQ(Import("./none.js", inside), "_empty");
  EXPECT_EQ(last_.format, ModuleFormat::kBuiltin);
  EXPECT_EQ(Import("../browser.js", inside), "node_modules/p/node.js");
  EXPECT_THAT(Import("../gone.js", inside), HasSubstr("no.js: no such file"));
  EXPECT_EQ(Import("./text.js", inside), "node_modules/p/lib/text.js");
  EXPECT_EQ(Shorten(Resolver().ResolveMain(folder_ + "/node_modules/p/node.js")), "node_modules/p/node.js");
}

TEST_F(ModuleResolverTest, TheBrowserMapReplacesModulesThatItsPackageImports) {
  Write("node_modules/p/package.json", R"({"browser": {
    "fs": false, "path": "./path.js", "q": "r", "r": "./circular.js", "node:tls": false, "left": "./../q/index.js"}})");
  for (const char* name : {"p/index.js", "p/path.js", "p/circular.js", "q/index.js", "r/index.js"}) {
    Write(std::string("node_modules/") + name);
  }
  const std::string inside = "node_modules/p/index.js";
  EXPECT_EQ(Require("fs", inside), "_empty");
  EXPECT_EQ(Import("fs", inside), "_empty");
  EXPECT_EQ(Import("path", inside), "node_modules/p/path.js");
  EXPECT_EQ(Import("node:path", inside), "path");
  EXPECT_EQ(Import("node:tls", inside), "_empty");
  EXPECT_EQ(Import("q", inside), "node_modules/r/index.js");
  EXPECT_EQ(Import("r", inside), "node_modules/p/circular.js");
  // Others are not concerned.
  EXPECT_EQ(Import("path"), "path");
  EXPECT_EQ(Import("q"), "node_modules/q/index.js");
  EXPECT_EQ(Import("path", "node_modules/q/index.js"), "path");
  EXPECT_THAT(Import("node:_empty"), HasSubstr("no built-in module"));
  // What lies outside of the root stays there.
  root_ = folder_ + "/node_modules/p";
  EXPECT_THAT(Import("left", inside), HasSubstr("outside"));
}

TEST_F(ModuleResolverTest, SubpathPatterns) {
  Write("node_modules/p/package.json", R"({"exports": {
    "./features/*": "./src/*.js",
    "./features/*.css": "./css/*.css",
    "./features/private/*": null,
    "./twice/*": "./src/*/*.js",
    "./deep/*/x": "./src/*.js"
  }})");
  Write("node_modules/p/src/a.js");
  Write("node_modules/p/src/b/c.js");
  Write("node_modules/p/css/a.css");
  Write("node_modules/p/src/d/d.js");
  EXPECT_EQ(Import("p/features/a"), "node_modules/p/src/a.js");
  EXPECT_EQ(Import("p/features/b/c"), "node_modules/p/src/b/c.js");
  EXPECT_EQ(Import("p/features/a.css"), "node_modules/p/css/a.css");
  EXPECT_THAT(Import("p/features/private/a"), HasSubstr("does not export"));
  EXPECT_EQ(Import("p/twice/d"), "node_modules/p/src/d/d.js");
  EXPECT_EQ(Import("p/deep/a/x"), "node_modules/p/src/a.js");
  EXPECT_THAT(Import("p/features/"), HasSubstr("does not export"));
  EXPECT_THAT(Import("p/features/../../secret"), HasSubstr("leaves the package"));
  EXPECT_THAT(Import("p/features/%2e%2E/secret"), HasSubstr("leaves the package"));
  EXPECT_THAT(Import("p/features/node_modules/x"), HasSubstr("leaves the package"));
}

TEST_F(ModuleResolverTest, WrongExportsAreNamed) {
  const auto error_of = [this](const std::string& exports) {
    fs::remove_all(folder_ + "/node_modules");
    Write("node_modules/p/package.json", "{\"exports\": " + exports + "}");
    return Import("p");
  };
  const std::string path = folder_ + "/node_modules/p/package.json";
  EXPECT_THAT(error_of(R"({".": "./a.js", "import": "./b.js"})"), HasSubstr(path + ": exports mixes"));
  EXPECT_THAT(error_of(R"("a.js")"), HasSubstr("does not begin with './'"));
  EXPECT_THAT(error_of(R"("./../a.js")"), HasSubstr("leaves the package"));
  EXPECT_THAT(error_of(R"("./node_modules/a.js")"), HasSubstr("leaves the package"));
  EXPECT_THAT(error_of("7"), HasSubstr("its target is not a text"));
  EXPECT_THAT(error_of(R"({"0": "./a.js"})"), HasSubstr("cannot be a number"));
  EXPECT_THAT(error_of("[]"), HasSubstr("does not export"));
  EXPECT_THAT(error_of("false"), HasSubstr("its target is not a text"));
  std::string deep = "\"./a.js\"";
  for (int i = 0; i < 10000; ++i) deep = "{\"import\": " + deep + "}";
  EXPECT_THAT(error_of(deep), HasSubstr("nested too deeply"));
}

TEST_F(ModuleResolverTest, BrokenPackageJsonIsAnErrorWithItsPosition) {
  Write("node_modules/p/package.json", "{\n  \"name\": \"p\",\n  \"main\": ,\n}");
  EXPECT_THAT(Import("p"), AllOf(HasSubstr(folder_ + "/node_modules/p/package.json:3:11: not valid JSON"),
                                 testing::Not(HasSubstr("json.exception"))));
  Write("node_modules/q/package.json", "[]");
  EXPECT_THAT(Import("q"), HasSubstr("package.json:1:1: not a JSON object"));
  Write("node_modules/r/package.json", "");
  EXPECT_THAT(Import("r"), HasSubstr("package.json:1:1: not valid JSON"));
  // Fields of another type than they should have count as absent.
  Write("node_modules/s/package.json", R"({"name": 1, "main": {}, "type": [], "imports": 2})");
  Write("node_modules/s/index.js");
  EXPECT_EQ(Import("s"), "node_modules/s/index.js");
}

TEST_F(ModuleResolverTest, ImportsOfTheOwnPackage) {
  Write("package.json", R"({"name": "app", "imports": {
    "#db": {"worker": "./db/worker.mjs", "default": "./db/default.mjs"},
    "#lib/*": "./lib/*.mjs",
    "#dep": "dep/sub.js",
    "#builtin": "node:path",
    "#outside": "../x.mjs"
  }})");
  Write("db/worker.mjs");
  Write("lib/a/b.mjs");
  Write("node_modules/dep/sub.js");
  EXPECT_EQ(Import("#db", "src/main.mjs"), "db/worker.mjs");
  EXPECT_EQ(Import("#lib/a/b"), "lib/a/b.mjs");
  EXPECT_EQ(Import("#dep"), "node_modules/dep/sub.js");
  EXPECT_EQ(Import("#builtin"), "path");
  EXPECT_THAT(Import("#outside"), HasSubstr("does not begin with './'"));
  EXPECT_THAT(Import("#none"), HasSubstr("the imports of " + folder_ + "/package.json do not have it"));
  EXPECT_THAT(Import("#"), HasSubstr("do not have it"));
}

TEST_F(ModuleResolverTest, APackageImportsItself) {
  Write("package.json", R"({"name": "app", "exports": {"./a": "./lib/a.mjs"}})");
  Write("lib/a.mjs");
  EXPECT_EQ(Import("app/a", "test/x.mjs"), "lib/a.mjs");
  EXPECT_THAT(Import("app"), HasSubstr("does not export '.'"));
}

TEST_F(ModuleResolverTest, BuiltinModules) {
  EXPECT_EQ(Import("node:path"), "path");
  EXPECT_EQ(last_.url, "node:path");
  EXPECT_EQ(last_.format, ModuleFormat::kBuiltin);
  EXPECT_EQ(Import("fs/promises"), "fs/promises");
  EXPECT_EQ(Require("path"), "path");
  EXPECT_THAT(Import("net"), HasSubstr("jsd has no built-in module 'node:net'"));
  Write("node_modules/pg/package.json", R"({"name": "pg"})");
  EXPECT_THAT(Import("node:net", "node_modules/pg/lib/a.js"),
              HasSubstr("the package 'pg' needs it, and jsd has no built-in module 'node:net'"));
  // A package of the name of a module that jsd does not have.
  Write("node_modules/punycode/index.js");
  EXPECT_EQ(Import("punycode"), "node_modules/punycode/index.js");
}

TEST_F(ModuleResolverTest, RequireTriesEndingsAndFolders) {
  Write("a.js");
  Write("data.json");
  Write("folder/index.js");
  Write("package/package.json", R"({"main": "lib"})");
  Write("package/lib.js");
  Write("node_modules/single.js");
  Write("node_modules/p/sub/index.js");
  EXPECT_EQ(Require("./a"), "a.js");
  EXPECT_EQ(Require("./a.js"), "a.js");
  EXPECT_EQ(Require("./data"), "data.json");
  EXPECT_EQ(Require("./folder"), "folder/index.js");
  EXPECT_EQ(Require("./folder/"), "folder/index.js");
  EXPECT_EQ(Require(".", "folder/x.cjs"), "folder/index.js");
  EXPECT_EQ(Require("..", "folder/deep/x.cjs"), "folder/index.js");
  EXPECT_EQ(Require("./package"), "package/lib.js");
  EXPECT_EQ(Require("single"), "node_modules/single.js");
  EXPECT_EQ(Require("p/sub"), "node_modules/p/sub/index.js");
  EXPECT_THAT(Require("./none"), HasSubstr("no such file"));
}

TEST_F(ModuleResolverTest, NothingOutsideOfTheRoot) {
  Write("outside/secret.mjs");
  Write("outside/package/index.js");
  Write("app/main.mjs");
  fs::create_symlink(folder_ + "/outside/secret.mjs", folder_ + "/app/link.mjs");
  fs::create_directories(folder_ + "/app/node_modules");
  fs::create_symlink("../../outside/package", folder_ + "/app/node_modules/linked");
  Write("node_modules/above/index.js");
  EXPECT_EQ(Import("linked", "app/main.mjs"), "outside/package/index.js");
  root_ = folder_ + "/app";
  for (const char* specifier : {"../outside/secret.mjs", "./link.mjs", "linked"}) {
    EXPECT_THAT(Import(specifier, "app/main.mjs"), HasSubstr("is outside of the folder of modules, " + root_));
  }
  EXPECT_THAT(Import("above", "app/main.mjs"), HasSubstr("there is no package 'above'"));
  // Not by the beginning of the name.
  Write("app2/x.mjs");
  EXPECT_THAT(Import("../app2/x.mjs", "app/main.mjs"), HasSubstr("outside"));
  root_ = folder_;
  EXPECT_EQ(Import("linked", "app/main.mjs"), "outside/package/index.js");
}

TEST_F(ModuleResolverTest, TypeScriptMayNameTheCompiledFile) {
  Write("a.ts");
  Write("b.tsx");
  Write("c.mts");
  Write("d.js");
  Write("d.ts");
  EXPECT_EQ(Import("./a.js", "main.ts"), "a.ts");
  EXPECT_EQ(Import("./b.js", "main.ts"), "b.tsx");
  EXPECT_EQ(Import("./c.mjs", "main.mts"), "c.mts");
  EXPECT_EQ(Import("./d.js", "main.ts"), "d.js");
  EXPECT_THAT(Import("./a.js", "main.mjs"), HasSubstr("no such file"));
  EXPECT_THAT(Import("./a", "main.ts"), HasSubstr("did you mean 'a.ts'?"));
}

TEST_F(ModuleResolverTest, TheImportMapGoesFirst) {
  Write("map.json", R"({
    "imports": {"lodash": "./lib/lodash.mjs", "lib/": "./lib/", "fs": "node:path", "blocked": null},
    "scopes": {"./admin/": {"lodash": "./lib/admin.mjs"}}
  })");
  Write("lib/lodash.mjs");
  Write("lib/admin.mjs");
  Write("node_modules/lodash/index.js");
  std::string error;
  import_map_ = *ImportMap::Read(folder_ + "/map.json", &error);
  EXPECT_EQ(Import("lodash"), "lib/lodash.mjs");
  EXPECT_EQ(Import("lib/admin.mjs"), "lib/admin.mjs");
  EXPECT_EQ(Import("fs"), "path");
  EXPECT_EQ(Import("lodash", "admin/x.mjs"), "lib/admin.mjs");
  EXPECT_THAT(Import("blocked"), HasSubstr("the import map blocks it"));
  // It is not CommonJS's.
  EXPECT_EQ(Require("lodash"), "node_modules/lodash/index.js");
}

TEST_F(ModuleResolverTest, TheDefaultRoot) {
  Write("repo/package.json", R"({"workspaces": ["packages/*"]})");
  Write("repo/packages/a/package.json", "{}");
  Write("repo/packages/a/src/main.mjs");
  Write("single/package.json", "{}");
  Write("single/src/deep/main.mjs");
  Write("pnpm/pnpm-workspace.yaml");
  Write("pnpm/a/package.json", "{}");
  Write("pnpm/a/main.mjs");
  Write("plain/main.mjs");
  EXPECT_EQ(DefaultModuleRoot(folder_ + "/repo/packages/a/src/main.mjs"), folder_ + "/repo");
  EXPECT_EQ(DefaultModuleRoot(folder_ + "/single/src/deep/main.mjs"), folder_ + "/single");
  EXPECT_EQ(DefaultModuleRoot(folder_ + "/pnpm/a/main.mjs"), folder_ + "/pnpm");
  EXPECT_EQ(DefaultModuleRoot(folder_ + "/plain/main.mjs"), folder_ + "/plain");
}

}  // namespace
}  // namespace jsd
