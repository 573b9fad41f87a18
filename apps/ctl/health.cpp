#include "health.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "ask.hpp"
#include "formatter.hpp"

namespace broker::ctl {

using control::value;
using control::value_list;
using control::value_record;

int report_finding(const invocation& call, const finding& what, const terminal& console) {
  const int code = what.healthy ? exit_code::ok : exit_code::unavailable;
  if (call.format == layout::json) {
    control::response record;
    record.rows.emplace_back();
    for (const auto& [name, fact] : what.facts) {
      record.columns.push_back(name);
      record.rows[0].push_back(fact);
    }
    record.columns.insert(record.columns.end(), {"message", "result"});
    record.rows[0].push_back(what.text);
    record.rows[0].push_back(what.healthy ? "ok" : "error");
    console.out(format_record(record));
  } else if (what.healthy)
    console.out(what.text + "\n");
  else
    console.err((what.heading ? "Error:\n" : "") + what.text + "\n");
  return code;
}

int fetch(const invocation& call, std::string_view verb, std::vector<std::string> columns, const terminal& console,
          control::response& answer) {
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  return node.ask({std::string{verb}, {}, {}, std::move(columns)}, answer);
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
  std::string all;
  for (const auto& each : texts)
    all += (all.empty() ? "" : std::string{separator}) + each;
  return all;
}

std::vector<std::string> column_of(const control::response& answer, std::string_view name) {
  const auto found = std::find(answer.columns.begin(), answer.columns.end(), name);
  BROKER_ASSERT(found != answer.columns.end(), "the node answers with the columns of its verb");
  std::vector<std::string> texts;
  for (const auto& cells : answer.rows)
    texts.push_back(plain_text(cells[static_cast<size_t>(found - answer.columns.begin())]));
  return texts;
}

value_list records_of(const control::response& answer) {
  value_list records;
  for (const auto& cells : answer.rows) {
    value_record record;
    for (size_t i = 0; i < cells.size(); ++i)
      record.emplace_back(answer.columns[i], cells[i]);
    records.emplace_back(std::move(record));
  }
  return records;
}

namespace {

value_list to_list(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

/// `failing`: alarms make the check fail.
int alarms(const invocation& call, bool failing, bool local, const terminal& console) {
  control::response answer;
  if (const int code = fetch(call, "alarms", {}, console, answer); code != exit_code::ok)
    return code;
  std::vector<std::string> here, elsewhere;
  const auto nodes = column_of(answer, "node");
  for (size_t i = 0; const auto& text : column_of(answer, "alarm"))
    (nodes[i++] == call.node ? here : elsewhere).push_back(text);
  auto texts = here;
  if (!local)
    texts.insert(texts.end(), elsewhere.begin(), elsewhere.end());
  finding found;
  found.healthy = texts.empty() || !failing;
  found.heading = local;
  found.facts = {{"global", to_list(elsewhere)}, {"local", to_list(here)}};
  found.text = !texts.empty() ? joined(texts, "\n")
             : local          ? "Node " + call.node + " reported no local alarms"
                              : "Node " + call.node + " reported no alarms, local or clusterwide";
  return report_finding(call, found, console);
}

/// Bytes in the unit asked for, with one to four digits after the point.
std::string in_unit(int64_t bytes, const std::string& unit) {
  const double divisor = unit == "bytes" ? 1 : unit == "kb" ? 1e3 : unit == "mb" ? 1e6 : unit == "tb" ? 1e12 : 1e9;
  std::array<char, 48> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.4f", static_cast<double>(bytes) / divisor);
  std::string text{buffer.data(), static_cast<size_t>(size)};
  while (text.ends_with('0') && text[text.size() - 2] != '.')
    text.pop_back();
  return text + " " + unit;
}

int64_t number_of(const value& cell) {
  const auto* number = std::get_if<int64_t>(&cell.content);
  return number == nullptr ? 0 : *number;
}

} // namespace

int show_alarms(invocation& call, const command&, const terminal& console) {
  return alarms(call, false, false, console);
}

int check_alarms(invocation& call, const command&, const terminal& console) {
  return alarms(call, true, false, console);
}

int check_local_alarms(invocation& call, const command&, const terminal& console) {
  return alarms(call, true, true, console);
}

int check_port_listener(invocation& call, const command&, const terminal& console) {
  control::response answer;
  if (const int code = fetch(call, "listeners", {}, console, answer); code != exit_code::ok)
    return code;
  const std::string& port = call.arguments[0];
  const auto ports = column_of(answer, "port");
  finding found;
  found.healthy = std::find(ports.begin(), ports.end(), port) != ports.end();
  found.facts = {{"listeners", records_of(answer)}, {"ports", to_list(ports)}};
  if (!found.healthy)
    found.facts.emplace_back("missing", port);
  found.text = found.healthy ? "A listener for port " + port + " is running on node " + call.node + "."
                             : "No listener for port " + port + " is active on node " + call.node
                                 + ". Found listeners that use the following ports: " + joined(ports, ", ");
  return report_finding(call, found, console);
}

int check_port_connectivity(invocation& call, const command&, const terminal& console) {
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  if (const int code = node.ask({"listeners", {}, {}, {}}, answer); code != exit_code::ok)
    return code;
  const auto ports = column_of(answer, "port");
  std::vector<std::string> failed;
  for (const auto& port : ports) {
    control_client probe{deadline_after(node.timeout_s())};
    if (!probe.connect(node.where().host, static_cast<uint16_t>(std::strtoul(port.c_str(), nullptr, 10))))
      failed.push_back(port);
  }
  finding found;
  found.healthy = failed.empty();
  found.facts = {{"ports", to_list(ports)}, {"failures", to_list(failed)}};
  found.text = found.healthy
               ? "Successfully connected to ports " + joined(ports, ", ") + " on node " + call.node + "."
               : "Connection attempts to the following ports failed on node " + call.node + ": " + joined(failed, ", ");
  return report_finding(call, found, console);
}

int check_protocol_listener(invocation& call, const command&, const terminal& console) {
  control::response answer;
  if (const int code = fetch(call, "listeners", {}, console, answer); code != exit_code::ok)
    return code;
  const std::string& wanted = call.arguments[0];
  // Other spellings that RabbitMQ's tools take for the same protocol.
  const std::string protocol = wanted == "amqp091" || wanted == "amqp0.9.1" || wanted == "amqp10" ? "amqp" : wanted;
  auto protocols = column_of(answer, "protocol");
  finding found;
  found.heading = true;
  found.healthy = std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
  std::sort(protocols.begin(), protocols.end());
  protocols.erase(std::unique(protocols.begin(), protocols.end()), protocols.end());
  found.facts = {{"protocols", to_list(protocols)}};
  found.text = found.healthy ? "A listener for protocol " + wanted + " is running on node " + call.node + "."
                             : "No listener for protocol " + wanted + " is active on node " + call.node
                                 + ". Found listeners for the following protocols: " + joined(protocols, ", ");
  return report_finding(call, found, console);
}

int check_virtual_hosts(invocation& call, const command&, const terminal& console) {
  control::response answer;
  if (const int code = fetch(call, "list_vhosts", {"name", "cluster_state"}, console, answer); code != exit_code::ok)
    return code;
  std::vector<std::string> down;
  for (const auto& cells : answer.rows) {
    const auto* states = std::get_if<value_record>(&cells[1].content);
    if (states == nullptr || states->empty() || states->front().second != value{"running"})
      down.push_back(plain_text(cells[0]));
  }
  finding found;
  found.healthy = down.empty();
  found.text = down.empty() ? "Node " + call.node + " reported all vhosts as running"
                            : "Some virtual hosts on node " + call.node + " are down:\n" + joined(down, "\n");
  return report_finding(call, found, console);
}

int show_listeners(invocation& call, const command&, const terminal& console) {
  control::response answer;
  if (const int code = fetch(call, "listeners", {}, console, answer); code != exit_code::ok)
    return code;
  const value_list listeners = records_of(answer);
  console.out(call.format == layout::json
                ? format_record({0, {}, {"listeners", "node", "result"}, {{listeners, call.node, "ok"}}})
                : listener_lines(listeners, false));
  return exit_code::ok;
}

std::string memory_page(const invocation& call, const control::response& answer) {
  std::string unit = call.option_or("unit", "gb");
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string page;
  for (size_t i = 0; i < answer.columns.size(); ++i) {
    const auto* part = std::get_if<value_record>(&answer.rows[0][i].content);
    BROKER_ASSERT(part != nullptr && part->size() == 2, "a part of the memory has bytes and percentage");
    page += answer.columns[i] + ": " + in_unit(number_of((*part)[0].second), unit) + " ("
          + plain_text((*part)[1].second) + "%)\n";
  }
  return page + "\n";
}

std::string lines_page(const invocation&, const control::response& answer) {
  std::string page;
  for (const auto& cells : answer.rows)
    page += plain_text(cells[0]) + "\n";
  return page.empty() ? "\n" : page;
}

} // namespace broker::ctl
