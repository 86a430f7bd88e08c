#include "worker/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

namespace jsd {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest()
      : path_(std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(path_);
  }
  ~LogTest() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<LogSink> Open(LogFormat format, LogLevel level = LogLevel::kInfo) {
    LogConfig config;
    config.format = format;
    config.level = level;
    config.file = path_;
    std::string error;
    std::unique_ptr<LogSink> sink = LogSink::Open(config, &error);
    EXPECT_NE(sink, nullptr) << error;
    return sink;
  }

  static std::string Read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const std::filesystem::path path_;
};

TEST_F(LogTest, TextHasTimeLevelSourceMessageAndFields) {
  auto sink = Open(LogFormat::kText);
  Log log(*sink, 3, "hello.mjs");
  log.Warn("line one\nline two", {{"count", 7}, {"name", "a b"}, {"path", "/x"}});
  EXPECT_THAT(Read(path_),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn  worker=3 "
                                    "app=hello.mjs line one\nline two count=7 name=\"a b\" path=/x\n"));
}

TEST_F(LogTest, JsonIsOneLineWhateverTheMessage) {
  auto sink = Open(LogFormat::kJson);
  Log log(*sink, 0, "a");
  log.Error("one\n\"two\" \xff", {{"count", -7}, {"name", "x"}});
  const std::string text = Read(path_);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["worker"], 0);
  EXPECT_EQ(line["app"], "a");
  EXPECT_EQ(line["message"], "one\n\"two\" \xef\xbf\xbd");
  EXPECT_EQ(line["count"], -7);
  EXPECT_EQ(line["name"], "x");
}

TEST_F(LogTest, LinesBelowTheLevelAreLeftOut) {
  auto sink = Open(LogFormat::kText, LogLevel::kWarn);
  Log log(*sink);
  log.Info("quiet");
  log.Debug("quieter");
  EXPECT_FALSE(log.Enabled(LogLevel::kInfo));
  EXPECT_EQ(Read(path_), "");
  log.Warn("heard");
  EXPECT_THAT(Read(path_), testing::HasSubstr("heard"));
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  auto sink = Open(LogFormat::kText);
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&sink, thread] {
        Log log(*sink, thread, "");
        for (int i = 0; i < kLines; ++i) log.Info(std::string(200, static_cast<char>('a' + thread)));
      });
    }
  }
  std::istringstream lines(Read(path_));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::string tail = line.substr(line.size() - 200);
    EXPECT_EQ(tail.find_first_not_of(tail[0]), std::string::npos) << line;
  }
  EXPECT_EQ(count, kThreads * kLines);
}

TEST_F(LogTest, ReopenFollowsAFileThatWasMoved) {
  auto sink = Open(LogFormat::kText);
  Log log(*sink);
  log.Info("before");
  const std::filesystem::path moved = path_.string() + ".1";
  std::filesystem::rename(path_, moved);
  std::string error;
  ASSERT_TRUE(sink->Reopen(&error)) << error;
  log.Info("after");
  EXPECT_THAT(Read(moved), testing::HasSubstr("before"));
  EXPECT_THAT(Read(moved), testing::Not(testing::HasSubstr("after")));
  EXPECT_THAT(Read(path_), testing::HasSubstr("after"));
  std::filesystem::remove(moved);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsNamed) {
  LogConfig config;
  config.file = path_ / "missing" / "log";
  std::string error;
  EXPECT_EQ(LogSink::Open(config, &error), nullptr);
  EXPECT_THAT(error, testing::HasSubstr(config.file.string()));
  EXPECT_THAT(error, testing::HasSubstr("No such file"));
}

}  // namespace
}  // namespace jsd
