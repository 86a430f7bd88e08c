#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/testing.h"

namespace jsd {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::ScriptFolder;
using testing_support::TestHost;

class ModuleLoaderTest : public testing::Test {
 protected:
  // Loads main.mjs with this text; the report of its failure, or "".
  std::string Load(std::string_view source) {
    const auto runtime = JsRuntime::Create({.host = &host_, .env = {}});
    std::string report = "never settled";
    runtime->LoadModule(folder_.Write("main.mjs", source),
                        [&](std::optional<ScriptError> error) { report = error ? error->report : ""; });
    host_.Run(*runtime);
    return report;
  }

  std::string At(const std::string& file, const std::string& position) {
    return folder_.path() + "/" + file + ":" + position;
  }

  ScriptFolder folder_;
  TestHost host_;
};

TEST_F(ModuleLoaderTest, ImportsRelativeAndAbsoluteFiles) {
  folder_.Write("lib/a.mjs", "import b from '../b.mjs'; export const a = 'a' + b;");
  folder_.Write("b.mjs", "export default 'b';");
  folder_.Write("name with %.mjs", "export default 'c';");
  EXPECT_EQ(Load("import { a } from './lib/a.mjs'; import b from '" + folder_.path() +
                 "/b.mjs'; import c from './name%20with%20%25.mjs'; console.log(a, b, c);"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("ab b c"));
}

TEST_F(ModuleLoaderTest, EvaluatesAModuleOnce) {
  folder_.Write("once.mjs", "console.log('once');");
  folder_.Write("other.mjs", "import './once.mjs';");
  EXPECT_EQ(Load("import './once.mjs'; import './other.mjs'; await import('./once.mjs');"), "");
  EXPECT_THAT(host_.console, ElementsAre("once"));
}

TEST_F(ModuleLoaderTest, LinksCyclesWithLiveBindings) {
  folder_.Write("a.mjs",
                "import { b } from './b.mjs'; export let a = 1; export const readB = () => b; export function "
                "setA(v) { a = v }");
  folder_.Write("b.mjs", "import { a } from './a.mjs'; export let b = 2; export const readA = () => a;");
  EXPECT_EQ(Load("import { a, readB, setA } from './a.mjs'; import { readA } from './b.mjs'; setA(7); console.log(a, "
                 "readA(), readB());"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("7 7 2"));
}

TEST_F(ModuleLoaderTest, ImportsJson) {
  folder_.Write("data.json", R"({"answer": 42})");
  EXPECT_EQ(Load("import data from './data.json' with { type: 'json' };"
                 "const again = await import('./data.json', { with: { type: 'json' } });"
                 "console.log(data.answer, again.default === data);"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("42 true"));
}

TEST_F(ModuleLoaderTest, RefusesJsonWithoutItsAttributeAndOtherAttributes) {
  folder_.Write("data.json", "{}");
  EXPECT_THAT(Load("import data from './data.json';"), HasSubstr("with { type: \"json\" }"));
  EXPECT_THAT(Load("import data from './data.json' with { type: 'css' };"), HasSubstr("import type 'css'"));
}

TEST_F(ModuleLoaderTest, NamesTheFileOfBrokenJson) {
  folder_.Write("data.json", "{,}");
  EXPECT_THAT(
      Load("\nimport data from './data.json' with { type: 'json' };"),
      AllOf(HasSubstr("SyntaxError"), HasSubstr(folder_.path() + "/data.json"), HasSubstr(At("main.mjs", "2:"))));
}

TEST_F(ModuleLoaderTest, AwaitsAtTopLevel) {
  folder_.Write("slow.mjs", "await new Promise(r => setTimeout(r, 5)); export const slow = 'slow';");
  EXPECT_EQ(Load("import { slow } from './slow.mjs'; console.log(slow);"), "");
  EXPECT_THAT(host_.console, ElementsAre("slow"));
}

TEST_F(ModuleLoaderTest, TellsOfAnAwaitThatNeverSettles) {
  EXPECT_THAT(Load("\n  await new Promise(() => {});"),
              AllOf(HasSubstr("top-level await never settles"), HasSubstr(At("main.mjs", "2:3"))));
}

TEST_F(ModuleLoaderTest, FillsImportMeta) {
  folder_.Write("dir/other.mjs", "export const main = import.meta.main;");
  EXPECT_EQ(Load("import { main } from './dir/other.mjs'; const m = import.meta;"
                 "console.log(m.url, m.filename, m.dirname, m.main, main);"),
            "");
  const std::string path = folder_.path();
  EXPECT_THAT(host_.console, ElementsAre("file://" + path + "/main.mjs " + path + "/main.mjs " + path + " true false"));
}

TEST_F(ModuleLoaderTest, ReportsAMissingModuleWithImporterAndPosition) {
  EXPECT_THAT(
      Load("// first\nimport x from './missing.mjs';"),
      AllOf(HasSubstr("Cannot import './missing.mjs'"), HasSubstr(folder_.path() + "/missing.mjs: no such file"),
            HasSubstr(At("main.mjs", "2:15")), HasSubstr(" 2 | import x from './missing.mjs';")));
}

TEST_F(ModuleLoaderTest, ReportsABrokenModuleWithItsPositionAndImporter) {
  folder_.Write("broken.mjs", "\nlet x = );");
  EXPECT_THAT(Load("import './broken.mjs';"),
              AllOf(HasSubstr("SyntaxError: Unexpected token ')'"), HasSubstr(At("broken.mjs", "2:9")),
                    HasSubstr(" 2 | let x = );"), HasSubstr(At("main.mjs", "1:8"))));
}

TEST_F(ModuleLoaderTest, ReportsAMissingExport) {
  folder_.Write("a.mjs", "export const a = 1;");
  EXPECT_THAT(Load("import { b } from './a.mjs';"),
              AllOf(HasSubstr("does not provide an export named 'b'"), HasSubstr(At("main.mjs", "1:10"))));
}

TEST_F(ModuleLoaderTest, ReportsAnErrorOfEvaluation) {
  EXPECT_THAT(Load("\nnull.x;"), AllOf(HasSubstr("TypeError"), HasSubstr(At("main.mjs", "2:6"))));
}

TEST_F(ModuleLoaderTest, RefusesWhatIsNotAFile) {
  EXPECT_THAT(Load("import 'lodash';"), HasSubstr("a bare specifier"));
  EXPECT_THAT(Load("import 'https://example.org/x.js';"), HasSubstr("modules are read from files only"));
  EXPECT_THAT(Load("import './';"), HasSubstr("it is a directory"));
}

TEST_F(ModuleLoaderTest, RejectsADynamicImportAndCanTryAgain) {
  folder_.Write("half.mjs", "import './missing.mjs';");
  EXPECT_EQ(Load("for (let i = 0; i < 2; i++) try { await import('./half.mjs') } catch (e) { "
                 "console.log(e.name, e.message.includes('missing.mjs')) }"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("TypeError true", "TypeError true"));
}

TEST_F(ModuleLoaderTest, ImportsTheModuleThatIsBeingEvaluated) {
  EXPECT_EQ(Load("export const x = 1; import('./main.mjs').then(m => console.log(m.x));"), "");
  EXPECT_THAT(host_.console, ElementsAre("1"));
}

TEST_F(ModuleLoaderTest, FollowsAChainOfManyModules) {
  for (int i = 0; i < 3000; ++i) {
    folder_.Write(
        "chain/" + std::to_string(i) + ".mjs",
        i == 2999 ? "export default 'end';" : "export { default } from './" + std::to_string(i + 1) + ".mjs';");
  }
  EXPECT_EQ(Load("import end from './chain/0.mjs'; console.log(end);"), "");
  EXPECT_THAT(host_.console, ElementsAre("end"));
}

}  // namespace
}  // namespace jsd
