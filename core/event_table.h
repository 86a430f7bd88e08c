#ifndef JSD_CORE_EVENT_TABLE_H_
#define JSD_CORE_EVENT_TABLE_H_

#include "core/handle_table.h"
#include "core/request_event.h"
#include "core/web_socket.h"

namespace jsd {

// The request events and WebSockets that are lent to one runtime.
using EventTable = HandleTable<RequestEvent>;
using WebSocketTable = HandleTable<WebSocketPeer>;

}  // namespace jsd

#endif  // JSD_CORE_EVENT_TABLE_H_
