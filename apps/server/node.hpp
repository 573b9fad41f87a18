// One broker node: everything between the sockets and the disk, behind a few calls. main() prepares the files, opens
// the log and then only opens, starts, waits and stops. Tools may stop and start the broker inside (`stop_app`,
// `start_app`); the node stays until it is asked to stop itself.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "actors/queue_factory.hpp"
#include "base/result.hpp"
#include "config.hpp"
#include "model/exchange_plugin.hpp"
#include "node_log.hpp"

namespace broker {

/// What a program that embeds a node may put in the place of the node's own (docs/extending.md).
struct node_extensions {
  queue_factory make_queue; ///< empty: spawn_queue
  /// Types beside the standard ones (model/exchange_plugin.hpp). A name that is taken refuses the start.
  std::vector<exchange_plugin_ptr> exchange_types;
};

class node {
public:
  /// `log` must outlive the node. `config.data_dir` exists and is locked, `config.cookie` is known.
  node(node_config config, node_log& log, node_extensions extensions = {});
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Code of start()'s error when the cluster has removed this node: the process goes on, so that it can be reset.
  static constexpr uint16_t not_a_member = 78;

  /// Opens the control endpoint: tools can ask how far the start is. Error: its port is taken. Once, before start();
  /// start() does it if need be.
  result<void> open();
  /// Recovers, then listens; returns once clients can connect. Error: in an operator's words (port taken, damaged
  /// store); the broker does not run then, and the data are untouched.
  result<void> start();
  /// Where the control endpoint listens; valid after open().
  uint16_t control_port() const;
  /// Where other nodes connect; 0 before start() if any free port will do.
  uint16_t cluster_port() const;
  /// Asks for a graceful stop: clients get 320, everything is flushed. Thread-safe, returns at once, may be repeated.
  void request_stop();
  /// Returns when the node has stopped.
  void join();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker
