#include <openssl/crypto.h>

#include <algorithm>
#include <boost/version.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/listen_address.h"
#include "config/load.h"
#include "config/reference.h"
#include "core/js_runtime.h"
#include "core/version.h"
#include "server/cli/command_line.h"
#include "server/cli/types.h"
#include "server/client/http_client.h"
#include "server/hardening/hardening.h"
#include "server/http/http_service.h"
#include "server/lifecycle/control_socket.h"
#include "server/lifecycle/handover.h"
#include "server/lifecycle/inherited_sockets.h"
#include "server/lifecycle/parent.h"
#include "server/lifecycle/program.h"
#include "server/lifecycle/supervisor.h"
#include "server/master.h"
#include "server/tls/tls_registry.h"
#include "worker/crash_report.h"
#include "worker/log.h"
#include "worker/metrics.h"

namespace jsd {
namespace {

// Exit statuses beside 0; Master::Run says more of the first.
constexpr int kFailed = 1;
constexpr int kUsage = 2;

void Print(std::FILE* stream, const std::string& text) { std::fwrite(text.data(), 1, text.size(), stream); }

std::string Versions() {
  const std::string boost = std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) +
                            "." + std::to_string(BOOST_VERSION % 100);
  return std::string("jsd ") + kVersion + "\nV8 " + V8Version() + "\nBoost " + boost + "\nOpenSSL " +
         ::OpenSSL_version(OPENSSL_VERSION_STRING) + "\n";
}

int Supervise(const Config& config, Program program, InheritedSockets sockets) {
  std::string error;
  const std::unique_ptr<LogSink> sink = LogSink::Open(config.log, &error);
  if (!sink) {
    Print(stderr, "log.file: " + error + "\n");
    return kFailed;
  }
  return Supervisor(config, *sink, std::move(program), std::move(sockets)).Run();
}

// The process was a supervisor before, of an older version. It has a server, whatever is wrong with the configuration
// by now.
int GoOnSupervising(const CommandLine& command_line, Program program, Inheritance left) {
  LoadResult loaded = Load(command_line.config, command_line.overrides);
  for (const std::string& error : loaded.errors) Print(stderr, error + "\n");
  Config config = loaded.config ? *std::move(loaded.config) : Config{};
  if (!loaded.config) config.server.pid_file = left.pid_file;
  std::string error;
  std::unique_ptr<LogSink> sink = LogSink::Open(config.log, &error);
  if (!sink) {
    Print(stderr, "log.file: " + error + "\n");
    sink = LogSink::Open({}, &error);
  }
  return Supervisor(config, *sink, std::move(program), std::move(left)).Run();
}

int Serve(const CommandLine& command_line, Program program) {
  if (std::optional<Inheritance> left = Inheritance::Find()) {
    return GoOnSupervising(command_line, std::move(program), *std::move(left));
  }
  const std::unique_ptr<Parent> parent = Parent::Find();
  const auto fail = [&parent](int status, const std::string& text) {
    Print(stderr, text + "\n");
    if (parent) parent->Send(to_parent::kFailed, text);
    return status;
  };
  const LoadResult loaded = Load(command_line.config, command_line.overrides);
  if (!loaded.config) {
    std::string errors;
    for (const std::string& error : loaded.errors) errors += (errors.empty() ? "" : "\n") + error;
    return fail(kUsage, errors);
  }
  const Config& config = *loaded.config;
  const bool check = command_line.action == CommandLine::Action::kCheck;
  InheritedSockets sockets;
  if (parent) sockets = std::move(parent->sockets());
  if (!check) sockets.AddFromSystemd();
  if (config.server.supervise && !check && !parent) {
    return Supervise(config, std::move(program), std::move(sockets));
  }

  std::string error;
  FindAccount(config.server, &error);
  if (!error.empty()) return fail(kUsage, error);
  if (!ConfigureV8(config.v8.flags, &error)) {
    return fail(kUsage, "v8.flags: " + error);
  }
  const std::unique_ptr<LogSink> sink = LogSink::Open(config.log, &error);
  if (!sink) {
    return fail(kFailed, "log.file: " + error);
  }
  if (!check) InstallCrashReport(*sink, kVersion);
  const std::unique_ptr<TlsRegistry> tls = TlsRegistry::Load(config, &error);
  if (!tls) {
    return fail(kUsage, error);
  }
  std::unique_ptr<LogSink> access;
  if (!config.log.access.empty()) {
    access = LogSink::Open({.file = config.log.access}, &error);
    if (!access) {
      return fail(kFailed, "log.access: " + error);
    }
  }
  Metrics metrics;
  Metrics* const measured = config.metrics.listen.empty() ? nullptr : &metrics;
  const auto connections_for = [&tls, &access,
                                measured](std::shared_ptr<const Config> served) -> ConnectionHandlerFactory {
    return
        [served, &tls, &access, measured](boost::asio::io_context& io, std::span<RequestSink* const> apps, Log& log) {
          return MakeHttpService(io, apps, *served, log, tls.get(), access.get(), measured);
        };
  };
  const auto http_client = [&config](boost::asio::io_context& io, Log& log) {
    return MakeHttpClient(io, config.fetch, config.websocket, log);
  };
  Master::Reloading reloading;
  if (config.hardening.files) {
    reloading.refuses = [&command_line](const Config& next) {
      const auto folder = FileAccess(command_line.config, next).FirstOutOfReach();
      return folder ? folder->string() +
                          " cannot be read by this process, which hardening.files confines to the "
                          "folders that it was started with: restart it, or add it to hardening.folders"
                    : std::string();
    };
  }
  reloading.load = [&command_line] { return Load(command_line.config, command_line.overrides); };
  reloading.apply = [&tls](const Config& next, std::string* reason) { return tls->Reload(next, reason); };
  reloading.connections = connections_for;
  Master master(config, *sink, metrics, connections_for(std::make_shared<Config>(config)), http_client,
                std::move(reloading),
                {.parent = parent.get(), .sockets = std::move(sockets), .program = std::move(program)});
  if (access) master.ReopenToo(*access);
  if (command_line.watch) master.Watch(command_line.config);
  master.set_confine([&](Log& log, std::string* reason) {
    std::vector<LogSink*> sinks = {sink.get()};
    if (access) sinks.push_back(access.get());
    return Harden(config, FileAccess(command_line.config, config), sinks, log, reason);
  });
  return check ? master.Check() : master.Run();
}

// A command for the server that runs by this configuration.
int Ask(const CommandLine& command_line, std::string_view word) {
  const LoadResult loaded = Load(command_line.config, command_line.overrides);
  for (const std::string& error : loaded.errors) Print(stderr, error + "\n");
  // The server would say the same of it, and go on as before.
  if (!loaded.config) return kFailed;
  const std::string pid_file = loaded.config->server.pid_file.string();
  if (pid_file.empty()) {
    Print(stderr, "server.pid_file: it is empty, so there is no way to reach the server\n");
    return kUsage;
  }
  const ControlResult result = AskServer(ControlAddress(pid_file), word);
  if (!result.text.empty()) Print(stderr, result.text + "\n");
  return result.status;
}

// Without a configuration no names of `env` are known.
int PrintTypes(const CommandLine& command_line) {
  std::vector<std::string> env;
  if (!command_line.config.empty()) {
    const LoadResult loaded = Load(command_line.config, command_line.overrides);
    for (const std::string& error : loaded.errors) Print(stderr, error + "\n");
    if (!loaded.config) return kUsage;
    for (const AppConfig& app : loaded.config->apps) {
      for (const auto& [name, value] : app.env) env.push_back(name);
      env.insert(env.end(), app.permissions.env.begin(), app.permissions.env.end());
    }
    std::ranges::sort(env);
    env.erase(std::ranges::unique(env).begin(), env.end());
  }
  Print(stdout, TypeDeclarations(env));
  return 0;
}

int Main(int argc, char** argv) {
  const std::variant<CommandLine, CommandLineExit> parsed = ParseCommandLine(argc, argv);
  if (const auto* exit = std::get_if<CommandLineExit>(&parsed)) {
    Print(exit->status == 0 ? stdout : stderr, exit->text);
    return exit->status;
  }
  const auto& command_line = std::get<CommandLine>(parsed);
  switch (command_line.action) {
    case CommandLine::Action::kVersion:
      Print(stdout, Versions());
      return 0;
    case CommandLine::Action::kConfigReference:
      Print(stdout, ReferenceMarkdown());
      return 0;
    case CommandLine::Action::kTypes:
      return PrintTypes(command_line);
    case CommandLine::Action::kReload:
      return Ask(command_line, "reload");
    case CommandLine::Action::kUpgrade:
      return Ask(command_line, "upgrade");
    case CommandLine::Action::kServe:
    case CommandLine::Action::kCheck:
      return Serve(command_line, Program::Of(argc, argv));
  }
  return kFailed;
}

}  // namespace
}  // namespace jsd

int main(int argc, char** argv) {
  // Libraries throw where the system is out of memory, threads or descriptors before the first worker runs.
  try {
    return jsd::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "jsd: %s\n", error.what());
    return 1;
  }
}
