// The facts behind `status` and `cluster_status`: one row of named values, which the tool lays out as text or JSON.
#pragma once

#include "control_message.hpp"
#include "node_view.hpp"

namespace broker {

control::response status_answer(const node_facts& node);
control::response cluster_status_answer(const node_facts& node);
/// All of them are enabled.
control::response feature_flag_rows(const std::vector<std::string>& columns);

} // namespace broker
