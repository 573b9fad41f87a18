// rabbitmq-plugins: names of RabbitMQ's plugins, enabled and disabled as there. Nothing is loaded: what Warren offers
// is built in, and a name that it does not offer is said to be noted only.
#pragma once

#include "command.hpp"
#include "run.hpp"

namespace broker::ctl {

// -- command::perform
// -------------------------------------------------------------------------------------------------

int list_plugins(invocation& call, const command& what, const terminal& console);
int enable_plugins(invocation& call, const command& what, const terminal& console);
int disable_plugins(invocation& call, const command& what, const terminal& console);
int set_plugins(invocation& call, const command& what, const terminal& console);
/// Exit code 69 unless all of them are enabled.
int check_plugins(invocation& call, const command& what, const terminal& console);

} // namespace broker::ctl
