// The exchange type x-delayed-message (features.md P07, U12; RabbitMQ's rabbitmq_delayed_message_exchange): a publish
// with a header x-delay is kept for so many milliseconds and then routed as the type in the argument x-delayed-type
// would. Without the header, or with one that is not positive, it is routed at once.
#pragma once

#include "model/exchange_plugin.hpp"

namespace broker {

exchange_plugin_ptr make_delayed_message_type();

} // namespace broker
