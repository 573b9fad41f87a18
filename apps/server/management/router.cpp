#include "management/router.hpp"

#include <algorithm>

#include "management/login.hpp"
#include "management/service.hpp"
#include "management/ui.hpp"

namespace broker::management {

namespace {

/// Of requests that are refused or need no login, so that they are told so.
constexpr size_t stray_body_max_bytes = 4 * 1024;
constexpr size_t body_max_bytes = 1024 * 1024;        // own choice
constexpr size_t message_body_max_bytes = 20'000'000; // S11

const std::vector<route>& routes() {
  static const std::vector<route> all = [] {
    std::vector<route> table;
    for (auto part :
         {overview_routes, node_routes, connection_routes, exchange_routes, queue_routes, message_routes,
          binding_routes, vhost_routes, user_routes, permission_routes, policy_routes, parameter_routes, limit_routes,
          definition_routes, health_routes, session_routes, event_routes, replica_routes, insight_routes})
      for (const route& each : part())
        table.push_back(each);
    return table;
  }();
  return all;
}

/// Does the path (without "api") have this shape? Gives the names in it.
bool matches(std::string_view pattern, const std::vector<std::string>& path, std::vector<std::string>& names) {
  names.clear();
  size_t at = 1;
  while (!pattern.empty()) {
    const size_t slash = std::min(pattern.find('/'), pattern.size());
    const auto part = pattern.substr(0, slash);
    if (at == path.size() || (part != "*" && part != path[at]) || path[at].empty())
      return false;
    if (part == "*")
      names.push_back(path[at]);
    ++at;
    pattern.remove_prefix(std::min(slash + 1, pattern.size()));
  }
  // A slash at the end makes no difference, as in RabbitMQ.
  return at == path.size() || (at + 1 == path.size() && path[at].empty());
}

struct found_route {
  const route* which = nullptr; ///< null: no such path, or not with that method
  std::vector<std::string> names;
  std::string allowed; ///< methods of the path; "" = there is no such path
};

found_route find_route(std::string_view method, const std::vector<std::string>& path) {
  found_route found;
  const auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  std::string_view shape;
  for (const route& each : routes()) {
    std::vector<std::string> names;
    // Fixed words come before names in the table: /users/bulk-delete is no user.
    if ((!shape.empty() && each.path != shape) || !matches(each.path, path, names))
      continue;
    shape = each.path;
    found.allowed +=
      (found.allowed.empty() ? "" : ", ") + std::string{each.method == "GET" ? "HEAD, GET" : each.method};
    if (each.method == wanted && found.which == nullptr) {
      found.which = &each;
      found.names = std::move(names);
    }
  }
  if (!found.allowed.empty())
    found.allowed += ", OPTIONS";
  return found;
}

/// Why this caller may not; "" when it may.
std::string_view reason_against(const call& from, rule who) {
  if (who == rule::anyone)
    return {};
  if (!from.by.management)
    return "Not management user";
  switch (who) {
  case rule::monitoring:
    return from.by.monitoring ? "" : "Not monitor user";
  case rule::administrator:
    return from.by.administrator ? "" : "Not administrator user";
  case rule::policymaker:
    return from.by.policymaker ? "" : "User not authorised to access object";
  case rule::vhost_policy:
    return from.by.administrator || (from.by.policymaker && has_access(from, from.name(0)))
           ? ""
           : "User not authorised to access object";
  case rule::vhost:
    return from.by.administrator || has_access(from, from.name(0)) ? "" : "User not authorised to access virtual host";
  case rule::vhost_monitor:
    return from.by.monitoring || has_access(from, from.name(0)) ? "" : "User not authorised to access virtual host";
  default:
    return {};
  }
}

bool needs_vhost(const route& which) {
  return which.who == rule::vhost || which.who == rule::vhost_policy || which.who == rule::vhost_monitor;
}

bool is_api(const http::target& target) {
  return !target.path.empty() && target.path.front() == "api";
}

http::response plain_error(unsigned status, std::string_view error, std::string_view reason) {
  return json_response(status, R"({"error":")" + std::string{error} + R"(","reason":")" + std::string{reason} + "\"}");
}

void dispatch(const call_ptr& one, const route& which) {
  if (const auto reason = reason_against(*one, which.who); !reason.empty())
    return fail(one, 401, "not_authorised", reason);
  if (needs_vhost(which) && !one->metadata->vhost_exists(one->name(0)))
    return which.method == "GET" || which.method == "DELETE" ? not_found(one)
                                                             : fail(one, 404, "not_found", "vhost_not_found");
  which.handle(one);
}

} // namespace

std::variant<size_t, http::response> admit(service& at, const http::request& head) {
  if (head.method == "GET" || head.method == "HEAD")
    return stray_body_max_bytes; // serve() looks at the rest
  const auto target = http::parse_target(head.target);
  if (!target)
    return plain_error(400, "bad_request", "malformed target");
  if (!is_api(*target))
    return stray_body_max_bytes;
  const auto found = find_route(head.method, target->path);
  if (found.which == nullptr || found.which->who == rule::anyone)
    return stray_body_max_bytes;
  // No body is read before its sender is known.
  if (auto who = log_in(at, head, false); std::holds_alternative<http::response>(who))
    return std::get<http::response>(std::move(who));
  return found.which->large_body ? message_body_max_bytes : body_max_bytes;
}

void serve_get(service& at, const caller& by, const std::string& target_text, http::responder done) {
  http::request what;
  what.method = "GET";
  what.target = "/api/" + target_text;
  what.headers = {{"x-requested-with", "events"}};
  auto target = http::parse_target(what.target);
  if (!target)
    return done(plain_error(400, "bad_request", "malformed target"));
  auto found = find_route(what.method, target->path);
  if (found.which == nullptr || found.which->who == rule::anyone || found.which->goes_on)
    return done(plain_error(404, "Object Not Found", "Not Found"));
  dispatch(std::make_shared<call>(call{std::move(what), *std::move(target), std::move(found.names), by, std::move(done),
                                       at, at.post, at.around.node.metadata()}),
           *found.which);
}

void serve(service& at, http::request what, http::responder done) {
  auto target = http::parse_target(what.target);
  if (!target)
    return done(plain_error(400, "bad_request", "malformed target"));
  if (!is_api(*target))
    return done(ui_response(what, *target));
  // Browsers say so when another site's page sends with a login that they remember.
  const auto* site = what.find("sec-fetch-site");
  const bool reads = what.method == "GET" || what.method == "HEAD" || what.method == "OPTIONS";
  if (!reads && site != nullptr && *site == "cross-site")
    return done(plain_error(403, "not_authorised", "requests of other sites change nothing"));
  auto found = find_route(what.method, target->path);
  const bool open_to_all = found.which != nullptr && found.which->who == rule::anyone;
  caller by;
  if (!open_to_all && what.method != "OPTIONS") {
    auto who = log_in(at, what);
    if (auto* refusal = std::get_if<http::response>(&who))
      return done(std::move(*refusal));
    by = std::get<caller>(std::move(who));
  }
  auto one = std::make_shared<call>(call{std::move(what), *std::move(target), std::move(found.names), std::move(by),
                                         std::move(done), at, at.post, at.around.node.metadata()});
  if (found.allowed.empty())
    return not_found(one);
  if (one->in.method == "OPTIONS")
    return answer(one, 200, {{"allow", found.allowed}});
  if (found.which == nullptr)
    return answer(one, 405, {{"allow", found.allowed}});
  dispatch(one, *found.which);
}

} // namespace broker::management
