// The node a command is for: where it listens, with which cookie, and what to say when it cannot be reached.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "command_line.hpp"
#include "control_client.hpp"
#include "secret_string.hpp"

namespace broker::ctl {

using control::control_client;
using control::failure_kind;

struct target {
  std::string node;
  std::string host;
  uint16_t port = 0;
  int pid = 0; ///< 0 = not known to run on this machine for this user
  std::filesystem::path cookie_file;
  std::string own_name; ///< "rabbitmqcli-<pid>-<node>"
};

/// By the registry of this user's running nodes, else by host name and default port (RABBITMQ_DIST_PORT).
target find_target(const invocation& call);

/// --erlang-cookie, RABBITMQ_ERLANG_COOKIE, $HOME/.erlang.cookie, else the file the node itself names. Empty when that
/// file does not exist; error when it is there but must not be used.
result<secret_string> target_cookie(const invocation& call, target& where);

/// RabbitMQ's page for a node that cannot be reached, with what was tried and found.
std::string unreachable_page(const target& where, const secret_string& cookie, failure_kind kind,
                             const std::string& why);

} // namespace broker::ctl
