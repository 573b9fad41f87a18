#include "queue/forwarder.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace broker::queueing {

void append_republished(publish_batch& batch, const message& original, std::string_view exchange,
                        std::string_view routing_key, const amqp::properties& properties) {
  BROKER_ASSERT(exchange.size() <= limits::name_max_bytes && routing_key.size() <= limits::name_max_bytes,
                "a name is a shortstr");
  byte_buffer header;
  amqp::encode_content_header(header, load_u16(original.raw + 1), original.body_size, properties);
  const size_t body = original.raw_size - original.header_size;
  const size_t names_size = 2 + exchange.size() + routing_key.size();
  block_ref bytes{block::create(names_size + header.size() + body)};
  char* at = bytes->data();
  message made = original;
  made.names = at;
  made.names_size = static_cast<uint16_t>(names_size);
  for (const std::string_view name : {exchange, routing_key}) {
    *at++ = static_cast<char>(name.size());
    std::memcpy(at, name.data(), name.size());
    at += name.size();
  }
  made.raw = at;
  std::memcpy(at, header.data(), header.size());
  std::memcpy(at + header.size(), original.raw + original.header_size, body);
  made.header_size = static_cast<uint32_t>(header.size());
  made.raw_size = static_cast<uint32_t>(header.size() + body);
  uint16_t flags = original.flags & static_cast<uint16_t>(message::persistent | message::has_user_id);
  flags |= properties.headers ? message::has_headers : 0;
  flags |= properties.expiration ? message::has_expiration : 0;
  flags |= properties.reply_to ? message::has_reply_to : 0;
  made.flags = flags;
  batch.messages.push_back(made);
  batch.bytes += made.raw_size + limits::publish_overhead_bytes;
  batch.blocks.push_back(std::move(bytes));
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

void forwarder::target_unreachable(queue_id target, std::vector<outcome>& ended) {
  for (flight& one : flights_) {
    if (std::find(one.waiting.begin(), one.waiting.end(), target) != one.waiting.end())
      one.unreachable = true;
    answer(one, target, true, ended);
  }
  drop_ended();
}

} // namespace broker::queueing
