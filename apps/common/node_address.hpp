// Where the control endpoint of a node is (features.md S01): "rabbit@node2" is on host node2, which the resolver knows,
// at the usual port; nodes of this user on this machine are found by the registry (node_registry.hpp), whatever their
// ports. For the traffic between members see locate_node.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace broker {

/// AMQP's 5672 plus 20000 plus 10000; RabbitMQ's tools begin there, too.
inline constexpr uint16_t usual_control_port = 35'672;

struct node_address {
  std::string host;
  uint16_t port = 0;
  int pid = 0;             ///< 0 = not known to run on this machine for this user
  std::string cookie_file; ///< "" = not known
};

/// `node` is complete (node_name.hpp). Does not ask the resolver.
node_address control_address(std::string_view node, uint16_t port_elsewhere = usual_control_port);

} // namespace broker
