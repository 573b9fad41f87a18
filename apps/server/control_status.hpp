// The facts behind `status` and `cluster_status`: one row of named values, which the tool lays out as text or JSON.
#pragma once

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

control::response status_answer(const node_facts& node);
/// What a node says of itself to the members of its cluster.
control::response own_status_answer(const node_facts& node);
/// `others`: what other running members have said of themselves.
control::response cluster_status_answer(const node_facts& node, const std::vector<cluster_member>& members,
                                        const std::vector<std::pair<std::string, control::response>>& others);
/// All of them are enabled.
control::response feature_flag_rows(const std::vector<std::string>& columns);

} // namespace broker
