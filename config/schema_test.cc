#include "config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace jsd {
namespace {

TEST(SchemaTest, EveryKeyIsThereOnceAndInADeclaredSection) {
  std::set<std::string> keys;
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(keys.insert(setting.key()).second) << setting.key();
    EXPECT_NE(FindSection(setting.section), nullptr) << setting.key();
    EXPECT_EQ(FindSetting(setting.key()), &setting);
    EXPECT_THAT(std::string(setting.about), testing::EndsWith(".")) << setting.key();
  }
}

TEST(SchemaTest, NoSettingSharesItsFieldWithAnother) {
  Config config;
  for (const Section& section : Sections()) {
    if (section.add != nullptr) section.add(config);
  }
  std::set<const void*> fields;
  std::size_t with_field = 0;
  for (const Setting& setting : Settings()) {
    std::visit(
        [&](const auto& kind) {
          if constexpr (requires { kind.field; }) {
            fields.insert(&kind.field(config));
            ++with_field;
          }
        },
        setting.kind);
  }
  EXPECT_EQ(fields.size(), with_field);
}

TEST(SchemaTest, EveryKindSaysWhatIsExpected) {
  const auto describe = [](std::string_view key) { return Describe(FindSetting(key)->kind); };
  EXPECT_EQ(describe("limits.heap"), R"(a size from "16MiB" to "64GiB")");
  EXPECT_EQ(describe("server.drain"), R"(a duration from "0ms" to "24h")");
  EXPECT_EQ(describe("server.workers"), R"(a number from 1 to 1024 or "auto")");
  EXPECT_EQ(describe("limits.pipeline"), "a number from 1 to 1024");
  EXPECT_EQ(describe("log.level"), R"("debug", "info", "warn" or "error")");
  EXPECT_EQ(describe("log.format"), R"("text" or "json")");
  EXPECT_EQ(describe("app.script"), "a path");
  EXPECT_EQ(describe("app.env"), R"(a table of strings, { NAME = "value" })");
  EXPECT_EQ(describe("v8.flags"), R"(a list of flags, each "--name" or "--name=value")");
  EXPECT_EQ(describe("websocket.origins"), "a list of strings");
  EXPECT_EQ(describe("server.tls.kernel"), "true or false");
  EXPECT_EQ(describe("server.tls.key"), "a path or a list of paths");
  EXPECT_EQ(describe("server.listen"),
            R"(an address or a list of addresses, each "IPv4:port", "[IPv6]:port", "unix:path" or "systemd:name")");
  EXPECT_EQ(describe("server.tls.listen"),
            R"(an address or a list of one or more, each "IPv4:port", "[IPv6]:port", "unix:path" or "systemd:name")");
}

TEST(SchemaTest, TheNearestKeyIsProposed) {
  EXPECT_EQ(NearestKey("limits.heep"), "limits.heap");
  EXPECT_EQ(NearestKey("limit.heap"), "limits.heap");
  EXPECT_EQ(NearestKey("server.wrkers"), "server.workers");
  EXPECT_EQ(NearestKey("v8.flag"), "v8.flags");
  EXPECT_EQ(NearestKey("severs"), "server");
  EXPECT_EQ(NearestKey("timeout"), "timeouts");
  // The right name in the wrong place.
  EXPECT_EQ(NearestKey("listen"), "server.listen");
  EXPECT_EQ(NearestKey("limits.workers"), "server.workers");
}

TEST(SchemaTest, NothingIsProposedForAnotherWord) {
  EXPECT_EQ(NearestKey(""), "");
  EXPECT_EQ(NearestKey("x"), "");
  EXPECT_EQ(NearestKey("foo"), "");
  EXPECT_EQ(NearestKey("limits.disk"), "");
  EXPECT_EQ(NearestKey("server.tls"), "");
  EXPECT_EQ(NearestKey("app.colour"), "");
  EXPECT_EQ(NearestKey("timeouts.receive"), "");
}

}  // namespace
}  // namespace jsd
