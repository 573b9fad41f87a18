#include "control_lists.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <nlohmann/json.hpp>

#include "base/run_ids.hpp"
#include "control_replicas.hpp"
#include "control_verb.hpp"
#include "model/effective_policy.hpp"

namespace broker {

namespace {

using control::value;

template<class Info>
struct column {
  std::string_view name;
  value (*get)(const Info&, const node_facts&);
};

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

/// Channels and connections share one space of process numbers.
uint64_t channel_number_of(connection_id connection, uint16_t channel) {
  return (first_id_of_run(run_of_id(connection)) - 1) | (count_of_id(connection * 65536) + channel);
}

using q = queue_info;
using c = connection_info;
using h = channel_info;
using s = consumer_info;
using e = exchange_record;
using around = node_facts;

value consumer_capacity(const queue_info& of, const node_facts&) {
  return of.details.consumer_capacity ? value{*of.details.consumer_capacity} : value{};
}

/// Of a queue that nobody serves: RabbitMQ leaves it empty.
value served_figure(const queue_info& of, uint64_t figure) {
  return of.down ? value{} : value{figure};
}
/// Likewise, unless a copy has told.
value known_figure(const queue_info& of, uint64_t figure) {
  return of.down && !of.copied ? value{} : value{figure};
}

control::value_list names_of(const std::vector<std::string>& nodes) {
  return {nodes.begin(), nodes.end()};
}

/// Mirrors have the queue's number on their nodes.
value mirrors(const queue_info& of, const node_facts& node, const std::vector<std::string>& nodes) {
  if (!is_mirrored(*of.queue))
    return {};
  control::value_list names;
  for (const std::string& each : nodes)
    if (each != of.replicas.master)
      names.push_back(process_name(node, each, of.queue->id));
  return names;
}

constexpr column<queue_info> queue_columns[] = {
  {"name", [](const q& i, const around&) -> value { return i.queue->name; }},
  {"durable", [](const q& i, const around&) -> value { return i.queue->durable; }},
  {"auto_delete", [](const q& i, const around&) -> value { return i.queue->auto_delete; }},
  {"arguments", [](const q& i, const around&) -> value { return to_value(i.queue->arguments); }},
  {"pid", [](const q& i, const around& n) -> value { return process_name(n, i.queue->node, i.queue->id); }},
  {"owner_pid",
   [](const q& i, const around& n) -> value {
     return i.queue->owner == 0 ? value{} : process_name(n, i.queue->node, i.queue->owner);
   }},
  {"exclusive", [](const q& i, const around&) -> value { return i.queue->exclusive; }},
  {"policy", [](const q& i, const around&) -> value { return i.queue->policy; }},
  {"operator_policy", [](const q& i, const around&) -> value { return i.queue->operator_policy; }},
  {"effective_policy_definition", [](const q& i, const around&) -> value { return i.effective_policy; }},
  {"exclusive_consumer_pid",
   [](const q& i, const around& n) -> value {
     const auto& who = i.details.exclusive_consumer;
     return who ? value{process_name(n, who->node.empty() ? i.queue->node : who->node,
                                     channel_number_of(who->connection, who->channel))}
                : value{};
   }},
  {"exclusive_consumer_tag",
   [](const q& i, const around&) -> value {
     return i.details.exclusive_consumer ? value{i.details.exclusive_consumer->tag} : value{};
   }},
  {"messages_ready", [](const q& i, const around&) -> value { return known_figure(i, i.ready); }},
  {"messages_unacknowledged", [](const q& i, const around&) -> value { return served_figure(i, i.unacknowledged); }},
  {"messages", [](const q& i, const around&) -> value { return known_figure(i, i.ready + i.unacknowledged); }},
  {"messages_ready_ram",
   [](const q& i, const around&) -> value { return served_figure(i, i.details.ready_in_memory); }},
  {"messages_unacknowledged_ram",
   [](const q& i, const around&) -> value { return served_figure(i, i.details.unacknowledged_in_memory); }},
  {"messages_ram",
   [](const q& i, const around&) -> value {
     return served_figure(i, i.details.ready_in_memory + i.details.unacknowledged_in_memory);
   }},
  {"messages_persistent", [](const q& i, const around&) -> value { return served_figure(i, i.persistent); }},
  {"message_bytes",
   [](const q& i, const around&) -> value { return served_figure(i, i.ready_bytes + i.unacknowledged_bytes); }},
  {"message_bytes_ready", [](const q& i, const around&) -> value { return served_figure(i, i.ready_bytes); }},
  {"message_bytes_unacknowledged",
   [](const q& i, const around&) -> value { return served_figure(i, i.unacknowledged_bytes); }},
  {"message_bytes_ram", [](const q& i, const around&) -> value { return served_figure(i, i.details.bytes_in_memory); }},
  {"message_bytes_persistent",
   [](const q& i, const around&) -> value { return served_figure(i, i.details.bytes_persistent); }},
  {"head_message_timestamp",
   [](const q& i, const around&) -> value {
     return i.details.head_timestamp_s ? value{*i.details.head_timestamp_s} : value{};
   }},
  {"disk_reads", [](const q& i, const around&) -> value { return served_figure(i, i.details.disk_reads); }},
  {"disk_writes", [](const q& i, const around&) -> value { return served_figure(i, i.details.disk_writes); }},
  {"consumers", [](const q& i, const around&) -> value { return served_figure(i, i.consumers); }},
  {"consumer_utilisation", consumer_capacity},
  {"consumer_capacity", consumer_capacity},
  {"memory", [](const q& i, const around&) -> value { return served_figure(i, i.memory_bytes); }},
  {"slave_pids", [](const q& i, const around& n) -> value { return mirrors(i, n, i.replicas.running); }},
  {"synchronised_slave_pids", [](const q& i, const around& n) -> value { return mirrors(i, n, i.replicas.in_sync); }},
  {"state", [](const q& i, const around&) -> value { return i.state(); }},
  {"type", [](const q& i, const around&) -> value { return is_quorum(*i.queue) ? "quorum" : "classic"; }},
  {"leader",
   [](const q& i, const around&) -> value { return is_quorum(*i.queue) ? value{i.replicas.master} : value{}; }},
  {"members",
   [](const q& i, const around&) -> value {
     return is_quorum(*i.queue) ? value{names_of(i.replicas.members)} : value{};
   }},
  {"online",
   [](const q& i, const around&) -> value {
     return is_quorum(*i.queue) ? value{names_of(i.replicas.running)} : value{};
   }},
};

constexpr column<connection_info> connection_columns[] = {
  {"pid", [](const c& i, const around& n) -> value { return process_name(n, i.id); }},
  {"name", [](const c& i, const around&) -> value { return i.name; }},
  {"port", [](const c& i, const around&) -> value { return i.port; }},
  {"host", [](const c& i, const around&) -> value { return i.host; }},
  {"peer_port", [](const c& i, const around&) -> value { return i.peer_port; }},
  {"peer_host", [](const c& i, const around&) -> value { return i.peer_host; }},
  {"ssl", [](const c&, const around&) -> value { return false; }},
  {"state", [](const c& i, const around&) -> value { return i.state; }},
  {"channels", [](const c& i, const around&) -> value { return i.channels; }},
  {"protocol", [](const c&, const around&) -> value { return "{0,9,1}"; }},
  {"auth_mechanism", [](const c& i, const around&) -> value { return i.auth_mechanism; }},
  {"user", [](const c& i, const around&) -> value { return i.user; }},
  {"vhost", [](const c& i, const around&) -> value { return i.vhost; }},
  {"timeout", [](const c& i, const around&) -> value { return i.heartbeat_s; }},
  {"frame_max", [](const c& i, const around&) -> value { return i.frame_max; }},
  {"channel_max", [](const c& i, const around&) -> value { return i.channel_max; }},
  {"client_properties", [](const c& i, const around&) -> value { return to_value(i.client_properties); }},
  {"recv_oct", [](const c& i, const around&) -> value { return i.received_bytes; }},
  {"recv_cnt", [](const c& i, const around&) -> value { return i.reads; }},
  {"send_cnt", [](const c& i, const around&) -> value { return i.writes; }},
  {"send_oct", [](const c& i, const around&) -> value { return i.sent_bytes; }},
  {"connected_at", [](const c& i, const around&) -> value { return i.connected_at_ms; }},
};

constexpr column<channel_info> channel_columns[] = {
  {"pid",
   [](const h& i, const around& n) -> value { return process_name(n, channel_number_of(i.connection, i.number)); }},
  {"connection", [](const h& i, const around& n) -> value { return process_name(n, i.connection); }},
  {"name",
   [](const h& i, const around&) -> value { return i.connection_name + " (" + std::to_string(i.number) + ")"; }},
  {"number", [](const h& i, const around&) -> value { return i.number; }},
  {"user", [](const h& i, const around&) -> value { return i.user; }},
  {"vhost", [](const h& i, const around&) -> value { return i.vhost; }},
  {"transactional", [](const h& i, const around&) -> value { return i.transactional; }},
  {"confirm", [](const h& i, const around&) -> value { return i.confirm; }},
  {"consumer_count", [](const h& i, const around&) -> value { return i.consumers; }},
  {"messages_unacknowledged", [](const h& i, const around&) -> value { return i.unacknowledged; }},
  {"messages_uncommitted", [](const h& i, const around&) -> value { return i.uncommitted; }},
  {"acks_uncommitted", [](const h& i, const around&) -> value { return i.uncommitted_acks; }},
  {"messages_unconfirmed", [](const h& i, const around&) -> value { return i.unconfirmed; }},
  {"prefetch_count", [](const h& i, const around&) -> value { return i.prefetch; }},
  {"global_prefetch_count", [](const h& i, const around&) -> value { return i.global_prefetch; }},
  {"state", [](const h& i, const around&) -> value { return i.state; }},
};

constexpr column<consumer_info> consumer_columns[] = {
  {"queue_name", [](const s& i, const around&) -> value { return i.queue->name; }},
  {"channel_pid",
   [](const s& i, const around& n) -> value {
     return process_name(n, i.node, channel_number_of(i.connection, i.channel));
   }},
  {"consumer_tag", [](const s& i, const around&) -> value { return i.tag; }},
  {"ack_required", [](const s& i, const around&) -> value { return i.ack_required; }},
  {"prefetch_count", [](const s& i, const around&) -> value { return i.prefetch; }},
  {"active", [](const s& i, const around&) -> value { return i.active; }},
  {"activity_status", [](const s& i, const around&) -> value { return i.activity_status; }},
  {"arguments", [](const s& i, const around&) -> value { return to_value(i.arguments); }},
};

constexpr column<exchange_record> exchange_columns[] = {
  {"name", [](const e& i, const around&) -> value { return i.name; }},
  {"type", [](const e& i, const around&) -> value { return i.type; }},
  {"durable", [](const e& i, const around&) -> value { return i.durable; }},
  {"auto_delete", [](const e& i, const around&) -> value { return i.auto_delete; }},
  {"internal", [](const e& i, const around&) -> value { return i.internal; }},
  {"arguments", [](const e& i, const around&) -> value { return to_value(i.arguments); }},
  {"policy", [](const e& i, const around&) -> value { return i.policy; }},
};

constexpr column<binding_record> binding_columns[] = {
  {"source_name", [](const binding_record& i, const around&) -> value { return i.source; }},
  {"source_kind", [](const binding_record&, const around&) -> value { return "exchange"; }},
  {"destination_name", [](const binding_record& i, const around&) -> value { return i.destination; }},
  {"destination_kind",
   [](const binding_record& i, const around&) -> value { return i.to_exchange ? "exchange" : "queue"; }},
  {"routing_key", [](const binding_record& i, const around&) -> value { return i.routing_key; }},
  {"arguments", [](const binding_record& i, const around&) -> value { return to_value(i.arguments); }},
};

} // namespace

/// RabbitMQ's <node.creation.id.serial>: the creation is the number of the node's run, which all members know, so that
/// whoever is asked gives the same name. Ids of connections and channels hold the run they belong to: the serial.
std::string process_name(const node_facts& node, const std::string& of, uint64_t number) {
  const std::string& home = of.empty() ? node.node : of;
  const auto run = node.runs.find(home);
  return "<" + home + "." + std::to_string(run == node.runs.end() ? 0 : run->second) + "."
       + std::to_string(count_of_id(number)) + "." + std::to_string(run_of_id(number)) + ">";
}

std::string process_name(const node_facts& node, uint64_t number) {
  return process_name(node, node.node, number);
}

std::optional<uint64_t> number_of_process(const node_facts& node, std::string_view name) {
  const auto run = node.runs.find(node.node);
  const std::string before = "<" + node.node + "." + std::to_string(run == node.runs.end() ? 0 : run->second) + ".";
  if (!name.starts_with(before) || !name.ends_with('>'))
    return {};
  const char* const last = name.data() + name.size() - 1;
  uint64_t count = 0;
  uint64_t serial = 0;
  const auto first = std::from_chars(name.data() + before.size(), last, count);
  if (first.ec != std::errc{} || first.ptr == last || *first.ptr != '.')
    return {};
  const auto second = std::from_chars(first.ptr + 1, last, serial);
  if (second.ec != std::errc{} || second.ptr != last || run_of_id(first_id_of_run(serial)) != serial
      || count_of_id(count) != count)
    return {};
  return (first_id_of_run(serial) - 1) | count;
}

namespace {

value json_value(const nlohmann::json& from) {
  if (from.is_boolean())
    return from.get<bool>();
  if (from.is_number_integer())
    return from.get<int64_t>();
  if (from.is_number())
    return from.get<double>();
  if (from.is_array()) {
    control::value_list list;
    for (const auto& each : from)
      list.push_back(json_value(each));
    return list;
  }
  if (from.is_object()) {
    control::value_record record;
    for (const auto& [name, each] : from.items())
      record.emplace_back(name, json_value(each));
    return record;
  }
  return from.is_string() ? value{from.get<std::string>()} : value{};
}

std::map<std::string, policy_record, std::less<>> policies_of(const metadata_snapshot& metadata, bool operators,
                                                              std::string_view vhost) {
  std::map<std::string, policy_record, std::less<>> found;
  metadata.for_each_policy(operators, [&](const policy_record& one) {
    if (one.vhost == vhost)
      found.emplace(one.name, one);
  });
  return found;
}

void add_effective_policies(std::vector<queue_info>& queues, const metadata_snapshot& metadata,
                            std::string_view vhost) {
  const auto policies = policies_of(metadata, false, vhost);
  const auto operator_policies = policies_of(metadata, true, vhost);
  const auto named = [](const auto& all, const std::string& name) {
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
  };
  for (queue_info& each : queues) {
    const std::string text =
      effective_definition(named(policies, each.queue->policy), named(operator_policies, each.queue->operator_policy));
    each.effective_policy = json_value(nlohmann::json::parse(text));
  }
}

} // namespace

control::response queue_rows(std::span<const queue_info> queues, const node_facts& node,
                             const metadata_snapshot& metadata, std::string_view vhost,
                             const std::vector<std::string>& columns) {
  std::vector<queue_info> here;
  for (const auto& each : queues)
    if (each.queue->vhost == vhost) {
      auto& added = here.emplace_back(each);
      if (auto newest = metadata.find_queue(vhost, each.queue->name); newest && newest->id == each.queue->id)
        added.queue = std::move(newest); // with the policy in force
      added.replicas = replicas_of(*added.queue, metadata);
    }
  if (std::find(columns.begin(), columns.end(), "effective_policy_definition") != columns.end())
    add_effective_policies(here, metadata, vhost);
  return pick<queue_info>(here, node, queue_columns, columns);
}

control::response exchange_rows(const metadata_snapshot& metadata, std::string_view vhost,
                                const std::vector<std::string>& columns) {
  std::vector<exchange_record> here;
  metadata.for_each_exchange([&](const exchange_ptr& each) {
    if (each->vhost == vhost)
      here.push_back(*each);
  });
  return pick<exchange_record>(here, {}, exchange_columns, columns);
}

control::response binding_rows(const metadata_snapshot& metadata, std::string_view vhost,
                               const std::vector<std::string>& columns) {
  std::vector<binding_record> here;
  metadata.for_each_queue([&](const queue_ptr& each) {
    if (each->vhost == vhost)
      here.push_back({"", each->name, false, each->name, {}});
  });
  metadata.for_each_binding([&](std::string_view where, const binding_record& each) {
    if (where == vhost && !each.source.empty())
      here.push_back(each);
  });
  return pick<binding_record>(here, {}, binding_columns, columns);
}

control::response consumer_rows(std::span<const consumer_info> consumers, const node_facts& node,
                                std::string_view vhost, const std::vector<std::string>& columns) {
  std::vector<consumer_info> here;
  for (const auto& each : consumers)
    if (each.queue->vhost == vhost)
      here.push_back(each);
  return pick<consumer_info>(here, node, consumer_columns, columns);
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
