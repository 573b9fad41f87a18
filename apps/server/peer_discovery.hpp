// Which nodes a blank node should join at its first start (features.md O38): cluster_formation.* of the configuration.
//
// The first of the configured names, in order, founds the cluster; the others wait until a member of it runs, and join
// it. So nodes that start together form one cluster, whatever the order, and never two.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config.hpp"

namespace broker {

/// Names of all nodes configured, sorted, each once; this one may be among them. Empty: no discovery is configured.
/// Asks the resolver for the DNS backend. Error: nothing is found.
result<std::vector<std::string>> discover_nodes(const node_config& config);

} // namespace broker
