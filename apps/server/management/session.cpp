// /api/session: how the web pages log in and out (docs/management.md). RabbitMQ has nothing of the kind.
#include <nlohmann/json.hpp>

#include "base/keyed_hash.hpp"
#include "connection/authentication.hpp"
#include "management/json_writer.hpp"
#include "management/login.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace session_part {
namespace {

using nlohmann::json;

/// What the pages know of their session: never the cookie's value.
std::string description(const caller& by, std::string_view token) {
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("name", by.who.user);
    to.add_raw("tags", json(by.who.tags).dump(-1, ' ', false, json::error_handler_t::replace));
    to.add("token", token);
  }
  return out.take();
}

/// Not for scripts, and never sent with what another site's page asks for.
std::string cookie(const call& from, std::string_view value) {
  std::string text =
    from.in_service.keys().cookie_name() + "=" + std::string{value} + "; Path=/; HttpOnly; SameSite=Strict";
  if (value.empty())
    text += "; Max-Age=0";
  // A proxy in front says that the browser's side is encrypted.
  const auto* scheme = from.in.find("x-forwarded-proto");
  return scheme != nullptr && *scheme == "https" ? text + "; Secure" : text;
}

void answer_with_cookie(const call_ptr& to, unsigned status, std::string body, std::string_view value) {
  auto result = json_response(status, std::move(body));
  result.headers.emplace_back("set-cookie", cookie(*to, value));
  to->done(std::move(result));
}

/// A form of another site's page cannot send JSON.
bool is_json(const http::request& what) {
  const auto* type = what.find("content-type");
  return type != nullptr && type->starts_with("application/json");
}

void log_in_here(const call_ptr& to) {
  auto& at = to->in_service;
  if (!is_json(to->in))
    return fail(to, 415, "bad_request", "content-type is not application/json");
  auto given = object_of(to, {"name", "password"});
  if (!given)
    return;
  if (!(*given)["name"].is_string() || !(*given)["password"].is_string())
    return bad_request(to, "name and password are texts");
  credentials who;
  who.user = (*given)["name"].get<std::string>();
  who.password = (*given)["password"].get<std::string>();
  wipe((*given)["password"].get_ref<std::string&>());
  wipe(to->in.body);
  auto checked = check_password(at, to->in, &who, false);
  if (auto* refusal = std::get_if<http::response>(&checked))
    return to->done(std::move(*refusal));
  const auto& by = std::get<caller>(checked);
  if (!by.management)
    return to->done(refused_login(401, "Not management user", false));
  const auto opened = at.sessions.open(at.keys(), by.proof, at.now());
  answer_with_cookie(to, 200, description(by, opened.token), opened.value);
}

/// 204: nobody is logged in. Pages ask now and then, so that their cookie stays young enough for other nodes.
void current(const call_ptr& to) {
  auto& at = to->in_service;
  const auto value = session_cookie(at, to->in);
  const auto* known = value.empty() ? nullptr : at.find_session(value);
  if (known == nullptr || (known->who.loopback && !to->in.loopback))
    return answer(to, 204);
  const auto by = caller_as_of_now(at, known->who, known->number);
  if (!by)
    return answer(to, 204);
  auto text = description(*by, known->token);
  const auto younger = at.sessions.stamped(at.keys(), *known, value, at.now());
  younger ? answer_with_cookie(to, 200, std::move(text), *younger) : answer(to, 200, std::move(text));
}

/// Also of one that this node would not take: its end is told all the same.
void log_out(const call_ptr& to) {
  auto& at = to->in_service;
  const auto claim = at.keys().verify(session_cookie(at, to->in));
  if (!claim)
    return answer_with_cookie(to, 204, {}, {});
  const auto* token = to->in.find("x-csrf-token");
  if (token == nullptr || !equal_secrets(*token, at.keys().token_of(claim->id)))
    return to->done(refused_login(403, "the request lacks the session's token", false));
  at.end_session(claim->id, [to] { to->post([to] { answer_with_cookie(to, 204, {}, {}); }); });
}

} // namespace
} // namespace session_part

std::span<const route> session_routes() {
  using namespace session_part;
  static constexpr route all[] = {
    {"GET", "session", rule::anyone, current},
    {"POST", "session", rule::anyone, log_in_here},
    {"DELETE", "session", rule::anyone, log_out},
  };
  return all;
}

} // namespace broker::management
