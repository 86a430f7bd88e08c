#include "core/fetch_table.h"

#include <charconv>
#include <span>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

// Bytes of a body that JavaScript has not asked for above which the server is no longer read from.
constexpr std::size_t kHighWater = 128 * 1024;

// Handles fit V8's small integers; 0 is none.
constexpr std::uint32_t kMostHandles = (1u << 30) - 1;

constexpr std::string_view kContentLength = "content-length: ";
constexpr std::string_view kContentEncoding = "content-encoding: ";

}  // namespace

bool OutgoingFetch::MayConnect(std::string_view address, std::uint16_t port) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(address.data()), address.size());
  return table_.permissions_.AllowsAddress(host_, port, bytes);
}

void OutgoingFetch::OnHead(const IncomingHead& head) {
  head_.status = head.status;
  head_.status_text = head.status_text;
  head_.has_body = head.has_body;
  // What cannot be decoded is passed on as it is, with its name.
  const bool encoded = head.has_body && ContentDecoder::Make(head.content_encoding) != nullptr;
  if (encoded) head_.content_encoding = head.content_encoding;
  head_.fields.reserve(head.fields.size());
  for (std::string_view rest = head.fields; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find("\r\n") + 2);
    rest.remove_prefix(line.size());
    if (line.starts_with(kContentLength)) {
      const char* const end = line.data() + line.size() - 2;
      std::int64_t length = 0;
      const auto parsed = std::from_chars(line.data() + kContentLength.size(), end, length);
      if (parsed.ec == std::errc() && parsed.ptr == end) head_.content_length = length;
    } else if (!encoded || !line.starts_with(kContentEncoding)) {
      head_.fields.append(line);
    }
  }
  head_came_ = true;
  // A body that is none ends in the same call; one that comes with its head is told with it.
  Tell();
}

bool OutgoingFetch::OnBody(std::string_view bytes) {
  if (forward_to_ != 0) {
    RequestEvent* const event = table_.events_.Find(forward_to_);
    // Its client is gone; JavaScript is about to drop this.
    if (event == nullptr) return true;
    paused_ = !event->Write(bytes);
    return !paused_;
  }
  body_.append(bytes);
  if (awaiting_) Tell();
  paused_ = body_.size() >= kHighWater;
  return !paused_;
}

void OutgoingFetch::OnEnd(std::string_view trailers) {
  ended_ = true;
  trailers_ = trailers;
  if (awaiting_ || forward_to_ != 0) Tell();
}

void OutgoingFetch::OnFailure(const HttpClientFailure& failure) {
  failure_ = failure;
  Tell();
}

void OutgoingFetch::OnDrained() {
  drained_ = true;
  Tell();
}

void OutgoingFetch::Tell() { table_.Tell(*this); }

void OutgoingFetch::BodyTaken() {
  body_.clear();
  if (std::exchange(paused_, false) && !ended_ && !failure_) request_->Resume();
}

bool OutgoingFetch::Decode(std::string& out, std::size_t most, std::string& problem) {
  if (decoder_ == nullptr) decoder_ = ContentDecoder::Make(head_.content_encoding);
  decoder_->Feed(body_);
  if (!decoder_->Read(out, most)) {
    problem = "the response's body is not what its content coding, " + head_.content_encoding + ", says";
    return false;
  }
  if (out.empty()) {
    BodyTaken();
    if (ended_ && !decoder_->complete() && decoder_->begun()) {
      problem = "the response's body ends before its content coding, " + head_.content_encoding + ", does";
      return false;
    }
  } else {
    body_.clear();
  }
  return true;
}

void OutgoingFetch::AwaitBody() {
  awaiting_ = true;
  if (ended_ || failure_ || !body_.empty()) Tell();
}

OutgoingFetch::News OutgoingFetch::TakeNews() {
  if (!head_told_) {
    if (head_came_) {
      head_told_ = true;
      return News::kHead;
    }
    return failure_ ? News::kFailure : News::kNone;
  }
  if (forward_to_ != 0) return ended_ || failure_ ? News::kForwarded : News::kNone;
  if (awaiting_ && !body_.empty()) {
    awaiting_ = false;
    return News::kReadable;
  }
  if (failure_) return News::kFailure;
  if (awaiting_ && ended_) {
    awaiting_ = false;
    return News::kReadable;
  }
  return News::kNone;
}

bool OutgoingFetch::Forward(std::uint32_t event_handle) {
  RequestEvent* const event = table_.events_.Find(event_handle);
  if (event == nullptr) return false;
  bool more = true;
  if (!body_.empty()) more = event->Write(body_);
  body_.clear();
  if (ended_) return false;
  forward_to_ = event_handle;
  table_.forwards_[event_handle] = this;
  if (more && std::exchange(paused_, false)) request_->Resume();
  paused_ = paused_ || !more;
  if (failure_) Tell();
  return true;
}

void OutgoingFetch::ForwardDrained() {
  if (std::exchange(paused_, false) && !ended_ && !failure_) request_->Resume();
}

void FetchTable::Connect(HttpClient* client, std::function<void()> wake_up) {
  client_ = client;
  wake_up_ = std::move(wake_up);
}

OutgoingFetch& FetchTable::Start(const OutgoingRequest& request) {
  JSD_CHECK(client_ != nullptr);
  do {
    last_handle_ = last_handle_ == kMostHandles ? 1 : last_handle_ + 1;
  } while (fetches_.contains(last_handle_));
  auto fetch = std::make_unique<OutgoingFetch>(*this, last_handle_, request.host);
  fetch->request_ = client_->Start(request, *fetch);
  return *(fetches_[last_handle_] = std::move(fetch));
}

OutgoingFetch* FetchTable::Find(std::uint32_t handle) {
  const auto found = fetches_.find(handle);
  return found == fetches_.end() ? nullptr : found->second.get();
}

void FetchTable::Drop(std::uint32_t handle) {
  const auto found = fetches_.find(handle);
  if (found == fetches_.end()) return;
  if (found->second->forward_to_ != 0) forwards_.erase(found->second->forward_to_);
  fetches_.erase(found);
}

std::vector<std::uint32_t> FetchTable::TakeReady() {
  std::vector<std::uint32_t> ready;
  ready.swap(ready_);
  for (const std::uint32_t handle : ready) {
    if (OutgoingFetch* const fetch = Find(handle)) fetch->ready_ = false;
  }
  return ready;
}

bool FetchTable::ForwardDrained(std::uint32_t event_handle) {
  const auto found = forwards_.find(event_handle);
  if (found == forwards_.end()) return false;
  found->second->ForwardDrained();
  return true;
}

void FetchTable::Tell(OutgoingFetch& fetch) {
  if (std::exchange(fetch.ready_, true)) return;
  ready_.push_back(fetch.handle_);
  if (ready_.size() == 1) wake_up_();
}

}  // namespace jsd
