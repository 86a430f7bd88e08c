#include "server/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jsd {
namespace {

using Action = CommandLine::Action;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::variant<CommandLine, CommandLineExit> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "jsd");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

CommandLine ParseGood(const std::vector<const char*>& arguments) {
  const auto result = Parse(arguments);
  if (const auto* const exit = std::get_if<CommandLineExit>(&result)) {
    ADD_FAILURE() << exit->text;
    return {};
  }
  return std::get<CommandLine>(result);
}

// The text of a command line that is refused.
std::string ParseBad(const std::vector<const char*>& arguments) {
  const auto result = Parse(arguments);
  const auto* const exit = std::get_if<CommandLineExit>(&result);
  if (exit == nullptr) return "accepted";
  EXPECT_EQ(exit->status, 2);
  return exit->text;
}

TEST(CommandLineTest, AConfigFileIsServed) {
  const CommandLine command_line = ParseGood({"--config", "server.toml"});
  EXPECT_EQ(command_line.action, Action::kServe);
  EXPECT_EQ(command_line.config, "server.toml");
  EXPECT_THAT(command_line.overrides, IsEmpty());
}

// So that a script with a default file can be given another.
TEST(CommandLineTest, TheLastConfigFileCounts) { EXPECT_EQ(ParseGood({"--config", "a", "--config", "b"}).config, "b"); }

TEST(CommandLineTest, OverridesKeepTheirOrderAndText) {
  const CommandLine command_line = ParseGood({"--set", "log.level=debug", "--config=a.toml", "--set=app.env.A=b=c",
                                              "--set", R"(server.listen=["[::]:80", "unix:a b"])", "--set", "x="});
  EXPECT_EQ(command_line.config, "a.toml");
  EXPECT_THAT(command_line.overrides,
              ElementsAre("log.level=debug", "app.env.A=b=c", R"(server.listen=["[::]:80", "unix:a b"])", "x="));
}

TEST(CommandLineTest, ActionsOtherThanServing) {
  EXPECT_EQ(ParseGood({"--config", "a", "--check"}).action, Action::kCheck);
  EXPECT_EQ(ParseGood({"--version"}).action, Action::kVersion);
  EXPECT_EQ(ParseGood({"--config-reference"}).action, Action::kConfigReference);
  EXPECT_EQ(ParseGood({"--check", "--config-reference", "--version"}).action, Action::kVersion);
  EXPECT_EQ(ParseGood({"--check", "--config-reference"}).action, Action::kConfigReference);
}

TEST(CommandLineTest, HelpNamesEveryOptionAndTheExitStatus) {
  for (const char* flag : {"--help", "-h"}) {
    const auto result = Parse({"--config", "a", flag});
    const auto* const exit = std::get_if<CommandLineExit>(&result);
    ASSERT_NE(exit, nullptr);
    EXPECT_EQ(exit->status, 0);
    for (const char* part : {"--help", "--config FILE", "--check", "--set KEY=VALUE", "--version", "--config-reference",
                             "Examples:", "Signals:", "Exit status:"}) {
      EXPECT_THAT(exit->text, HasSubstr(part));
    }
    EXPECT_TRUE(exit->text.ends_with('\n'));
  }
}

TEST(CommandLineTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(ParseBad({}), "jsd: --config FILE is required; see jsd --help\n");
  EXPECT_EQ(ParseBad({"--check"}), "jsd: --config FILE is required; see jsd --help\n");
  EXPECT_EQ(ParseBad({"--config", ""}), "jsd: --config FILE is required; see jsd --help\n");
  EXPECT_EQ(ParseBad({"--config"}), "jsd: --config: 1 required FILE missing; see jsd --help\n");
  EXPECT_EQ(ParseBad({"--config", "a", "--set"}), "jsd: --set: 1 required KEY=VALUE missing; see jsd --help\n");
  EXPECT_EQ(ParseBad({"--config", "a", "--port=80"}),
            "jsd: The following argument was not expected: --port=80; see jsd --help\n");
  // An override is one argument: what follows it is not another.
  EXPECT_EQ(ParseBad({"--config", "a", "--set", "b=1", "c=2"}),
            "jsd: The following argument was not expected: c=2; see jsd --help\n");
}

}  // namespace
}  // namespace jsd
