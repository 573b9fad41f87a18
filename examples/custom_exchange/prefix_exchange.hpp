// An exchange type of one's own, "x-longest-prefix": every publish goes where the longest binding key leads that its
// routing key begins with, as in a table of telephone prefixes or network routes.
#pragma once

#include "model/exchange_plugin.hpp"

namespace examples {

broker::exchange_plugin_ptr make_longest_prefix_type();

} // namespace examples
