// A broker node inside this process: what every example starts. The order matters and is all there is to it: settings,
// files (folder, lock, cookie), log, node.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "node.hpp"
#include "node_files.hpp"
#include "node_log.hpp"

namespace examples {

/// Single-threaded; the node runs threads of its own.
class embedded_node {
public:
  /// Serves AMQP on 127.0.0.1:`port` when it returns; everything it keeps is below `folder`, which is created if need
  /// be. Error: in an operator's words (port taken, folder in use, damaged store).
  static broker::result<std::unique_ptr<embedded_node>> start(const std::string& folder, uint16_t port,
                                                              broker::node_extensions extensions = {});
  /// Clients get 320, everything is flushed.
  ~embedded_node();
  embedded_node(const embedded_node&) = delete;
  embedded_node& operator=(const embedded_node&) = delete;

private:
  embedded_node() = default;

  broker::node_files files_; // holds the lock: goes last
  broker::node_log log_;
  std::unique_ptr<broker::node> node_;
};

} // namespace examples
