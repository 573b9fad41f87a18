#include "management/call.hpp"

#include <nlohmann/json.hpp>

#include "actors/operator_channel.hpp"
#include "base/limits.hpp"
#include "management/json_writer.hpp"
#include "management/login.hpp"
#include "management/service.hpp"
#include "model/json.hpp"

namespace broker::management {

caller caller_of(login who) {
  caller result;
  result.administrator = who.has_tag("administrator");
  result.monitoring = result.administrator || who.has_tag("monitoring");
  result.policymaker = result.administrator || who.has_tag("policymaker");
  result.management = result.monitoring || result.policymaker || who.has_tag("management");
  result.who = std::move(who);
  return result;
}

http::response json_response(unsigned status, std::string json) {
  http::response result;
  result.status = status;
  result.body = std::move(json);
  result.headers = {{"cache-control", "no-cache"},
                    {"vary", "accept, accept-encoding, origin"},
                    {"x-content-type-options", "nosniff"},
                    {"content-security-policy", "default-src 'none'; frame-ancestors 'none'"}};
  if (!result.body.empty())
    result.headers.emplace_back("content-type", "application/json");
  return result;
}

void answer(const call_ptr& to, unsigned status, std::string json) {
  to->done(json_response(status, std::move(json)));
}

void answer(const call_ptr& to, unsigned status, http::header_list headers) {
  auto result = json_response(status, {});
  result.headers.insert(result.headers.end(), headers.begin(), headers.end());
  to->done(std::move(result));
}

void fail_json(const call_ptr& to, unsigned status, std::string_view error, std::string_view reason) {
  json_writer out;
  out.begin_object();
  out.key("error");
  out.value(error);
  out.key("reason");
  out.raw(reason);
  out.end_object();
  auto result = json_response(status, out.take());
  if (status == 401 && asks_for_password(to->in))
    result.headers.emplace_back("www-authenticate", "Basic realm=\"RabbitMQ Management\"");
  to->done(std::move(result));
}

void fail(const call_ptr& to, unsigned status, std::string_view error, std::string_view reason) {
  json_writer text;
  text.value(reason);
  fail_json(to, status, error, text.text());
}

void not_found(const call_ptr& to) {
  fail(to, 404, "Object Not Found", "Not Found");
}

void bad_request(const call_ptr& to, std::string_view reason) {
  fail(to, 400, "bad_request", reason);
}

std::optional<nlohmann::json> object_of(const call_ptr& from, std::initializer_list<std::string_view> required) {
  nlohmann::json object = nlohmann::json::object();
  if (!from->in.body.empty()) {
    auto parsed = parse_json(from->in.body, limits::definitions_bytes_max);
    if (!parsed || !parsed->is_object()) {
      bad_request(from, "not_json");
      return {};
    }
    object = *std::move(parsed);
  }
  std::string missing;
  for (const auto name : required)
    if (!object.contains(std::string{name}))
      missing += (missing.empty() ? "{key_missing," : ",{key_missing,") + std::string{name} + "}";
  if (!missing.empty()) {
    bad_request(from, "[" + missing + "]");
    return {};
  }
  return object;
}

std::optional<bool> truth_of(const call_ptr& from, const nlohmann::json& object, const char* name, bool otherwise) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null())
    return otherwise;
  if (found->is_boolean())
    return found->get<bool>();
  if (*found == "true" || *found == "false")
    return *found == "true";
  fail_json(from, 400, "bad_request",
            nlohmann::json{"not_boolean", *found}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return {};
}

std::optional<std::vector<std::string>> tags_of(const nlohmann::json& given) {
  std::vector<std::string> tags;
  if (given.is_array()) {
    for (const auto& each : given) {
      if (!each.is_string())
        return {};
      tags.push_back(each.get<std::string>());
    }
    return tags;
  }
  if (!given.is_string())
    return {};
  std::string_view left = given.get_ref<const std::string&>();
  while (!left.empty()) {
    const size_t comma = std::min(left.find(','), left.size());
    std::string_view one = left.substr(0, comma);
    while (!one.empty() && one.front() == ' ')
      one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ')
      one.remove_suffix(1);
    if (!one.empty())
      tags.emplace_back(one);
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return tags;
}

void propose(const call_ptr& from, command what, bool created) {
  from->in_service.around.node.propose(std::move(what), [from, created](const command_result& applied) {
    if (applied.ok())
      return answer(from, created ? 201 : 204);
    std::string text = applied.failure.text;
    if (text.starts_with("Validation failed") && !text.ends_with('\n'))
      text.push_back('\n'); // as RabbitMQ's
    applied.failure.code == 541 ? fail(from, 503, "service_unavailable", text) : bad_request(from, text);
  });
}

void with_channel(const call_ptr& from, const std::string& vhost,
                  std::function<void(const ref<operator_channel>&)> then) {
  if (!from->metadata->vhost_exists(vhost))
    return fail(from, 404, "not_found", "vhost_not_found");
  if (!from->metadata->open_vhost(from->by.who, vhost))
    return fail(from, 401, "not_authorised", "Access refused.");
  if (!from->in_service.open_channel(from->by.who, vhost, std::move(then)))
    fail(from, 503, "service_unavailable", "too many requests wait for queues");
}

void fail(const call_ptr& to, const error& why) {
  std::string_view text = why.text;
  if (const size_t dash = text.find(" - "); dash < 32)
    text.remove_prefix(dash + 3);
  switch (why.code) {
  case 404:
    return fail(to, 404, "not_found", text);
  case 403:
    return fail(to, 401, "not_authorised", "Access refused.");
  case 320:
  case 504:
  case 541:
    return fail(to, 503, "service_unavailable", text);
  default:
    return bad_request(to, text);
  }
}

bool has_access(const call& from, std::string_view vhost) {
  return from.metadata->open_vhost(from.by.who, vhost).ok();
}

bool sees_vhost(const call& from, std::string_view vhost) {
  return from.by.administrator || has_access(from, vhost);
}

bool vhost_sight::sees(const std::string& vhost) {
  const auto known = known_.find(vhost);
  return known != known_.end() ? known->second : known_.emplace(vhost, sees_vhost(from_, vhost)).first->second;
}

} // namespace broker::management
