#include "locate_node.hpp"

#include "node_name.hpp"
#include "node_registry.hpp"

namespace broker {

std::pair<std::string, uint16_t> locate_node(const std::string& node, uint16_t usual_port) {
  std::string host = node.substr(node.find('@') + 1);
  // Its own short name need not be known to a machine's resolver.
  if (host == short_host_name() || host == "localhost")
    host = "127.0.0.1";
  const auto entry = find_node(node);
  return {std::move(host), entry && entry->cluster_port != 0 ? entry->cluster_port : usual_port};
}

} // namespace broker
