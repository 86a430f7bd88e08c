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
  // Loads main.mjs, or the file of another name, with this text; the report of its failure, or "".
  std::string Load(std::string_view source, const std::string& name = "main.mjs") {
    const auto runtime = JsRuntime::Create({.host = &host_, .env = {{"COLOR", "green"}}, .modules = options_});
    std::string report = "never settled";
    runtime->LoadModule(folder_.Write(name, source),
                        [&](std::optional<ScriptError> error) { report = error ? error->report : ""; });
    host_.Run(*runtime);
    return report;
  }

  std::string At(const std::string& file, const std::string& position) {
    return folder_.path() + "/" + file + ":" + position;
  }

  ScriptFolder folder_;
  TestHost host_;
  ModuleOptions options_;
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

TEST_F(ModuleLoaderTest, ANameOfAnEmptyModuleIsAnErrorThatNamesThePackage) {
  folder_.Write("node_modules/p/package.json", R"({"name": "p", "browser": {"fs": false}})");
  folder_.Write("node_modules/p/default.mjs", "import fs from 'fs'; console.log(Object.keys(fs).length);");
  folder_.Write("node_modules/p/name.mjs", "import { readFile } from 'fs';");
  EXPECT_EQ(Load("import 'p/default.mjs';"), "");
  EXPECT_THAT(host_.console, ElementsAre("0"));
  EXPECT_THAT(Load("import 'p/name.mjs';"),
              AllOf(HasSubstr("SyntaxError"), HasSubstr("'fs' does not provide an export named 'readFile'"),
                    HasSubstr("the package 'p' has an empty module in its place"), HasSubstr("name.mjs:1:10")));
  EXPECT_THAT(Load("await import('p/name.mjs');"), HasSubstr("the package 'p' has an empty module in its place"));
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

TEST_F(ModuleLoaderTest, ErrorsInCyclesAreReportedWhereTheyAre) {
  folder_.Write("early_a.mjs", "import { b } from './early_b.mjs'; export const a = b;");
  folder_.Write("early_b.mjs", "import { a } from './early_a.mjs'; export const b = a;");
  EXPECT_THAT(Load("import './early_a.mjs';"),
              AllOf(HasSubstr("ReferenceError"), HasSubstr(At("early_b.mjs", "1:53"))));
  folder_.Write("thrown_a.mjs", "import './thrown_b.mjs'; import './thrown_c.mjs';");
  folder_.Write("thrown_b.mjs", "import './thrown_a.mjs'; await 0; throw new Error('in the circle');");
  folder_.Write("thrown_c.mjs", "import './thrown_b.mjs';");
  EXPECT_THAT(Load("import './thrown_a.mjs';"),
              AllOf(HasSubstr("Error: in the circle"), HasSubstr(At("thrown_b.mjs", "1:41"))));
  folder_.Write("broken_a.mjs", "import './broken_b.mjs';");
  folder_.Write("broken_b.mjs", "import './broken_a.mjs'; let x = );");
  EXPECT_THAT(Load("import './broken_a.mjs';"), AllOf(HasSubstr("SyntaxError"), HasSubstr(At("broken_b.mjs", "1:34"))));
  folder_.Write("star_a.mjs", "export * from './star_b.mjs';");
  folder_.Write("star_b.mjs", "export * from './star_a.mjs';");
  EXPECT_THAT(Load("import { x } from './star_a.mjs';"), HasSubstr("SyntaxError"));
  // Each way to the module gives the same error, and nothing waits for ever.
  EXPECT_EQ(Load("const seen = await Promise.allSettled(['a', 'b', 'c', 'b'].map((x) => import(`./thrown_${x}.mjs`)));"
                 "console.log(new Set(seen.map((each) => each.reason)).size, seen[0].reason.message);"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("1 in the circle"));
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
  EXPECT_THAT(Load("import 'lodash';"), HasSubstr("there is no package 'lodash'"));
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

TEST_F(ModuleLoaderTest, ImportsCommonJsWithItsNames) {
  folder_.Write("lib/a.cjs",
                "exports.one = 1; module.exports.two = 2; exports['not a name'] = 3;"
                "Object.defineProperty(exports, 'broken', { enumerable: true, get() { throw new Error('no') } });");
  folder_.Write("lib/index.cjs", "module.exports = require('./a.cjs'); module.exports.late = 4;");
  EXPECT_EQ(Load("import whole, { one, two, late } from './lib/index.cjs'; import * as all from './lib/a.cjs';"
                 "console.log(one, two, late, whole === all.default, all['not a name'], all.broken);"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("1 2 4 true 3 undefined"));
}

TEST_F(ModuleLoaderTest, CommonJsModulesFindTheirSurroundings) {
  folder_.Write("lib/a.cjs",
                "#!/usr/bin/env node\n"
                "const process = require('process');\n"  // Beside the global of that name.
                "console.log(this === exports, module.exports === exports, module.id === __filename, typeof require,"
                " __dirname.endsWith('/lib'), process.env.COLOR, typeof global, module.loaded,"
                " require.resolve('./a.cjs') === __filename, typeof Buffer)");
  EXPECT_EQ(Load("import './lib/a.cjs'; console.log(typeof process, typeof Buffer, typeof require);"), "");
  EXPECT_THAT(host_.console, ElementsAre("true true true function true green object false true function",
                                         "object function undefined"));
}

TEST_F(ModuleLoaderTest, CommonJsCyclesSeeWhatIsThereSoFar) {
  folder_.Write("a.cjs", "exports.early = 1; exports.b = require('./b.cjs'); exports.late = 2;");
  folder_.Write("b.cjs", "const a = require('./a.cjs'); exports.seen = Object.keys(a).join(); exports.a = a;");
  EXPECT_EQ(Load("import a from './a.cjs'; console.log(a.b.seen, a.b.a.late, a.b.a === a);"), "");
  EXPECT_THAT(host_.console, ElementsAre("early 2 true"));
}

TEST_F(ModuleLoaderTest, ACommonJsModuleThatThrowsCanBeTriedAgain) {
  folder_.Write("bad.cjs", "console.log('run'); throw new Error('bad');");
  folder_.Write("main2.cjs",
                "for (let i = 0; i < 2; i++) try { require('./bad.cjs') } catch (e) { console.log(e.message) }\n"
                "try { require('missing') } catch (e) { console.log(e.code) }\n"
                "try { require('./data.json') } catch (e) { console.log(e.name, e.message.includes('data.json')) }");
  folder_.Write("data.json", "{,}");
  EXPECT_EQ(Load("import './main2.cjs';"), "");
  EXPECT_THAT(host_.console, ElementsAre("run", "bad", "run", "bad", "MODULE_NOT_FOUND", "SyntaxError true"));
  EXPECT_THAT(Load("import './bad.cjs';"), AllOf(HasSubstr("Error: bad"), HasSubstr(At("bad.cjs", "1:27"))));
}

TEST_F(ModuleLoaderTest, ABrokenCommonJsModuleIsReportedWithItsPosition) {
  folder_.Write("broken.cjs", "\nlet x = );");
  EXPECT_THAT(Load("import './broken.cjs';"), AllOf(HasSubstr("SyntaxError"), HasSubstr(At("broken.cjs", "2:9"))));
}

TEST_F(ModuleLoaderTest, RequiresEsModules) {
  folder_.Write("esm.mjs", "export const a = 1; export default 2;");
  folder_.Write("own.mjs", "export { f as 'module.exports' }; function f() { return 3 }");
  folder_.Write("slow.mjs", "await 0;");
  folder_.Write("throws.mjs", "throw new Error('thrown');");
  folder_.Write("main2.cjs",
                "const m = require('./esm.mjs'); console.log(m.a, m.default, require('./own.mjs')());\n"
                "for (const f of ['./slow.mjs', './throws.mjs', './back.mjs'])\n"
                "  try { require(f) } catch (e) { console.log(e.code ?? e.message) }");
  folder_.Write("back.mjs", "import './main2.cjs'; export {};");
  EXPECT_EQ(Load("import './main2.cjs';"), "");
  EXPECT_THAT(host_.console, ElementsAre("1 2 3", "ERR_REQUIRE_ASYNC_MODULE", "thrown", "ERR_REQUIRE_CYCLE_MODULE"));
}

TEST_F(ModuleLoaderTest, PackagesOfBothKinds) {
  folder_.Write("node_modules/old/package.json", R"({"name": "old", "main": "lib"})");
  folder_.Write("node_modules/old/lib.js", "exports.dep = require('dual'); exports.kind = 'old';");
  folder_.Write("node_modules/dual/package.json",
                R"({"name": "dual", "exports": {"import": "./esm.js", "require": "./cjs.js"}})");
  folder_.Write("node_modules/dual/esm.js", "export default 'esm';");  // No type: found out by its syntax.
  folder_.Write("node_modules/dual/cjs.js", "module.exports = 'cjs';");
  EXPECT_EQ(Load("import { dep, kind } from 'old'; import dual from 'dual'; console.log(dep, kind, dual);"
                 "console.log(import.meta.resolve('dual').endsWith('/node_modules/dual/esm.js'),"
                 " import.meta.resolve('./none.mjs').endsWith('/none.mjs'), import.meta.resolve('node:path'));"
                 "try { import.meta.resolve('none') } catch (e) { console.log(e.message.includes('none')) }"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("cjs old esm", "true true node:path", "true"));
}

TEST_F(ModuleLoaderTest, ABrokenPackageJsonIsNamed) {
  folder_.Write("node_modules/p/package.json", "{ \"name\" }");
  EXPECT_THAT(Load("import 'p';"),
              AllOf(HasSubstr("node_modules/p/package.json:1:10: not valid JSON"), HasSubstr(At("main.mjs", "1:8"))));
}

TEST_F(ModuleLoaderTest, ABuiltinThatIsNotThereNamesThePackage) {
  folder_.Write("node_modules/p/package.json", R"({"name": "p"})");
  folder_.Write("node_modules/p/index.js", "require('fs');");
  EXPECT_THAT(Load("import 'p';"), HasSubstr("the package 'p' needs it, and jsd has no built-in module 'node:fs'"));
}

TEST_F(ModuleLoaderTest, StripsTypesInTheirPlace) {
  folder_.Write("lib.ts",
                "export interface A { b: string }\nexport function f<T>(a: T): T { throw new Error('here'); }");
  EXPECT_THAT(Load("import { f, type A } from './lib.js';\nconst x: A = { b: 'c' };\nf<A>(x);", "main.ts"),
              AllOf(HasSubstr("Error: here"), HasSubstr(At("lib.ts", "2:39")), HasSubstr(At("main.ts", "3:1"))));
}

TEST_F(ModuleLoaderTest, TypeScriptThatIsMoreThanTypes) {
  const std::string source =
      "enum Color { Red = 4 }\nclass P { constructor(readonly x: number) {} }\n"
      "console.log(Color.Red, new P(5).x);";
  EXPECT_THAT(Load(source, "main.ts"),
              AllOf(HasSubstr("SyntaxError"), HasSubstr(At("main.ts", "1:1")), HasSubstr("enum is more than a type"),
                    HasSubstr("app.typescript = \"transform\"")));
  options_.transform_typescript = true;
  EXPECT_EQ(Load(source, "main.ts"), "");
  EXPECT_THAT(host_.console, ElementsAre("4 5"));
}

TEST_F(ModuleLoaderTest, BrokenTypeScript) {
  EXPECT_THAT(Load("let x: = 3;", "main.ts"), AllOf(HasSubstr("SyntaxError"), HasSubstr(At("main.ts", "1:8"))));
  folder_.Write("broken.mts", "\nlet = ;");
  EXPECT_THAT(Load("import './broken.mts';"),
              AllOf(HasSubstr("SyntaxError"), HasSubstr(At("broken.mts", "2:7")), HasSubstr(At("main.mjs", "1:8"))));
}

TEST_F(ModuleLoaderTest, TranslatesJsx) {
  folder_.Write("node_modules/react/package.json", R"({"exports": {"./jsx-runtime": "./jsx.mjs"}})");
  folder_.Write("node_modules/react/jsx.mjs",
                "export const jsx = (type, props) => `<${type}>${props.children}</${type}>`; export const jsxs = jsx;");
  EXPECT_EQ(Load("const n: number = 1;\nconsole.log(<b>{n}</b>);", "main.tsx"), "");
  EXPECT_EQ(Load("console.log(<i>{2}</i>);", "main.jsx"), "");
  EXPECT_THAT(host_.console, ElementsAre("<b>1</b>", "<i>2</i>"));
}

TEST_F(ModuleLoaderTest, ImportMapsAndTheRootAreOptions) {
  options_.import_map = folder_.Write("map.json", R"({"imports": {"lib": "./a.mjs"}})");
  folder_.Write("a.mjs", "export default 'mapped';");
  EXPECT_EQ(Load("import lib from 'lib'; console.log(lib);"), "");
  EXPECT_THAT(host_.console, ElementsAre("mapped"));
  folder_.Write("map.json", "[]");
  EXPECT_THAT(Load(""), HasSubstr("map.json: it is not a JSON object"));
  options_.import_map.clear();
  EXPECT_THAT(Load("import '../a.mjs';", "sub/main.mjs"), HasSubstr("is outside of the folder of modules"));
  options_.root = folder_.path();
  EXPECT_EQ(Load("import '../a.mjs';", "sub/main.mjs"), "");
}

TEST_F(ModuleLoaderTest, AsyncLocalStorageFollowsTimersAndPromises) {
  EXPECT_EQ(Load(R"(
    import { AsyncLocalStorage } from 'node:async_hooks';
    const a = new AsyncLocalStorage(), b = new AsyncLocalStorage({ defaultValue: 'none' });
    const seen = [];
    const note = (where) => seen.push(`${where}:${a.getStore()}${b.getStore()}`);
    await a.run(1, async () => {
      note('sync');
      await 0;
      note('await');
      setTimeout(() => note('timer'), 1);
      queueMicrotask(() => note('microtask'));
      b.run(2, () => Promise.resolve().then(() => note('nested')));
      a.exit(() => note('exit'));
      const stream = new ReadableStream({ pull(c) { note('pull'); c.enqueue(1); c.close(); } }, { highWaterMark: 0 });
      for await (const chunk of stream) note('chunk');
      await new Promise((resolve) => setTimeout(resolve, 5));
      note('end');
    });
    note('out');
    console.log(seen.join(' '));
  )"),
            "");
  EXPECT_THAT(host_.console, ElementsAre("sync:1none await:1none exit:undefinednone microtask:1none nested:12 "
                                         "pull:1none chunk:1none timer:1none end:1none out:undefinednone"));
}

}  // namespace
}  // namespace jsd
