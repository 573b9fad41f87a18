// The two halves of the key table (config_keys() joins them): what this node does, and what a rabbitmq.conf may hold
// besides.
#pragma once

#include <vector>

#include "config.hpp"

namespace broker {

/// Keys the node obeys.
std::vector<config_key> own_config_keys();
/// RabbitMQ keys without effect here, or that must not be ignored silently.
std::vector<config_key> foreign_config_keys();

} // namespace broker
