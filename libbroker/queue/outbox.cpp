#include "queue/outbox.hpp"

#include <algorithm>

namespace broker::queueing {

namespace {
/// Channels up to which looking through them is cheaper than an index.
constexpr size_t few_channels = 8;
} // namespace

std::vector<queue_event>& outbox::events_of(const channel_ref& to) {
  auto& groups = step_.events;
  if (last_ < groups.size() && groups[last_].first == to)
    return groups[last_].second;
  last_ = find(to);
  if (last_ == groups.size()) {
    groups.emplace_back(to, std::vector<queue_event>{});
    if (!index_.empty())
      index_.emplace(to.get(), last_);
  }
  return groups[last_].second;
}

size_t outbox::find(const channel_ref& to) {
  const auto& groups = step_.events;
  if (groups.size() <= few_channels) {
    const auto at = std::find_if(groups.begin(), groups.end(), [&](const auto& one) { return one.first == to; });
    return static_cast<size_t>(at - groups.begin());
  }
  if (index_.empty())
    for (size_t at = 0; at < groups.size(); ++at)
      index_.emplace(groups[at].first.get(), at);
  const auto at = index_.find(to.get());
  return at == index_.end() ? groups.size() : at->second;
}

void outbox::deliver(const consumer_ref& who, stored_run run, bool redelivered, size_t bytes) {
  auto& events = events_of(who->channel);
  if (!events.empty()) {
    auto* before = std::get_if<delivered>(&events.back());
    if (before && before->who == who && before->redelivered == redelivered && before->run.batch == run.batch
        && before->run.where.hi == run.where.lo && before->run.first + before->run.where.size() == run.first) {
      before->run.where.hi = run.where.hi;
      before->bytes += bytes;
      return;
    }
  }
  events.push_back(delivered{who, std::move(run), redelivered, bytes});
}

void outbox::confirm(const channel_ref& to, seq_range numbers, bool rejected) {
  auto& events = events_of(to);
  if (!events.empty()) {
    auto* before = std::get_if<confirmed>(&events.back());
    if (before && before->rejected == rejected && before->numbers.last == numbers.first) {
      before->numbers.last = numbers.last;
      return;
    }
  }
  events.push_back(confirmed{queue_, numbers, rejected});
}

} // namespace broker::queueing
