#include "queue/outbox.hpp"

namespace broker::queueing {

outbox::outbox(queue_step& step) : step_(step) {
  for (size_t at = 0; at < step_.events.size(); ++at)
    index_.emplace(step_.events[at].first.get(), at);
}

std::vector<queue_event>& outbox::events_of(const channel_ref& to) {
  auto& groups = step_.events;
  if (last_ < groups.size() && groups[last_].first == to)
    return groups[last_].second;
  const auto [entry, added] = index_.emplace(to.get(), groups.size());
  if (added)
    groups.emplace_back(to, std::vector<queue_event>{});
  last_ = entry->second;
  return groups[last_].second;
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

void outbox::confirm(const channel_ref& to, seq_range numbers) {
  auto& events = events_of(to);
  if (!events.empty()) {
    auto* before = std::get_if<confirmed>(&events.back());
    if (before && !before->rejected && before->numbers.last == numbers.first) {
      before->numbers.last = numbers.last;
      return;
    }
  }
  events.push_back(confirmed{numbers, false});
}

} // namespace broker::queueing
