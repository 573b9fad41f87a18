// Values of configuration keys: text to number, switch, size, address. Each function stores into `out` and returns what
// is wrong, "" when nothing is; `out` is untouched on failure.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "config.hpp"

namespace broker::config_value {

/// Whole number in [least, most].
template<class Number>
std::string parse_integer(std::string_view text, Number least, Number most, Number& out) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return "expects a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  out = value;
  return {};
}

/// true | false, also on | off.
std::string parse_switch(std::string_view text, bool& out);
/// Bytes with RabbitMQ's units: kB MB GB are powers of 1000; k kiB M MiB G GiB are powers of 1024; T likewise.
std::string parse_bytes(std::string_view text, uint64_t least, uint64_t most, uint64_t& out);
/// Share of something: 0 < value <= most.
std::string parse_ratio(std::string_view text, double most, double& out);
/// PORT, HOST:PORT, [V6]:PORT or V6:PORT.
std::string parse_listener(std::string_view text, listener_address& out);
std::string parse_log_level(std::string_view text, log_level& out);

/// What this process may use: physical memory, or its cgroup's limit where that is lower. 0 when unknown.
uint64_t total_memory_bytes();

} // namespace broker::config_value
