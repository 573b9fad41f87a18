// A tool invocation: RabbitMQ's command line (features.md O05, O12), parsed but not yet judged by its command.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace broker::ctl {

enum class layout : uint8_t { standard, table, json, csv };

struct invocation {
  std::string program; ///< as called: warrenctl, rabbitmqctl
  std::string given;   ///< all arguments, for error texts
  std::string command; ///< "" = none
  std::vector<std::string> arguments;
  std::string node; ///< -n, --node; completed to name@host
  std::string vhost = "/";
  std::optional<double> timeout_s; ///< -t; infinity is a negative number
  layout format = layout::standard;
  bool quiet = false;  ///< -q: no banner
  bool silent = false; ///< -s: no banner, no table headers
  bool no_table_headers = false;
  bool help = false;
  bool offline = false; ///< list_queues --offline: only queues of stopped nodes, of which a single node has none
  std::string cookie;   ///< --erlang-cookie
};

/// `arguments` without the program's name. `default_node` is RABBITMQ_NODENAME or "". Error: an option that does not
/// exist or lacks its value; `given` and `program` of `into` are valid even then.
result<void> parse_command_line(std::string_view program, std::span<const char* const> arguments,
                                std::string_view default_node, invocation& into);

} // namespace broker::ctl
