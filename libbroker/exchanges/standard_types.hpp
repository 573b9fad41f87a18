// The exchange types every node has: those of AMQP and the plug-ins in this folder.
#pragma once

#include <memory>

#include "model/exchange_types.hpp"

namespace broker {

/// For a node that adds types of its own to them.
std::shared_ptr<exchange_types> make_standard_exchange_types();
/// The same without more; shared and immutable.
exchange_types_ptr standard_exchange_types();

} // namespace broker
