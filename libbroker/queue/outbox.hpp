// Collects the events of one step by channel, and joins neighbours: deliveries of adjacent messages to one consumer and
// confirms of adjacent publishes are one event each.
#pragma once

#include <unordered_map>
#include <utility>

#include "queue/queue_state.hpp"

namespace broker::queueing {

class outbox {
public:
  /// Appends to what `step` holds already.
  outbox(queue_step& step, queue_id queue) : step_(step), queue_(queue) {}

  void send(const channel_ref& to, queue_event event) { events_of(to).push_back(std::move(event)); }
  void deliver(const consumer_ref& who, stored_run run, bool redelivered, size_t bytes);
  /// `rejected`: there is no room for them (W51).
  void confirm(const channel_ref& to, seq_range numbers, bool rejected = false);

private:
  std::vector<queue_event>& events_of(const channel_ref& to);
  size_t find(const channel_ref& to);

  queue_step& step_;
  const queue_id queue_;
  size_t last_ = 0;                                          ///< index of the group used last
  std::unordered_map<const channel_address*, size_t> index_; ///< empty while there are few
};

} // namespace broker::queueing
