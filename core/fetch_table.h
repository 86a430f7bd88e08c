#ifndef JSD_CORE_FETCH_TABLE_H_
#define JSD_CORE_FETCH_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/content_decoder.h"
#include "core/event_table.h"
#include "core/http_client.h"
#include "core/permissions.h"

namespace jsd {

class FetchTable;

// One outgoing request of a runtime and what has come of its response: kept until JavaScript asks for it, or passed on
// to the client of an incoming request without JavaScript.
//
// Owner: the runtime's table. Thread: the runtime's. Lifetime: until its end was told to JavaScript, or it was dropped.
class OutgoingFetch final : public HttpClientEvents {
 public:
  OutgoingFetch(FetchTable& table, std::uint32_t handle, std::string_view host)
      : table_(table), handle_(handle), host_(host) {}
  OutgoingFetch(const OutgoingFetch&) = delete;
  OutgoingFetch& operator=(const OutgoingFetch&) = delete;
  ~OutgoingFetch() = default;

  std::uint32_t handle() const { return handle_; }
  HttpClientRequest& request() { return *request_; }

  struct Head {
    int status = 0;
    std::string status_text;
    std::string fields;  // As IncomingHead has them, but for Content-Length and, of an encoded body, Content-Encoding.
    std::string content_encoding;
    std::int64_t content_length = -1;  // As the server said it.
    bool has_body = false;
  };
  const Head& head() const { return head_; }
  const std::optional<HttpClientFailure>& failure() const { return failure_; }
  const std::string& trailers() const { return trailers_; }
  // All of the body has come; what of it was not taken is in body().
  bool ended() const { return ended_; }

  std::string_view body() const { return body_; }
  // Lets go of the body that has come, and of the server's waiting for it.
  void BodyTaken();
  // Takes the body that has come, without its content coding: appends about `most` bytes of it, or less. False, with
  // `problem` in words: it is corrupt, or ends too early.
  bool Decode(std::string& out, std::size_t most, std::string& problem);

  // What JavaScript has been told of, or waits for.
  enum class News { kNone, kHead, kReadable, kFailure, kForwarded };
  // The next thing to tell, once; kReadable where JavaScript waits for that.
  News TakeNews();
  bool TakeDrained() { return std::exchange(drained_, false); }
  // JavaScript waits for more of the body, or its end.
  void AwaitBody();

  // Passes the rest of the body on to the reply of an event, which has begun. False: it was all there.
  bool Forward(std::uint32_t event_handle);
  void ForwardDrained();

  // --- HttpClientEvents

  bool MayConnect(std::string_view address, std::uint16_t port) override;
  void OnHead(const IncomingHead& head) override;
  bool OnBody(std::string_view bytes) override;
  void OnEnd(std::string_view trailers) override;
  void OnFailure(const HttpClientFailure& failure) override;
  void OnDrained() override;

 private:
  friend class FetchTable;

  void Tell();

  FetchTable& table_;
  const std::uint32_t handle_;
  const std::string host_;
  std::unique_ptr<HttpClientRequest> request_;
  Head head_;
  std::string body_;
  std::unique_ptr<ContentDecoder> decoder_;  // Made when decoded bytes are first asked for.
  std::string trailers_;
  std::optional<HttpClientFailure> failure_;
  std::uint32_t forward_to_ = 0;  // The handle of an event; 0 is none.
  bool ready_ = false;            // In the table's list.
  bool head_came_ = false;
  bool head_told_ = false;
  bool awaiting_ = false;
  bool paused_ = false;
  bool ended_ = false;
  bool drained_ = false;
};

// The outgoing requests of one runtime, by a handle that JavaScript can hold.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's; what is still under way when it goes is
// aborted.
class FetchTable {
 public:
  FetchTable(EventTable& events, const Permissions& permissions) : events_(events), permissions_(permissions) {}
  FetchTable(const FetchTable&) = delete;
  FetchTable& operator=(const FetchTable&) = delete;

  // Before the first request; null: this runtime has no network.
  void Connect(HttpClient* client, std::function<void()> wake_up);
  bool connected() const { return client_ != nullptr; }

  OutgoingFetch& Start(const OutgoingRequest& request);
  // Null where it has ended.
  OutgoingFetch* Find(std::uint32_t handle);
  // Aborts what is under way.
  void Drop(std::uint32_t handle);

  bool has_news() const { return !ready_.empty(); }
  // The requests that have something to tell, each once.
  std::vector<std::uint32_t> TakeReady();

  // The session has room again for the reply of this event. False: nothing is forwarded to it.
  bool ForwardDrained(std::uint32_t event_handle);

  std::size_t size() const { return fetches_.size(); }

 private:
  friend class OutgoingFetch;

  void Tell(OutgoingFetch& fetch);

  EventTable& events_;
  const Permissions& permissions_;
  HttpClient* client_ = nullptr;
  std::function<void()> wake_up_;
  std::uint32_t last_handle_ = 0;
  std::unordered_map<std::uint32_t, std::unique_ptr<OutgoingFetch>> fetches_;
  std::unordered_map<std::uint32_t, OutgoingFetch*> forwards_;  // By the event's handle.
  std::vector<std::uint32_t> ready_;
};

}  // namespace jsd

#endif  // JSD_CORE_FETCH_TABLE_H_
