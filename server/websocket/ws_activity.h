#ifndef JSD_SERVER_WEBSOCKET_WS_ACTIVITY_H_
#define JSD_SERVER_WEBSOCKET_WS_ACTIVITY_H_

#include <cstdint>
#include <utility>

#include "config/config.h"

namespace jsd {

// What follows from the silence of a WebSocket. What comes and goes leaves a mark only, since no message should pay for
// a look at the clock: times are those of the looks.
//
// Owner: a connection. Thread: the worker's. Lifetime: the connection's.
class WsActivity {
 public:
  enum class Due {
    kNothing,
    kPing,  // The other side is to be asked for a sign of life.
    kGone,  // It was asked, and gave none.
    kIdle,  // There has been no message for too long.
  };

  // The other side has sent something.
  void Heard() { heard_ = true; }
  // There was a message, in either direction.
  void Spoke() { spoken_ = true; }

  // To be called now and then while the WebSocket is open; `now` in milliseconds.
  Due Look(std::int64_t now, const WebSocketConfig& config) {
    if (std::exchange(heard_, false)) {
      pinged_ = false;
      last_heard_ = now;
    }
    if (std::exchange(spoken_, false)) last_message_ = now;
    if (config.idle.count() != 0 && now - last_message_ >= config.idle.count()) return Due::kIdle;
    if (config.ping.count() == 0 || now - last_heard_ < config.ping.count()) return Due::kNothing;
    if (!std::exchange(pinged_, true)) return Due::kPing;
    return now - last_heard_ >= 2 * config.ping.count() ? Due::kGone : Due::kNothing;
  }

 private:
  bool heard_ = true;   // Since the last look.
  bool spoken_ = true;  // The same.
  bool pinged_ = false;
  std::int64_t last_heard_ = 0;
  std::int64_t last_message_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_WEBSOCKET_WS_ACTIVITY_H_
