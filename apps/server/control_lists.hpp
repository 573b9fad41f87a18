// Rows of the list verbs: the columns each kind of object has, and picking those that were asked for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

/// `columns` in that order; a column the object does not have is an empty value. Rows keep the given order. Objects of
/// other vhosts are left out where objects have one.
control::response queue_rows(std::span<const queue_info> queues, const node_facts& node,
                             const metadata_snapshot& metadata, std::string_view vhost,
                             const std::vector<std::string>& columns);
control::response exchange_rows(const metadata_snapshot& metadata, std::string_view vhost,
                                const std::vector<std::string>& columns);
/// With the default exchange's binding of every queue.
control::response binding_rows(const metadata_snapshot& metadata, std::string_view vhost,
                               const std::vector<std::string>& columns);
control::response connection_rows(std::span<const connection_info> connections, const node_facts& node,
                                  const std::vector<std::string>& columns);
control::response channel_rows(std::span<const channel_info> channels, const node_facts& node,
                               const std::vector<std::string>& columns);
control::response consumer_rows(std::span<const consumer_info> consumers, const node_facts& node,
                                std::string_view vhost, const std::vector<std::string>& columns);

/// "<rabbit@host.3.7.0>": like an Erlang process name, which tools expect. Unique in the cluster, and across restarts
/// of nodes; the same whichever node is asked.
std::string process_name(const node_facts& node, uint64_t number);
/// Of a process of the node `of`; "" = this one.
std::string process_name(const node_facts& node, const std::string& of, uint64_t number);
/// The number in such a name of this node's run; nothing for anything else.
std::optional<uint64_t> number_of_process(const node_facts& node, std::string_view name);

} // namespace broker
