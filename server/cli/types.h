#ifndef JSD_SERVER_CLI_TYPES_H_
#define JSD_SERVER_CLI_TYPES_H_

#include <string>
#include <vector>

namespace jsd {

// A TypeScript declaration file: the namespace `jsd`, and the handlers of a script, whose `env` has the given names,
// each once. It stands beside the names of TypeScript's library `webworker`, or `dom`.
std::string TypeDeclarations(const std::vector<std::string>& env);

}  // namespace jsd

#endif  // JSD_SERVER_CLI_TYPES_H_
