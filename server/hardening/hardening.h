#ifndef JSD_SERVER_HARDENING_HARDENING_H_
#define JSD_SERVER_HARDENING_HARDENING_H_

#include <optional>
#include <span>
#include <string>

#include "config/config.h"
#include "server/hardening/file_access.h"
#include "worker/log.h"

namespace jsd {

// Whom a process serves as.
struct Account {
  unsigned user = 0;
  unsigned group = 0;
  std::string name;  // As the configuration has it.
};

// The account that the configuration means; none, with an empty `error`, where it means none.
std::optional<Account> FindAccount(const ServerConfig& config, std::string* error);

// What a process denies itself for good: another user's rights, root's powers, more rights by any program that it would
// start, system calls, files, core dumps. To be called on the only thread there is, when all is open that the start
// alone needs; in force for the threads that come after. The logs, whose files become the account's, outlive the call.
// What is in force stands in one line of `log`. False and `error` where the configuration wants what cannot be; what
// the kernel does not have is not a reason.
bool Harden(const Config& config, const FileAccess& files, std::span<LogSink* const> logs, Log& log,
            std::string* error);

}  // namespace jsd

#endif  // JSD_SERVER_HARDENING_HARDENING_H_
