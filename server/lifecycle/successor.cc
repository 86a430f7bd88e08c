#include "server/lifecycle/successor.h"

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "server/lifecycle/parent.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kPatience{60};

}  // namespace

struct Successor::Timer : asio::steady_timer {
  using asio::steady_timer::steady_timer;
};

Successor::Successor(asio::io_context& io) : io_(io), timer_(std::make_unique<Timer>(io)) {}

Successor::~Successor() = default;

void Successor::Start(const Program& program, const std::vector<const Listener*>& sockets, Done done) {
  done_ = std::move(done);
  std::string error;
  child_ = ChildProcess::Start(program, sockets, {.role = Parent::kSuccessor}, &error);
  if (!child_) {
    asio::post(io_, [this, error] { Finish(error); });
    return;
  }
  child_->channel().Watch(
      io_,
      [this](const Message& message) {
        if (message.word == to_parent::kFailed) child_->failure = message.text;
        if (message.word == to_parent::kReady) Finish(std::nullopt);
      },
      [] {});
  timer_->expires_after(kPatience);
  timer_->async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || !done_) return;
    ::kill(child_->pid(), SIGKILL);
    Finish("the new server does not become ready");
  });
}

void Successor::OnChildEnded() {
  std::erase_if(failed_, [](const auto& child) { return child->Ended().has_value(); });
  if (!child_ || !child_->Ended()) return;
  if (done_) child_->channel().ReadAll();
  if (!done_) return;
  const std::string& reason = child_->failure;
  Finish(reason.empty() ? "the new server has ended: " + DescribeStatus(*child_->Ended()) : reason);
}

void Successor::Finish(std::optional<std::string> failure) {
  if (!done_) return;
  timer_->cancel();
  if (failure && child_ && !child_->Ended()) failed_.push_back(std::move(child_));
  if (failure) child_.reset();
  std::exchange(done_, nullptr)(std::move(failure));
}

}  // namespace jsd
