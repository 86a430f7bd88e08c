#include "server/cli/command_line.h"

#include <CLI/CLI.hpp>

namespace jsd {
namespace {

// As for an invalid config file.
constexpr int kUsageStatus = 2;

constexpr char kDescription[] =
    "jsd serves HTTP with scripts that are written against web-standard APIs, on every core.\n"
    "It reads one TOML file, loads the ES module that the file names into each of its workers,\n"
    "and answers requests with the module's fetch handler until it is told to stop.\n";

constexpr char kFooter[] = R"(Examples:
  jsd --config server.toml
      Serve in the foreground; the log goes to standard error.
  jsd --config server.toml --check
      Report every error of the file and of the script, and exit.
  jsd --config server.toml --watch
      Reload whenever a script or the config file is saved.
  jsd --config server.toml types > jsd.d.ts
      Tell TypeScript of jsd's own names and of the app's env.
  jsd --config server.toml --set server.workers=2 --set 'server.listen=["[::]:80"]'
      Serve with other values than the file's.
  jsd reload --config server.toml
      Have the server that runs by this file, which has a server.pid_file, read it again.

Signals:
  SIGTERM, SIGINT   Accept no more connections, answer the requests in flight, exit.
                    server.drain says how long that may take. A second one: exit at once.
  SIGHUP            Read the config file, the scripts and the certificates again. What is wrong leaves all as it was.
  SIGUSR1           Open the log files again.
  SIGUSR2           Start what is in the program's file now, hand the listening sockets over, and end when it serves.
  SIGQUIT           Log how each worker is: what runs, since when, connections, requests, memory.

Exit status:
  0   Stopped as asked, or nothing is wrong with --check, or a command has done what it is for.
  1   It could not start: an address is taken, or the script does not load. Or it stopped, but requests were cut at the
      end of the drain time. Or the server has refused a command, or there is none.
  2   The command line or the config file is wrong.
  75  Too many workers were lost to scripts that cannot be ended; start it again.
  128 and the signal's number: a second signal ended it at once.)";

CommandLineExit UsageError(const std::string& message) {
  return {kUsageStatus, "jsd: " + message + "; see jsd --help\n"};
}

}  // namespace

std::variant<CommandLine, CommandLineExit> ParseCommandLine(int argc, const char* const* argv) {
  CommandLine command_line;
  bool check = false;
  bool version = false;
  bool reference = false;

  CLI::App app(kDescription, "jsd");
  app.footer(kFooter);
  app.get_formatter()->column_width(24);
  app.set_help_flag("-h,--help", "Print this help and exit.");
  app.add_option("--config", command_line.config, "The config file to serve by. Of several the last counts.")
      ->type_name("FILE")
      ->take_last();
  app.add_flag("--check", check, "Read the config file, load the script, report every error, and exit.");
  app.add_option("--set", command_line.overrides,
                 "A value in place of the file's, in TOML or as plain text. May be repeated.")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--watch", command_line.watch, "Reload, as at SIGHUP, when a script or the config file changes.");
  // Options of the program itself may stand behind a command, too.
  const CLI::App* const reload =
      app.add_subcommand("reload", "Have a running server do as at SIGHUP, wait, and say what is wrong if anything is.")
          ->fallthrough();
  const CLI::App* const upgrade =
      app.add_subcommand("upgrade", "Replace a running server by what is in the program's file now, as at SIGUSR2.")
          ->fallthrough();
  const CLI::App* const types =
      app.add_subcommand("types", "Print TypeScript declarations of what scripts find here, and exit.")->fallthrough();
  app.require_subcommand(0, 1);
  app.add_flag("--version", version, "Print the versions of jsd and of what it is made of, and exit.");
  app.add_flag("--config-reference", reference, "Print every key of the config file, in Markdown, and exit.");

  // CLI11 reports by exceptions only; they end here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return CommandLineExit{0, app.help()};
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }

  using Action = CommandLine::Action;
  command_line.action = version     ? Action::kVersion
                        : reference ? Action::kConfigReference
                        : *types    ? Action::kTypes
                        : check     ? Action::kCheck
                        : *reload   ? Action::kReload
                        : *upgrade  ? Action::kUpgrade
                                    : Action::kServe;
  const bool needs_config = !version && !reference && !*types;
  if (needs_config && command_line.config.empty()) return UsageError("--config FILE is required");
  return command_line;
}

}  // namespace jsd
