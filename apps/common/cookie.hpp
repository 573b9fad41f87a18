// The shared secret of a node and its tools: the file `.erlang.cookie`, named and formatted as RabbitMQ's so that an
// existing cookie keeps working (features.md O13, guarantees.md S6). Blocking file access; call it at start only.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "secret_string.hpp"

namespace broker {

/// Longest cookie accepted, in bytes (Erlang's own limit).
inline constexpr size_t cookie_max_bytes = 255;

/// $HOME/.erlang.cookie, or `<fallback>/.erlang.cookie` when there is no usable home.
std::filesystem::path cookie_path(const std::filesystem::path& fallback);

/// Reads a cookie. Errors: missing, empty, too long, or accessible by others than its owner (mode & 077 != 0), in the
/// words an operator needs.
result<secret_string> read_cookie(const std::filesystem::path& file);

/// Reads it, or creates it with 20 random upper-case letters and mode 0400. Two nodes starting at once agree on one.
result<secret_string> read_or_create_cookie(const std::filesystem::path& file);

} // namespace broker
