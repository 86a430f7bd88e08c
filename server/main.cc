#include <openssl/crypto.h>

#include <algorithm>
#include <boost/version.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/load.h"
#include "config/reference.h"
#include "core/js_runtime.h"
#include "core/version.h"
#include "server/cli/command_line.h"
#include "server/cli/types.h"
#include "server/client/http_client.h"
#include "server/http_service.h"
#include "server/master.h"
#include "server/tls_registry.h"
#include "worker/log.h"

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

int Serve(const CommandLine& command_line) {
  const LoadResult loaded = Load(command_line.config, command_line.overrides);
  for (const std::string& error : loaded.errors) Print(stderr, error + "\n");
  if (!loaded.config) return kUsage;
  const Config& config = *loaded.config;

  std::string error;
  if (!ConfigureV8(config.v8.flags, &error)) {
    Print(stderr, "v8.flags: " + error + "\n");
    return kUsage;
  }
  const std::unique_ptr<LogSink> sink = LogSink::Open(config.log, &error);
  if (!sink) {
    Print(stderr, "log.file: " + error + "\n");
    return kFailed;
  }
  const std::unique_ptr<TlsRegistry> tls = TlsRegistry::Load(config, &error);
  if (!tls) {
    Print(stderr, error + "\n");
    return kUsage;
  }
  std::unique_ptr<LogSink> access;
  if (!config.log.access.empty()) {
    access = LogSink::Open({.file = config.log.access}, &error);
    if (!access) {
      Print(stderr, "log.access: " + error + "\n");
      return kFailed;
    }
  }
  const auto connections_for = [&tls, &access](std::shared_ptr<const Config> served) -> ConnectionHandlerFactory {
    return [served, &tls, &access](boost::asio::io_context& io, std::span<RequestSink* const> apps, Log& log) {
      return MakeHttpService(io, apps, *served, log, tls.get(), access.get());
    };
  };
  const auto http_client = [&config](boost::asio::io_context& io, Log& log) {
    return MakeHttpClient(io, config.fetch, config.websocket, log);
  };
  Master::Reloading reloading;
  reloading.load = [&command_line] { return Load(command_line.config, command_line.overrides); };
  reloading.apply = [&tls](const Config& next, std::string* reason) { return tls->Reload(next, reason); };
  reloading.connections = connections_for;
  Master master(config, *sink, connections_for(std::make_shared<Config>(config)), http_client, std::move(reloading));
  if (access) master.ReopenToo(*access);
  if (command_line.watch) master.Watch(command_line.config);
  return command_line.action == CommandLine::Action::kCheck ? master.Check() : master.Run();
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
    case CommandLine::Action::kServe:
    case CommandLine::Action::kCheck:
      return Serve(command_line);
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
