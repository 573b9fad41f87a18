// Which path of the management API is answered by whom, and who may ask (features.md O14-O20, S11).
#pragma once

#include <span>
#include <string_view>

#include "management/call.hpp"

namespace broker::management {

/// Who may: RabbitMQ's rules, each with its reason for a 401.
enum class rule : uint8_t {
  anyone,        ///< without logging in
  management,    ///< "Not management user"
  monitoring,    ///< "Not monitor user"
  administrator, ///< "Not administrator user"
  policymaker,   ///< "User not authorised to access object"
  vhost,         ///< the first name in the path is a vhost that the user has a permission on, or may administer
  vhost_policy,  ///< likewise, and policymaker
  vhost_monitor, ///< as vhost, and whoever monitors
};

struct route {
  std::string_view method; ///< GET also serves HEAD
  std::string_view path;   ///< below /api/; `*` is a name
  rule who;
  void (*handle)(const call_ptr&);
  bool large_body = false; ///< up to limits::definitions_bytes_max; else 1 MiB
  bool goes_on = false;    ///< the answer is a stream
};

// -- the parts of the table, one file each --
std::span<const route> overview_routes();
std::span<const route> node_routes();
std::span<const route> connection_routes();
std::span<const route> exchange_routes();
std::span<const route> queue_routes();
std::span<const route> message_routes();
std::span<const route> binding_routes();
std::span<const route> vhost_routes();
std::span<const route> user_routes();
std::span<const route> permission_routes();
std::span<const route> policy_routes();
std::span<const route> parameter_routes();
std::span<const route> limit_routes();
std::span<const route> definition_routes();
std::span<const route> health_routes();
std::span<const route> session_routes();
std::span<const route> event_routes();
std::span<const route> replica_routes();
std::span<const route> insight_routes();

/// Largest body of a request; whoever may not ask gets none.
std::variant<size_t, http::response> admit(service& at, const http::request& head);
void serve(service& at, http::request what, http::responder done);
/// Answers a GET of what stands behind /api/ on behalf of a caller who is logged in.
void serve_get(service& at, const caller& by, const std::string& target, http::responder done);

} // namespace broker::management
