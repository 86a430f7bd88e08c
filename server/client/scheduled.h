#ifndef JSD_SERVER_CLIENT_SCHEDULED_H_
#define JSD_SERVER_CLIENT_SCHEDULED_H_

namespace jsd {

// What a script's call leaves to be done when no script runs; ConnectionPool::Schedule sees to it.
//
// Owner, thread and lifetime are those of the connection that it is.
class Scheduled {
 public:
  virtual void OnDue() = 0;
  bool scheduled = false;

 protected:
  ~Scheduled() = default;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_SCHEDULED_H_
