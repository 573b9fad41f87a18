#include "config_values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <arpa/inet.h>
#include <unistd.h>

namespace broker::config_value {

namespace {

/// 0 for a unit that does not exist.
uint64_t unit_factor(std::string_view unit) {
  if (unit.empty())
    return 1;
  constexpr std::string_view prefixes = "kmgtp";
  const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(unit.front())));
  const size_t power = prefixes.find(lower);
  if (power == std::string_view::npos)
    return 0;
  std::string rest{unit.substr(1)};
  std::transform(rest.begin(), rest.end(), rest.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!rest.empty() && rest != "b" && rest != "ib")
    return 0;
  const uint64_t base = rest == "b" ? 1000 : 1024;
  uint64_t factor = 1;
  for (size_t i = 0; i <= power; ++i)
    factor *= base;
  return factor;
}

bool is_host(std::string_view host) {
  const std::string text{host};
  std::array<unsigned char, sizeof(in6_addr)> address;
  if (inet_pton(AF_INET, text.c_str(), address.data()) == 1 || inet_pton(AF_INET6, text.c_str(), address.data()) == 1)
    return true;
  return !host.empty() && host.size() <= 253 && host.find(':') == std::string_view::npos
      && std::all_of(host.begin(), host.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; })
      && !std::all_of(host.begin(), host.end(), [](unsigned char c) { return std::isdigit(c) || c == '.'; });
}

/// First number of a file such as /sys/fs/cgroup/memory.max; 0 when there is none ("max").
uint64_t number_in(const char* file) {
  std::ifstream in{file};
  uint64_t value = 0;
  return in >> value ? value : 0;
}

} // namespace

std::string parse_switch(std::string_view text, bool& out) {
  if (text != "true" && text != "false" && text != "on" && text != "off")
    return "expects true or false";
  out = text == "true" || text == "on";
  return {};
}

std::string parse_bytes(std::string_view text, uint64_t least, uint64_t most, uint64_t& out) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const uint64_t factor = unit_factor(text.substr(static_cast<size_t>(end - text.data())));
  uint64_t bytes = 0;
  if (failure != std::errc{} || factor == 0 || __builtin_mul_overflow(number, factor, &bytes) || bytes < least
      || bytes > most)
    return "expects bytes from " + std::to_string(least) + " to " + std::to_string(most)
         + ", optionally with a unit: kB MB GB (1000) or kiB MiB GiB (1024)";
  out = bytes;
  return {};
}

std::string parse_ratio(std::string_view text, double most, double& out) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !(value > 0 && value <= most)) {
    std::array<char, 32> limit{};
    const auto written = std::to_chars(limit.data(), limit.data() + limit.size(), most);
    return "expects a number above 0 and at most " + std::string{limit.data(), written.ptr};
  }
  out = value;
  return {};
}

std::string parse_listener(std::string_view text, listener_address& out) {
  listener_address address;
  address.name = out.name;
  std::string_view port = text;
  if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    if (!is_host(host))
      return "expects PORT or HOST:PORT, and '" + std::string{host} + "' is neither an address nor a host name";
    address.host = host;
  }
  if (auto problem = parse_integer<uint16_t>(port, 1, 65535, address.port); !problem.empty())
    return "expects PORT or HOST:PORT with a port from 1 to 65535";
  out = std::move(address);
  return {};
}

std::string parse_log_level(std::string_view text, log_level& out) {
  static constexpr std::pair<std::string_view, log_level> levels[] = {
    {"debug", log_level::debug},     {"info", log_level::info},   {"notice", log_level::notice},
    {"warning", log_level::warning}, {"error", log_level::error}, {"critical", log_level::critical},
    {"none", log_level::none}};
  for (const auto& [name, level] : levels)
    if (name == text) {
      out = level;
      return {};
    }
  return "expects debug, info, notice, warning, error, critical or none";
}

uint64_t total_memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  uint64_t total = pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (const uint64_t limit = number_in(file); limit > 0 && (total == 0 || limit < total))
      total = limit;
  return total;
}

} // namespace broker::config_value
