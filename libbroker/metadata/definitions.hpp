// Definitions files (features.md O28): everything operators and applications have declared, as JSON in RabbitMQ's
// format. Exports of RabbitMQ 3.x and 4.x can be read, ha-* policies included; keys that nobody knows are ignored.
//
// Reading gives commands and changes nothing: whoever asked proposes them in order and stops at the first refusal. What
// exists stays (import is additive): queues and exchanges that are there already are left alone, users, vhosts,
// permissions and policies are replaced.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

struct definitions_product {
  std::string rabbitmq_version = "3.13.7"; ///< whose format it is
  std::string name = "Warren";
  std::string version;
};
/// The whole cluster, or one vhost: then without users, permissions, vhosts and global parameters, as RabbitMQ.
/// Not in it: exclusive queues, built-in and internal exchanges, the bindings of the default exchange. Octets that are
/// no UTF-8 become U+FFFD: JSON has no others.
std::string write_definitions(const metadata_snapshot& from, const definitions_product& product,
                              std::string_view only_vhost = {});

struct definitions_context {
  std::string node;  ///< master of the queues
  std::string vhost; ///< for a file of one vhost: its entries do not say where they belong
  /// Four random octets, for users whose password is in the file in clear text; null: such users are refused.
  std::function<std::string()> new_salt;
};
struct definitions_import {
  std::vector<command> commands;
  std::vector<std::string> skipped; ///< lines for the log: entries that are not imported, and why
};
/// `now` is what the file is added to. Error (code 0): no JSON, too large (limits::definitions_bytes_max) or too deep,
/// or an entry that makes no sense; it is named.
result<definitions_import> read_definitions(std::string_view json, const metadata_snapshot& now,
                                            const definitions_context& context);

} // namespace broker
