#include "queue/queue_details.hpp"

#include "amqp/properties.hpp"
#include "base/assert.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::run;

namespace {

void add_bodies(const run& one, queue_details& to) {
  if (one.batch)
    to.bytes_in_memory += one.body;
  if (one.kept == queueing::home::durable)
    to.bytes_persistent += one.body;
}

std::optional<uint64_t> timestamp_of(const run& head) {
  if (!head.batch)
    return {};
  const auto properties = amqp::decode_properties(head.batch->messages[head.lo].property_bytes());
  BROKER_ASSERT(properties.ok(), "a stored message was checked when it was published");
  if (!properties->timestamp)
    return {};
  return properties->timestamp;
}

} // namespace

queue_details queue_state::details(uint64_t now_ms) const {
  const impl& me = *impl_;
  queue_details all;
  all.ready_in_memory = me.ready.messages() - me.ready.messages_paged();
  for (size_t at = 0; at < me.ready.runs(); ++at)
    add_bodies(me.ready.at(at), all);
  for (const queueing::holder& one : me.holders)
    one.unacked.for_each_measured([&](const run& held) {
      add_bodies(held, all);
      all.unacknowledged_in_memory += held.batch ? held.count : 0;
    });
  if (!me.ready.empty())
    all.head_timestamp_s = timestamp_of(me.ready.front());
  all.disk_reads = me.pages.messages_read();
  all.disk_writes = me.pages.messages_written();
  if (me.ring.consumers() != 0)
    all.consumer_capacity = me.use.average(now_ms);
  if (me.exclusive)
    all.exclusive_consumer =
      consumer_place{me.exclusive->who->tag, "", me.exclusive->who->connection, me.exclusive->who->channel_id};
  return all;
}

} // namespace broker
