#include "actors/queue_reports.hpp"

#include "actors/channel.hpp"
#include "actors/messages.hpp"

namespace broker {

namespace {

std::string_view to_string(consumer_activity what) {
  return what == consumer_activity::up ? "up" : what == consumer_activity::waiting ? "waiting" : "single_active";
}

const std::string& node_of(const consumer& who) {
  return static_cast<const local_channel&>(*who.channel).node;
}

} // namespace

queue_report report_of(const queue_state& machine, queue_ptr record, count_rates& rates, uint64_t now_ms) {
  queue_report result;
  result.queue = std::move(record);
  result.ready = machine.messages_ready();
  result.unacknowledged = machine.messages_unacked();
  result.persistent = machine.messages_persistent();
  result.ready_bytes = machine.bytes_ready();
  result.unacknowledged_bytes = machine.bytes_unacked();
  result.memory_bytes = machine.bytes_in_memory();
  result.consumers = machine.consumers();
  result.flow = machine.withholds_credit();
  result.details = machine.details(now_ms);
  result.messages = {machine.counts(), rates.look(machine.counts(), now_ms)};
  if (auto& exclusive = result.details.exclusive_consumer)
    for (const consumer_view& one : machine.consumer_list())
      if (one.who->exclusive)
        exclusive->node = node_of(*one.who);
  return result;
}

void ask_for_report(runtime& node, queue_id id, std::function<void(queue_report)> answer) {
  const caf::actor who = node.queues_by_id.find(id);
  if (!who)
    return;
  const auto said = [&node, id, who, answer = std::move(answer)](queue_report one) {
    const caf::actor replica = one.down && !one.copied ? node.replicas_by_id.find(id) : nullptr;
    if (replica && replica != who)
      caf::anon_send(replica, queue_report_request{{id, answer}});
    else
      answer(std::move(one));
  };
  caf::anon_send(who, queue_report_request{{id, said}});
}

std::vector<consumer_report> report_consumers_of(const queue_state& machine, const queue_ptr& record) {
  std::vector<consumer_report> all;
  for (const consumer_view& one : machine.consumer_list()) {
    consumer_report& each = all.emplace_back();
    each.queue = record;
    each.tag = one.who->tag;
    each.node = node_of(*one.who);
    each.connection = one.who->connection;
    each.channel = one.who->channel_id;
    each.ack_required = !one.who->no_ack;
    each.exclusive = one.who->exclusive;
    each.active = one.activity != consumer_activity::waiting;
    each.activity_status = to_string(one.activity);
    each.prefetch = one.who->prefetch;
    each.priority = one.who->priority;
    each.unacknowledged = one.unacknowledged;
    each.arguments = one.who->arguments;
  }
  return all;
}

} // namespace broker
