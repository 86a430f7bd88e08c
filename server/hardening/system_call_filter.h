#ifndef JSD_SERVER_HARDENING_SYSTEM_CALL_FILTER_H_
#define JSD_SERVER_HARDENING_SYSTEM_CALL_FILTER_H_

#include <string>

#include "config/config.h"

namespace jsd {

// Denies the calling thread, and those that it starts from now on, the system calls that no server needs: those that
// start or trace processes, change namespaces and mounts, load code into the kernel or set the machine's clock, and
// sockets other than of unix, IPv4, IPv6 and netlink. Every thread keeps all that V8, the C library and jsd use.
//
// Needs no_new_privs, and no other thread yet. `mode` is not kAny. False and `error` where the kernel cannot do it.
bool FilterSystemCalls(SystemCalls mode, std::string* error);

}  // namespace jsd

#endif  // JSD_SERVER_HARDENING_SYSTEM_CALL_FILTER_H_
