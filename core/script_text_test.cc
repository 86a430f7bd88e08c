#include "core/script_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "core/code_cache.h"
#include "core/testing.h"

namespace jsd {
namespace {

using testing::ElementsAre;
using testing_support::ScriptFolder;
using testing_support::TestHost;

class ScriptTextTest : public testing::Test {
 protected:
  // A module of more than ScriptText::kLarge bytes that ends with `statement`.
  std::string Write(const std::string& statement) {
    return folder_.Write("main.mjs", "/*" + std::string(ScriptText::kLarge, '-') + "*/\n" + statement);
  }

  void Load(const std::string& path) {
    const auto runtime = JsRuntime::Create(
        {.host = &host_, .env = {}, .modules = {.cache_folder = folder_.path() + "/cache"}, .script = path});
    runtime->LoadModule(path, [](std::optional<ScriptError> error) { EXPECT_FALSE(error) << error->report; });
    host_.Run(*runtime);
  }

  ScriptFolder folder_;
  TestHost host_;
};

TEST_F(ScriptTextTest, LargeTextsAreTheStringsThatTheStandardSays) {
  const std::string print = "console.log([...text].map((c) => c.codePointAt(0).toString(16)).join());";
  for (const char* text : {"ascii", "caf\xc3\xa9", "\xe2\x82\xac\xf0\x9f\x98\x80", "\xff\xc3\xa9"}) {
    const std::string path = Write("const text = '" + std::string(text) + "'; " + print);
    Load(path);
    Load(path);  // With compiled code.
  }
  const std::string ascii = "61,73,63,69,69", latin1 = "63,61,66,e9", wide = "20ac,1f600", wrong = "fffd,e9";
  EXPECT_THAT(host_.console, ElementsAre(ascii, ascii, latin1, latin1, wide, wide, wrong, wrong));
}

TEST_F(ScriptTextTest, AFileThatHasJustChangedIsReadAnew) {
  Load(Write("console.log('old');"));
  Load(Write("console.log('new');"));
  EXPECT_THAT(host_.console, ElementsAre("old", "new"));
}

TEST_F(ScriptTextTest, AFileIsSharedByThoseWhoHaveItUntilItChanges) {
  const std::string path = Write("console.log('old');");
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // Until the file's state says what is in it.
  const auto text = ScriptText::Read(path).text;
  EXPECT_EQ(ScriptText::Read(path).text, text);
  EXPECT_EQ(text->sum(), CodeCache::Sum({text->utf8()}));
  Write("console.log('new');");
  const auto changed = ScriptText::Read(path).text;
  EXPECT_NE(changed, text);
  EXPECT_TRUE(changed->utf8().ends_with("console.log('new');"));
}

TEST_F(ScriptTextTest, IsolatesLoadOneTextAtTheSameTime) {
  const std::string path = Write("console.log('done');");
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  const auto load = [&path, this] {
    TestHost host;
    const auto runtime = JsRuntime::Create(
        {.host = &host, .env = {}, .modules = {.cache_folder = folder_.path() + "/cache"}, .script = path});
    runtime->LoadModule(path, [](std::optional<ScriptError> error) { EXPECT_FALSE(error) << error->report; });
    host.Run(*runtime);
    EXPECT_THAT(host.console, ElementsAre("done"));
  };
  std::jthread other(load);
  load();
}

TEST_F(ScriptTextTest, SaysWhyThereIsNone) {
  EXPECT_EQ(ScriptText::Read(folder_.path() + "/missing.mjs").error, "no such file");
}

}  // namespace
}  // namespace jsd
