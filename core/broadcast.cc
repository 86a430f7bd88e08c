#include "core/broadcast.h"

#include <algorithm>

#include "core/check.h"

namespace jsd {

void BroadcastInbox::Push(std::uint32_t channel, std::shared_ptr<const SerializedValue> message, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!wake_up_) return;
  if (!deliveries_.empty() && bytes > kMostBytes - std::min(bytes_, kMostBytes)) {
    ++dropped_;
    return;
  }
  bytes_ += bytes;
  deliveries_.push_back({channel, std::move(message)});
  if (deliveries_.size() == 1) wake_up_();
}

std::vector<BroadcastInbox::Delivery> BroadcastInbox::Take(std::size_t& dropped) {
  const std::lock_guard lock(mutex_);
  dropped = std::exchange(dropped_, 0);
  bytes_ = 0;
  return std::exchange(deliveries_, {});
}

void BroadcastInbox::Close() {
  std::vector<Delivery> unread;  // Not destroyed under the lock.
  const std::lock_guard lock(mutex_);
  wake_up_ = nullptr;
  unread.swap(deliveries_);
}

void BroadcastGroup::Join(const std::string& name, std::shared_ptr<BroadcastInbox> inbox, std::uint32_t channel) {
  const std::lock_guard lock(mutex_);
  members_[name].push_back({std::move(inbox), channel});
}

void BroadcastGroup::Leave(const std::string& name, const BroadcastInbox& inbox, std::uint32_t channel) {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(name);
  JSD_CHECK(found != members_.end());
  std::erase_if(found->second,
                [&](const Member& member) { return member.inbox.get() == &inbox && member.channel == channel; });
  if (found->second.empty()) members_.erase(found);
}

void BroadcastGroup::Post(const std::string& name, const BroadcastInbox& from, std::uint32_t channel,
                          const std::shared_ptr<const SerializedValue>& message, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(name);
  JSD_CHECK(found != members_.end());
  for (const Member& member : found->second) {
    if (member.inbox.get() == &from && member.channel == channel) continue;
    member.inbox->Push(member.channel, message, bytes);
  }
}

std::size_t BroadcastGroup::size() {
  const std::lock_guard lock(mutex_);
  std::size_t size = 0;
  for (const auto& [name, members] : members_) size += members.size();
  return size;
}

BroadcastTable::~BroadcastTable() {
  for (const auto& [channel, name] : names_) group_->Leave(name, *inbox_, channel);
  if (inbox_) inbox_->Close();
}

void BroadcastTable::Connect(std::shared_ptr<BroadcastGroup> group, std::function<void()> wake_up) {
  group_ = group ? std::move(group) : std::make_shared<BroadcastGroup>();
  inbox_ = std::make_shared<BroadcastInbox>(std::move(wake_up));
}

std::uint32_t BroadcastTable::Join(std::string name) {
  const std::uint32_t channel = ++last_channel_;
  group_->Join(name, inbox_, channel);
  names_.emplace(channel, std::move(name));
  return channel;
}

void BroadcastTable::Leave(std::uint32_t channel) {
  const auto found = names_.find(channel);
  if (found == names_.end()) return;
  group_->Leave(found->second, *inbox_, channel);
  names_.erase(found);
}

void BroadcastTable::Post(std::uint32_t channel, std::shared_ptr<const SerializedValue> message, std::size_t bytes) {
  const auto found = names_.find(channel);
  JSD_CHECK(found != names_.end());
  group_->Post(found->second, *inbox_, channel, message, bytes);
}

}  // namespace jsd
