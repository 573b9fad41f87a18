// Global parameters that nodes keep for themselves: replicated and saved as all others, but in no list and no export,
// and not for operators to set.
#pragma once

#include <string>
#include <string_view>

namespace broker {

inline constexpr std::string_view own_parameter_prefix = "warren.";

inline bool is_own_parameter(std::string_view name) {
  return name.starts_with(own_parameter_prefix);
}

/// Where a node keeps which log-ins of the web pages have ended at it. It alone writes it, so none overwrites another.
inline std::string ended_log_ins_of(std::string_view node) {
  return std::string{own_parameter_prefix} + "ended-log-ins." + std::string{node};
}

} // namespace broker
