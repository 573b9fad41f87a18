// Where a tool finds the nodes of its own user by name, instead of epmd: one small file per running node in a private
// folder (0700), $XDG_RUNTIME_DIR/warren or /tmp/warren-<uid>. A missing entry means the default port.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker {

struct registry_entry {
  int pid = 0;
  uint16_t control_port = 0;
  std::string pid_file;
  std::string cookie_file;
  uint16_t cluster_port = 0; ///< for other nodes; 0 = none
};

/// The folder of this user's nodes; not created.
std::filesystem::path registry_folder();
/// Adds or replaces the entry of `node`. Error: the folder is not ours alone, or cannot be written.
result<void> add_to_registry(std::string_view node, const registry_entry& entry);
/// Removes it if it is still this process's; silent when it is gone.
void remove_from_registry(std::string_view node, int pid);
/// Nothing when there is no entry, the entry is damaged, or its process is dead.
std::optional<registry_entry> find_node(std::string_view node);

} // namespace broker
