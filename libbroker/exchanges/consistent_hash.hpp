// The exchange type x-consistent-hash (features.md P06; RabbitMQ's rabbitmq_consistent_hash_exchange): every publish
// goes to one of the bound queues or exchanges, chosen by a hash of the routing key, of a header (argument hash-header)
// or of a property (hash-property: correlation_id, message_id or timestamp). The binding key is a weight.
//
// Weighted rendezvous hashing: every destination draws a number from the hash of the publish and its own name, and the
// smallest one wins. Shares are exactly in the ratio of the weights; a destination that comes takes over its share and
// one that goes gives its share away, and nothing else moves; the choice does not depend on the order of bindings.
// Costs time linear in the destinations (about 10 ns each), which are few, and no memory per unit of weight.
#pragma once

#include "model/exchange_plugin.hpp"

namespace broker {

exchange_plugin_ptr make_consistent_hash_type();

} // namespace broker
