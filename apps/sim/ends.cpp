// Where a message may have ended without anybody settling it, by what its queues were declared with: the rule behind
// "a confirmed message is in exactly one place or on its way".
#include <algorithm>

#include "ledger.hpp"

namespace broker::sim {

bool ledger::promised(const record& what) const {
  return what.confirmed && !what.returned && !what.may_be_lost && !what.what.at_most_once
      && what.what.queue != queue_none;
}

/// Follows the message from queue to queue as far as it can have come.
bool ledger::may_have_ended(message_id id, const record& what) const {
  const auto way = queues_.chain(what.what.queue);
  const auto since_ms = (time_.now() - what.sent) / ms;
  if (since_ms < what.what.delay_ms)
    return false;
  for (size_t hop = 0; hop < way.size(); ++hop) {
    const auto& queue = queues_[way[hop]];
    const auto& options = queue.options;
    auto ttl = options.message_ttl_ms;
    if (hop == 0 && what.what.expiration_ms)
      ttl = std::min(ttl.value_or(UINT64_MAX), *what.what.expiration_ms);
    const bool expires = ttl && since_ms >= *ttl - (disturbed_ ? *ttl / 50 : 0); // clocks drift apart
    const bool drops = queue.drops_head() && (hop != 0 || dropped_for_length(id, what));
    const bool refused = hop != 0 && queue.refuses();
    if (refused && queues_[way[hop - 1]].options.strategy == dead_letter_strategy::at_most_once)
      return true;
    // A delayed message that comes to a full queue: its dead letter is in memory only.
    if (hop == 0 && what.what.delay_ms != 0 && queue.dead_letters_to
        && options.overflow == overflow_policy::reject_publish_dlx && queue.limited())
      return true;
    // Too large ever to fit: it is sent again and again.
    const bool waits = hop != 0 || what.what.delay_ms != 0;
    if (waits && queue.refuses() && what.what.bytes > options.max_length_bytes.value_or(UINT64_MAX))
      return true;
    const bool limit = options.delivery_limit.has_value();
    const bool nowhere = !queue.dead_letters_to || queues_.in_cycle(way[hop]);
    if (nowhere && (expires || drops || limit))
      return true;
    if (!expires && !drops && !limit && (what.rejected_in >> way[hop] & 1) == 0)
      return false;
  }
  // It comes round again to a queue that is full: refused, and the death that this is has had no rejection since.
  const auto again = queues_[way.back()].dead_letters_to;
  return again && queues_[*again].refuses();
}

/// Drop-head takes the oldest: only what has enough newer messages behind it. Where the order is not that of
/// publishing, every message may have been the oldest; and a delayed one may come behind what was sent after it.
bool ledger::dropped_for_length(message_id id, const record& what) const {
  const auto index = what.what.queue;
  const auto& options = queues_[index].options;
  if (queues_.is_target(index) || options.max_priority != 0 || what.what.delay_ms != 0)
    return true;
  const auto& sent = sent_to_.at(index);
  uint64_t newer = 0, bytes = what.what.bytes;
  for (auto at = sent.rbegin(); at != sent.rend(); ++at) {
    const auto& other = messages_.at(*at);
    const bool before = other.accepted != 0 && other.accepted < what.sent && other.what.delay_ms == 0;
    if (*at == id || other.withdrawn || before)
      continue;
    ++newer;
    bytes += other.what.bytes;
    if ((options.max_length && newer >= *options.max_length)
        || (options.max_length_bytes && bytes > *options.max_length_bytes))
      return true;
  }
  return false;
}

bool ledger::all_accounted() const {
  return std::all_of(messages_.begin(), messages_.end(), [&](const auto& each) {
    return !promised(each.second) || each.second.settled || may_have_ended(each.first, each.second);
  });
}

void ledger::finish() {
  for (const auto& [id, found] : messages_) {
    const auto& what = found.what;
    if (what.confirm_mode && !found.confirmed && !found.nacked && !found.abandoned)
      violation("C12: " + message_text(id) + " was never confirmed");
    if (what.queue == queue_none) {
      if (found.confirmed && !found.returned)
        violation("C8: unroutable mandatory " + message_text(id) + " was confirmed and never returned");
      continue;
    }
    if (promised(found) && !found.settled && !may_have_ended(id, found))
      violation("C1: confirmed " + message_text(id) + ", published to " + queues_[what.queue].name
                + (what.delay_ms != 0 ? " with a delay of " + std::to_string(what.delay_ms) + " ms" : "")
                + (found.delivered ? ", was delivered, not settled, and is gone" : ", was never delivered"));
  }
}

} // namespace broker::sim
