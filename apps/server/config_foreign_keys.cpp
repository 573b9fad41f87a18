#include "config_keys.hpp"

namespace broker {

namespace {

using enum config_key::treatment;

/// Keys whose one harmless value asks for nothing: the value is checked, so that asking for more is not ignored.
template<const std::string_view& Value>
std::string only(node_config&, const config_key::setting& given) {
  if (given.value == Value)
    return {};
  return "expects " + std::string{Value} + ": nothing else is supported";
}

constexpr std::string_view off = "false";
constexpr std::string_view none = "none";
constexpr std::string_view classic = "classic";

std::vector<config_key> switched_off_keys() {
  return {
    {"proxy_protocol", honoured, "false", "only `false`", only<off>},
    {"reverse_dns_lookups", honoured, "false", "only `false`", only<off>},
    {"listeners.ssl", honoured, "none", "only `none`: there is no TLS listener yet", only<none>},
    {"log.syslog", honoured, "false", "only `false`", only<off>},
    {"log.exchange", honoured, "false", "only `false`", only<off>},
    {"default_queue_type", honoured, "classic", "only `classic`", only<classic>},
  };
}

std::vector<config_key> tuning_keys() {
  constexpr std::string_view runtime = "there is no Erlang runtime to tune";
  constexpr std::string_view store = "the message store works differently";
  constexpr std::string_view cluster = "nodes watch each other in fixed intervals";
  return {
    {"num_acceptors.tcp", noted, "10", "connections are accepted by the loops"},
    {"num_acceptors.ssl", noted, "10", "there is no TLS listener yet"},
    {"ssl_handshake_timeout", noted, "5000", "there is no TLS listener yet"},
    {"tcp_listen_options.keepalive", noted, "false", "heartbeats find dead peers"},
    {"tcp_listen_options.linger.on", noted, "true", "sockets are closed after their output is written"},
    {"tcp_listen_options.linger.timeout", noted, "0", "sockets are closed after their output is written"},
    {"tcp_listen_options.exit_on_close", noted, "false", runtime},
    {"tcp_listen_options.buffer", noted, "", "buffers have a fixed size"},
    {"tcp_listen_options.recbuf", noted, "", "the operating system sizes socket buffers"},
    {"tcp_listen_options.sndbuf", noted, "", "the operating system sizes socket buffers"},
    {"vm_memory_high_watermark_paging_ratio", noted, "0.5",
     "queues page out at queue_memory_limit and node_memory_limit"},
    {"vm_memory_calculation_strategy", noted, "rss", "memory is the resident set"},
    {"memory_monitor_interval", noted, "2500", "the interval is fixed"},
    {"collect_statistics", noted, "none", "statistics are always kept"},
    {"hipe_compile", noted, "false", runtime},
    {"background_gc_enabled", noted, "false", runtime},
    {"background_gc_target_interval", noted, "60000", runtime},
    {"delegate_count", noted, "16", runtime},
    {"channel_operation_timeout", noted, "15000", "channels do not wait for queues"},
    {"mnesia_table_loading_retry_timeout", noted, "30000", store},
    {"mnesia_table_loading_retry_limit", noted, "10", store},
    {"queue_index_embed_msgs_below", noted, "4096", store},
    {"queue_index_max_journal_entries", noted, "32768", store},
    {"msg_store_file_size_limit", noted, "16777216", store},
    {"msg_store_credit_disc_bound", noted, "", store},
    {"lazy_queue_explicit_gc_run_operation_threshold", noted, "1000", runtime},
    {"distribution.listener.port_range.max", noted, "", "the port is distribution.listener.port_range.min"},
    {"cluster_formation.node_type", noted, "disc", "every node keeps its data on disk"},
    {"cluster_formation.randomized_startup_delay_range.min", noted, "5", "the first node by name founds the cluster"},
    {"cluster_formation.randomized_startup_delay_range.max", noted, "60", "the first node by name founds the cluster"},
    {"cluster_formation.target_cluster_size_hint", noted, "1", "nothing waits for a size"},
    {"cluster_formation.node_cleanup.only_log_warning", noted, "true", "nodes are removed by operators only"},
    {"cluster_formation.node_cleanup.interval", noted, "60", "nodes are removed by operators only"},
    {"net_ticktime", noted, "60", cluster},
    {"cluster_partition_handling", noted, "ignore", "a minority changes nothing, and heals by itself"},
    {"cluster_keepalive_interval", noted, "10000", cluster},
    {"mirroring_sync_batch_size", noted, "4096", "mirrors synchronise beside the queue's work"},
    {"mirroring_flow_control", noted, "true", "publishers always wait for their mirrors"},
    {"raft.$", noted, "", "replication has fixed settings"},
    {"management.rates_mode", noted, "basic", "rates are always those of `basic`"},
    {"management.path_prefix", noted, "", "the management interface is at the root"},
    {"management_agent.disable_metrics_collector", noted, "false", "metrics cost nothing that is worth switching off"},
    {"log.file.rotation.date", noted, "", "rotate with logrotate and SIGHUP"},
    {"log.file.rotation.size", noted, "0", "rotate with logrotate and SIGHUP"},
    {"log.file.rotation.count", noted, "", "rotate with logrotate and SIGHUP"},
    {"log.connection.level", noted, "info", "all categories share log.file.level"},
    {"log.channel.level", noted, "info", "all categories share log.file.level"},
    {"log.queue.level", noted, "info", "all categories share log.file.level"},
    {"log.mirroring.level", noted, "info", "all categories share log.file.level"},
    {"log.federation.level", noted, "info", "all categories share log.file.level"},
    {"log.upgrade.level", noted, "info", "all categories share log.file.level"},
    {"log.default.level", noted, "info", "all categories share log.file.level"},
  };
}

std::vector<config_key> unsafe_keys() {
  constexpr std::string_view tls = "there is no TLS yet, and clients would talk in the clear";
  constexpr std::string_view limit = "the limit is not enforced yet";
  return {
    {"listeners.ssl.$", refused, "", tls},
    {"ssl_options.$", refused, "", tls},
    {"ssl_options.versions.$", refused, "", tls},
    {"ssl_options.ciphers.$", refused, "", tls},
    {"ssl_cert_login_from", refused, "", tls},
    {"management.ssl.$", refused, "", tls},
    {"log.file.formatter", refused, "", "log lines have one format"},
    {"log.console.formatter", refused, "", "log lines have one format"},
    {"channel_max_per_node", refused, "", limit},
    {"consumer_max_per_channel", refused, "", limit},
    {"vhost_max", refused, "", limit},
    {"cluster_queue_limit", refused, "", limit},
    {"total_memory_available_override_value", refused, "", "set vm_memory_high_watermark.absolute instead"},
    {"vm_memory_high_watermark", refused, "", "write vm_memory_high_watermark.relative or .absolute"},
    {"disk_free_limit", refused, "", "write disk_free_limit.absolute or .relative"},
  };
}

} // namespace

std::vector<config_key> foreign_config_keys() {
  std::vector<config_key> keys;
  for (auto part : {switched_off_keys(), tuning_keys(), unsafe_keys()})
    keys.insert(keys.end(), part.begin(), part.end());
  return keys;
}

} // namespace broker
