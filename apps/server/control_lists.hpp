// Rows of the list verbs: the columns each kind of object has, and picking those that were asked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

/// `columns` in that order; a column the object does not have is an empty value. Rows keep the given order.
control::response queue_rows(std::span<const queue_info> queues, const node_facts& node, std::string_view vhost,
                             const std::vector<std::string>& columns);
control::response connection_rows(std::span<const connection_info> connections, const node_facts& node,
                                  const std::vector<std::string>& columns);
control::response channel_rows(std::span<const channel_info> channels, const node_facts& node,
                               const std::vector<std::string>& columns);

} // namespace broker
