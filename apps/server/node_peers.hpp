// Questions to the control endpoints of other nodes: may I join, how do you do. Blocking; on the life thread, or on a
// thread of their own.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config.hpp"
#include "control_message.hpp"

namespace broker {

/// Longest a node that is asked may take, from the look-up of its name to its answer.
inline constexpr std::chrono::milliseconds peer_answer_time{4'000};

/// Error: it cannot be reached or does not have our cookie; text for operators, `code` is the exit code. What the node
/// itself refuses is in the response.
result<control::response> ask_peer(const node_config& config, const std::string& node, const control::request& what,
                                   std::chrono::milliseconds longest = peer_answer_time);

/// Asks all of them at once; those that do not answer are left out. Keeps the order.
std::vector<std::pair<std::string, control::response>> ask_peers(const node_config& config,
                                                                 const std::vector<std::string>& nodes,
                                                                 const control::request& what,
                                                                 std::chrono::milliseconds longest);

} // namespace broker
