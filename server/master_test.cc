#include "server/master.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <thread>

#include "worker/line_handler.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr char kHello[] = "export default { fetch: () => new Response('hello') };\n";
constexpr char kNever[] = "export default { fetch() { console.log('working'); return new Promise(() => {}); } };\n";

class MasterTest : public testing::Test {
 protected:
  MasterTest() {
    char name[] = "/tmp/jsd_master_XXXXXX";
    folder_ = ::mkdtemp(name);
    config_.server.listen = {"unix:" + SocketPath()};
    config_.server.workers = 2;
    config_.server.drain = milliseconds(10000);
    config_.apps.resize(1);
    config_.apps.front().name = "app.mjs";
    config_.apps.front().script = folder_ / "app.mjs";
    config_.log.file = folder_ / "log";
  }
  ~MasterTest() override { fs::remove_all(folder_); }

  std::string SocketPath() const { return folder_ / "s"; }

  void WriteScript(const std::string& text) { std::ofstream(folder_ / "app.mjs") << text; }

  // Runs a master in this thread while `client` runs in another.
  template <typename Client>
  int Run(Client client) {
    std::string error;
    const std::unique_ptr<LogSink> sink = LogSink::Open(config_.log, &error);
    EXPECT_NE(sink, nullptr) << error;
    Master master(config_, *sink, metrics_, LineHandler::Factory());
    const std::jthread thread(client);
    return master.Run();
  }

  int Check() {
    std::string error;
    const std::unique_ptr<LogSink> sink = LogSink::Open(config_.log, &error);
    EXPECT_NE(sink, nullptr) << error;
    return Master(config_, *sink, metrics_, LineHandler::Factory()).Check();
  }

  std::string LogText() const {
    std::ifstream file(folder_ / "log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  void WaitForLog(const std::string& text) const {
    for (int i = 0; i < 1000 && LogText().find(text) == std::string::npos; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_THAT(LogText(), HasSubstr(text));
  }

  UniqueFd Connect() const {
    UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    SocketPath().copy(un.sun_path, sizeof(un.sun_path) - 1);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&un), sizeof(un)), 0);
    timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return client;
  }

  static void Send(const UniqueFd& client) { EXPECT_EQ(::send(client.get(), "/\n", 2, MSG_NOSIGNAL), 2); }

  // Up to the end of the line or of the connection.
  static std::string Receive(const UniqueFd& client) {
    std::string line;
    for (char byte; ::recv(client.get(), &byte, 1, 0) == 1 && byte != '\n';) line += byte;
    return line;
  }

  static void Signal(int signal) { ::kill(::getpid(), signal); }

  fs::path folder_;
  Config config_;
  Metrics metrics_;
};

TEST_F(MasterTest, ServesUntilSigterm) {
  WriteScript(kHello);
  EXPECT_EQ(Run([this] {
              WaitForLog("jsd is ready");
              const UniqueFd client = Connect();
              Send(client);
              EXPECT_EQ(Receive(client), "200 hello");
              Signal(SIGTERM);
              EXPECT_EQ(Receive(client), "");
            }),
            0);
  EXPECT_THAT(LogText(), HasSubstr("listening on unix:" + SocketPath()));
  EXPECT_THAT(LogText(), HasSubstr("workers=2"));
  EXPECT_THAT(LogText(), HasSubstr("stopped"));
  EXPECT_FALSE(fs::exists(SocketPath()));
}

TEST_F(MasterTest, AChosenPortIsNamed) {
  WriteScript(kHello);
  config_.server.listen = {"127.0.0.1:0"};
  EXPECT_EQ(Run([this] {
              WaitForLog("jsd is ready");
              Signal(SIGINT);
            }),
            0);
  EXPECT_TRUE(std::regex_search(LogText(), std::regex("listening on 127\\.0\\.0\\.1:[1-9][0-9]+\n"))) << LogText();
}

TEST_F(MasterTest, RequestsThatOutliveTheDrainTimeAreCut) {
  WriteScript(kNever);
  config_.server.drain = milliseconds(100);
  EXPECT_EQ(Run([this] {
              WaitForLog("jsd is ready");
              const UniqueFd client = Connect();
              Send(client);
              WaitForLog("working");
              Signal(SIGTERM);
              EXPECT_EQ(Receive(client), "");
            }),
            1);
  EXPECT_THAT(LogText(), HasSubstr("requests were cut requests=1"));
}

TEST_F(MasterTest, ASecondSignalEndsTheProcess) {
  WriteScript(kNever);
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(Run([this] {
                WaitForLog("jsd is ready");
                const UniqueFd client = Connect();
                Send(client);
                WaitForLog("working");
                Signal(SIGTERM);
                WaitForLog("draining");
                fs::remove_all(folder_);  // This process, with a fixture of its own, ends without destroying it.
                Signal(SIGINT);
                Receive(client);
              }),
              testing::ExitedWithCode(128 + SIGINT), "");
}

TEST_F(MasterTest, AnAddressThatIsTakenKeepsItFromStarting) {
  WriteScript(kHello);
  std::ofstream(SocketPath()) << "no socket";
  EXPECT_EQ(Run([] {}), 1);
  EXPECT_THAT(LogText(), HasSubstr("cannot listen on unix:" + SocketPath()));
  EXPECT_THAT(LogText(), Not(HasSubstr("listening on")));
}

TEST_F(MasterTest, AScriptThatFailsKeepsItFromStarting) {
  WriteScript("let a = ;\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(Run([] {}), 1);
  EXPECT_THAT(LogText(), HasSubstr("app.mjs:1"));
  EXPECT_THAT(LogText(), HasSubstr("SyntaxError"));
  EXPECT_THAT(LogText(), Not(HasSubstr("listening on")));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("jsd: cannot load " + config_.apps.front().script.string()));
  EXPECT_FALSE(fs::exists(SocketPath()));
}

TEST_F(MasterTest, ASignalEndsAScriptThatIsStillLoading) {
  WriteScript("console.log('loading'); await new Promise((done) => setTimeout(done, 1e6));\n");
  EXPECT_EQ(Run([this] {
              WaitForLog("loading");
              Signal(SIGTERM);
            }),
            0);
  EXPECT_THAT(LogText(), Not(HasSubstr("listening on")));
}

TEST_F(MasterTest, CheckLoadsWithoutListening) {
  WriteScript(kHello);
  EXPECT_EQ(Check(), 0);
  EXPECT_FALSE(fs::exists(SocketPath()));
  EXPECT_EQ(LogText(), "");
  WriteScript("export default {};\n");
  EXPECT_EQ(Check(), 1);
  EXPECT_THAT(LogText(), HasSubstr("no handler"));
}

}  // namespace
}  // namespace jsd
