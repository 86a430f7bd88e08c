#ifndef JSD_SERVER_CLI_COMMAND_LINE_H_
#define JSD_SERVER_CLI_COMMAND_LINE_H_

#include <string>
#include <variant>
#include <vector>

namespace jsd {

// What the command line asks for.
struct CommandLine {
  enum class Action {
    kServe,
    kReload,           // Ask the server of the config's pid file to reload, and wait for what comes of it.
    kUpgrade,          // The same for another server in its place.
    kCheck,            // Read the config, load the script, say whether both are right.
    kVersion,          // Print the versions.
    kConfigReference,  // Print ReferenceMarkdown().
    kTypes,            // Print TypeDeclarations().
  };

  Action action = Action::kServe;
  std::string config;                  // A path; empty only for kVersion, kConfigReference and kTypes.
  std::vector<std::string> overrides;  // "key=value", not checked yet, in their order.
  bool watch = false;                  // Reload when a file changes.
};

// The process is to print `text` and to exit. Status 0: the help, for standard output. Otherwise a line that says what
// is wrong, for standard error.
struct CommandLineExit {
  int status = 0;
  std::string text;  // Ends with a line break.
};

// What main's parameters say. Of --version, --config-reference and --check the first of this list counts.
std::variant<CommandLine, CommandLineExit> ParseCommandLine(int argc, const char* const* argv);

}  // namespace jsd

#endif  // JSD_SERVER_CLI_COMMAND_LINE_H_
