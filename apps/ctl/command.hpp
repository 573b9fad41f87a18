// The commands of warrenctl: what each takes, prints first, and how its answer looks. The table is in the files
// commands_*.cpp, one per heading of the tool's help (features.md O02-O12).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "control_message.hpp"

namespace broker::ctl {

struct terminal;

/// RabbitMQ's tools whose commands these are; warrenctl has all of them.
namespace tool {
inline constexpr uint8_t ctl = 1;         ///< rabbitmqctl
inline constexpr uint8_t diagnostics = 2; ///< rabbitmq-diagnostics
inline constexpr uint8_t plugins = 4;     ///< rabbitmq-plugins
inline constexpr uint8_t queues = 8;      ///< rabbitmq-queues
inline constexpr uint8_t upgrade = 16;    ///< rabbitmq-upgrade
inline constexpr uint8_t all = ctl | diagnostics | plugins | queues | upgrade;
inline constexpr uint8_t look = ctl | diagnostics;
} // namespace tool

/// Headings in the list of commands that several files have commands for.
namespace heading {
inline constexpr std::string_view monitoring = "Monitoring, observability and health checks";
inline constexpr std::string_view configuration = "Configuration and Environment";
} // namespace heading

inline constexpr size_t any_number = 1000;

/// Why arguments do not fit; text "" = they do.
struct complaint {
  int exit_code = 0;
  std::string text;
};

/// What must be so on the node before the command says anything (features.md O12).
enum class app_need : uint8_t {
  running,
  stopped,
  any, ///< also of no node
};

struct command {
  std::string_view name;
  std::string_view group;      ///< heading in the list of commands
  std::string_view usage = {}; ///< what follows the name in the usage line
  std::string_view description = {};
  size_t least_arguments = 0;
  size_t most_arguments = 0;
  /// Printed before the request is made; may be empty.
  std::string (*banner)(const invocation&) = nullptr;
  /// Columns that may be asked for as arguments; empty = arguments are plain.
  std::span<const std::string_view> columns = {};
  std::vector<std::string> default_columns = {};
  std::vector<option> options = {};
  uint8_t tools = tool::ctl;
  app_need needs = app_need::running;
  /// What is wrong with arguments and options beyond their number, before anything is asked.
  complaint (*problem)(const invocation&) = nullptr;
  /// The answer as text, unless JSON or CSV is wanted; without it, rows are laid out as a table.
  std::string (*page)(const invocation&, const control::response&) = nullptr;
  /// The answer's one row is one JSON object rather than a list of one.
  bool record = false;
  /// A missing last argument is read from the terminal.
  bool reads_password = false;
  /// Does everything after the banner itself; without it the node is asked. Returns the exit code.
  int (*perform)(invocation&, const command&, const terminal&) = nullptr;
};

/// Every command, sorted as the help shows them.
const std::vector<command>& commands();
/// Null when the program of that name has no such command.
const command* find_command(std::string_view program, std::string_view name);

/// "rabbitmqctl [--node <node>] [--longnames] [--quiet] add_user <username> <password>"
std::string usage_line(const invocation& call, const command& what);
/// The page with every command of the program.
std::string overview(std::string_view program);
/// "Command 'x' not found", the nearest name, and the page.
std::string unknown_command(const invocation& call);

/// "not enough arguments.", "too many arguments.", unknown columns, or what the command itself finds.
complaint argument_problem(const invocation& call, const command& what);

/// 60.0 for lists, as RabbitMQ; negative = for ever.
double timeout_of(const invocation& call, double preset);

// -- the parts of the table
// -------------------------------------------------------------------------------------------

std::vector<command> help_commands();
std::vector<command> node_commands();
std::vector<command> cluster_commands();
std::vector<command> member_commands();
std::vector<command> maintenance_commands();
std::vector<command> user_commands();
std::vector<command> access_commands();
std::vector<command> look_commands();
std::vector<command> health_commands();
std::vector<command> parameter_commands();
std::vector<command> policy_commands();
std::vector<command> vhost_commands();
std::vector<command> configuration_commands();
std::vector<command> definition_commands();
std::vector<command> operation_commands();
std::vector<command> queue_commands();
std::vector<command> plugin_commands();

/// `text` in double quotes, as banners have it.
std::string in_quotes(std::string_view text);

} // namespace broker::ctl
