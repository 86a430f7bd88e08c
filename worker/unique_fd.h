#ifndef JSD_WORKER_UNIQUE_FD_H_
#define JSD_WORKER_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace jsd {

// A file descriptor that is closed when its owner goes.
//
// Owner: whoever holds it. Thread: any, one at a time. Lifetime: until destroyed, released or reset.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace jsd

#endif  // JSD_WORKER_UNIQUE_FD_H_
