#include "cluster/record_outbox.hpp"

#include <algorithm>

namespace broker::bridging {

size_t raw_bytes(const publish_batch& batch, slice where) {
  size_t bytes = 0;
  for (uint32_t i = where.lo; i < where.hi; ++i)
    bytes += batch.messages[i].raw_size;
  return bytes;
}

void record_outbox::add(record what) {
  if (const auto* sent = std::get_if<reply>(&what))
    reply_bytes_ += raw_bytes(*sent->batch, sent->where);
  if (const auto* more = std::get_if<taken>(&what); more && !waiting_.empty())
    if (auto* before = std::get_if<taken>(&waiting_.back()); before && before->records.last == more->records.first) {
      before->records.last = more->records.last;
      return;
    }
  waiting_.push_back(std::move(what));
}

bool record_outbox::add_publish(channel_key channel, const publish_request& what, publish::target part) {
  auto* last = waiting_.empty() ? nullptr : std::get_if<publish>(&waiting_.back());
  const replication::channel_id& from = what.from.channel;
  if (last && last->batch == what.batch && last->channel == channel && last->confirm == what.confirm
      && (from.none() || last->publisher.none() || last->publisher == from)
      && last->targets.front().slices == part.slices
      && std::none_of(last->targets.begin(), last->targets.end(),
                      [&](const auto& each) { return each.queue == part.queue; })) {
    if (!from.none())
      last->publisher = from;
    last->targets.push_back(std::move(part));
    return true;
  }
  publish fresh;
  fresh.channel = channel;
  fresh.confirm = what.confirm;
  fresh.batch = what.batch;
  fresh.publisher = from;
  fresh.targets.push_back(std::move(part));
  waiting_.emplace_back(std::move(fresh));
  return false;
}

std::string record_outbox::next_frame() {
  std::string frame;
  while (!waiting_.empty() && frame.size() < frame_bytes) {
    if (const auto* sent = std::get_if<reply>(&waiting_.front()))
      reply_bytes_ -= raw_bytes(*sent->batch, sent->where);
    encode(waiting_.front(), frame);
    waiting_.pop_front();
  }
  return frame;
}

void record_outbox::clear() {
  waiting_.clear();
  reply_bytes_ = 0;
}

} // namespace broker::bridging
