// HMAC-SHA-256 (RFC 2104) and the keys that are derived with it (HKDF, RFC 5869): what everything stands on that
// follows from the Erlang cookie (guarantees.md S6). Pure functions, any thread. Whatever they are given is good; a
// library that cannot hash ends the process.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace broker {

inline constexpr size_t keyed_hash_bytes = 32;

std::string hmac_sha256(std::string_view key, std::string_view text);

/// `size` octets, at most 255 times 32. `salt` keeps those apart who use one secret, `info` the keys of one of them.
std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, size_t size);

/// In a time that says nothing about texts of one length.
bool equal_secrets(std::string_view one, std::string_view other);

} // namespace broker
