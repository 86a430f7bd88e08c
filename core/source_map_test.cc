#include "core/source_map.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/testing.h"

namespace jsd {
namespace {

using testing_support::ScriptFolder;
using testing_support::TestHost;

std::string Describe(const SourceMap& map, std::uint32_t line, std::uint32_t column) {
  const auto position = map.Find(line, column);
  if (!position) return "none";
  return std::string(position->source) + ":" + std::to_string(position->line) + ":" + std::to_string(position->column) +
         " " + std::string(position->text);
}

std::string ErrorOf(std::string_view json) {
  std::string error;
  EXPECT_EQ(SourceMap::Parse(json, &error), nullptr);
  return error;
}

std::unique_ptr<const SourceMap> Parsed(std::string_view json) {
  std::string error;
  auto map = SourceMap::Parse(json, &error);
  EXPECT_NE(map, nullptr) << error;
  return map;
}

TEST(SourceMap, FindsTheMappingBeforeAPosition) {
  // Line 0: column 0 is a:0:0, column 4 a:1:2, column 10 nowhere; line 2: column 1 is b:0:0.
  const auto map = Parsed(R"({"version": 3, "sourceRoot": "src", "sources": ["a", "b"],
    "sourcesContent": ["first\r\nsecond", null], "names": ["x"], "mappings": "AAAA,IACEA,M;;CCDF"})");
  EXPECT_EQ(Describe(*map, 0, 0), "src/a:0:0 first");
  EXPECT_EQ(Describe(*map, 0, 3), "src/a:0:0 first");
  EXPECT_EQ(Describe(*map, 0, 4), "src/a:1:2 second");
  EXPECT_EQ(Describe(*map, 0, 9), "src/a:1:2 second");
  EXPECT_EQ(Describe(*map, 0, 10), "none");
  EXPECT_EQ(Describe(*map, 1, 0), "none");
  EXPECT_EQ(Describe(*map, 2, 0), "none");
  EXPECT_EQ(Describe(*map, 2, 100), "src/b:0:0 ");
  EXPECT_EQ(Describe(*map, 3, 0), "none");
}

TEST(SourceMap, ReadsSections) {
  const auto map = Parsed(R"({"version": 3, "sections": [
    {"offset": {"line": 0, "column": 5}, "map": {"version": 3, "sources": ["a"], "mappings": "AAAA;AACA"}},
    {"offset": {"line": 2, "column": 0}, "map": {"version": 3, "sources": ["b"], "mappings": "AAEA"}}]})");
  EXPECT_EQ(Describe(*map, 0, 4), "none");
  EXPECT_EQ(Describe(*map, 0, 5), "a:0:0 ");
  EXPECT_EQ(Describe(*map, 1, 0), "a:1:0 ");
  EXPECT_EQ(Describe(*map, 2, 7), "b:2:0 ");
}

TEST(SourceMap, RefusesWhatIsNone) {
  EXPECT_EQ(ErrorOf("{"), "it is not valid JSON");
  EXPECT_EQ(ErrorOf("[]"), "it is not a source map of version 3");
  EXPECT_EQ(ErrorOf(R"({"version": 2})"), "it is not a source map of version 3");
  EXPECT_EQ(ErrorOf(R"({"version": 3})"), "it lacks 'sources'");
  EXPECT_EQ(ErrorOf(R"({"version": 3, "sources": []})"), "it lacks 'mappings'");
  const auto with = [](std::string_view mappings) {
    return ErrorOf(R"({"version": 3, "sources": ["a"], "mappings": ")" + std::string(mappings) + "\"}");
  };
  for (const char* malformed : {"!", "A!", "AA", "AAA", "g", "D", "AADA", "ggggggggA", "+++++++H"}) {
    EXPECT_EQ(with(malformed), "'mappings' is malformed") << malformed;
  }
  EXPECT_EQ(with("ACAA"), "'mappings' refers to a source that is not there");
  EXPECT_EQ(ErrorOf(R"({"version": 3, "sections": [{"offset": {"line": -1, "column": 0}, "map": {}}]})"),
            "a section's offset is not a position");
  EXPECT_EQ(ErrorOf(R"({"version": 3, "sections": [{"offset": {"line": 0, "column": 0}, "map":
                        {"version": 3, "sections": []}}]})"),
            "a section has sections");
}

TEST(SourceMap, ReadsInlineMaps) {
  EXPECT_EQ(InlineSourceMap("data:application/json;base64,e30="), "{}");
  EXPECT_EQ(InlineSourceMap("data:application/json;charset=utf-8;base64,e30="), "{}");
  EXPECT_EQ(InlineSourceMap("data:application/json,%7B%7D"), "{}");
  EXPECT_EQ(InlineSourceMap("data:application/json;base64,!"), std::nullopt);
  EXPECT_EQ(InlineSourceMap("data:application/json"), std::nullopt);
  EXPECT_EQ(InlineSourceMap("main.js.map"), std::nullopt);
}

class SourceMapsTest : public testing::Test {
 protected:
  // What the log says of an error that a script throws.
  std::string LoadError(const std::string& name) {
    TestHost host;
    const auto runtime = JsRuntime::Create(
        {.host = &host,
         .env = {},
         .modules = {.root = folder_.path(), .transform_typescript = true, .cache_folder = cache_.path()}});
    std::string report;
    runtime->LoadModule(folder_.path() + "/" + name, [&](std::optional<ScriptError> error) {
      if (error) report = error->report;
    });
    host.Run(*runtime);
    for (const std::string& line : host.console) report += "\n" + line;
    return report;
  }

  ScriptFolder folder_;
  ScriptFolder cache_;
};

// A script of which the first line is 'throw', from line 3, column 2 of the source.
constexpr std::string_view kMap =
    R"({"version": 3, "sources": ["src/app.ts"], "sourcesContent": ["one\ntwo\n  throw new Error(text);"], "names": [],
        "mappings": "AAEE"})";

TEST_F(SourceMapsTest, ExternalMap) {
  folder_.Write("out/app.mjs.map", kMap);
  folder_.Write("out/app.mjs", "throw new Error('on purpose');\n//# sourceMappingURL=app.mjs.map\n");
  const std::string file = folder_.path() + "/out/src/app.ts";
  EXPECT_EQ(LoadError("out/app.mjs"),
            "Error: on purpose\n 3 |   throw new Error(text);\n   |   ^\n    at " + file + ":3:3");
}

TEST_F(SourceMapsTest, InlineMapOfALargeScriptThatIsCached) {
  std::string script = "console.error(new Error('logged')); throw new Error('on purpose');\n";
  for (int i = 0; i < 500; ++i) script += "export const name" + std::to_string(i) + " = " + std::to_string(i) + ";\n";
  script += "//# sourceMappingURL=data:application/json,{\"version\":3,\"sources\":[\"a.ts\"],\"mappings\":\"AAEE\"}";
  folder_.Write("app.mjs", script);
  for (int i = 0; i < 2; ++i) {
    const std::string report = LoadError("app.mjs");
    EXPECT_NE(report.find("Error: on purpose\n    at " + folder_.path() + "/a.ts:3:3"), report.npos) << report;
    EXPECT_NE(report.find("Error: logged\n    at " + folder_.path() + "/a.ts:3:3"), report.npos) << report;
  }
}

TEST_F(SourceMapsTest, CommonJs) {
  folder_.Write("lib.cjs.map", kMap);
  folder_.Write("lib.cjs", "throw new Error('on purpose');\n//# sourceMappingURL=lib.cjs.map\n");
  folder_.Write("app.mjs", "import './lib.cjs';");
  EXPECT_NE(LoadError("app.mjs").find("(" + folder_.path() + "/src/app.ts:3:3)"), std::string::npos);
}

TEST_F(SourceMapsTest, TranslatedTypeScript) {
  folder_.Write("app.ts",
                "enum Color {\n  Red,\n  Green,\n}\n\nfunction fail(color: Color): never {\n"
                "  throw new Error(Color[color]);\n}\nfail(Color.Green);\n");
  for (int i = 0; i < 2; ++i) {
    const std::string report = LoadError("app.ts");
    EXPECT_NE(report.find("at fail (" + folder_.path() + "/app.ts:7:9)"), report.npos) << report;
    EXPECT_NE(report.find("at " + folder_.path() + "/app.ts:9:1"), report.npos) << report;
  }
}

TEST_F(SourceMapsTest, MapsThatCannotBeReadChangeNothing) {
  ScriptFolder outside;
  outside.Write("app.mjs.map", kMap);
  folder_.Write("broken.map", "{");
  for (const std::string& url : {std::string("missing.map"), std::string("broken.map"), std::string("data:broken"),
                                 outside.path() + "/app.mjs.map", std::string("https://example.org/app.mjs.map")}) {
    folder_.Write("app.mjs", "throw new Error('on purpose');\n//# sourceMappingURL=" + url + "\n");
    const std::string report = LoadError("app.mjs");
    EXPECT_NE(report.find("at " + folder_.path() + "/app.mjs:1:7"), report.npos) << report;
  }
}

}  // namespace
}  // namespace jsd
