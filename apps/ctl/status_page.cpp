// The text pages of `status` and `cluster_status`: titled sections, a blank line around each title.
#include <algorithm>
#include <array>
#include <cstdio>

#include "formatter.hpp"

namespace broker::ctl {

namespace {

using control::value;
using control::value_list;
using control::value_record;

const value nothing;

/// A field of a record, or nothing.
const value& field(const value& record, std::string_view name) {
  if (const auto* fields = std::get_if<value_record>(&record.content))
    for (const auto& [key, each] : *fields)
      if (key == name)
        return each;
  return nothing;
}

/// A column of the answer's one row, or nothing.
const value& column(const control::response& answer, std::string_view name) {
  const auto found = std::find(answer.columns.begin(), answer.columns.end(), name);
  if (found == answer.columns.end() || answer.rows.empty())
    return nothing;
  return answer.rows.front()[static_cast<size_t>(found - answer.columns.begin())];
}

const value_list& list_of(const value& cell) {
  static const value_list empty;
  const auto* list = std::get_if<value_list>(&cell.content);
  return list == nullptr ? empty : *list;
}

const value_record& record_of(const value& cell) {
  static const value_record empty;
  const auto* record = std::get_if<value_record>(&cell.content);
  return record == nullptr ? empty : *record;
}

/// Bytes as gigabytes with one to four digits after the point, like "0.05 gb" and "1024.0 gb".
std::string gigabytes(const value& cell) {
  const auto* bytes = std::get_if<int64_t>(&cell.content);
  std::array<char, 48> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.4f",
                                 bytes == nullptr ? 0.0 : static_cast<double>(*bytes) / 1'000'000'000.0);
  std::string text{buffer.data(), static_cast<size_t>(size)};
  while (text.ends_with('0') && text[text.size() - 2] != '.')
    text.pop_back();
  return text + " gb";
}

/// Sections after the first are set off by a blank line.
void title(std::string& page, std::string_view name) {
  page += (page.empty() ? "" : "\n") + std::string{name} + "\n\n";
}

void line(std::string& page, std::string_view name, const value& cell) {
  page += std::string{name} + ": " + plain_text(cell) + "\n";
}

void lines_or_none(std::string& page, const value_list& list, std::string_view prefix) {
  if (list.empty())
    page += "(none)\n";
  for (const auto& each : list)
    page += std::string{prefix} + plain_text(each) + "\n";
}

void runtime_section(std::string& page, const control::response& answer) {
  title(page, "Runtime");
  line(page, "OS PID", column(answer, "pid"));
  line(page, "OS", column(answer, "os"));
  line(page, "Uptime (seconds)", column(answer, "uptime"));
  line(page, "Is under maintenance?", column(answer, "is_under_maintenance"));
  line(page, "RabbitMQ version", column(answer, "rabbitmq_version"));
  line(page, "Product name", column(answer, "product_name"));
  line(page, "Product version", column(answer, "product_version"));
  line(page, "Node name", column(answer, "node"));
}

void resource_sections(std::string& page, const control::response& answer) {
  const auto& memory = column(answer, "memory");
  title(page, "Memory");
  page += "Total memory used: " + gigabytes(field(memory, "total")) + "\nCalculation strategy: rss\n"
        + "Memory high watermark setting: computed to: " + gigabytes(field(memory, "watermark")) + "\n";
  const auto& files = column(answer, "file_descriptors");
  title(page, "File Descriptors");
  page +=
    "Total: " + plain_text(field(files, "total_used")) + ", limit: " + plain_text(field(files, "total_limit")) + "\n";
  title(page, "Free Disk Space");
  page += "Low free disk space watermark: " + gigabytes(column(answer, "disk_free_limit"))
        + "\nFree disk space: " + gigabytes(column(answer, "disk_free")) + "\n";
}

/// RabbitMQ's line per node that cannot reach others; ours says what follows from it.
void partition_section(std::string& page, const control::response& answer) {
  title(page, "Network Partitions");
  const auto& partitions = record_of(column(answer, "partitions"));
  const auto& minority = list_of(column(answer, "minority"));
  if (partitions.empty() && minority.empty())
    page += "(none)\n";
  for (const auto& [node, others] : partitions) {
    std::string names;
    for (const auto& each : list_of(others)) {
      if (!names.empty())
        names += ", ";
      names += plain_text(each);
    }
    page.append("Node ").append(node).append(" cannot communicate with ").append(names).append("\n");
  }
  for (const auto& node : minority)
    page += "Node " + plain_text(node) + " has no majority of the cluster's nodes: until it has, users, virtual hosts, "
          + "policies, queues, exchanges and bindings cannot be changed there\n";
}

} // namespace

std::string listener_lines(const value_list& listeners, bool with_node) {
  std::string text;
  for (const auto& each : listeners) {
    text += with_node ? "Node: " + plain_text(field(each, "node")) + ", interface: " : "Interface: ";
    text += plain_text(field(each, "interface")) + ", port: " + plain_text(field(each, "port")) + ", protocol: "
          + plain_text(field(each, "protocol")) + ", purpose: " + plain_text(field(each, "purpose")) + "\n";
  }
  return text;
}

std::string status_page(const control::response& answer) {
  std::string page;
  runtime_section(page, answer);
  title(page, "Data directory");
  line(page, "Node data directory", column(answer, "data_directory"));
  title(page, "Config files");
  lines_or_none(page, list_of(column(answer, "config_files")), " * ");
  title(page, "Log file(s)");
  lines_or_none(page, list_of(column(answer, "log_files")), " * ");
  title(page, "Alarms");
  lines_or_none(page, list_of(column(answer, "alarms")), "");
  resource_sections(page, answer);
  const auto& totals = column(answer, "totals");
  title(page, "Totals");
  line(page, "Connection count", field(totals, "connection_count"));
  line(page, "Queue count", field(totals, "queue_count"));
  line(page, "Virtual host count", field(totals, "virtual_host_count"));
  title(page, "Listeners");
  page += listener_lines(list_of(column(answer, "listeners")), false);
  return page;
}

std::string cluster_status_page(const control::response& answer) {
  std::string page;
  title(page, "Basics");
  line(page, "Cluster name", column(answer, "cluster_name"));
  const std::pair<std::string_view, std::string_view> node_lists[] = {
    {"Disk Nodes", "disk_nodes"}, {"RAM Nodes", "ram_nodes"}, {"Running Nodes", "running_nodes"}};
  for (const auto& [heading, name] : node_lists)
    if (const auto& nodes = list_of(column(answer, name)); !nodes.empty()) {
      title(page, heading);
      lines_or_none(page, nodes, "");
    }
  title(page, "Versions");
  for (const auto& [node, version] : record_of(column(answer, "versions")))
    page += node + ": RabbitMQ " + plain_text(field(version, "rabbitmq_version")) + " on "
          + plain_text(field(version, "product_name")) + " " + plain_text(field(version, "product_version")) + "\n";
  title(page, "Maintenance status");
  for (const auto& [node, state] : record_of(column(answer, "maintenance_status")))
    page += "Node: " + node + ", status: " + plain_text(state) + "\n";
  title(page, "Alarms");
  lines_or_none(page, list_of(column(answer, "alarms")), "");
  partition_section(page, answer);
  title(page, "Listeners");
  for (const auto& [node, listeners] : record_of(column(answer, "listeners")))
    page += listener_lines(list_of(listeners), true);
  title(page, "Feature flags");
  for (const auto& flag : list_of(column(answer, "feature_flags")))
    page += "Flag: " + plain_text(field(flag, "name")) + ", state: " + plain_text(field(flag, "state")) + "\n";
  return page;
}

} // namespace broker::ctl
