// warren-server: one broker node in a process of its own.
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "daemon.hpp"
#include "node.hpp"
#include "node_files.hpp"
#include "node_log.hpp"
#include "start_options.hpp"
#include "version.hpp"

namespace {

// features.md O12
constexpr int exit_ok = 0;
constexpr int exit_usage = 64;
constexpr int exit_software = 70;
constexpr int exit_config = 78;

int fail(int code, const std::string& text) {
  std::fprintf(stderr, "warren-server: %s\n", text.c_str());
  return code;
}

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

void log_start(const broker::node_config& config, broker::node_log& log) {
  const auto say = [&](broker::log_level level, const std::string& text) {
    log.write(level, broker::node_log::node_source, text);
  };
  say(broker::log_level::info, "Starting Warren " + std::string{broker::warren_version});
  say(broker::log_level::info, "node           : " + config.node_name);
  say(broker::log_level::info, "data directory : " + config.data_dir.string());
  say(broker::log_level::info,
      "config file(s) : " + (config.config_file.empty() ? "(none)" : config.config_file.string()));
  for (const auto& note : config.notes)
    say(broker::log_level::warning, note);
}

/// Start errors go to the log as well: a detached node has no terminal.
int report_start_failure(broker::node_log& log, const std::string& text) {
  log.write(broker::log_level::error, broker::node_log::node_source, text);
  return fail(exit_software, text);
}

int run(const broker::start_options& options) {
  auto config = broker::load_node_config(options, environment_variable);
  if (!config)
    return fail(exit_config, config.error().text);
  broker::node_files files;
  if (auto prepared = files.prepare(*config); !prepared)
    return fail(exit_config, prepared.error().text);
  if (options.detached)
    if (auto detached = broker::detach_process(); !detached)
      return fail(exit_software, detached.error().text);

  broker::signal_watch signals;
  broker::node_log log;
  if (auto opened = log.open(config->log); !opened)
    return fail(exit_config, opened.error().text);
  log_start(*config, log);
  broker::node node{*config, log};
  if (auto opened = node.open(); !opened)
    return report_start_failure(log, opened.error().text);
  // Tools and other nodes find a node while it starts: they may wait for it or stop it.
  if (auto published = files.publish(*config, node.control_port(), node.cluster_port()); !published)
    log.write(broker::log_level::warning, broker::node_log::node_source,
              "tools cannot find this node by name: " + published.error().text);
  signals.start([&] { node.request_stop(); }, [&] { log.reopen(); });
  if (auto started = node.start(); !started) {
    const int code = report_start_failure(log, started.error().text);
    if (started.error().code != broker::node::not_a_member)
      return code;
  }
  if (config->distribution_port == 0) // it has been chosen now
    if (auto published = files.publish(*config, node.control_port(), node.cluster_port()); !published)
      return report_start_failure(log, published.error().text);
  node.join();
  log.write(broker::log_level::info, broker::node_log::node_source, "Node " + config->node_name + " has stopped");
  return exit_ok;
}

} // namespace

int main(int count, char** values) {
  const auto options = broker::parse_start_options(std::span<const char* const>{values + 1, values + count});
  if (!options)
    return fail(exit_usage, options.error().text + "\n\n" + std::string{broker::server_usage()});
  if (options->help)
    std::fputs(broker::server_usage().data(), stdout);
  else if (options->version)
    std::printf("Warren %s\n", std::string{broker::warren_version}.c_str());
  else
    return run(*options);
  return exit_ok;
}
