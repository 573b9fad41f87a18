#include "columns.hpp"

namespace broker::ctl {

namespace {

constexpr std::string_view of_queues[] = {"name",
                                          "durable",
                                          "auto_delete",
                                          "arguments",
                                          "policy",
                                          "operator_policy",
                                          "effective_policy_definition",
                                          "pid",
                                          "owner_pid",
                                          "exclusive",
                                          "exclusive_consumer_pid",
                                          "exclusive_consumer_tag",
                                          "messages_ready",
                                          "messages_unacknowledged",
                                          "messages",
                                          "messages_ready_ram",
                                          "messages_unacknowledged_ram",
                                          "messages_ram",
                                          "messages_persistent",
                                          "message_bytes",
                                          "message_bytes_ready",
                                          "message_bytes_unacknowledged",
                                          "message_bytes_ram",
                                          "message_bytes_persistent",
                                          "head_message_timestamp",
                                          "disk_reads",
                                          "disk_writes",
                                          "consumers",
                                          "consumer_utilisation",
                                          "consumer_capacity",
                                          "memory",
                                          "slave_pids",
                                          "synchronised_slave_pids",
                                          "state",
                                          "type",
                                          "leader",
                                          "members",
                                          "online"};
constexpr std::string_view of_exchanges[] = {"name",     "type",      "durable", "auto_delete",
                                             "internal", "arguments", "policy"};
constexpr std::string_view of_bindings[] = {"source_name",      "source_kind", "destination_name",
                                            "destination_kind", "routing_key", "arguments"};
constexpr std::string_view of_connections[] = {"pid",
                                               "name",
                                               "port",
                                               "host",
                                               "peer_port",
                                               "peer_host",
                                               "ssl",
                                               "ssl_protocol",
                                               "ssl_key_exchange",
                                               "ssl_cipher",
                                               "ssl_hash",
                                               "peer_cert_subject",
                                               "peer_cert_issuer",
                                               "peer_cert_validity",
                                               "state",
                                               "channels",
                                               "protocol",
                                               "auth_mechanism",
                                               "user",
                                               "vhost",
                                               "timeout",
                                               "frame_max",
                                               "channel_max",
                                               "client_properties",
                                               "recv_oct",
                                               "recv_cnt",
                                               "send_oct",
                                               "send_cnt",
                                               "send_pend",
                                               "connected_at"};
constexpr std::string_view of_channels[] = {"pid",
                                            "connection",
                                            "name",
                                            "number",
                                            "user",
                                            "vhost",
                                            "transactional",
                                            "confirm",
                                            "consumer_count",
                                            "messages_unacknowledged",
                                            "messages_uncommitted",
                                            "acks_uncommitted",
                                            "messages_unconfirmed",
                                            "prefetch_count",
                                            "global_prefetch_count",
                                            "state"};
constexpr std::string_view of_consumers[] = {"queue_name",     "channel_pid", "consumer_tag",    "ack_required",
                                             "prefetch_count", "active",      "activity_status", "arguments"};
constexpr std::string_view of_vhosts[] = {"name",    "description",  "tags", "default_queue_type",
                                          "tracing", "cluster_state"};
constexpr std::string_view of_feature_flags[] = {"name", "state", "stability", "provided_by", "desc", "doc_url"};

} // namespace

std::span<const std::string_view> queue_columns() {
  return of_queues;
}
std::span<const std::string_view> exchange_columns() {
  return of_exchanges;
}
std::span<const std::string_view> binding_columns() {
  return of_bindings;
}
std::span<const std::string_view> connection_columns() {
  return of_connections;
}
std::span<const std::string_view> channel_columns() {
  return of_channels;
}
std::span<const std::string_view> consumer_columns() {
  return of_consumers;
}
std::span<const std::string_view> vhost_columns() {
  return of_vhosts;
}
std::span<const std::string_view> feature_flag_columns() {
  return of_feature_flags;
}

} // namespace broker::ctl
