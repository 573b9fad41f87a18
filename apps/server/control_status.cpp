#include "control_status.hpp"

#include <algorithm>

#include <unistd.h>

#include "version.hpp"

namespace broker {

namespace {

using control::value;
using control::value_list;
using control::value_record;

struct feature_flag {
  std::string_view name;
  std::string_view provided_by;
  std::string_view description;
};

/// What RabbitMQ 3.10 lists for a fresh node: tools ask for some of these by name.
constexpr feature_flag feature_flags[] = {
  {"classic_mirrored_queue_version", "rabbit", "Support setting version for classic mirrored queues"},
  {"drop_unroutable_metric", "rabbitmq_management_agent", "Count unroutable publishes to be dropped in stats"},
  {"empty_basic_get_metric", "rabbitmq_management_agent", "Count AMQP `basic.get` on empty queues in stats"},
  {"implicit_default_bindings", "rabbit", "Default bindings are now implicit, instead of being stored in the database"},
  {"maintenance_mode_status", "rabbit", "Maintenance mode status"},
  {"quorum_queue", "rabbit", "Support queues of type `quorum`"},
  {"stream_queue", "rabbit", "Support queues of type `stream`"},
  {"user_limits", "rabbit", "Configure connection and channel limits for a user"},
  {"virtual_host_metadata", "rabbit", "Virtual host metadata (description, tags, etc)"},
};

value flag_cell(const feature_flag& flag, const std::string& column) {
  if (column == "name")
    return flag.name;
  if (column == "state")
    return "enabled";
  if (column == "stability")
    return "stable";
  if (column == "provided_by")
    return flag.provided_by;
  if (column == "desc")
    return flag.description;
  return {};
}

value_list to_list(const std::vector<std::string>& texts) {
  return value_list(texts.begin(), texts.end());
}

value_list listener_list(const node_facts& node) {
  value_list list;
  for (const auto& each : node.listeners)
    list.emplace_back(value_record{{"interface", each.interface},
                                   {"node", node.node},
                                   {"port", each.port},
                                   {"protocol", each.protocol},
                                   {"purpose", each.purpose}});
  return list;
}

control::response one_row(value_record&& record) {
  control::response answer;
  control::row cells;
  for (auto& [name, cell] : record) {
    answer.columns.push_back(name);
    cells.push_back(std::move(cell));
  }
  answer.rows.push_back(std::move(cells));
  return answer;
}

/// A cell of the one row; no value when there is no such column.
value cell_of(const control::response& answer, std::string_view column) {
  for (size_t i = 0; i < answer.columns.size() && answer.rows.size() == 1; ++i)
    if (answer.columns[i] == column)
      return answer.rows[0][i];
  return {};
}

} // namespace

control::response feature_flag_rows(const std::vector<std::string>& columns) {
  control::response answer;
  answer.columns = columns;
  for (const auto& flag : feature_flags) {
    control::row cells;
    for (const auto& column : columns)
      cells.push_back(flag_cell(flag, column));
    answer.rows.push_back(std::move(cells));
  }
  return answer;
}

control::response status_answer(const node_facts& node) {
  return one_row({
    {"pid", static_cast<int64_t>(getpid())},
    {"os", "Linux"},
    {"uptime", node.uptime_s},
    {"is_under_maintenance", node.maintenance},
    {"rabbitmq_version", rabbitmq_version},
    {"product_name", "Warren"},
    {"product_version", warren_version},
    {"node", node.node},
    {"data_directory", node.data_dir},
    {"config_files", node.config_file.empty() ? value_list{} : value_list{node.config_file}},
    {"log_files", node.log_file.empty() ? value_list{} : value_list{node.log_file}},
    {"alarms", to_list(node.alarms)},
    {"memory", value_record{{"total", node.memory_bytes}, {"watermark", node.memory_watermark_bytes}}},
    {"file_descriptors", value_record{{"total_used", node.open_files}, {"total_limit", node.open_files_max}}},
    {"disk_free", node.disk_free_bytes},
    {"disk_free_limit", node.disk_free_limit_bytes},
    {"totals", value_record{{"connection_count", node.connections},
                            {"queue_count", node.queues},
                            {"virtual_host_count", node.vhosts}}},
    {"listeners", listener_list(node)},
  });
}

control::response own_status_answer(const node_facts& node) {
  return one_row({
    {"alarms", to_list(node.alarms)},
    {"listeners", listener_list(node)},
    {"maintenance_status", node.maintenance ? "marked for maintenance" : "not under maintenance"},
    {"minority", node.minority},
    {"unreachable", to_list(node.unreachable)},
    {"version", value_record{{"product_name", "Warren"},
                             {"product_version", warren_version},
                             {"rabbitmq_name", "RabbitMQ"},
                             {"rabbitmq_version", rabbitmq_version}}},
  });
}

control::response cluster_status_answer(const node_facts& node, const std::vector<cluster_member>& members,
                                        const std::vector<std::pair<std::string, control::response>>& others) {
  value_list flags, all, running, alarms, minority;
  for (const auto& flag : feature_flags)
    flags.emplace_back(value_record{{"name", flag.name}, {"state", "enabled"}});
  value_record listeners, maintenance, partitions, versions;
  const auto own = own_status_answer(node);
  for (const auto& member : members) {
    all.emplace_back(member.node);
    if (member.running)
      running.emplace_back(member.node);
    const auto told =
      std::find_if(others.begin(), others.end(), [&](const auto& each) { return each.first == member.node; });
    const control::response* status = member.node == node.node ? &own : told == others.end() ? nullptr : &told->second;
    if (status == nullptr)
      continue;
    const auto raised = cell_of(*status, "alarms");
    if (const auto* list = std::get_if<value_list>(&raised.content))
      alarms.insert(alarms.end(), list->begin(), list->end());
    listeners.emplace_back(member.node, cell_of(*status, "listeners"));
    maintenance.emplace_back(member.node, cell_of(*status, "maintenance_status"));
    versions.emplace_back(member.node, cell_of(*status, "version"));
    if (cell_of(*status, "minority") != value{true})
      continue;
    minority.emplace_back(member.node);
    const auto lost = cell_of(*status, "unreachable");
    if (const auto* list = std::get_if<value_list>(&lost.content); list != nullptr && !list->empty())
      partitions.emplace_back(member.node, *list);
  }
  // A node that has an alarm and does not answer in time.
  for (const auto& [other, what] : node.other_nodes)
    for (const auto& text : cluster::alarm_texts(other, what))
      if (std::find(alarms.begin(), alarms.end(), value{text}) == alarms.end())
        alarms.emplace_back(text);
  return one_row({
    {"alarms", std::move(alarms)},
    {"cluster_name", node.cluster_name},
    {"disk_nodes", std::move(all)},
    {"feature_flags", std::move(flags)},
    {"listeners", std::move(listeners)},
    {"maintenance_status", std::move(maintenance)},
    {"minority", std::move(minority)},
    {"partitions", std::move(partitions)},
    {"ram_nodes", value_list{}},
    {"running_nodes", std::move(running)},
    {"versions", std::move(versions)},
  });
}

} // namespace broker
