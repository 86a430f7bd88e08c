#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/schema.h"

namespace jsd {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    // Not the test runner's folder: the paths of unix sockets have to be short.
    std::string pattern = "/tmp/load_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    file_ = folder_ / "server.toml";
  }
  ~LoadTest() override { std::filesystem::remove_all(folder_); }

  LoadResult LoadText(std::string_view text, const std::vector<std::string>& overrides = {}) {
    std::ofstream(file_) << text;
    return Load(file_, overrides);
  }

  // The errors with "F" for the file's name.
  std::vector<std::string> Errors(std::string_view text, const std::vector<std::string>& overrides = {}) {
    LoadResult result = LoadText(text, overrides);
    EXPECT_EQ(result.config.has_value(), result.errors.empty());
    for (std::string& error : result.errors) {
      if (error.starts_with(file_.string())) error.replace(0, file_.string().size(), "F");
    }
    return result.errors;
  }

  // The errors of `line` in a file that is right otherwise. It is line 3.
  std::vector<std::string> LineErrors(std::string_view section, std::string_view line) {
    return Errors("app.script = \"a.mjs\"\n[" + std::string(section) + "]\n" + std::string(line) + "\n");
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

constexpr char kMinimal[] = "[app]\nscript = \"a.mjs\"\n";

TEST_F(LoadTest, WhatTheFileLeavesOutHasItsDefault) {
  const LoadResult result = LoadText(kMinimal);
  ASSERT_THAT(result.errors, IsEmpty());
  const Config& config = *result.config;
  EXPECT_THAT(config.server.listen, ElementsAre("127.0.0.1:8080"));
  EXPECT_EQ(config.server.workers, 0u);
  EXPECT_EQ(config.server.drain, milliseconds(10'000));
  EXPECT_EQ(config.apps[0].script, folder_ / "a.mjs");
  EXPECT_THAT(config.apps[0].env, IsEmpty());
  EXPECT_EQ(config.limits.request, milliseconds(30'000));
  EXPECT_EQ(config.limits.heap, 128u << 20);
  EXPECT_EQ(config.limits.buffers, 128u << 20);
  EXPECT_EQ(config.limits.body, 16u << 20);
  EXPECT_EQ(config.limits.headers, 64u << 10);
  EXPECT_EQ(config.limits.target, 8u << 10);
  EXPECT_EQ(config.limits.pipeline, 64u);
  EXPECT_EQ(config.limits.connections, 0u);
  EXPECT_EQ(config.limits.connections_per_address, 0u);
  EXPECT_EQ(config.limits.requests_per_connection, 0u);
  EXPECT_EQ(config.limits.rate, 240u);
  EXPECT_EQ(config.timeouts.header, milliseconds(10'000));
  EXPECT_EQ(config.timeouts.body, milliseconds(30'000));
  EXPECT_EQ(config.timeouts.idle, milliseconds(75'000));
  EXPECT_EQ(config.timeouts.write, milliseconds(30'000));
  EXPECT_EQ(config.log.level, LogLevel::kInfo);
  EXPECT_EQ(config.log.format, LogFormat::kText);
  EXPECT_EQ(config.log.file, "");
  EXPECT_THAT(config.v8.flags, IsEmpty());
}

// toml++ 3.3 has such letters, in these places, run into code that it takes for unreachable.
TEST_F(LoadTest, LettersBeyondAsciiOutsideOfQuotes) {
  EXPECT_THAT(Errors("größe = 1\n"), ElementsAre("F:1:3: Error while parsing key-value pair: expected '=', saw 'ö'"));
  EXPECT_THAT(
      LineErrors("log", "ü = 1"),
      ElementsAre("F:3:1: Error while parsing root table: expected keys, tables, whitespace or comments, saw 'ü'"));
  EXPECT_THAT(LineErrors("server", "workers = 1 ü"),
              ElementsAre("F:3:13: Error while parsing key-value pair: expected a comment or whitespace, saw 'ü'"));
  EXPECT_THAT(LineErrors("log", "file = ñame"),
              ElementsAre("F:3:8: Error while parsing value: could not determine value type"));
  EXPECT_THAT(LineErrors("ж", "a = 1"),
              ElementsAre("F:2:2: Error while parsing key: expected bare key starting character or string delimiter, "
                          "saw 'ж'"));
  // A no-break space is no blank in TOML.
  EXPECT_THAT(LineErrors("server", "workers\u00a0= 1"),
              ElementsAre("F:3:8: Error while parsing key-value pair: expected '=', saw '\u00a0'"));
  EXPECT_THAT(LineErrors("log", "file = \"\xff\""), ElementsAre("F:3:8: Encountered invalid utf-8 sequence"));

  const LoadResult continued = LoadText("[app]\nscript = \"a.mjs\"\nenv = { A = \"\"\"x \\\n   über\"\"\" }\n");
  ASSERT_THAT(continued.errors, IsEmpty());
  EXPECT_THAT(continued.config->apps.front().env, ElementsAre(Pair("A", "x über")));
  const LoadResult overridden = LoadText(kMinimal, {"app.env.A=ü b"});
  ASSERT_THAT(overridden.errors, IsEmpty());
  EXPECT_THAT(overridden.config->apps.front().env, ElementsAre(Pair("A", "ü b")));
}

TEST_F(LoadTest, EveryKeyIsRead) {
  const LoadResult result = LoadText(R"(
    [server]
    listen = ["0.0.0.0:0", "[0::1]:8080", "unix:run/jsd.sock"]
    workers = 3
    drain = "0s"
    [app]
    script = "sub/../a.mjs"
    env = { B = "2", A = "" }
    [limits]
    request = "250ms"
    heap = "1GiB"
    buffers = "2MiB"
    body = "0B"
    headers = "16KiB"
    target = "100B"
    pipeline = 1
    [timeouts]
    header = "1s"
    body = "2m"
    idle = "3h"
    write = "4ms"
    [log]
    level = "error"
    format = "json"
    file = "/var/log/jsd.log"
    [metrics]
    listen = "127.0.0.1:9464"
    [v8]
    flags = ["--max-lazy", "--stack-size=2000"]
  )");
  ASSERT_THAT(result.errors, IsEmpty());
  const Config& config = *result.config;
  EXPECT_THAT(config.server.listen,
              ElementsAre("0.0.0.0:0", "[::1]:8080", "unix:" + (folder_ / "run/jsd.sock").string()));
  EXPECT_EQ(config.server.workers, 3u);
  EXPECT_EQ(config.server.drain, milliseconds(0));
  EXPECT_EQ(config.apps[0].script, folder_ / "a.mjs");
  EXPECT_THAT(config.apps[0].env, ElementsAre(Pair("A", ""), Pair("B", "2")));
  EXPECT_EQ(config.limits.request, milliseconds(250));
  EXPECT_EQ(config.limits.heap, 1u << 30);
  EXPECT_EQ(config.limits.buffers, 2u << 20);
  EXPECT_EQ(config.limits.body, 0u);
  EXPECT_EQ(config.limits.headers, 16u << 10);
  EXPECT_EQ(config.limits.target, 100u);
  EXPECT_EQ(config.limits.pipeline, 1u);
  EXPECT_EQ(config.timeouts.header, milliseconds(1000));
  EXPECT_EQ(config.timeouts.body, milliseconds(120'000));
  EXPECT_EQ(config.timeouts.idle, milliseconds(10'800'000));
  EXPECT_EQ(config.timeouts.write, milliseconds(4));
  EXPECT_EQ(config.log.level, LogLevel::kError);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_EQ(config.log.file, "/var/log/jsd.log");
  EXPECT_THAT(config.metrics.listen, ElementsAre("127.0.0.1:9464"));
  EXPECT_THAT(config.v8.flags, ElementsAre("--max-lazy", "--stack-size=2000"));
}

TEST_F(LoadTest, PathsAreSeenFromTheFolderOfARelativeFileToo) {
  std::filesystem::create_directory(folder_ / "sub");
  std::ofstream(folder_ / "sub" / "c.toml") << "app.script = \"../a.mjs\"\nlog.file = \"l\"\n";
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  const LoadResult result = Load("sub/c.toml", {});
  std::filesystem::current_path(before);
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.config->apps[0].script, folder_ / "a.mjs");
  EXPECT_EQ(result.config->log.file, folder_ / "sub" / "l");
}

TEST_F(LoadTest, AFileThatCannotBeReadSaysWhy) {
  EXPECT_THAT(Load(folder_ / "none.toml", {}).errors,
              ElementsAre((folder_ / "none.toml").string() + ": cannot be read: No such file or directory"));
  EXPECT_THAT(Load(folder_, {}).errors, ElementsAre(folder_.string() + ": cannot be read: Is a directory"));
  EXPECT_THAT(Load("", {}).errors, ElementsAre(": cannot be read: No such file or directory"));
}

TEST_F(LoadTest, SyntaxErrorsHaveTheirPosition) {
  EXPECT_THAT(Errors("[server]\nworkers = \n"),
              ElementsAre(testing::StartsWith("F:2:11: Error while parsing key-value pair: ")));
  EXPECT_THAT(Errors("[app]\nscript = \"a\"\nscript = \"b\"\n"),
              ElementsAre("F:3:10: Error while parsing key-value pair: cannot redefine existing string 'script'"));
  EXPECT_THAT(Errors("[app]\nscript = \"\xFF\"\n"), ElementsAre(testing::StartsWith("F:2:10: ")));
}

TEST_F(LoadTest, AMissingScriptIsAnError) {
  EXPECT_THAT(Errors(""), ElementsAre("F: app.script: expected a path, but it is missing"));
  EXPECT_THAT(Errors("\n[app]\nenv = {}\n"), ElementsAre("F:2:1: app.script: expected a path, but it is missing"));
}

TEST_F(LoadTest, UnknownKeysProposeTheNearest) {
  EXPECT_THAT(LineErrors("limits", "  heep = \"64MiB\""),
              ElementsAre(R"(F:3:3: limits.heep: unknown key; did you mean "limits.heap"?)"));
  EXPECT_THAT(LineErrors("limit", "heap = \"64MiB\""),
              ElementsAre(R"(F:2:2: limit: unknown key; did you mean "limits"?)"));
  EXPECT_THAT(LineErrors("log", "workers = 2"),
              ElementsAre(R"(F:3:1: log.workers: unknown key; did you mean "server.workers"?)"));
}

TEST_F(LoadTest, UnknownKeysWithoutANearOneListWhatThereIs) {
  EXPECT_THAT(LineErrors("v8", "inspector = true"),
              ElementsAre(R"(F:3:1: v8.inspector: unknown key; expected "v8.flags")"));
  EXPECT_THAT(LineErrors("log", "colour = true"),
              ElementsAre(R"(F:3:1: log.colour: unknown key; expected one of "log.level", "log.format", "log.file", )"
                          R"("log.access", "log.access_format")"));
  EXPECT_THAT(Errors("colour = true\n[app]\nscript = \"a\"\n"),
              ElementsAre("F:1:1: colour: unknown key; expected one of \"server\", \"proxy\", \"hardening\", \"app\", "
                          "\"limits\", \"timeouts\", \"websocket\", \"fetch\", \"log\", \"metrics\", \"v8\""));
  EXPECT_THAT(LineErrors("[server.proxies]", "key = \"k\""),
              ElementsAre("F:2:10: server.proxies: unknown key; expected one of \"server.listen\", "
                          "\"server.redirect\", \"server.workers\", \"server.drain\", \"server.supervise\", "
                          "\"server.pid_file\", \"server.reuse_port\", \"server.unix_mode\", "
                          "\"server.unix_owner\", \"server.user\", \"server.group\""));
}

TEST_F(LoadTest, ASectionIsOneTable) {
  EXPECT_THAT(Errors("server = 3\n[app]\nscript = \"a\"\n"),
              ElementsAre("F:1:10: server: expected one table [server], got 3"));
  EXPECT_THAT(Errors("[[limits]]\nbody = \"1KiB\"\n[app]\nscript = \"a\"\n"),
              ElementsAre("F:1:1: limits: expected one table [limits], got [[limits]]"));
  EXPECT_THAT(Errors("[app]\nscript = \"a\"\nlimits = 1\n"),
              ElementsAre("F:3:10: app.limits: expected one table [app.limits], got 1"));
}

TEST_F(LoadTest, EachKindRefusesOtherTypes) {
  EXPECT_THAT(LineErrors("limits", "heap = 64"),
              ElementsAre(R"(F:3:8: limits.heap: expected a size from "16MiB" to "64GiB", got 64)"));
  EXPECT_THAT(LineErrors("server", "drain = 1.5"),
              ElementsAre(R"(F:3:9: server.drain: expected a duration from "0ms" to "24h", got 1.5)"));
  EXPECT_THAT(LineErrors("server", "workers = \"many\""),
              ElementsAre(R"(F:3:11: server.workers: expected a number from 1 to 1024 or "auto", got "many")"));
  EXPECT_THAT(LineErrors("limits", "pipeline = \"auto\""),
              ElementsAre(R"(F:3:12: limits.pipeline: expected a number from 1 to 1024, got "auto")"));
  EXPECT_THAT(LineErrors("log", "level = true"),
              ElementsAre(R"(F:3:9: log.level: expected "debug", "info", "warn" or "error", got true)"));
  EXPECT_THAT(LineErrors("log", "level = \"trace\""),
              ElementsAre(R"(F:3:9: log.level: expected "debug", "info", "warn" or "error", got "trace")"));
  EXPECT_THAT(LineErrors("log", "file = []"), ElementsAre("F:3:8: log.file: expected a path, got a list"));
  EXPECT_THAT(LineErrors("log", "file = {}"), ElementsAre("F:3:8: log.file: expected a path, got a table"));
  EXPECT_THAT(LineErrors("log", "file = 2030-01-02"), ElementsAre("F:3:8: log.file: expected a path, got 2030-01-02"));
  EXPECT_THAT(LineErrors("log", R"(file = "a\u0000b")"),
              ElementsAre(R"(F:3:8: log.file: expected a path, got "a\u0000b": the path holds a NUL)"));
  EXPECT_THAT(Errors("[app]\nscript = \"\"\n"), ElementsAre("F:2:10: app.script: expected a path, got \"\""));
  EXPECT_THAT(Errors("[app]\nscript = \"a\"\nenv = \"x\"\n"),
              ElementsAre(R"(F:3:7: app.env: expected a table of strings, { NAME = "value" })"));
  EXPECT_THAT(Errors("[app]\nscript = \"a\"\nenv.PORT = 80\n"),
              ElementsAre("F:3:12: app.env.PORT: expected a string, in quotes"));
  EXPECT_THAT(LineErrors("v8", "flags = \"--x\""),
              ElementsAre(R"(F:3:9: v8.flags: expected a list of flags, each "--name" or "--name=value", got "--x")"));
}

TEST_F(LoadTest, RangesIncludeTheirEnds) {
  EXPECT_THAT(LineErrors("limits", "heap = \"16MiB\""), IsEmpty());
  EXPECT_THAT(LineErrors("limits", "heap = \"64GiB\""), IsEmpty());
  EXPECT_THAT(LineErrors("limits", "heap = \"16777215B\""),
              ElementsAre(R"(F:3:8: limits.heap: expected a size from "16MiB" to "64GiB", got "16777215B")"));
  EXPECT_THAT(LineErrors("limits", "heap = \"65GiB\""),
              ElementsAre(R"(F:3:8: limits.heap: expected a size from "16MiB" to "64GiB", got "65GiB")"));
  EXPECT_THAT(LineErrors("limits", "request = \"1ms\""), IsEmpty());
  EXPECT_THAT(LineErrors("limits", "request = \"0ms\""),
              ElementsAre(R"(F:3:11: limits.request: expected a duration from "1ms" to "24h", got "0ms")"));
  EXPECT_THAT(LineErrors("limits", "request = \"24h\""), IsEmpty());
  EXPECT_THAT(LineErrors("limits", "request = \"25h\""),
              ElementsAre(R"(F:3:11: limits.request: expected a duration from "1ms" to "24h", got "25h")"));
  EXPECT_THAT(LineErrors("server", "workers = 1024"), IsEmpty());
  for (const char* number : {"0", "-1", "1025", "4294967297"}) {
    EXPECT_THAT(LineErrors("server", "workers = " + std::string(number)),
                ElementsAre("F:3:11: server.workers: expected a number from 1 to 1024 or \"auto\", got " +
                            std::string(number)));
  }
}

TEST_F(LoadTest, SizesAndDurationsSayWhatIsWrongInThem) {
  EXPECT_THAT(LineErrors("limits", "heap = \"64MB\""),
              ElementsAre("F:3:8: limits.heap: expected a size from \"16MiB\" to \"64GiB\", got \"64MB\": "
                          "unknown unit \"MB\": use B, KiB, MiB, GiB or TiB"));
  EXPECT_THAT(LineErrors("server", "drain = \"10\""),
              ElementsAre("F:3:9: server.drain: expected a duration from \"0ms\" to \"24h\", got \"10\": "
                          "it has no unit: use ms, s, m or h"));
}

TEST_F(LoadTest, AddressesAreChecked) {
  const std::string expected =
      "server.listen: expected an address or a list of addresses, each "
      R"("IPv4:port", "[IPv6]:port", "unix:path" or "systemd:name", got )";
  EXPECT_THAT(LineErrors("server", "listen = \"127.0.0.1:80\""), IsEmpty());
  EXPECT_THAT(LineErrors("server", "listen = 80"), ElementsAre("F:3:10: " + expected + "80"));
  EXPECT_THAT(LineErrors("server", "listen = []"),
              ElementsAre("F:3:10: server.listen: it is empty, and there is no [[server.tls]]"));
  EXPECT_THAT(LineErrors("server", R"(listen = [8080, "localhost:80", "[::1]:80", "[0::1]:80", "unix:"])"),
              ElementsAre("F:3:11: " + expected + "8080",
                          "F:3:17: " + expected + R"("localhost:80": "localhost" is no IP address)",
                          "F:3:45: " + expected + R"("[0::1]:80": it is listed twice)",
                          "F:3:58: " + expected + R"("unix:": the path is empty)"));
  EXPECT_THAT(LineErrors("server", "listen = [\"unix:a/../j.sock\", \"unix:j.sock\"]"),
              ElementsAre("F:3:31: " + expected + R"("unix:j.sock": it is listed twice)"));
  // Two ports that the kernel chooses differ.
  EXPECT_THAT(LineErrors("server", "listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]"), IsEmpty());
  // It fits as it is written, but not with the folder in front of it.
  const std::string name(107, 'a');
  EXPECT_THAT(LineErrors("server", "listen = [\"unix:" + name + "\"]"),
              ElementsAre(testing::EndsWith(": the path of a unix socket has at most 107 bytes")));
}

TEST_F(LoadTest, FlagsStartWithTwoHyphens) {
  const std::string expected = R"(v8.flags: expected a list of flags, each "--name" or "--name=value", got )";
  EXPECT_THAT(LineErrors("v8", R"(flags = ["--max-lazy", "max-lazy", "-x", "--", 1])"),
              ElementsAre("F:3:24: " + expected + "\"max-lazy\"", "F:3:36: " + expected + "\"-x\"",
                          "F:3:42: " + expected + "\"--\"", "F:3:48: " + expected + "1"));
}

TEST_F(LoadTest, ALongValueIsCutBetweenCharacters) {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "é";
  EXPECT_THAT(LineErrors("log", "format = \"" + value + "\""),
              ElementsAre("F:3:10: log.format: expected \"text\" or \"json\", got \"" + value.substr(0, 58) + "…"));
}

TEST_F(LoadTest, EveryErrorIsReportedInTheOrderOfTheFile) {
  EXPECT_THAT(Errors("[v8]\nflags = 1\n[app]\nscipt = \"a\"\n[limits]\nheap = 1\nfoo = 2\nbody = \"x\"\n",
                     {"nothing", "log.level=loud"}),
              ElementsAre(R"(F:2:9: v8.flags: expected a list of flags, each "--name" or "--name=value", got 1)",
                          "F:3:1: app.script: expected a path, but it is missing",
                          R"(F:4:1: app.scipt: unknown key; did you mean "app.script"?)",
                          R"(F:6:8: limits.heap: expected a size from "16MiB" to "64GiB", got 1)",
                          "F:7:1: limits.foo: unknown key; expected one of \"limits.request\", \"limits.slice\", "
                          "\"limits.cpu\", \"limits.heap\", \"limits.buffers\", \"limits.body\", "
                          "\"limits.headers\", \"limits.target\", \"limits.pipeline\", \"limits.connections\", "
                          "\"limits.connections_per_address\", \"limits.requests_per_connection\", \"limits.rate\"",
                          "F:8:8: limits.body: expected a size from \"0B\" to \"1TiB\", got \"x\": "
                          "it does not start with a number",
                          "--set nothing: expected key=value",
                          R"(--set log.level: expected "debug", "info", "warn" or "error", got "loud")"));
}

TEST_F(LoadTest, OverridesReplaceWhatTheFileSays) {
  const LoadResult result =
      LoadText("server.workers = 2\nserver.drain = false\napp.script = \"a\"\napp.env.A = \"1\"\n",
               {"server.workers=3", "server.workers=4", "server.drain=1s", "log.level=\"warn\"",
                "server.listen=[\"[::]:80\"]", "app.script=b=c.mjs", "v8.flags=[]"});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.config->server.workers, 4u);
  EXPECT_EQ(result.config->server.drain, milliseconds(1000));
  EXPECT_EQ(result.config->log.level, LogLevel::kWarn);
  EXPECT_THAT(result.config->server.listen, ElementsAre("[::]:80"));
  EXPECT_EQ(result.config->apps[0].script, folder_ / "b=c.mjs");
  EXPECT_THAT(result.config->apps[0].env, ElementsAre(Pair("A", "1")));
}

TEST_F(LoadTest, OverridesAddEntriesToAMap) {
  const LoadResult result = LoadText(
      "[app]\nscript = \"a\"\nenv = { A = \"1\", B = \"2\" }\n",
      {"app.env.B=two words", "app.env.PORT=8080", "app.env.Q=\"quoted\"", "app.env.a.b=", "app.env.N=1\nx=2"});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.config->apps[0].env, ElementsAre(Pair("A", "1"), Pair("B", "two words"), Pair("N", "1\nx=2"),
                                                      Pair("PORT", "8080"), Pair("Q", "quoted"), Pair("a.b", "")));
  const LoadResult alone = LoadText("", {"app.script=a", "app.env={ X = \"y\" }", "app.env.Z=z"});
  ASSERT_THAT(alone.errors, IsEmpty());
  EXPECT_THAT(alone.config->apps[0].env, ElementsAre(Pair("X", "y"), Pair("Z", "z")));
}

TEST_F(LoadTest, ErrorsOfOverridesNameThem) {
  EXPECT_THAT(
      Errors(kMinimal, {"server.wokers=2", "limits.heap.x=1", "app.environment.A=b", "=1", "server=1",
                        "limits.pipeline=0", "server.listen=[1]", "app.env={ A = 1 }", "server.workers=1\ny=2"}),
      ElementsAre(R"(--set server.wokers: unknown key; did you mean "server.workers"?)",
                  R"(--set limits.heap.x: unknown key; did you mean "limits.heap"?)",
                  testing::StartsWith(R"(--set app.environment.A: unknown key; expected one of "app.script")"),
                  testing::StartsWith(R"(--set : unknown key; expected one of "server")"),
                  testing::StartsWith(R"(--set server: unknown key; expected one of "server.listen")"),
                  "--set server.listen: expected an address or a list of addresses, each \"IPv4:port\", "
                  "\"[IPv6]:port\", \"unix:path\" or \"systemd:name\", got 1",
                  "--set server.workers: expected a number from 1 to 1024 or \"auto\", got \"1\\ny=2\"",
                  "--set limits.pipeline: expected a number from 1 to 1024, got 0",
                  "--set app.env.A: expected a string, in quotes"));
}

TEST_F(LoadTest, AnOverrideDoesNotHideASectionThatIsNoTable) {
  EXPECT_THAT(Errors("app = 1\n", {"app.script=a", "app.env.A=b"}),
              ElementsAre("F:1:7: app: expected a table [app] or tables [[app]], got 1"));
  EXPECT_THAT(Errors("[app]\nscript = \"a\"\nenv = 1\n", {"app.env.A=b"}),
              ElementsAre(R"(F:3:7: app.env: expected a table of strings, { NAME = "value" })"));
}

TEST_F(LoadTest, AppsMayBeSeveral) {
  const LoadResult result = LoadText(
      "[limits]\nheap = \"64MiB\"\nbody = \"1KiB\"\n"
      "[[app]]\nscript = \"a.mjs\"\nhost = [\"A.example\", \"*.b.example\"]\n"
      "[app.limits]\nheap = \"32MiB\"\nrequest = \"1s\"\n"
      "[app.permissions]\nnet = \"api.example:443\"\nenv = [\"HOME\"]\nprivate_network = true\n"
      "[[app]]\nscript = \"a.mjs\"\nname = \"second\"\npath = \"/v1\"\nhost = \"c.example\"\n");
  ASSERT_THAT(result.errors, IsEmpty());
  const std::vector<AppConfig>& apps = result.config->apps;
  ASSERT_EQ(apps.size(), 2u);
  EXPECT_EQ(apps[0].name, "a.mjs");
  EXPECT_THAT(apps[0].hosts, ElementsAre("a.example", "*.b.example"));
  EXPECT_EQ(apps[0].path, "/");
  EXPECT_EQ(apps[0].limits.heap, 32u << 20);
  EXPECT_EQ(apps[0].limits.request, milliseconds(1000));
  EXPECT_EQ(apps[0].limits.body, 1024u);
  EXPECT_THAT(apps[0].permissions.net, ElementsAre("api.example:443"));
  EXPECT_THAT(apps[0].permissions.env, ElementsAre("HOME"));
  EXPECT_TRUE(apps[0].permissions.private_network);
  EXPECT_EQ(apps[1].name, "second");
  EXPECT_EQ(apps[1].path, "/v1");
  EXPECT_EQ(apps[1].limits.heap, 64u << 20);
  EXPECT_THAT(apps[1].permissions.net, IsEmpty());
}

TEST_F(LoadTest, OneAppsLimitsMayBeOverridden) {
  const LoadResult result = LoadText(kMinimal, {"app.limits.heap=32MiB", "app.permissions.net=[\"a:1\"]"});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.config->apps[0].limits.heap, 32u << 20);
  EXPECT_EQ(result.config->limits.heap, 128u << 20);
  EXPECT_THAT(result.config->apps[0].permissions.net, ElementsAre("a:1"));
}

TEST_F(LoadTest, AppsAreToldApart) {
  const std::string two = "[[app]]\nscript = \"a.mjs\"\n[[app]]\n";
  EXPECT_THAT(Errors(two + "script = \"a.mjs\"\npath = \"/v1\"\n"),
              ElementsAre("F:3:1: app.name: another app is called \"a.mjs\" too"));
  EXPECT_THAT(Errors(two + "script = \"b.mjs\"\n"),
              ElementsAre("F:3:1: app: another app serves every host and path \"/\" too"));
  EXPECT_THAT(Errors(two + "name = \"b\"\npath = \"/v1/\"\n"),
              ElementsAre("F:3:1: app.script: expected a path, but it is missing",
                          "F:5:8: app.path: expected a path of a URL, got \"/v1/\": it ends in a slash"));
  EXPECT_THAT(Errors(two + "script = \"b.mjs\"\nhost = [\"a:80\", 1]\n"),
              ElementsAre(testing::StartsWith("F:5:9: app.host: expected a host or a list of hosts, got \"a:80\""),
                          "F:5:17: app.host: expected a host or a list of hosts, got 1"));
  EXPECT_THAT(Errors("[[app]]\nscript = \"a.mjs\"\n", {"app.script=b"}),
              ElementsAre("--set app.script: a section that is repeated is set by the file alone"));
}

constexpr char kTls[] = "app.script = \"a.mjs\"\n[[server.tls]]\n";

TEST_F(LoadTest, TlsListenersMayBeRepeated) {
  const LoadResult result = LoadText(
      "[server]\nlisten = []\n[[server.tls]]\nlisten = \"[::]:443\"\ncertificate = \"a.pem\"\nkey = \"a.key\"\n"
      "[[server.tls]]\nlisten = [\"[::]:444\"]\ncertificate = [\"b.pem\", \"c.pem\"]\nkey = [\"b.key\", \"c.key\"]\n"
      "client_certificates = \"optional\"\nclient_ca = \"ca.pem\"\nminimum_version = \"1.3\"\nkernel = true\n"
      "hsts = \"24h\"\n[app]\nscript = \"a.mjs\"\n");
  ASSERT_THAT(result.errors, IsEmpty());
  const std::vector<TlsConfig>& tls = result.config->server.tls;
  ASSERT_EQ(tls.size(), 2u);
  EXPECT_THAT(tls[0].listen, ElementsAre("[::]:443"));
  EXPECT_THAT(tls[0].certificates, ElementsAre(folder_ / "a.pem"));
  EXPECT_THAT(tls[0].keys, ElementsAre(folder_ / "a.key"));
  EXPECT_THAT(tls[0].ocsp, IsEmpty());
  EXPECT_EQ(tls[0].minimum_version, TlsVersion::k12);
  EXPECT_EQ(tls[0].client_certificates, ClientCertificates::kNone);
  EXPECT_FALSE(tls[0].kernel);
  EXPECT_THAT(tls[1].certificates, ElementsAre(folder_ / "b.pem", folder_ / "c.pem"));
  EXPECT_EQ(tls[1].minimum_version, TlsVersion::k13);
  EXPECT_EQ(tls[1].client_certificates, ClientCertificates::kOptional);
  EXPECT_EQ(tls[1].client_ca, folder_ / "ca.pem");
  EXPECT_EQ(tls[1].hsts, milliseconds(86'400'000));
  EXPECT_TRUE(tls[1].kernel);
}

TEST_F(LoadTest, TlsListenersAreChecked) {
  EXPECT_THAT(Errors(kTls),
              ElementsAre("F:2:1: server.tls.listen: expected an address or a list of one or more, each "
                          "\"IPv4:port\", \"[IPv6]:port\", \"unix:path\" or \"systemd:name\", but it is missing",
                          "F:2:1: server.tls.certificate: expected a path or a list of paths, "
                          "but it is missing",
                          "F:2:1: server.tls.key: expected a path or a list of paths, but it is missing"));
  const std::string whole = std::string(kTls) + "listen = [\"[::]:443\"]\n";
  EXPECT_THAT(Errors(whole + "certificate = [\"a\", \"b\"]\nkey = \"k\"\nocsp = \"o\"\n"),
              ElementsAre("F:5:7: server.tls.key: expected one for each of 2, got 1",
                          "F:6:8: server.tls.ocsp: expected one for each of 2, got 1"));
  EXPECT_THAT(Errors(whole + "certificate = []\nkey = [\"k\", 1]\nkernel = 1\n"),
              ElementsAre("F:4:15: server.tls.certificate: expected a path or a list of paths, got a list: it is empty",
                          "F:5:13: server.tls.key: expected a path or a list of paths, got 1",
                          "F:6:10: server.tls.kernel: expected true or false, got 1"));
  EXPECT_THAT(Errors(whole + "certificate = \"a\"\nkey = \"k\"\nclient_certificates = \"required\"\nclint_ca = \"\"\n"),
              ElementsAre("F:6:23: server.tls.client_certificates: they need client_ca, the authorities that sign them",
                          R"(F:7:1: server.tls.clint_ca: unknown key; did you mean "server.tls.client_ca"?)"));
  EXPECT_THAT(LineErrors("server.tls", "listen = []"),
              ElementsAre("F:2:1: server.tls: expected tables [[server.tls]], got [server.tls]"));
  EXPECT_THAT(Errors(kMinimal, {"server.tls.key=a"}),
              ElementsAre("--set server.tls.key: a section that is repeated is set by the file alone"));
}

TEST_F(LoadTest, ProxiesAndUnixSocketsOfFetch) {
  const LoadResult result = LoadText(
      "[app]\nscript = \"a\"\n[fetch]\nproxy = \"http://u:p@proxy:3128\"\nno_proxy = [\"*.internal\", \"10.0.0.0/8\"]\n"
      "unix = { Docker = \"/run/docker.sock\", near = \"x.sock\" }\n",
      {"fetch.unix.more=/more"});
  ASSERT_TRUE(result.config) << testing::PrintToString(result.errors);
  const FetchConfig& fetch = result.config->fetch;
  EXPECT_EQ(fetch.proxy, "http://u:p@proxy:3128");
  EXPECT_THAT(fetch.no_proxy, ElementsAre("*.internal", "10.0.0.0/8"));
  EXPECT_THAT(fetch.unix_sockets,
              testing::UnorderedElementsAre(Pair("docker", "/run/docker.sock"), Pair("more", "/more"),
                                            Pair("near", testing::EndsWith("/x.sock"))));
}

// Keys are given one by one, so that each line of the default file is compared with the table's default.
TEST(DefaultFileTest, ItHasEveryKeyWithItsDefault) {
  std::ifstream stream("config/server.toml");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::string section;
  std::vector<std::string> found;
  for (const std::string& line : lines) {
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos || line.starts_with('#')) continue;
    const Setting* const setting = FindSetting(section + "." + line.substr(0, equals));
    ASSERT_NE(setting, nullptr) << line;
    found.push_back(setting->key());
    if (setting->default_value.empty()) continue;
    std::string value = line.substr(equals + 3);
    if (const std::size_t comment = value.find("  #"); comment != std::string::npos) value.resize(comment);
    while (value.ends_with(' ')) value.pop_back();
    EXPECT_EQ(value, setting->default_value) << line;
  }
  std::vector<std::string> keys;
  for (const Setting& setting : Settings()) {
    const Section& in = *FindSection(setting.section);
    if ((in.add == nullptr || in.once_too) && in.inherits.empty()) keys.push_back(setting.key());
  }
  EXPECT_EQ(found, keys);
}

TEST(DefaultFileTest, ItLoadsAndServesTheHelloExample) {
  const LoadResult result = Load("config/server.toml", {});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.config->apps[0].script, std::filesystem::current_path() / "examples/hello/hello.mjs");
}

}  // namespace
}  // namespace jsd
