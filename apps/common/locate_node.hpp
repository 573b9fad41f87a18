// Where another node listens for nodes. The host is the part of its name after @, as the system resolves it; the port
// is what the node has registered when it runs on this machine (node_registry.hpp), else the usual one of the cluster.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace broker {

/// Host and port to connect to. Blocking file access.
std::pair<std::string, uint16_t> locate_node(const std::string& node, uint16_t usual_port);

} // namespace broker
