#include "queue/forwarder.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "model/message_copy.hpp"

namespace broker::queueing {

namespace {

void append_with(publish_batch& batch, const message& original, std::string_view exchange, std::string_view routing_key,
                 uint16_t flags, const byte_buffer& header) {
  // Whether it is persistent was decided when it was published, not by a header that may have changed.
  constexpr uint16_t kept = message::persistent | message::has_user_id;
  append_message(batch, {exchange, routing_key, static_cast<uint16_t>((original.flags & kept) | (flags & ~kept)),
                         header.view(), body_frames_of(original), original.body_size});
}

/// The frame's channel is patched when the message is delivered.
channel_number channel_of(const message& original) {
  return load_u16(original.raw + 1);
}

} // namespace

void append_republished(publish_batch& batch, const message& original, std::string_view exchange,
                        std::string_view routing_key, const amqp::properties& properties) {
  byte_buffer header;
  amqp::encode_content_header(header, channel_of(original), original.body_size, properties);
  append_with(batch, original, exchange, routing_key, flags_of(properties), header);
}

void append_republished(publish_batch& batch, const message& original, std::string_view exchange,
                        std::string_view routing_key, std::string_view property_bytes) {
  const amqp::header_peek peek = amqp::peek_properties(property_bytes);
  BROKER_ASSERT(peek.ok, "properties are well-formed");
  byte_buffer header;
  amqp::encode_content_header(header, channel_of(original), original.body_size, property_bytes);
  append_with(batch, original, exchange, routing_key, flags_of(peek), header);
}

publish_batch& forwarder::batch() {
  if (!batch_) {
    batch_ = make_ref<publish_batch>();
    batch_->first_confirm = oldest_ + flights_.size();
  }
  return *batch_;
}

void forwarder::launch(seqno message, std::vector<queue_id> targets) {
  const auto index = static_cast<uint32_t>(batch_->messages.size() - 1);
  BROKER_ASSERT(!targets.empty(), "launched to nowhere");
  BROKER_ASSERT(batch_->first_confirm + index == oldest_ + flights_.size(), "flights are numbered as their messages");
  for (const queue_id target : targets) {
    auto& slices = slices_[target];
    if (slices.empty())
      order_.push_back(target);
    if (!slices.empty() && slices.back().hi == index)
      ++slices.back().hi;
    else
      slices.push_back({index, index + 1});
  }
  const uint64_t bytes = batch_->messages.back().raw_size;
  bytes_ += bytes;
  flights_.push_back({message, bytes, std::move(targets), {}, false});
}

void forwarder::discard() {
  batch_->bytes -= batch_->messages.back().raw_size + limits::publish_overhead_bytes;
  batch_->messages.pop_back();
  batch_->blocks.pop_back();
}

void forwarder::flush(requests& to) {
  const batch_ref full = std::exchange(batch_, nullptr);
  if (order_.empty())
    return;
  full->hold(static_cast<int>(order_.size()));
  for (const queue_id target : order_)
    to.emplace_back(target, publish_request{full, std::move(slices_[target]), from_, true});
  order_.clear();
  slices_.clear();
}

void forwarder::answer(flight& one, queue_id target, bool rejected, std::vector<outcome>& ended) {
  if (std::erase(one.waiting, target) == 0)
    return; // does not owe it
  if (rejected)
    one.refused.push_back(target);
  if (!one.waiting.empty())
    return;
  bytes_ -= one.bytes;
  ended.push_back({one.message, std::move(one.refused), one.unreachable});
}

void forwarder::drop_ended() {
  for (; !flights_.empty() && flights_.front().waiting.empty(); ++oldest_)
    flights_.pop_front();
  if (flights_.empty())
    offices_.clear();
}

void forwarder::answered(const confirmed& what, std::vector<outcome>& ended) {
  const confirm_number end = oldest_ + flights_.size();
  for (auto number = std::max(what.numbers.first, oldest_); number < std::min(what.numbers.last, end); ++number)
    answer(flights_[number - oldest_], what.queue, what.rejected, ended);
  drop_ended();
}

void forwarder::target_gone(queue_id target, std::vector<outcome>& ended) {
  for (flight& one : flights_)
    answer(one, target, false, ended);
  drop_ended();
}

void forwarder::sent_to_master(queue_id target, confirm_number from, epoch mastership) {
  auto& known = offices_[target];
  if (mastership > known.mastership)
    known = {mastership, from};
}

void forwarder::target_unreachable(queue_id target, epoch upto, std::vector<outcome>& ended) {
  confirm_number end = oldest_ + flights_.size();
  if (const auto known = offices_.find(target); known != offices_.end() && upto < known->second.mastership)
    end = std::min(end, known->second.since);
  for (confirm_number number = oldest_; number < end; ++number) {
    flight& one = flights_[number - oldest_];
    if (std::find(one.waiting.begin(), one.waiting.end(), target) != one.waiting.end())
      one.unreachable = true;
    answer(one, target, true, ended);
  }
  drop_ended();
}

} // namespace broker::queueing
