#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/js_runtime.h"
#include "core/testing.h"

// What bootstrap/console.js and bootstrap/inspect.js print.

namespace jsd {
namespace {

using testing::ElementsAre;
using testing_support::ScriptFolder;
using testing_support::TestHost;

class ConsoleTest : public testing::Test {
 protected:
  // What the statements print.
  std::vector<std::string> Run(std::string_view statements) {
    TestHost host;
    const auto runtime = JsRuntime::Create({.host = &host, .use_snapshot = true, .env = {}});
    std::optional<ScriptError> failure;
    runtime->LoadModule(folder_.Write("test.mjs", statements),
                        [&](std::optional<ScriptError> error) { failure = std::move(error); });
    host.Run(*runtime);
    EXPECT_FALSE(failure) << failure->report;
    EXPECT_TRUE(host.errors.empty()) << host.errors.front();
    return host.console;
  }

  // What console.log prints of each expression.
  void ExpectShown(const std::vector<std::pair<std::string, std::string>>& cases) {
    std::string script;
    for (const auto& [expression, shown] : cases) script += "console.log((" + expression + "));\n";
    const auto lines = Run(script);
    ASSERT_EQ(lines.size(), cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(lines[i], cases[i].second) << cases[i].first;
  }

  ScriptFolder folder_;
};

TEST_F(ConsoleTest, ShowsPrimitives) {
  ExpectShown({
      {"'text'", "text"},
      {"-0", "-0"},
      {"1e21", "1e+21"},
      {"10n", "10n"},
      {"null", "null"},
      {"undefined", "undefined"},
      {"Symbol('s')", "Symbol(s)"},
      {"['it\\'s', 'a\"\\'', 'a\"\\'`', '\\n\\0\\\\']", "[ \"it's\", `a\"'`, 'a\"\\'`', '\\n\\x00\\\\' ]"},
  });
}

TEST_F(ConsoleTest, ShowsObjectsAndClasses) {
  ExpectShown({
      {"{}", "{}"},
      {"{ a: 1, 'b-c': 'x', [Symbol('s')]: [], 2: null }", "{ '2': null, a: 1, 'b-c': 'x', [Symbol(s)]: [] }"},
      {"{ get a() { throw 1 }, set a(v) {}, get b() { throw 1 }, set c(v) {} }",
       "{ a: [Getter/Setter], b: [Getter], c: [Setter] }"},
      {"Object.create(null)", "[Object: null prototype] {}"},
      {"new (class Foo { x = 1; #y = 2 })", "Foo { x: 1 }"},
      {"new (class Foo { get [Symbol.toStringTag]() { return 'T' } })", "Foo {}"},
      {"Object.create({ [Symbol.toStringTag]: 'T' })", "Object [T] {}"},
      {"class A {}", "[class A]"},
      {"class B extends Map {}", "[class B extends Map]"},
      {"[() => {}, function f() {}, async () => {}, function* g() {}]",
       "[\n  [Function (anonymous)],\n  [Function: f],\n  [AsyncFunction (anonymous)],\n  [GeneratorFunction: g]\n]"},
      {"Object.assign(() => {}, { a: 1 })", "[Function (anonymous)] { a: 1 }"},
      {"{ a: { b: { c: { d: { e: { f: 1 } } } } } }", "{\n  a: {\n    b: { c: { d: { e: [Object] } } }\n  }\n}"},
      {"[Object(1), Object('s'), Object(true), Object(1n), Object(Symbol('q'))]",
       "[\n  [Number: 1],\n  [String: 's'],\n  [Boolean: true],\n  [BigInt: 1n],\n  [Symbol: Symbol(q)]\n]"},
      {"(function () { return arguments })(1)", "[Arguments] [ 1 ]"},
      {"{ text: 'x'.repeat(60), more: 'y'.repeat(20) }",
       "{\n  text: '" + std::string(60, 'x') + "',\n  more: '" + std::string(20, 'y') + "'\n}"},
  });
}

TEST_F(ConsoleTest, ShowsCollections) {
  ExpectShown({
      {"[1, , , 'a']", "[ 1, <2 empty items>, 'a' ]"},
      {"Object.assign([1], { x: 2 })", "[ 1, x: 2 ]"},
      {"(() => { const a = []; a[4e9] = 1; return a })()", "[ <4000000000 empty items>, 1 ]"},
      {"new Map([['a', { b: 1 }], [[2], 3]])", "Map(2) { 'a' => { b: 1 }, [ 2 ] => 3 }"},
      {"new Set([1, 'a'])", "Set(2) { 1, 'a' }"},
      {"new Map([[1, 2]]).entries()", "[Map Iterator] { [ 1, 2 ] }"},
      {"new Set([1]).values()", "[Set Iterator] { 1 }"},
      {"[new WeakMap(), new WeakSet()]", "[ WeakMap { <items unknown> }, WeakSet { <items unknown> } ]"},
      {"new Uint8Array([1, 2])", "Uint8Array(2) [ 1, 2 ]"},
      {"new Uint8Array([1, 255]).buffer", "ArrayBuffer { [Uint8Contents]: <01 ff>, byteLength: 2 }"},
      {"Array(20).fill(1)", "[\n  1, 1, 1, 1, 1,\n  1, 1, 1, 1, 1,\n  1, 1, 1, 1, 1,\n  1, 1, 1, 1, 1\n]"},
      {"[Array(120).fill('').length, Array(101).fill({})].flat().slice(0, 3)", "[ 120, {}, {} ]"},
      {"new Set(Array(102).keys())",
       [] {
         std::string text = "Set(102) {\n";
         for (int i = 0; i < 100; ++i) text += "  " + std::to_string(i) + ",\n";
         return text + "  ... 2 more items\n}";
       }()},
  });
}

TEST_F(ConsoleTest, ShowsWhatCannotBeSeenFromJavaScript) {
  ExpectShown({
      {"Promise.resolve(4)", "Promise { 4 }"},
      {"new Promise(() => {})", "Promise { <pending> }"},
      {"(() => { const p = Promise.reject(3); p.catch(() => {}); return p })()", "Promise { <rejected> 3 }"},
      {"new Proxy({ a: 1 }, { get() { throw 1 }, ownKeys() { throw 2 } })", "{ a: 1 }"},
      {"(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return [proxy] })()",
       "[ <Revoked Proxy> ]"},
      {"(() => { const o = { name: 'o' }; o.self = o; o.list = [o]; return o })()",
       "<ref *1> { name: 'o', self: [Circular *1], list: [ [Circular *1] ] }"},
  });
}

TEST_F(ConsoleTest, ShowsDatesErrorsAndInterfaces) {
  ExpectShown({
      {"new Date(0)", "1970-01-01T00:00:00.000Z"},
      {"[new Date(NaN), /a+/g]", "[ Invalid Date, /a+/g ]"},
      {"Object.assign(new Error('m', { cause: 1 }), { stack: 'E: m\\n    at x', code: 7 })",
       "E: m\n    at x {\n  [cause]: 1,\n  code: 7\n}"},
      {"{ e: Object.assign(new Error('m'), { stack: 'E: m\\n    at x' }) }", "{\n  e: E: m\n      at x\n}"},
      {"Object.assign(new TypeError('m'), { stack: undefined })", "[TypeError: m]"},
      {"new Headers({ b: '1', 'a-b': '2' })", "Headers { 'a-b': '2', b: '1' }"},
      {"new URLSearchParams('a=1&b-c=2')", "URLSearchParams { a: '1', 'b-c': '2' }"},
      {"new ReadableStream()", "ReadableStream { locked: false }"},
      {"new Request('http://a/')",
       "Request {\n  method: 'GET',\n  url: 'http://a/',\n  headers: Headers {},\n  "
       "bodyUsed: false\n}"},
  });
}

TEST_F(ConsoleTest, FollowsFormatStrings) {
  EXPECT_THAT(
      Run(R"(console.log('%s is %d, %i, %f%%', 'x', '4.5', '4.5', '4.5');
      console.log('%o %O', { a: 1 }, [1]);
      console.log('%cstyled%c', 'color: red', '');
      console.log('%s %s', 'one');
      console.log('100%', 'rest', { a: 'b' });
      console.log('%%');
      console.log('%s %s %s', null, Symbol('q'), 5n);
      console.log('%d %i %d', {}, 3n, '0x10');
      console.log('%s', { toString() { return 'own text' } }, { toString() { throw 1 } });
      console.log();
      console.log({}, '%s', 'x');)"),
      ElementsAre("x is 4, 4, 4.5%", "{ a: 1 } [ 1 ]", "styled", "one %s", "100% rest { a: 'b' }", "%%",
                  "null Symbol(q) 5n", "NaN 3n 0", "own text { toString: [Function: toString] }", "", "{} %s x"));
}

TEST_F(ConsoleTest, GroupsCountsAndAsserts) {
  EXPECT_THAT(Run(R"(console.group('outer');
      console.log('a\nb');
      console.groupCollapsed();
      console.warn([1]);
      console.groupEnd(); console.groupEnd(); console.groupEnd();
      console.info('out');
      console.count(); console.count('x'); console.count(); console.countReset(); console.count();
      console.countReset('none');
      console.assert(true, 'silent'); console.assert(); console.assert(false, 'a %s', 'b'); console.assert(0, { c: 1 });
      console.timeLog('none'); console.timeEnd('none'); console.time(); console.time();
      console.dir({ a: { b: {} } }, { depth: 0 });)"),
              ElementsAre("outer", "  a\n  b", "    [ 1 ]", "out", "default: 1", "x: 1", "default: 2", "default: 1",
                          "Count for 'none' does not exist", "Assertion failed", "Assertion failed: a b",
                          "Assertion failed: { c: 1 }", "Timer 'none' does not exist", "Timer 'none' does not exist",
                          "Timer 'default' already exists", "{ a: [Object] }"));
}

TEST_F(ConsoleTest, TimesAndTraces) {
  const auto lines =
      Run("console.time('t'); console.timeLog('t', { a: 1 }); console.timeEnd('t');\n"
          "function f() { console.trace('here %d', 1); }\nf();");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], testing::MatchesRegex("t: [0-9.]+ ms \\{ a: 1 \\}"));
  EXPECT_THAT(lines[1], testing::MatchesRegex("t: [0-9.]+ ms"));
  EXPECT_THAT(lines[2], testing::StartsWith("Trace: here 1\n    at f ("));
}

TEST_F(ConsoleTest, DrawsTables) {
  EXPECT_THAT(Run("console.table([{ a: 1, b: 'x' }, { a: 2 }, 5]); console.table([{ a: 1, b: 2 }], ['b']); "
                  "console.table('no table');"),
              ElementsAre("┌─────────┬───┬─────┬────────┐\n"
                          "│ (index) │ a │ b   │ Values │\n"
                          "├─────────┼───┼─────┼────────┤\n"
                          "│ 0       │ 1 │ 'x' │        │\n"
                          "│ 1       │ 2 │     │        │\n"
                          "│ 2       │   │     │ 5      │\n"
                          "└─────────┴───┴─────┴────────┘",
                          "┌─────────┬───┐\n"
                          "│ (index) │ b │\n"
                          "├─────────┼───┤\n"
                          "│ 0       │ 2 │\n"
                          "└─────────┴───┘",
                          "no table"));
}

}  // namespace
}  // namespace jsd
