#include "cluster/outbox.hpp"

#include <algorithm>

#include "cluster/link_frame.hpp"
#include "cluster/plant.hpp"

namespace broker::cluster {

using link_limits::part_bytes;

void outbox::reset() {
  accepted_ = handled_ = kept_ = last_seq_ = sent_seq_ = received_seq_ = part_seq_ = 0;
  items_.clear();
  next_ = 0;
}

bool outbox::has_room(uint64_t payload_bytes) const {
  const uint64_t used = used_bytes();
  return used == 0 || planted(plant::window_ignored) || used + window_cost(payload_bytes) <= window_;
}

void outbox::push(std::string&& payload) {
  BROKER_ASSERT(!payload.empty() && payload.size() <= link_limits::payload_max_bytes, "a payload outside its limits");
  BROKER_ASSERT(has_room(payload.size()), "a payload without room in the window");
  const uint64_t parts = (payload.size() + part_bytes - 1) / part_bytes;
  accepted_ += window_cost(payload.size());
  kept_ += payload.size();
  if (!pending())
    part_seq_ = last_seq_ + 1;
  items_.push_back({std::move(payload), last_seq_ + 1, last_seq_ + parts});
  last_seq_ += parts;
}

void outbox::write_part(byte_buffer& out) {
  const auto& from = items_[next_];
  const std::string_view payload = from.payload;
  data_frame part;
  part.service = service_;
  part.seq = part_seq_;
  part.first = part_seq_ == from.first_seq;
  part.last = part_seq_ == from.last_seq;
  part.total = payload.size();
  part.bytes = payload.substr((part_seq_ - from.first_seq) * part_bytes, part_bytes);
  encode(part, out);
  sent_seq_ = std::max(sent_seq_, part_seq_);
  ++part_seq_;
  if (part.last)
    ++next_;
}

result<void> outbox::resume(uint64_t received) {
  if (auto known = forget_received(received); !known)
    return known;
  next_ = 0;
  part_seq_ = received_seq_ + 1;
  if (planted(plant::resume_behind_what_was_sent))
    while (pending() && items_[next_].last_seq <= sent_seq_)
      part_seq_ = items_[next_++].last_seq + 1;
  return {};
}

result<void> outbox::acknowledge(uint64_t received, uint64_t handled) {
  if (handled > accepted_)
    return error{0, "it has handled " + std::to_string(handled) + " bytes of " + std::to_string(accepted_)};
  if (auto known = forget_received(received); !known)
    return known;
  handled_ = std::max(handled_, handled);
  return {};
}

result<void> outbox::forget_received(uint64_t received) {
  if (received > sent_seq_)
    return error{0, "it has received part " + std::to_string(received) + " of " + std::to_string(sent_seq_)};
  received_seq_ = std::max(received_seq_, received);
  while (!items_.empty() && items_.front().last_seq <= received_seq_) {
    kept_ -= items_.front().payload.size();
    items_.pop_front();
    if (next_ > 0)
      --next_;
    else
      part_seq_ = received_seq_ + 1; // written to an earlier connection, received, and about to be written again
  }
  if (next_ == 0)
    part_seq_ = std::max(part_seq_, received_seq_ + 1);
  return {};
}

} // namespace broker::cluster
