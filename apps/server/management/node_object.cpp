#include "management/node_object.hpp"

#include <unistd.h>

#include <array>
#include <thread>

#include "management/json_writer.hpp"
#include "version.hpp"

namespace broker::management {

namespace {

std::string unbracketed(const std::string& address) {
  return address.starts_with('[') && address.ends_with(']') ? address.substr(1, address.size() - 2) : address;
}

void write_listener(json_writer& out, const std::string& node, std::string_view protocol, const std::string& address,
                    uint16_t port) {
  object_writer to{out, {}};
  to.add("node", node);
  to.add("protocol", protocol);
  to.add("ip_address", unbracketed(address));
  to.add("port", port);
  to.add_raw("socket_opts", "[]");
}

void write_listeners(json_writer& out, const service& at, const node_facts& now) {
  out.begin_array();
  for (const auto& each : now.listeners)
    if (each.protocol != "control")
      write_listener(out, now.node, each.protocol, each.interface, each.port);
  if (at.management_port() != 0)
    write_listener(out, now.node, "http", at.around.config.management.host, at.management_port());
  if (at.prometheus_port() != 0)
    write_listener(out, now.node, "http/prometheus", at.around.config.prometheus.host, at.prometheus_port());
  out.end_array();
}

void write_context(json_writer& out, std::string_view what, const std::string& host, uint16_t port,
                   std::string_view protocol) {
  object_writer to{out, {}};
  to.add("description", what);
  to.add("path", "/");
  to.add("cowboy_opts", "[]");
  to.add("ip", host);
  to.add("port", std::to_string(port));
  if (!protocol.empty())
    to.add("protocol", protocol);
}

void write_contexts(json_writer& out, const service& at) {
  out.begin_array();
  if (at.management_port() != 0)
    write_context(out, "RabbitMQ Management", at.around.config.management.host, at.management_port(), "");
  if (at.prometheus_port() != 0)
    write_context(out, "RabbitMQ Prometheus", at.around.config.prometheus.host, at.prometheus_port(),
                  "'http/prometheus'");
  out.end_array();
}

void write_metric(object_writer& to, const history& samples, size_t i, uint64_t value, sample_range range) {
  const auto& which = metrics()[i];
  to.add(which.name, value);
  to.out().plain_key(which.name, "_details");
  const auto taken = samples.samples(i, range);
  write_details(to.out(), samples.rate(i), range ? &taken : nullptr);
}

void write_group(json_writer& out, const service& at, metric_group group, sample_range range) {
  object_writer to{out, {}};
  for (size_t i = 0; i < metric_count; ++i)
    if (metrics()[i].group == group)
      write_metric(to, at.samples, i, metrics()[i].of(at.latest), range);
}

void write_stats(object_writer& to, const service& at, const node_facts& now, sample_range range) {
  auto& out = to.out();
  out.key("stats");
  object_writer stats{out, {}};
  out.key("message_stats");
  write_group(out, at, metric_group::message_stats, range);
  out.key("churn_rates");
  write_group(out, at, metric_group::churn_rates, range);
  out.key("queue_totals");
  write_group(out, at, metric_group::queue_totals, range);
  out.key("object_totals");
  object_writer counts{out, {}};
  counts.add("channels", at.latest.channels);
  counts.add("connections", now.connections);
  counts.add("consumers", at.latest.consumers);
}

void write_types(json_writer& out, const metadata_snapshot& metadata) {
  out.begin_array();
  for (const auto& each : metadata.exchange_types().all()) {
    object_writer type{out, {}};
    type.add("name", each->name());
    type.add("description", "AMQP " + std::string{each->name()} + " exchange");
    type.add("enabled", true);
  }
  out.end_array();
}

/// Figures of the Erlang runtime and of Mnesia have no counterpart; tools insist on some.
constexpr std::array runtime_counts{"gc_num",
                                    "gc_bytes_reclaimed",
                                    "context_switches",
                                    "io_read_count",
                                    "io_read_bytes",
                                    "io_write_count",
                                    "io_write_bytes",
                                    "io_sync_count",
                                    "io_seek_count",
                                    "io_reopen_count",
                                    "mnesia_ram_tx_count",
                                    "mnesia_disk_tx_count",
                                    "msg_store_read_count",
                                    "msg_store_write_count",
                                    "queue_index_read_count",
                                    "queue_index_write_count"};
constexpr std::array runtime_times{"io_read_avg_time", "io_write_avg_time", "io_sync_avg_time", "io_seek_avg_time"};

void write_runtime(object_writer& to) {
  for (const char* name : runtime_counts)
    to.add_rated(name, 0, 0.0);
  for (const char* name : runtime_times)
    to.add_rated(name, 0.0, 0.0);
  to.add_raw("ra_open_file_metrics", R"({"ra_log_wal":1,"ra_log_segment_writer":0})");
  to.add_raw("metrics_gc_queue_length",
             R"({"connection_closed":0,"channel_closed":0,"consumer_deleted":0,"exchange_deleted":0,)"
             R"("queue_deleted":0,"vhost_deleted":0,"node_node_deleted":0,"channel_consumer_deleted":0})");
}

void write_names(object_writer& to, std::string_view field, const std::vector<std::string>& names) {
  to.out().key(field);
  to.out().begin_array();
  for (const auto& each : names)
    to.out().value(each);
  to.out().end_array();
}

bool alarmed(const node_facts& now, std::string_view word) {
  for (const auto& each : now.alarms)
    if (each.find(word) != std::string::npos)
      return true;
  return false;
}

/// What stays as it is while the node runs.
void write_setting(object_writer& to, const service& at, const node_facts& now) {
  auto& out = to.out();
  to.add("os_pid", std::to_string(getpid()));
  to.add("fd_total", now.open_files_max);
  to.add("sockets_total", at.around.config.connections_max);
  to.add("mem_limit", now.memory_watermark_bytes);
  to.add("disk_free_limit", now.disk_free_limit_bytes);
  to.add("proc_total", 1'048'576);
  to.add("rates_mode", "basic");
  to.add("processors", std::max(std::thread::hardware_concurrency(), 1u));
  out.key("exchange_types");
  write_types(out, *at.around.node.metadata());
  to.add_raw("auth_mechanisms", R"([{"name":"PLAIN","description":"SASL PLAIN authentication mechanism",)"
                                R"("enabled":true},{"name":"AMQPLAIN","description":"QPid AMQPLAIN mechanism",)"
                                R"("enabled":true}])");
  to.add_raw("applications", R"([{"name":"rabbit","description":"Warren )" + std::string{warren_version}
                               + R"(","version":")" + std::string{rabbitmq_version} + R"("}])");
  out.key("contexts");
  write_contexts(out, at);
  out.key("listeners");
  write_listeners(out, at, now);
  write_names(to, "log_files", now.log_file.empty() ? std::vector<std::string>{} : std::vector{now.log_file});
  to.add("db_dir", now.data_dir);
  write_names(to, "config_files", now.config_file.empty() ? std::vector<std::string>{} : std::vector{now.config_file});
  to.add("net_ticktime", 60);
  to.add_raw("enabled_plugins", R"(["rabbitmq_management","rabbitmq_prometheus"])");
  to.add("mem_calculation_strategy", "rss");
  to.add("name", now.node);
  to.add("type", "disc");
}

/// What RabbitMQ has a process for.
uint64_t processes(const service& at, const node_facts& now) {
  return at.latest.queues + at.latest.channels + now.connections;
}

/// How the node's own means have been used.
named_samples usage_samples(const service& at, sample_range range) {
  named_samples all;
  if (!range)
    return all;
  constexpr std::array names{"mem_used", "fd_used", "sockets_used", "proc_used", "disk_free"};
  for (size_t i = 0; i < names.size(); ++i)
    all.emplace_back(names[i], at.usage.samples(i, range));
  const auto zeros = zeros_like(at.usage.samples(0, range));
  for (const char* name : runtime_counts)
    all.emplace_back(name, zeros);
  for (const char* name : runtime_times)
    all.emplace_back(name, zeros);
  for (size_t i = 0; i < metric_count; ++i)
    if (metrics()[i].group == metric_group::churn_rates)
      all.emplace_back(metrics()[i].name, at.samples.samples(i, range));
  return all;
}

void write_usage(object_writer& to, const service& at, const node_facts& now) {
  write_names(to, "partitions", now.minority ? now.unreachable : std::vector<std::string>{});
  to.add("running", true);
  to.add("being_drained", now.maintenance);
  to.add("mem_alarm", alarmed(now, "Memory"));
  to.add("disk_free_alarm", alarmed(now, "isk"));
  to.add("uptime", now.uptime_s * 1'000);
  to.add("run_queue", 0);
  to.add_rated("mem_used", now.memory_bytes, 0.0);
  to.add_rated("fd_used", now.open_files, 0.0);
  to.add_rated("sockets_used", now.connections, 0.0);
  to.add_rated("proc_used", processes(at, now), 0.0);
  to.add_rated("disk_free", now.disk_free_bytes, 0.0);
  for (size_t i = 0; i < metric_count; ++i)
    if (metrics()[i].group == metric_group::churn_rates)
      to.add_rated(metrics()[i].name, metrics()[i].of(at.latest), at.samples.rate(i));
}

} // namespace

usage_figures usage_of(const service& at, const node_facts& now) {
  return {now.memory_bytes, now.open_files, now.connections, processes(at, now), now.disk_free_bytes};
}

std::string node_object(const service& at, const node_facts& now, sample_range range) {
  json_writer out;
  {
    const auto usage = usage_samples(at, range);
    object_writer to{out, {}, &usage};
    write_setting(to, at, now);
    write_usage(to, at, now);
    write_runtime(to);
    to.add_raw("cluster_links", "[]");
    write_stats(to, at, now, range);
  }
  return out.take();
}

} // namespace broker::management
