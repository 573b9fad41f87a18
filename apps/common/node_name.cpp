#include "node_name.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "base/limits.hpp"

namespace broker {

namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

} // namespace

std::string short_host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0)
    return "localhost";
  const std::string_view full{name.data()};
  return std::string{full.substr(0, full.find('.'))};
}

result<std::string> complete_node_name(std::string_view name) {
  std::string full{name.empty() ? "rabbit" : name};
  if (full.find('@') == std::string::npos)
    full += "@" + short_host_name();
  const size_t at = full.find('@');
  const std::string_view left = std::string_view{full}.substr(0, at);
  const std::string_view right = std::string_view{full}.substr(at + 1);
  const bool good = !left.empty() && !right.empty() && full.size() <= limits::name_max_bytes
                 && std::all_of(left.begin(), left.end(), allowed) && std::all_of(right.begin(), right.end(), allowed)
                 && left.front() != '.';
  if (!good)
    return error{0, "'" + full + "' is not a node name: name@host of letters, digits, '_', '-' and '.' is"};
  return full;
}

} // namespace broker
