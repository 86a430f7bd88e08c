#include "core/modules/import_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace jsd {
namespace {

using testing::HasSubstr;

class ImportMapTest : public testing::Test {
 protected:
  std::optional<ImportMap> Read(const std::string& text) {
    const std::string path = testing::TempDir() + "/map.json";
    std::ofstream(path, std::ios::binary) << text;
    return ImportMap::Read(path, &error_);
  }
  std::string ErrorOf(const std::string& text) {
    error_.clear();
    EXPECT_FALSE(Read(text));
    return error_;
  }
  static std::string Find(const ImportMap& map, std::string_view specifier,
                          std::string_view base = "file:///app/main.mjs") {
    const auto match = map.Resolve(specifier, base);
    return !match ? "nothing" : match->error.empty() ? match->url : "error: " + match->error;
  }

  std::string error_;
};

TEST_F(ImportMapTest, TheLongestKeyCounts) {
  const auto map = Read(R"({"imports": {"a/": "/x/", "a/b/": "/y/", "a/b/c": "/z.mjs"}})");
  ASSERT_TRUE(map) << error_;
  EXPECT_EQ(Find(*map, "a/q"), "file:///x/q");
  EXPECT_EQ(Find(*map, "a/b/q"), "file:///y/q");
  EXPECT_EQ(Find(*map, "a/b/c"), "file:///z.mjs");
  EXPECT_EQ(Find(*map, "a"), "nothing");
  EXPECT_THAT(Find(*map, "a/../../q"), HasSubstr("leaves 'a/'"));
}

TEST_F(ImportMapTest, UrlsAreMappedToo) {
  const auto map = Read(R"({"imports": {"/app/real.mjs": "/app/other.mjs", "https://example.org/": "/vendor/"}})");
  ASSERT_TRUE(map) << error_;
  EXPECT_EQ(Find(*map, "./real.mjs"), "file:///app/other.mjs");
  EXPECT_EQ(Find(*map, "file:///app/real.mjs"), "file:///app/other.mjs");
  EXPECT_EQ(Find(*map, "./q.mjs"), "nothing");
}

TEST_F(ImportMapTest, ScopesFallBackToWiderOnesAndToTheTop) {
  const auto map = Read(R"({"imports": {"a": "/1.mjs", "b": "/1b.mjs"}, "scopes": {
    "/app/": {"a": "/2.mjs"}, "/app/admin/": {"b": "/3.mjs"}, "/exact.mjs": {"a": "/4.mjs"}}})");
  ASSERT_TRUE(map) << error_;
  EXPECT_EQ(Find(*map, "a", "file:///elsewhere/x.mjs"), "file:///1.mjs");
  EXPECT_EQ(Find(*map, "a", "file:///app/x.mjs"), "file:///2.mjs");
  EXPECT_EQ(Find(*map, "a", "file:///app/admin/x.mjs"), "file:///2.mjs");
  EXPECT_EQ(Find(*map, "b", "file:///app/admin/x.mjs"), "file:///3.mjs");
  EXPECT_EQ(Find(*map, "a", "file:///exact.mjs"), "file:///4.mjs");
}

TEST_F(ImportMapTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("map.json: "));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(ErrorOf(R"({"import": {}})"), HasSubstr("'import' is not a key"));
  EXPECT_THAT(ErrorOf(R"({"imports": []})"), HasSubstr("'imports' is not an object"));
  EXPECT_THAT(ErrorOf(R"({"imports": {"a": 1}})"), HasSubstr("not a text"));
  EXPECT_THAT(ErrorOf(R"({"imports": {"a": "b"}})"), HasSubstr("must begin with"));
  EXPECT_THAT(ErrorOf(R"({"imports": {"a/": "/b"}})"), HasSubstr("end in a slash"));
  EXPECT_THAT(ErrorOf(R"({"scopes": {"/a/": []}})"), HasSubstr("is not an object"));
  std::string error;
  EXPECT_FALSE(ImportMap::Read("/nowhere/map.json", &error));
  EXPECT_THAT(error, HasSubstr("/nowhere/map.json: no such file"));
}

}  // namespace
}  // namespace jsd
