// What the node answers to its tools: one function per verb, from a table (features.md O02, O05, O10). The texts of
// errors are RabbitMQ's; banners and layout are the tool's.
#pragma once

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

/// `view` must outlive the handler and every reply. Unknown verbs and wrong arguments are answered with exit code 64.
control::handler control_verbs(node_view& view);

} // namespace broker
