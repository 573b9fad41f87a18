#include "node_address.hpp"

#include "node_name.hpp"
#include "node_registry.hpp"

namespace broker {

node_address control_address(std::string_view node, uint16_t port_elsewhere) {
  node_address where;
  where.host = node.substr(node.find('@') + 1);
  if (where.host == short_host_name() || where.host == "localhost")
    where.host = "127.0.0.1";
  where.port = port_elsewhere;
  if (const auto entry = find_node(node)) {
    where.host = "127.0.0.1";
    where.port = entry->control_port;
    where.pid = entry->pid;
    where.cookie_file = entry->cookie_file;
  }
  return where;
}

} // namespace broker
