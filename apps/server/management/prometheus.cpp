#include "management/prometheus.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "cluster_name.hpp"
#include "management/exposition.hpp"
#include "version.hpp"

namespace broker::management {

namespace {

using enum exposition::type;

constexpr std::string_view protocol = "amqp091";

/// Everything that is asked of the node for one scrape.
struct picture {
  snapshot_ptr metadata;
  node_facts facts;
  node_activity activity;
  group_facts group;
  std::vector<queue_info> queues;           ///< with their master here; per object only
  std::vector<connection_info> connections; ///< likewise
  std::vector<channel_info> channels;       ///< likewise
  std::string cluster_name;
  uint64_t cluster_id = 0;
  uint64_t unix_ms = 0;
  uint64_t logins = 0;
  uint64_t logins_failed = 0;
  size_t connections_max = 0;
};

bool has_alarm(const node_facts& now, std::string_view word) {
  return std::any_of(now.alarms.begin(), now.alarms.end(),
                     [&](const std::string& each) { return each.find(word) != std::string::npos; });
}

void write_identity(exposition& to, const picture& from) {
  to.one("build_info", untyped, "RabbitMQ & Erlang/OTP version info", uint64_t{1},
         {{"rabbitmq_version", rabbitmq_version},
          {"prometheus_plugin_version", rabbitmq_version},
          {"prometheus_client_version", warren_version},
          {"erlang_version", "none"},
          {"product_name", "Warren"},
          {"product_version", warren_version}});
  const std::string id = "warren-cluster-id-" + std::to_string(from.cluster_id);
  to.one("identity_info", untyped, "RabbitMQ node & cluster identity info", uint64_t{1},
         {{"rabbitmq_node", from.facts.node},
          {"rabbitmq_cluster", from.cluster_name},
          {"rabbitmq_cluster_permanent_id", id}});
}

void write_alarms(exposition& to, const picture& from) {
  to.one("alarms_file_descriptor_limit", untyped, "is 1 if file descriptor limit alarm is in effect", uint64_t{0});
  to.one("alarms_free_disk_space_watermark", untyped, "is 1 if free disk space watermark alarm is in effect",
         uint64_t{has_alarm(from.facts, "isk") ? 1u : 0u});
  to.one("alarms_memory_used_watermark", untyped, "is 1 if VM memory watermark alarm is in effect",
         uint64_t{has_alarm(from.facts, "Memory") ? 1u : 0u});
}

void write_churn(exposition& to, const picture& from) {
  const auto& now = from.activity;
  to.one("connections_opened_total", counter, "Total number of connections opened", now.connections_opened);
  to.one("connections_closed_total", counter, "Total number of connections closed or terminated",
         now.connections_closed);
  to.one("channels_opened_total", counter, "Total number of channels opened", now.channels_opened);
  to.one("channels_closed_total", counter, "Total number of channels closed", now.channels_closed);
  to.one("queues_declared_total", counter, "Total number of queues declared", now.queues_declared);
  to.one("queues_created_total", counter, "Total number of queues created", now.queues_created);
  to.one("queues_deleted_total", counter, "Total number of queues deleted", now.queues_deleted);
}

void write_node(exposition& to, const picture& from) {
  const auto& now = from.facts;
  to.one("process_open_fds", gauge, "Open file descriptors", now.open_files);
  to.one("process_open_tcp_sockets", gauge, "Open TCP sockets", now.connections);
  to.one("process_resident_memory_bytes", gauge, "Memory used in bytes", now.memory_bytes);
  to.one("disk_space_available_bytes", gauge, "Disk space available in bytes", now.disk_free_bytes);
  to.one("process_max_fds", gauge, "Open file descriptors limit", now.open_files_max);
  to.one("process_max_tcp_sockets", gauge, "Open TCP sockets limit", uint64_t{from.connections_max});
  to.one("resident_memory_limit_bytes", gauge, "Memory high watermark in bytes", now.memory_watermark_bytes);
  to.one("disk_space_available_limit_bytes", gauge, "Free disk space low watermark in bytes",
         now.disk_free_limit_bytes);
  to.one("erlang_uptime_seconds", gauge, "Node uptime", static_cast<double>(now.uptime_s));
  to.one("erlang_net_ticktime_seconds", gauge, "Inter-node heartbeat interval in seconds", uint64_t{60});
  to.one("erlang_processes_used", gauge, "Actors used",
         from.activity.queues + from.activity.channels + now.connections);
  to.family("auth_attempts_total", counter, "Total number of authorization attempts");
  to.sample(from.logins, {{"protocol", "http"}});
  to.family("auth_attempts_succeeded_total", counter, "Total number of successful authentication attempts");
  to.sample(from.logins - from.logins_failed, {{"protocol", "http"}});
  to.family("auth_attempts_failed_total", counter, "Total number of failed authentication attempts");
  to.sample(from.logins_failed, {{"protocol", "http"}});
}

struct global_counter {
  std::string_view name;
  std::string_view help;
  uint64_t (*of)(const message_counts&);
};

template<counted What>
uint64_t counted_as(const message_counts& of) {
  return of[What];
}

constexpr global_counter by_protocol[] = {
  {"global_messages_received_total", "Total number of messages received from publishers", counted_as<counted::publish>},
  {"global_messages_confirmed_total", "Total number of messages confirmed to publishers", counted_as<counted::confirm>},
  {"global_messages_routed_total", "Total number of messages routed to queues or streams",
   [](const message_counts& of) {
     return of[counted::publish]
          - std::min(of[counted::publish], of[counted::return_unroutable] + of[counted::drop_unroutable]);
   }},
  {"global_messages_unroutable_dropped_total",
   "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
   counted_as<counted::drop_unroutable>},
  {"global_messages_unroutable_returned_total",
   "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
   counted_as<counted::return_unroutable>},
};

constexpr global_counter by_queue_type[] = {
  {"global_messages_delivered_total", "Total number of messages delivered to consumers",
   [](const message_counts& of) { return of.deliver_get(); }},
  {"global_messages_redelivered_total", "Total number of messages redelivered to consumers",
   counted_as<counted::redeliver>},
  {"global_messages_delivered_consume_auto_ack_total",
   "Total number of messages delivered to consumers using basic.consume with automatic acknowledgment",
   counted_as<counted::deliver_no_ack>},
  {"global_messages_delivered_consume_manual_ack_total",
   "Total number of messages delivered to consumers using basic.consume with manual acknowledgment",
   counted_as<counted::deliver>},
  {"global_messages_delivered_get_auto_ack_total",
   "Total number of messages delivered to consumers using basic.get with automatic acknowledgment",
   counted_as<counted::get_no_ack>},
  {"global_messages_delivered_get_manual_ack_total",
   "Total number of messages delivered to consumers using basic.get with manual acknowledgment",
   counted_as<counted::get>},
  {"global_messages_get_empty_total", "Total number of times basic.get operations fetched no message",
   counted_as<counted::get_empty>},
  {"global_messages_acknowledged_total", "Total number of message acknowledgements received from consumers",
   counted_as<counted::ack>},
};

/// Counted by channels, which do not know what kind of queue is behind a message: all of them under the classic kind.
void write_global(exposition& to, const picture& from) {
  const auto& counts = from.activity.messages;
  for (const auto& each : by_protocol)
    to.one(each.name, counter, each.help, each.of(counts), {{"protocol", protocol}});
  to.one("global_messages_received_confirm_total", counter,
         "Total number of messages received from publishers using publisher confirms", from.activity.received_confirm,
         {{"protocol", protocol}});
  for (const auto& each : by_queue_type)
    to.one(each.name, counter, each.help, each.of(counts),
           {{"protocol", protocol}, {"queue_type", "rabbit_classic_queue"}});
  to.one("global_publishers", gauge, "Current number of publishers", from.activity.publishers,
         {{"protocol", protocol}});
  to.one("global_consumers", gauge, "Current number of consumers", from.activity.channel_consumers,
         {{"protocol", protocol}});
}

void write_totals(exposition& to, const picture& from) {
  const auto& now = from.activity;
  to.one("connections", gauge, "Connections currently open", from.facts.connections);
  to.one("channels", gauge, "Channels currently open", now.channels);
  to.one("consumers", gauge, "Consumers currently connected", now.channel_consumers);
  to.one("queues", gauge, "Queues available", now.queues);
}

void write_queues_together(exposition& to, const picture& from) {
  const auto& now = from.activity;
  to.one("queue_messages_ready", gauge, "Messages ready to be delivered to consumers", now.ready);
  to.one("queue_messages_unacked", gauge, "Messages delivered to consumers but not yet acknowledged",
         now.unacknowledged);
  to.one("queue_messages", gauge, "Sum of ready and unacknowledged messages - total queue depth",
         now.ready + now.unacknowledged);
  to.one("queue_consumers", gauge, "Consumers on a queue", now.consumers);
  to.one("queue_process_memory_bytes", gauge, "Memory in bytes used by the queue", now.queue_memory_bytes);
  to.one("queue_messages_persistent", gauge, "Persistent messages", now.persistent);
  to.one("queue_messages_bytes", gauge, "Size in bytes of ready and unacknowledged messages",
         now.ready_bytes + now.unacknowledged_bytes);
  to.one("queue_messages_ready_bytes", gauge, "Size in bytes of ready messages", now.ready_bytes);
  to.one("queue_messages_unacked_bytes", gauge, "Size in bytes of all unacknowledged messages",
         now.unacknowledged_bytes);
  to.one("queue_messages_ram", gauge, "Ready and unacknowledged messages stored in memory", now.messages_in_memory);
  to.one("queue_messages_ram_bytes", gauge, "Size of ready and unacknowledged messages stored in memory",
         now.bytes_in_memory);
  to.one("queue_disk_reads_total", counter, "Total number of times queue read messages from disk", now.disk_reads);
  to.one("queue_disk_writes_total", counter, "Total number of times queue wrote messages to disk", now.disk_writes);
  to.one("queue_messages_published_total", counter, "Total number of messages published to queues",
         now.queue_messages.of[0]);
}

struct channel_metric {
  std::string_view name;
  exposition::type what;
  std::string_view help;
  uint64_t (*of)(const channel_report&);
};

constexpr channel_metric channel_metrics[] = {
  {"channel_consumers", gauge, "Consumers on a channel", [](const channel_report& c) { return c.consumers; }},
  {"channel_messages_unacked", gauge, "Delivered but not yet acknowledged messages",
   [](const channel_report& c) { return c.unacknowledged; }},
  {"channel_messages_unconfirmed", gauge, "Published but not yet confirmed messages",
   [](const channel_report& c) { return c.unconfirmed; }},
  {"channel_messages_uncommitted", gauge, "Messages received in a transaction but not yet committed",
   [](const channel_report& c) { return c.uncommitted; }},
  {"channel_acks_uncommitted", gauge, "Message acknowledgements in a transaction not yet committed",
   [](const channel_report& c) { return c.uncommitted_acks; }},
  {"consumer_prefetch", gauge, "Limit of unacknowledged messages for each consumer",
   [](const channel_report& c) { return c.prefetch; }},
  {"channel_prefetch", gauge, "Total limit of unacknowledged messages for all consumers on a channel",
   [](const channel_report& c) { return c.global_prefetch; }},
  {"channel_messages_published_total", counter, "Total number of messages published into an exchange on a channel",
   [](const channel_report& c) { return c.messages.counts[counted::publish]; }},
  {"channel_messages_confirmed_total", counter,
   "Total number of messages published into an exchange and confirmed on the channel",
   [](const channel_report& c) { return c.messages.counts[counted::confirm]; }},
  {"channel_messages_unroutable_returned_total", counter,
   "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
   [](const channel_report& c) { return c.messages.counts[counted::return_unroutable]; }},
  {"channel_messages_unroutable_dropped_total", counter,
   "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
   [](const channel_report& c) { return c.messages.counts[counted::drop_unroutable]; }},
  {"channel_get_ack_total", counter, "Total number of messages fetched with basic.get in manual acknowledgement mode",
   [](const channel_report& c) { return c.messages.counts[counted::get]; }},
  {"channel_get_total", counter, "Total number of messages fetched with basic.get in automatic acknowledgement mode",
   [](const channel_report& c) { return c.messages.counts[counted::get_no_ack]; }},
  {"channel_messages_delivered_ack_total", counter,
   "Total number of messages delivered to consumers in manual acknowledgement mode",
   [](const channel_report& c) { return c.messages.counts[counted::deliver]; }},
  {"channel_messages_delivered_total", counter,
   "Total number of messages delivered to consumers in automatic acknowledgement mode",
   [](const channel_report& c) { return c.messages.counts[counted::deliver_no_ack]; }},
  {"channel_messages_redelivered_total", counter, "Total number of messages redelivered to consumers",
   [](const channel_report& c) { return c.messages.counts[counted::redeliver]; }},
  {"channel_messages_acked_total", counter, "Total number of messages acknowledged by consumers",
   [](const channel_report& c) { return c.messages.counts[counted::ack]; }},
  {"channel_get_empty_total", counter, "Total number of times basic.get operations fetched no message",
   [](const channel_report& c) { return c.messages.counts[counted::get_empty]; }},
};

void write_channels_together(exposition& to, const picture& from) {
  for (const auto& each : channel_metrics) {
    uint64_t sum = 0;
    for (const auto& channel : from.channels)
      sum += each.of(channel);
    to.one(each.name, each.what, each.help, sum);
  }
}

void write_channels(exposition& to, const picture& from) {
  for (const auto& each : channel_metrics) {
    to.family(each.name, each.what, each.help);
    for (const auto& channel : from.channels) {
      const std::string name = channel.connection_name + " (" + std::to_string(channel.number) + ")";
      to.sample(each.of(channel), {{"channel", name}});
    }
  }
}

struct connection_metric {
  std::string_view name;
  exposition::type what;
  std::string_view help;
  uint64_t (*of)(const connection_info&);
};

constexpr connection_metric connection_metrics[] = {
  {"connection_incoming_bytes_total", counter, "Total number of bytes received on a connection",
   [](const connection_info& c) { return c.received_bytes; }},
  {"connection_outgoing_bytes_total", counter, "Total number of bytes sent on a connection",
   [](const connection_info& c) { return c.sent_bytes; }},
  {"connection_incoming_packets_total", counter, "Total number of packets received on a connection",
   [](const connection_info& c) { return c.reads; }},
  {"connection_outgoing_packets_total", counter, "Total number of packets sent on a connection",
   [](const connection_info& c) { return c.writes; }},
  {"connection_pending_packets", gauge, "Number of packets waiting to be sent on a connection",
   [](const connection_info&) { return uint64_t{0}; }},
  {"connection_channels", gauge, "Channels on a connection",
   [](const connection_info& c) { return uint64_t{c.channels}; }},
};

void write_connections(exposition& to, const picture& from, bool together) {
  for (const auto& each : connection_metrics) {
    to.family(each.name, each.what, each.help);
    uint64_t sum = 0;
    for (const auto& connection : from.connections) {
      sum += each.of(connection);
      if (!together)
        to.sample(each.of(connection), {{"connection", connection.name}});
    }
    if (together)
      to.sample(sum);
  }
}

enum class queue_family : uint8_t { coarse, consumers, full };

struct queue_metric {
  std::string_view name;
  queue_family family;
  exposition::type what;
  std::string_view help;
  double (*of)(const queue_info&);
};

constexpr auto as_figure = [](auto number) { return static_cast<double>(number); };

constexpr queue_metric queue_metrics[] = {
  {"queue_messages_ready", queue_family::coarse, gauge, "Messages ready to be delivered to consumers",
   [](const queue_info& q) { return as_figure(q.ready); }},
  {"queue_messages_unacked", queue_family::coarse, gauge, "Messages delivered to consumers but not yet acknowledged",
   [](const queue_info& q) { return as_figure(q.unacknowledged); }},
  {"queue_messages", queue_family::coarse, gauge, "Sum of ready and unacknowledged messages - total queue depth",
   [](const queue_info& q) { return as_figure(q.ready + q.unacknowledged); }},
  {"queue_consumers", queue_family::consumers, gauge, "Consumers on a queue",
   [](const queue_info& q) { return as_figure(q.consumers); }},
  {"queue_consumer_capacity", queue_family::full, gauge, "Consumer capacity",
   [](const queue_info& q) { return q.details.consumer_capacity.value_or(0); }},
  {"queue_consumer_utilisation", queue_family::full, gauge, "Same as consumer capacity",
   [](const queue_info& q) { return q.details.consumer_capacity.value_or(0); }},
  {"queue_process_memory_bytes", queue_family::full, gauge, "Memory in bytes used by the queue",
   [](const queue_info& q) { return as_figure(q.memory_bytes); }},
  {"queue_messages_ram", queue_family::full, gauge, "Ready and unacknowledged messages stored in memory",
   [](const queue_info& q) { return as_figure(q.details.ready_in_memory + q.details.unacknowledged_in_memory); }},
  {"queue_messages_ram_bytes", queue_family::full, gauge, "Size of ready and unacknowledged messages stored in memory",
   [](const queue_info& q) { return as_figure(q.details.bytes_in_memory); }},
  {"queue_messages_ready_ram", queue_family::full, gauge, "Ready messages stored in memory",
   [](const queue_info& q) { return as_figure(q.details.ready_in_memory); }},
  {"queue_messages_unacked_ram", queue_family::full, gauge, "Unacknowledged messages stored in memory",
   [](const queue_info& q) { return as_figure(q.details.unacknowledged_in_memory); }},
  {"queue_messages_persistent", queue_family::full, gauge, "Persistent messages",
   [](const queue_info& q) { return as_figure(q.persistent); }},
  {"queue_messages_persistent_bytes", queue_family::full, gauge, "Size in bytes of persistent messages",
   [](const queue_info& q) { return as_figure(q.details.bytes_persistent); }},
  {"queue_messages_bytes", queue_family::full, gauge, "Size in bytes of ready and unacknowledged messages",
   [](const queue_info& q) { return as_figure(q.ready_bytes + q.unacknowledged_bytes); }},
  {"queue_messages_ready_bytes", queue_family::full, gauge, "Size in bytes of ready messages",
   [](const queue_info& q) { return as_figure(q.ready_bytes); }},
  {"queue_messages_unacked_bytes", queue_family::full, gauge, "Size in bytes of all unacknowledged messages",
   [](const queue_info& q) { return as_figure(q.unacknowledged_bytes); }},
  {"queue_head_message_timestamp", queue_family::full, gauge, "Timestamp of the first message in the queue, if any",
   [](const queue_info& q) {
     return q.details.head_timestamp_s ? as_figure(*q.details.head_timestamp_s) : std::nan("");
   }},
  {"queue_disk_reads_total", queue_family::full, counter, "Total number of times queue read messages from disk",
   [](const queue_info& q) { return as_figure(q.details.disk_reads); }},
  {"queue_disk_writes_total", queue_family::full, counter, "Total number of times queue wrote messages to disk",
   [](const queue_info& q) { return as_figure(q.details.disk_writes); }},
  {"queue_messages_published_total", queue_family::full, counter, "Total number of messages published to queues",
   [](const queue_info& q) { return as_figure(q.messages.counts[counted::publish]); }},
};

using vhost_filter = std::set<std::string, std::less<>>; ///< empty: all

void write_queues(exposition& to, const picture& from, const std::set<queue_family>& wanted,
                  const vhost_filter& vhosts) {
  for (const auto& each : queue_metrics) {
    if (!wanted.contains(each.family))
      continue;
    to.family(each.name, each.what, each.help);
    for (const auto& queue : from.queues)
      if (vhosts.empty() || vhosts.contains(queue.queue->vhost))
        to.sample(each.of(queue), {{"vhost", queue.queue->vhost}, {"queue", queue.queue->name}});
  }
}

/// What all nodes say alike: nobody should add it up.
std::string cluster_wide(const picture& from, const std::set<std::string, std::less<>>& families,
                         const vhost_filter& vhosts) {
  exposition to{"rabbitmq_cluster_"};
  const auto wanted = [&](const std::string& vhost) { return vhosts.empty() || vhosts.contains(vhost); };
  if (families.contains("vhost_status")) {
    to.family("vhost_status", gauge, "Whether a given vhost is running");
    from.metadata->for_each_vhost([&](const vhost_record& each) {
      if (wanted(each.name))
        to.sample(uint64_t{1}, {{"vhost", each.name}});
    });
  }
  std::map<std::pair<std::string, std::string>, uint64_t> bindings;
  if (families.contains("exchange_bindings"))
    from.metadata->for_each_binding([&](std::string_view vhost, const binding_record& each) {
      ++bindings[{std::string{vhost}, each.source}];
    });
  const auto each_exchange = [&](const std::function<void(const exchange_record&)>& visit) {
    from.metadata->for_each_exchange([&](const exchange_ptr& each) {
      if (!each->internal && !each->name.empty() && wanted(each->vhost))
        visit(*each);
    });
  };
  if (families.contains("exchange_bindings")) {
    to.family("exchange_bindings", gauge, "Number of bindings for an exchange. This value is cluster-wide.");
    each_exchange([&](const exchange_record& each) {
      to.sample(bindings[{each.vhost, each.name}],
                {{"vhost", each.vhost}, {"exchange", each.name}, {"type", each.type}});
    });
  }
  if (families.contains("exchange_names")) {
    to.family("exchange_name", gauge, "Enumerates exchanges without any additional info. This value is cluster-wide.");
    each_exchange([&](const exchange_record& each) {
      to.sample(uint64_t{1}, {{"vhost", each.vhost}, {"exchange", each.name}, {"type", each.type}});
    });
  }
  return to.take();
}

std::string aggregated(const picture& from) {
  exposition to{"rabbitmq_"};
  write_identity(to, from);
  write_alarms(to, from);
  write_churn(to, from);
  write_node(to, from);
  write_global(to, from);
  write_queues_together(to, from);
  write_channels_together(to, from);
  write_connections(to, from, true);
  write_totals(to, from);
  return to.take();
}

std::string per_object(const picture& from) {
  exposition to{"rabbitmq_"};
  write_identity(to, from);
  write_alarms(to, from);
  write_churn(to, from);
  write_node(to, from);
  write_global(to, from);
  write_queues(to, from, {queue_family::coarse, queue_family::consumers, queue_family::full}, {});
  write_channels(to, from);
  write_connections(to, from, false);
  write_totals(to, from);
  return to.take();
}

std::string detailed(const picture& from, const http::target& asked) {
  std::set<std::string, std::less<>> families, vhosts;
  for (const auto& [name, value] : asked.query) {
    if (name == "family" || name == "family[]")
      families.insert(value);
    if (name == "vhost" || name == "vhost[]")
      vhosts.insert(value);
  }
  std::set<queue_family> queues;
  if (families.contains("queue_coarse_metrics"))
    queues.insert(queue_family::coarse);
  if (families.contains("queue_consumer_count") || families.contains("queue_metrics"))
    queues.insert(queue_family::consumers);
  if (families.contains("queue_metrics"))
    queues.insert(queue_family::full);
  exposition whole{"rabbitmq_"};
  write_identity(whole, from);
  write_alarms(whole, from);
  write_global(whole, from);
  exposition to{"rabbitmq_detailed_"};
  if (families.contains("connection_churn_metrics"))
    write_churn(to, from);
  if (families.contains("node_metrics") || families.contains("node_coarse_metrics"))
    write_node(to, from);
  write_queues(to, from, queues, vhosts);
  if (families.contains("channel_metrics"))
    write_channels(to, from);
  if (families.contains("connection_metrics") || families.contains("connection_coarse_metrics"))
    write_connections(to, from, false);
  return whole.take() + to.take() + cluster_wide(from, families, vhosts);
}

void answer_text(const http::responder& done, unsigned status, std::string text) {
  http::response result;
  result.status = status;
  result.headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"},
                    {"x-content-type-options", "nosniff"}};
  result.body = std::move(text);
  done(std::move(result));
}

using picture_ptr = std::shared_ptr<picture>;

/// One question after the other; each may be answered on any thread.
void ask_objects(service& at, const picture_ptr& into, bool objects, const std::function<void()>& then) {
  at.around.node.list_connections([&at, into, objects, then, post = at.post](std::vector<connection_info> connections) {
    into->connections = std::move(connections);
    post([&at, into, objects, then, post] {
      at.around.node.list_channels([&at, into, objects, then, post](std::vector<channel_info> channels) {
        into->channels = std::move(channels);
        post([&at, into, objects, then, post] {
          if (!objects)
            return then();
          at.around.own_queues([into, then, post](std::vector<queue_info> queues) {
            into->queues = std::move(queues);
            post(then);
          });
        });
      });
    });
  });
}

void take_picture(service& at, bool objects, std::function<void(const picture_ptr&)> then) {
  auto into = std::make_shared<picture>();
  const auto metadata = into->metadata = at.around.node.metadata();
  into->cluster_name = cluster_name_of(*metadata);
  if (into->cluster_name.empty())
    into->cluster_name = at.around.node.name();
  into->cluster_id = metadata->cluster();
  into->unix_ms = at.around.unix_ms();
  into->logins = at.logins;
  into->logins_failed = at.logins_failed;
  into->connections_max = at.around.config.connections_max;
  at.facts([&at, into, objects, then = std::move(then)](const node_facts& now) {
    into->facts = now;
    at.around.activity([&at, into, objects, then, post = at.post](const activity_report& now_active) {
      into->activity = now_active.node;
      post([&at, into, objects, then] { ask_objects(at, into, objects, [into, then] { then(into); }); });
    });
  });
}

} // namespace

void serve_metrics(service& at, const http::request& what, const http::responder& done) {
  const auto target = http::parse_target(what.target);
  if (what.method != "GET" && what.method != "HEAD")
    return answer_text(done, 405, "Method not allowed\n");
  if (!target || target->path.empty() || target->path.front() != "metrics")
    return answer_text(done, 404, "Not found: see /metrics, /metrics/per-object, /metrics/detailed\n");
  const std::string kind = target->path.size() > 1 ? target->path[1] : "";
  if (target->path.size() > 2 || (!kind.empty() && kind != "per-object" && kind != "detailed"))
    return answer_text(done, 404, "Not found\n");
  const bool objects = !kind.empty() || at.around.config.prometheus_per_object;
  take_picture(at, objects, [kind, objects, done, target = *target](const picture_ptr& from) {
    if (kind == "detailed")
      return answer_text(done, 200, detailed(*from, target));
    answer_text(done, 200, objects ? per_object(*from) : aggregated(*from));
  });
}

} // namespace broker::management
