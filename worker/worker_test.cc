#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "worker/line_handler.h"
#include "worker/worker.h"
#include "worker/worker_pool.h"

namespace jsd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

// A client of a LineHandler, at the other end of a socket pair.
class Client {
 public:
  explicit Client(WorkerPool& pool) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    socket_.Reset(ends[0]);
    timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    pool.Adopt({UniqueFd(ends[1]), "", {}, 0});
    pool.BeginAdopted();
  }

  void Send(const std::string& target) {
    const std::string line = target + "\n";
    EXPECT_EQ(::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
  }

  // The next line, or "closed".
  std::string Receive() {
    std::string line;
    for (char byte; ::recv(socket_.get(), &byte, 1, 0) == 1;) {
      if (byte == '\n') return line;
      line += byte;
    }
    return "closed";
  }

  std::string Ask(const std::string& target) {
    Send(target);
    return Receive();
  }

 private:
  UniqueFd socket_;
};

class WorkerPoolTest : public testing::Test {
 protected:
  WorkerPoolTest()
      : folder_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    LogConfig config;
    config.file = folder_ / "log";
    config.level = LogLevel::kDebug;
    std::string error;
    sink_ = LogSink::Open(config, &error);
    EXPECT_NE(sink_, nullptr) << error;
  }
  ~WorkerPoolTest() override {
    if (running_) Drain(milliseconds(0));  // A pool cannot go while its threads run.
    fs::remove_all(folder_);
  }

  // Makes a pool with `script` and loads it; the error's report, empty where it loaded.
  std::string Start(unsigned workers, const std::string& script) {
    std::ofstream(folder_ / "app.mjs") << script;
    WorkerOptions options;
    options.log_sink = sink_.get();
    options.metrics = &metrics_;
    options.apps = {{.name = "app.mjs", .script = folder_ / "app.mjs", .runtime = {}}};
    options.apps[0].runtime.env = {{"GREETING", "hello"}};
    options.connections = LineHandler::Factory();
    pool_ = std::make_unique<WorkerPool>(io_, workers, options);
    std::optional<std::string> report;
    running_ = true;
    pool_->Start([&](std::optional<LoadFailure> error) {
      EXPECT_FALSE(report) << "ready was called twice";
      report = error ? error->report : "";
    });
    RunUntil([&] { return report.has_value(); });
    return report.value_or("never ready");
  }

  WorkerPool::Drained Drain(milliseconds deadline) {
    running_ = false;
    std::optional<WorkerPool::Drained> drained;
    pool_->Drain(deadline, [&](WorkerPool::Drained result) { drained = result; });
    RunUntil([&] { return drained.has_value(); });
    EXPECT_TRUE(drained);
    return drained.value_or(WorkerPool::Drained{});
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      io_.restart();
      io_.run_one_until(std::min(end, std::chrono::steady_clock::now() + milliseconds(50)));
    }
  }

  std::string LogText() const {
    std::ifstream file(folder_ / "log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const fs::path folder_;
  asio::io_context io_{1};
  std::unique_ptr<LogSink> sink_;
  Metrics metrics_;
  std::unique_ptr<WorkerPool> pool_;
  bool running_ = false;
};

TEST_F(WorkerPoolTest, AnswersAtOnceAndAfterATimer) {
  ASSERT_EQ(Start(1, R"(
      export default {
        async fetch(request, env) {
          if (request.url.endsWith('/later')) await new Promise((done) => setTimeout(done, 20));
          return new Response(env.GREETING + ' ' + request.url);
        }
      };)"),
            "");
  {
    Client client(*pool_);
    EXPECT_EQ(client.Ask("/now"), "200 hello http://test.example/now");
    EXPECT_EQ(client.Ask("/later"), "200 hello http://test.example/later");
    EXPECT_EQ(client.Ask("/now"), "200 hello http://test.example/now");
  }
  const WorkerPool::Drained drained = Drain(milliseconds(5000));
  EXPECT_EQ(drained.cut, 0u);
  EXPECT_EQ(drained.stuck, 0u);
}

TEST_F(WorkerPoolTest, AnEarlierTimerIsNotHeldUpByALaterOne) {
  ASSERT_EQ(Start(1, R"(
      setTimeout(() => {}, 1e6);
      export default {
        async fetch() {
          await new Promise((done) => setTimeout(done, 5));
          return new Response('soon');
        }
      };)"),
            "");
  Client client(*pool_);
  EXPECT_EQ(client.Ask("/"), "200 soon");
  EXPECT_EQ(client.Ask("/"), "200 soon");
  Drain(milliseconds(5000));
}

TEST_F(WorkerPoolTest, ConnectionsAreSpreadEvenly) {
  ASSERT_EQ(Start(3, R"(
      const me = Math.random();
      export default { fetch() { return new Response(String(me)); } };)"),
            "");
  std::vector<std::unique_ptr<Client>> clients;
  std::map<std::string, int> answers;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(std::make_unique<Client>(*pool_));
    ++answers[clients.back()->Ask("/")];
  }
  EXPECT_EQ(answers.size(), 3u);
  for (const auto& [worker, count] : answers) EXPECT_EQ(count, 3) << worker;
  Drain(milliseconds(5000));
}

TEST_F(WorkerPoolTest, AScriptThatFailsIsReportedOnce) {
  const std::string report = Start(4, "const a = 1;\nthrow new Error('no way');\nexport default { fetch() {} };\n");
  EXPECT_THAT(report, HasSubstr("no way"));
  EXPECT_THAT(report, HasSubstr("app.mjs:2"));
  EXPECT_EQ(Drain(milliseconds(0)).stuck, 0u);
}

TEST_F(WorkerPoolTest, AMissingImportIsReported) {
  EXPECT_THAT(Start(2, "import './missing.mjs';\nexport default { fetch() {} };\n"), HasSubstr("missing.mjs"));
  Drain(milliseconds(0));
}

TEST_F(WorkerPoolTest, ScriptsSpeakThroughTheLog) {
  ASSERT_EQ(Start(1, R"(
      console.warn('careful');
      console.debug('details');
      export default { fetch() { throw new TypeError('oh'); } };)"),
            "");
  Client client(*pool_);
  EXPECT_THAT(client.Ask("/"), HasSubstr("500"));
  Drain(milliseconds(5000));
  const std::string log = LogText();
  EXPECT_THAT(log, HasSubstr("warn  worker=0 app=app.mjs careful\n"));
  EXPECT_THAT(log, HasSubstr("debug worker=0 app=app.mjs details\n"));
  EXPECT_THAT(log, HasSubstr("error worker=0 app=app.mjs "));
  EXPECT_THAT(log, HasSubstr("TypeError: oh"));
}

TEST_F(WorkerPoolTest, DrainAnswersWhatIsInFlight) {
  ASSERT_EQ(Start(2, R"(
      jsd.listen('shutdown', () => console.log('shutting down'));
      export default {
        async fetch() {
          console.log('working');
          await new Promise((done) => setTimeout(done, 200));
          return new Response('done');
        }
      };)"),
            "");
  Client busy(*pool_);
  Client idle(*pool_);
  busy.Send("/");
  RunUntil([&] { return LogText().find("working") != std::string::npos; });
  const WorkerPool::Drained drained = Drain(milliseconds(10000));
  EXPECT_EQ(drained.cut, 0u);
  EXPECT_EQ(busy.Receive(), "200 done");
  EXPECT_EQ(busy.Receive(), "closed");
  EXPECT_EQ(idle.Receive(), "closed");
  EXPECT_THAT(LogText(), HasSubstr("worker=0 app=app.mjs shutting down"));
  EXPECT_THAT(LogText(), HasSubstr("worker=1 app=app.mjs shutting down"));
}

TEST_F(WorkerPoolTest, DrainWaitsForBackgroundWork) {
  ASSERT_EQ(Start(1, R"(
      export default {
        fetch(request, env, ctx) {
          ctx.waitUntil(new Promise((done) => setTimeout(done, 200)).then(() => console.log('written')));
          return new Response('ok');
        }
      };)"),
            "");
  {
    Client client(*pool_);
    EXPECT_EQ(client.Ask("/"), "200 ok");
  }
  Drain(milliseconds(10000));
  EXPECT_THAT(LogText(), HasSubstr("written"));
}

TEST_F(WorkerPoolTest, AfterTheDeadlineRequestsAreCutAndCounted) {
  ASSERT_EQ(Start(1, R"(
      setInterval(() => {}, 10);
      export default {
        fetch(request) {
          console.log('working');
          return new Promise(() => {});
        }
      };)"),
            "");
  Client client(*pool_);
  client.Send("/");
  RunUntil([&] { return LogText().find("working") != std::string::npos; });
  const WorkerPool::Drained drained = Drain(milliseconds(100));
  EXPECT_EQ(drained.cut, 1u);
  EXPECT_EQ(drained.stuck, 0u);
  EXPECT_EQ(client.Receive(), "closed");
}

TEST_F(WorkerPoolTest, AnEndlessLoopDoesNotKeepAPoolFromStopping) {
  ASSERT_EQ(Start(2, R"(
      export default {
        fetch() {
          console.log('working');
          for (;;) {}
        }
      };)"),
            "");
  Client client(*pool_);
  client.Send("/");
  RunUntil([&] { return LogText().find("working") != std::string::npos; });
  EXPECT_EQ(Drain(milliseconds(100)).stuck, 0u);
}

TEST_F(WorkerPoolTest, CanBeStoppedWhileItLoads) {
  std::ofstream(folder_ / "app.mjs") << "await new Promise((done) => setTimeout(done, 1e6));";
  WorkerOptions options;
  options.log_sink = sink_.get();
  options.metrics = &metrics_;
  options.apps = {{.name = "app.mjs", .script = folder_ / "app.mjs", .runtime = {}}};
  options.connections = LineHandler::Factory();
  pool_ = std::make_unique<WorkerPool>(io_, 2, options);
  pool_->Start([](std::optional<LoadFailure>) { ADD_FAILURE() << "it cannot be ready"; });
  EXPECT_EQ(Drain(milliseconds(5000)).stuck, 0u);
}

TEST_F(WorkerPoolTest, PostedWorkRunsOnTheWorkersThread) {
  WorkerOptions options;
  std::ofstream(folder_ / "app.mjs") << "export default { fetch() {} };";
  options.log_sink = sink_.get();
  options.metrics = &metrics_;
  options.apps = {{.name = "app.mjs", .script = folder_ / "app.mjs", .runtime = {}}};
  options.connections = LineHandler::Factory();
  Worker worker(0, options);
  std::promise<std::thread::id> loaded_on;
  std::promise<void> finished;
  worker.Start([&](std::optional<LoadFailure>) { loaded_on.set_value(std::this_thread::get_id()); },
               [&](std::size_t) { finished.set_value(); });
  std::promise<std::thread::id> posted_on;
  worker.Post([&] { posted_on.set_value(std::this_thread::get_id()); });
  const std::thread::id thread = posted_on.get_future().get();
  EXPECT_EQ(thread, loaded_on.get_future().get());
  EXPECT_NE(thread, std::this_thread::get_id());
  worker.Drain();
  finished.get_future().wait();
}

}  // namespace
}  // namespace jsd
