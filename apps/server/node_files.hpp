// The files of a running node besides its data: the folder itself (0700, guarantees.md S15), the lock that keeps a
// second node out, the cookie, the pid file, the entry tools find it by.
#pragma once

#include "base/result.hpp"
#include "config.hpp"

namespace broker {

/// Owns the lock and, once published, the pid file and registry entry; gives them back when it goes. Single-threaded.
class node_files {
public:
  node_files() = default;
  ~node_files();
  node_files(const node_files&) = delete;
  node_files& operator=(const node_files&) = delete;

  /// Creates the folders, takes the lock, reads or creates the cookie into `config`. May come before a fork.
  result<void> prepare(node_config& config);
  /// Says where the node is, once it listens. After any fork.
  result<void> publish(const node_config& config, uint16_t control_port, uint16_t cluster_port);

private:
  int lock_ = -1;
  int owner_ = 0;
  std::string node_;
  std::filesystem::path pid_file_;
};

} // namespace broker
