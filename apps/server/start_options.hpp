// Command line and environment of warren-server, with RabbitMQ's names: flags beat the environment, the environment
// beats the file, the file beats the defaults.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config.hpp"

namespace broker {

struct start_options {
  std::optional<std::string> data_dir;    ///< --data DIR
  std::optional<std::string> config_file; ///< --config FILE
  std::optional<std::string> node_name;   ///< --nodename NAME
  std::optional<uint16_t> port;           ///< --port N
  bool detached = false;                  ///< -detached
  bool help = false;
  bool version = false;
};

/// A variable's value, "" when unset. std::getenv in production, a map in tests.
using environment = std::function<std::string(const char* name)>;

std::string_view server_usage();

result<start_options> parse_start_options(std::span<const char* const> arguments);

/// The complete settings of the node. Errors: file mistakes (see apply_config_file), a bad variable, a named file
/// missing.
result<node_config> load_node_config(const start_options& options, const environment& variable);

} // namespace broker
