#include "control_lists.hpp"

#include <algorithm>

namespace broker {

namespace {

using control::value;

template<class Info>
struct column {
  std::string_view name;
  value (*get)(const Info&, const node_facts&);
};

/// Like an Erlang process name, which tools expect: unique on this node, and across its restarts.
std::string process_name(const node_facts& node, uint64_t number) {
  return "<" + node.node + "." + std::to_string(node.started_at_unix_s) + "." + std::to_string(number) + ".0>";
}

template<class Info>
control::response pick(std::span<const Info> objects, const node_facts& node, std::span<const column<Info>> known,
                       const std::vector<std::string>& columns) {
  std::vector<const column<Info>*> chosen;
  for (const auto& name : columns) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& each) { return each.name == name; });
    chosen.push_back(found == known.end() ? nullptr : &*found);
  }
  control::response answer;
  answer.columns = columns;
  answer.rows.reserve(objects.size());
  for (const Info& object : objects) {
    control::row cells;
    cells.reserve(chosen.size());
    for (const auto* each : chosen)
      cells.push_back(each == nullptr ? value{} : each->get(object, node));
    answer.rows.push_back(std::move(cells));
  }
  return answer;
}

value to_value(const amqp::field_table& table);

value to_value(const amqp::field_value& field) {
  int64_t number = 0;
  if (field.as_integer(number))
    return number;
  if (const auto* text = field.as_string())
    return *text;
  if (const auto* truth = std::get_if<bool>(&field.value))
    return *truth;
  if (const auto* real = std::get_if<double>(&field.value))
    return *real;
  if (const auto* real = std::get_if<float>(&field.value))
    return static_cast<double>(*real);
  if (const auto* table = std::get_if<amqp::field_table>(&field.value))
    return to_value(*table);
  return {};
}

value to_value(const amqp::field_table& table) {
  control::value_record record;
  for (const auto& [name, field] : table.entries)
    record.emplace_back(name, to_value(field));
  return record;
}

using q = queue_info;
using c = connection_info;
using h = channel_info;
using facts = node_facts;

constexpr column<queue_info> queue_columns[] = {
  {"name", [](const q& i, const facts&) -> value { return i.queue->name; }},
  {"durable", [](const q& i, const facts&) -> value { return i.queue->durable; }},
  {"auto_delete", [](const q& i, const facts&) -> value { return i.queue->auto_delete; }},
  {"arguments", [](const q& i, const facts&) -> value { return to_value(i.queue->arguments); }},
  {"pid", [](const q& i, const facts& n) -> value { return process_name(n, i.queue->id); }},
  {"owner_pid",
   [](const q& i, const facts& n) -> value { return i.queue->owner == 0 ? value{} : process_name(n, i.queue->owner); }},
  {"exclusive", [](const q& i, const facts&) -> value { return i.queue->exclusive; }},
  {"messages_ready", [](const q& i, const facts&) -> value { return i.ready; }},
  {"messages_unacknowledged", [](const q& i, const facts&) -> value { return i.unacknowledged; }},
  {"messages", [](const q& i, const facts&) -> value { return i.ready + i.unacknowledged; }},
  {"messages_persistent", [](const q& i, const facts&) -> value { return i.persistent; }},
  {"message_bytes", [](const q& i, const facts&) -> value { return i.ready_bytes + i.unacknowledged_bytes; }},
  {"message_bytes_ready", [](const q& i, const facts&) -> value { return i.ready_bytes; }},
  {"message_bytes_unacknowledged", [](const q& i, const facts&) -> value { return i.unacknowledged_bytes; }},
  {"consumers", [](const q& i, const facts&) -> value { return i.consumers; }},
  {"memory", [](const q& i, const facts&) -> value { return i.memory_bytes; }},
  {"state", [](const q& i, const facts&) -> value { return i.state; }},
  {"type", [](const q&, const facts&) -> value { return "classic"; }},
};

constexpr column<connection_info> connection_columns[] = {
  {"pid", [](const c& i, const facts& n) -> value { return process_name(n, i.id); }},
  {"name", [](const c& i, const facts&) -> value { return i.name; }},
  {"port", [](const c& i, const facts&) -> value { return i.port; }},
  {"host", [](const c& i, const facts&) -> value { return i.host; }},
  {"peer_port", [](const c& i, const facts&) -> value { return i.peer_port; }},
  {"peer_host", [](const c& i, const facts&) -> value { return i.peer_host; }},
  {"ssl", [](const c&, const facts&) -> value { return false; }},
  {"state", [](const c& i, const facts&) -> value { return i.state; }},
  {"channels", [](const c& i, const facts&) -> value { return i.channels; }},
  {"protocol", [](const c&, const facts&) -> value { return "{0,9,1}"; }},
  {"auth_mechanism", [](const c& i, const facts&) -> value { return i.auth_mechanism; }},
  {"user", [](const c& i, const facts&) -> value { return i.user; }},
  {"vhost", [](const c& i, const facts&) -> value { return i.vhost; }},
  {"timeout", [](const c& i, const facts&) -> value { return i.heartbeat_s; }},
  {"frame_max", [](const c& i, const facts&) -> value { return i.frame_max; }},
  {"channel_max", [](const c& i, const facts&) -> value { return i.channel_max; }},
  {"client_properties", [](const c& i, const facts&) -> value { return to_value(i.client_properties); }},
  {"recv_oct", [](const c& i, const facts&) -> value { return i.received_bytes; }},
  {"send_oct", [](const c& i, const facts&) -> value { return i.sent_bytes; }},
  {"connected_at", [](const c& i, const facts&) -> value { return i.connected_at_ms; }},
};

constexpr column<channel_info> channel_columns[] = {
  {"pid", [](const h& i, const facts& n) -> value { return process_name(n, i.connection * 65536 + i.number); }},
  {"connection", [](const h& i, const facts& n) -> value { return process_name(n, i.connection); }},
  {"name", [](const h& i, const facts&) -> value { return i.connection_name + " (" + std::to_string(i.number) + ")"; }},
  {"number", [](const h& i, const facts&) -> value { return i.number; }},
  {"user", [](const h& i, const facts&) -> value { return i.user; }},
  {"vhost", [](const h& i, const facts&) -> value { return i.vhost; }},
  {"transactional", [](const h& i, const facts&) -> value { return i.transactional; }},
  {"confirm", [](const h& i, const facts&) -> value { return i.confirm; }},
  {"consumer_count", [](const h& i, const facts&) -> value { return i.consumers; }},
  {"messages_unacknowledged", [](const h& i, const facts&) -> value { return i.unacknowledged; }},
  {"messages_uncommitted", [](const h& i, const facts&) -> value { return i.uncommitted; }},
  {"acks_uncommitted", [](const h& i, const facts&) -> value { return i.uncommitted_acks; }},
  {"messages_unconfirmed", [](const h& i, const facts&) -> value { return i.unconfirmed; }},
  {"prefetch_count", [](const h& i, const facts&) -> value { return i.prefetch; }},
  {"global_prefetch_count", [](const h& i, const facts&) -> value { return i.global_prefetch; }},
};

} // namespace

control::response queue_rows(std::span<const queue_info> queues, const node_facts& node, std::string_view vhost,
                             const std::vector<std::string>& columns) {
  std::vector<queue_info> here;
  for (const auto& each : queues)
    if (each.queue->vhost == vhost)
      here.push_back(each);
  return pick<queue_info>(here, node, queue_columns, columns);
}

control::response connection_rows(std::span<const connection_info> connections, const node_facts& node,
                                  const std::vector<std::string>& columns) {
  return pick<connection_info>(connections, node, connection_columns, columns);
}

control::response channel_rows(std::span<const channel_info> channels, const node_facts& node,
                               const std::vector<std::string>& columns) {
  return pick<channel_info>(channels, node, channel_columns, columns);
}

} // namespace broker
