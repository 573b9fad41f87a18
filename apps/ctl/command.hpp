// The commands of warrenctl: what each takes, prints first, and may list.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"

namespace broker::ctl {

struct command {
  std::string_view name;
  std::string_view group; ///< heading in the list of commands
  std::string_view usage; ///< what follows the name in the usage line
  std::string_view description;
  size_t least_arguments = 0;
  size_t most_arguments = 0;
  /// Printed before the request is made; may be empty.
  std::string (*banner)(const invocation&) = nullptr;
  /// Columns that may be asked for as arguments; empty = arguments are plain.
  std::span<const std::string_view> columns = {};
  std::vector<std::string> default_columns = {};
};

const std::vector<command>& commands();
/// Null when there is none.
const command* find_command(std::string_view name);

/// "rabbitmqctl [--node <node>] [--longnames] [--quiet] add_user <username> <password>"
std::string usage_line(const invocation& call, const command& what);
/// The page with every command.
std::string overview(std::string_view program);
/// "Command 'x' not found", the nearest name, and the page.
std::string unknown_command(const invocation& call);

/// "" or why the arguments do not fit: "not enough arguments.", "too many arguments.", unknown columns.
std::string argument_problem(const invocation& call, const command& what);

/// 60.0 for lists, as RabbitMQ; negative = for ever.
double timeout_of(const invocation& call, double preset);

} // namespace broker::ctl
