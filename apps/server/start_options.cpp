#include "start_options.hpp"

#include <unistd.h>

#include "config_values.hpp"
#include "cookie.hpp"
#include "node_name.hpp"

namespace broker {

namespace {

/// RabbitMQ: the port for other nodes is the AMQP port plus this (RABBITMQ_DIST_PORT), that of its tools this much
/// more.
constexpr unsigned distribution_port_offset = 20'000;
constexpr unsigned control_port_offset = 10'000;
/// RabbitMQ: 15672 and 15692 for 5672.
constexpr unsigned management_port_offset = 10'000;
constexpr unsigned prometheus_port_offset = 10'020;
/// Ports from here on are what the system gives to outgoing connections: a node that listens there serves HTTP only
/// where it is told to.
constexpr unsigned ephemeral_ports = 32'768;
constexpr double default_memory_share = 0.4;

/// Finds the file to read. "" when none is wanted; a file that was named must exist.
result<std::filesystem::path> choose_config_file(const start_options& options, const environment& variable) {
  std::error_code ignored;
  std::string named = options.config_file.value_or("");
  if (named.empty())
    named = variable("RABBITMQ_CONFIG_FILE");
  if (named.empty()) {
    const std::filesystem::path usual = "/etc/warren/warren.conf";
    return std::filesystem::exists(usual, ignored) ? usual : std::filesystem::path{};
  }
  for (const std::string& candidate : {named, named + ".conf"})
    if (std::filesystem::is_regular_file(candidate, ignored))
      return std::filesystem::absolute(candidate);
  return error{0, "configuration file " + named + " does not exist"};
}

result<void> place_files(const start_options& options, const environment& variable, node_config& config) {
  std::error_code failure;
  const std::string base = variable("RABBITMQ_MNESIA_BASE"), log_base = variable("RABBITMQ_LOG_BASE");
  const bool chosen = options.data_dir.has_value() || !base.empty();
  std::filesystem::path data = options.data_dir ? std::filesystem::path{*options.data_dir}
                             : base.empty()     ? std::filesystem::path{"/var/lib/warren"} / config.node_name
                                                : std::filesystem::path{base} / config.node_name;
  config.data_dir = std::filesystem::absolute(data, failure);
  if (failure)
    return error{0, "data directory " + data.string() + ": " + failure.message()};
  if (!log_base.empty())
    config.log.folder = log_base;
  else if (config.log.folder.empty())
    config.log.folder = chosen ? config.data_dir / "log" : std::filesystem::path{"/var/log/warren"};
  config.log.folder = std::filesystem::absolute(config.log.folder, failure);
  if (config.log.file_name.empty())
    config.log.file_name = config.node_name + ".log";
  config.cookie_file = cookie_path(config.data_dir);
  return {};
}

result<void> read_port(const char* name, const environment& variable, std::optional<uint16_t>& port) {
  const std::string text = variable(name);
  uint16_t value = 0;
  if (text.empty())
    return {};
  if (!config_value::parse_integer<uint16_t>(text, 1, 65535, value).empty())
    return error{0, std::string{name} + " expects a port from 1 to 65535, not '" + text + "'"};
  port = value;
  return {};
}

/// 0, any free one, where there is no such port.
uint16_t port_or_any(unsigned wanted) {
  return static_cast<uint16_t>(wanted <= 65535 ? wanted : 0);
}

/// Several nodes of one machine get ports of their own, as they have for AMQP.
void place_http(http_listener& what, unsigned amqp_port, unsigned offset) {
  if (what.given || what.off)
    return;
  what.off = amqp_port >= ephemeral_ports;
  what.port = static_cast<uint16_t>(what.off ? 0 : amqp_port + offset);
}

/// The chosen AMQP port replaces the file's listeners; the ports for nodes and tools follow the first listener.
result<void> place_ports(const start_options& options, const environment& variable, node_config& config) {
  std::optional<uint16_t> port, distribution;
  if (auto read = read_port("RABBITMQ_NODE_PORT", variable, port); !read)
    return read;
  if (auto read = read_port("RABBITMQ_DIST_PORT", variable, distribution); !read)
    return read;
  if (options.port)
    port = options.port;
  if (port) {
    listener_address address;
    if (config.listeners.size() == 1)
      address.host = config.listeners.front().host;
    if (const std::string host = variable("RABBITMQ_NODE_IP_ADDRESS"); !host.empty())
      address.host = host;
    address.port = *port;
    config.listeners = {address};
  }
  const unsigned amqp = config.listeners.empty() ? 5672u : config.listeners.front().port;
  if (distribution)
    config.distribution_port = *distribution;
  else if (config.distribution_port == 0)
    config.distribution_port = port_or_any(amqp + distribution_port_offset);
  place_http(config.management, amqp, management_port_offset);
  place_http(config.prometheus, amqp, prometheus_port_offset);
  config.control_port = config.distribution_port == 0 ? 0 : port_or_any(config.distribution_port + control_port_offset);
  return {};
}

/// The value after a flag: "--port 1" or "--port=1".
struct flag {
  std::string_view name;
  std::optional<std::string_view> value;
};

flag split_flag(std::string_view argument) {
  if (argument.starts_with("--"))
    if (const size_t equals = argument.find('='); equals != std::string_view::npos)
      return {argument.substr(0, equals), argument.substr(equals + 1)};
  return {argument, std::nullopt};
}

result<void> store_flag(std::string_view name, std::string_view value, start_options& options) {
  if (value.empty())
    return error{0, std::string{name} + " expects a value"};
  if (name == "--data")
    options.data_dir = value;
  else if (name == "--config")
    options.config_file = value;
  else if (name == "--nodename")
    options.node_name = value;
  else if (uint16_t port = 0; config_value::parse_integer<uint16_t>(value, 1, 65535, port).empty())
    options.port = port;
  else
    return error{0, "--port expects a port from 1 to 65535, not '" + std::string{value} + "'"};
  return {};
}

} // namespace

std::string_view server_usage() {
  return "Usage: warren-server [--data DIR] [--config FILE] [--nodename NAME] [--port N] [-detached]\n"
         "\n"
         "  --data DIR       where the node keeps its files (RABBITMQ_MNESIA_BASE/<node name>)\n"
         "  --config FILE    configuration in rabbitmq.conf's syntax (RABBITMQ_CONFIG_FILE; /etc/warren/warren.conf)\n"
         "  --nodename NAME  node name (RABBITMQ_NODENAME; rabbit@<short host name>)\n"
         "  --port N         AMQP port (RABBITMQ_NODE_PORT; 5672)\n"
         "  -detached        run in the background\n"
         "  --help           print this\n"
         "  --version        print the version\n";
}

result<start_options> parse_start_options(std::span<const char* const> arguments) {
  start_options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    flag given = split_flag(arguments[i]);
    const bool takes_value = given.name == "--data" || given.name == "--config" || given.name == "--nodename"
                          || given.name == "-n" || given.name == "--port";
    if (given.name == "-n")
      given.name = "--nodename";
    if (takes_value) {
      if (!given.value && i + 1 < arguments.size())
        given.value = arguments[++i];
      if (auto stored = store_flag(given.name, given.value.value_or(""), options); !stored)
        return stored.error();
    } else if (given.name == "-detached" || given.name == "--detached")
      options.detached = true;
    else if (given.name == "--help" || given.name == "-h")
      options.help = true;
    else if (given.name == "--version")
      options.version = true;
    else
      return error{0, "unknown argument '" + std::string{arguments[i]} + "'"};
  }
  return options;
}

result<node_config> load_node_config(const start_options& options, const environment& variable) {
  node_config config;
  auto name = complete_node_name(options.node_name ? *options.node_name : variable("RABBITMQ_NODENAME"));
  if (!name)
    return name.error();
  config.node_name = *name;
  config.memory_watermark_bytes =
    static_cast<uint64_t>(default_memory_share * static_cast<double>(config_value::total_memory_bytes()));
  auto file = choose_config_file(options, variable);
  if (!file)
    return file.error();
  config.config_file = *file;
  if (!config.config_file.empty())
    if (auto read = apply_config_file(config.config_file, config); !read)
      return read.error();
  if (auto placed = place_files(options, variable, config); !placed)
    return placed.error();
  if (auto placed = place_ports(options, variable, config); !placed)
    return placed.error();
  config.cookie = secret_string{variable("RABBITMQ_ERLANG_COOKIE")};
  return config;
}

} // namespace broker
