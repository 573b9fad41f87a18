// Paths and queries of request targets (RFC 3986), as strict as a server on an operator's port has to be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace broker::http {

struct target {
  /// Segments of the path, each decoded on its own, so that %2F is part of a name: /api/queues/%2F/q gives api, queues,
  /// "/", q. No empty ones but the last: "/a/" gives a, "".
  std::vector<std::string> path;
  /// Decoded, in order; '+' is a blank.
  std::vector<std::pair<std::string, std::string>> query;

  /// First parameter of that name, or null.
  const std::string* find(std::string_view name) const;
  /// Its value, or nothing when it is missing or empty.
  std::optional<std::string> value(std::string_view name) const;
};

/// Nothing for a target that is no absolute path, has a bad escape, an escaped NUL, an empty segment in the middle or
/// one of dots ("." and "..", escaped or not), or more than 64 segments or parameters.
std::optional<target> parse_target(std::string_view text);

/// %XX decoded; nothing when an escape is cut or no hexadecimal number.
std::optional<std::string> decode(std::string_view text, bool plus_is_blank = false);
/// Everything but unreserved characters is escaped: fit for one segment.
std::string encode(std::string_view text);

} // namespace broker::http
