// What is said before login: server properties, mechanisms, and how PLAIN and AMQPLAIN carry a name and a password
// (features.md W02, W03, W05; RFC 4616).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "connection/connection.hpp"

namespace broker {

inline constexpr std::string_view locales = "en_US";

amqp::field_table server_properties(const connection_settings& settings);

/// Overwrites its password when it goes.
struct credentials {
  std::string user;
  std::string password;

  credentials() = default;
  credentials(credentials&&) = default;
  credentials& operator=(credentials&&) = default;
  ~credentials();
};

/// Is `mechanism` one of `offered` (separated by blanks)?
bool is_offered(std::string_view offered, std::string_view mechanism);
/// Nothing if the response is not what the mechanism (PLAIN or AMQPLAIN) asks for.
std::optional<credentials> read_credentials(std::string_view mechanism, std::string_view response);

/// Value of a client capability (W04); false if absent.
bool has_capability(const amqp::field_table& client_properties, std::string_view name);

/// Overwrites a secret so that the compiler cannot leave it out.
void wipe(std::string& secret);

} // namespace broker
