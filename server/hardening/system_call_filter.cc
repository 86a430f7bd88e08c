#include "server/hardening/system_call_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace jsd {
namespace {

// Never of use to a server, and of much to whoever has taken it over. SCMP_SYS gives a number of its own for a call
// that an architecture does not have, which makes no rule there.
constexpr int kDenied[] = {
    // Programs and other processes.
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(personality),
    // Namespaces and file systems.
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(chroot),
    SCMP_SYS(pivot_root),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(vhangup),
    // The kernel: modules, programs in it, keys, and what of it has been a way in often enough.
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(syslog),
    SCMP_SYS(vmsplice),
    // The machine.
    SCMP_SYS(reboot),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(uselib),
    SCMP_SYS(nfsservctl),
};

// The sanitizers stop and examine the process from one of their own.
#if !defined(__SANITIZE_ADDRESS__)
constexpr int kDeniedButToSanitizers[] = {SCMP_SYS(ptrace), SCMP_SYS(fork), SCMP_SYS(vfork)};
constexpr bool kMayFork = false;
#else
constexpr int kDeniedButToSanitizers[] = {SCMP_SYS(vfork)};
constexpr bool kMayFork = true;
#endif

constexpr std::uint64_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// Rules, until one fails.
//
// Owner: FilterSystemCalls. Thread: its. Lifetime: the call.
class Filter {
 public:
  explicit Filter(std::uint32_t denied) : denied_(denied), context_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release) {
    if (!context_) error_ = -ENOMEM;
    // The rules that look at nothing but the call's number are found by halving, not one after the other; and what
    // V8 does against speculation is its own affair.
    Note(context_ ? seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) : 0);
    Note(context_ ? seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_SSB, 1) : 0);
  }

  void Deny(int call) { Add(denied_, call, {}); }
  template <typename... Conditions>
  void DenyWhere(std::uint32_t action, int call, Conditions... conditions) {
    const scmp_arg_cmp all[] = {conditions...};
    Add(action, call, all);
  }
  template <typename... Conditions>
  void DenyWhere(int call, Conditions... conditions) {
    DenyWhere(denied_, call, conditions...);
  }
  void Answer(int call, int with_errno) { Add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(with_errno)), call, {}); }

  // 0, or what went wrong as a negative errno.
  int Load() {
    if (error_ == 0) Note(seccomp_load(context_.get()));
    return error_;
  }

 private:
  void Note(int result) {
    if (error_ == 0 && result < 0) error_ = result;
  }
  void Add(std::uint32_t action, int call, std::span<const scmp_arg_cmp> conditions) {
    if (error_ != 0) return;
    const int result = seccomp_rule_add_array(context_.get(), action, call, static_cast<unsigned>(conditions.size()),
                                              conditions.data());
    // An architecture without the call.
    if (result != -EDOM) Note(result);
  }

  const std::uint32_t denied_;
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
};

}  // namespace

bool FilterSystemCalls(SystemCalls mode, std::string* error) {
  const std::uint32_t denied = mode == SystemCalls::kKill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
  Filter filter(denied);
  for (const int call : kDenied) filter.Deny(call);
  for (const int call : kDeniedButToSanitizers) filter.Deny(call);
  // Its flags are in memory, where no filter can look: the C library takes clone instead, whose flags stand in a
  // register.
  filter.Answer(SCMP_SYS(clone3), ENOSYS);
  for (std::uint64_t bit = 1; bit <= kNamespaces; bit <<= 1) {
    if ((kNamespaces & bit) != 0) filter.DenyWhere(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
  }
  if (!kMayFork) filter.DenyWhere(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  for (int family = 0; family <= AF_NETLINK; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
    filter.DenyWhere(SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
                     SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
  }
  filter.DenyWhere(SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
  const int result = filter.Load();
  if (result != 0) *error = std::strerror(-result);
  return result == 0;
}

}  // namespace jsd
