// The cluster's name: a global parameter, as RabbitMQ keeps it, so that definitions carry it (O34).
#pragma once

#include <string>

#include "metadata/snapshot.hpp"

namespace broker {

/// "" = nobody has set one: each node then shows its own name.
std::string cluster_name_of(const metadata_snapshot& metadata);
/// The change that sets it.
command name_cluster(const std::string& name);

} // namespace broker
