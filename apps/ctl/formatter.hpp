// Answers as text: RabbitMQ's table, JSON and CSV layouts, and the pages of `status` and `cluster_status`.
#pragma once

#include <string>

#include "command_line.hpp"
#include "control_message.hpp"

namespace broker::ctl {

/// A cell as the table shows it: lists as [a, b], no value as nothing.
std::string plain_text(const control::value& cell);
/// A cell as JSON; no value is "".
std::string json_text(const control::value& cell);

/// Rows in the wanted layout, each line ended. A table without rows has no heading either, as RabbitMQ's.
std::string format_rows(const control::response& answer, layout format, bool headers);
/// The one row of status or cluster_status as one JSON object.
std::string format_record(const control::response& answer);

/// "Interface: [::], port: 5672, ..." for each, or with their node first.
std::string listener_lines(const control::value_list& listeners, bool with_node);

std::string status_page(const control::response& answer);
std::string cluster_status_page(const control::response& answer);

} // namespace broker::ctl
