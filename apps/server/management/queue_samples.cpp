#include "management/queue_samples.hpp"

#include <utility>

namespace broker::management {

std::vector<queue_id> queue_samples::begin_round(const std::vector<queue_id>& own,
                                                 const std::vector<queue_id>& touched) {
  for (const queue_id each : touched)
    known_.erase(each);
  decltype(known_) still;
  still.reserve(own.size());
  std::vector<queue_id> ask;
  for (const queue_id each : own)
    if (auto known = known_.extract(each))
      still.insert(std::move(known));
    else
      ask.push_back(each);
  known_ = std::move(still);
  return ask;
}

void queue_samples::take(const queue_report& said) {
  const figures now{said.ready,
                    said.unacknowledged,
                    said.consumers,
                    said.persistent,
                    said.ready_bytes,
                    said.unacknowledged_bytes,
                    said.memory_bytes,
                    said.details.ready_in_memory + said.details.unacknowledged_in_memory,
                    said.details.bytes_in_memory,
                    said.details.disk_reads,
                    said.details.disk_writes,
                    said.messages.counts};
  known_[said.queue->id] = now == figures{} ? nullptr : std::make_unique<const figures>(now);
}

void queue_samples::add_to(activity_report& now) const {
  auto& to = now.node;
  to.queues += known_.size();
  for (const auto& [id, from] : known_) {
    if (!from)
      continue;
    to.ready += from->ready;
    to.unacknowledged += from->unacknowledged;
    to.consumers += from->consumers;
    to.persistent += from->persistent;
    to.ready_bytes += from->ready_bytes;
    to.unacknowledged_bytes += from->unacknowledged_bytes;
    to.queue_memory_bytes += from->memory_bytes;
    to.messages_in_memory += from->messages_in_memory;
    to.bytes_in_memory += from->bytes_in_memory;
    to.disk_reads += from->disk_reads;
    to.disk_writes += from->disk_writes;
    to.queue_messages += from->messages;
    if (from->ready + from->unacknowledged != 0 || from->messages != message_counts{})
      now.queues.push_back({id, from->ready, from->unacknowledged, from->messages});
  }
}

} // namespace broker::management
