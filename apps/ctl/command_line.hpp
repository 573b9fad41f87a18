// A tool invocation: RabbitMQ's command line (features.md O05, O12), parsed but not yet judged by its command.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace broker::ctl {

enum class layout : uint8_t { standard, table, pretty_table, json, csv };

/// An option that only some commands have, e.g. {"--priority", "", true}.
struct option {
  std::string_view name;
  std::string_view letter; ///< "-u", "" = none
  bool takes_value = false;
};

struct invocation {
  std::string program; ///< as called: warrenctl, rabbitmqctl, rabbitmq-diagnostics and so on
  std::string given;   ///< all arguments, for error texts
  std::string command; ///< "" = none
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options; ///< the command's own, by name without dashes; "true" for switches
  std::string node;                           ///< -n, --node; completed to name@host
  std::optional<std::string> vhost;           ///< -p, --vhost
  std::optional<double> timeout_s;            ///< -t; infinity is a negative number
  layout format = layout::standard;
  bool quiet = false;  ///< -q: no banner
  bool silent = false; ///< -s: no banner, no table headers
  bool no_table_headers = false;
  bool help = false;
  std::string cookie; ///< --erlang-cookie

  /// The vhost asked for, or "/".
  std::string vhost_or_default() const { return vhost.value_or("/"); }
  bool has(std::string_view name) const { return options.contains(std::string{name}); }
  /// An option's value, or `preset`.
  std::string option_or(std::string_view name, std::string_view preset) const {
    const auto found = options.find(std::string{name});
    return found == options.end() ? std::string{preset} : found->second;
  }
  bool machine_readable() const { return format == layout::json || format == layout::csv; }
  bool shows_banner() const { return !quiet && !silent && !machine_readable(); }
};

/// `arguments` without the program's name. `default_node` is RABBITMQ_NODENAME or "". Error: an option that the command
/// does not have, or that lacks its value; `given`, `program` and `command` of `into` are valid even then.
result<void> parse_command_line(std::string_view program, std::span<const char* const> arguments,
                                std::string_view default_node, invocation& into);

} // namespace broker::ctl
