// Limits of vhosts and users (features.md O17, O32).
#include <nlohmann/json.hpp>

#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace limits_part {
namespace {

using nlohmann::json;

struct limit_row {
  std::string owner;
  limit_table limits;
};

void answer_rows(const call_ptr& to, const char* owner, const std::vector<limit_row>& rows) {
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].owner}; };
  source.write = [&](size_t i, object_writer& out) {
    out.add(owner, rows[i].owner);
    out.add_raw("value", json(rows[i].limits).dump());
  };
  answer_list(to, source);
}

void of_vhosts(const call_ptr& to, const std::function<bool(const std::string&)>& wanted) {
  std::vector<limit_row> rows;
  to->metadata->for_each_vhost([&](const vhost_record& each) {
    if (!each.limits.empty() && wanted(each.name))
      rows.push_back({each.name, each.limits});
  });
  answer_rows(to, "vhost", rows);
}

void all_vhost_limits(const call_ptr& to) {
  of_vhosts(to, [&](const std::string& vhost) { return sees_vhost(*to, vhost); });
}

void vhost_limits(const call_ptr& to) {
  of_vhosts(to, [&](const std::string& vhost) { return vhost == to->name(0); });
}

void of_users(const call_ptr& to, const std::function<bool(const std::string&)>& wanted) {
  std::vector<limit_row> rows;
  to->metadata->for_each_user([&](const user_record& each) {
    const bool may = to->by.monitoring || each.name == to->by.who.user;
    if (!each.limits.empty() && may && wanted(each.name))
      rows.push_back({each.name, each.limits});
  });
  answer_rows(to, "user", rows);
}

void all_user_limits(const call_ptr& to) {
  of_users(to, [](const std::string&) { return true; });
}

void user_limits(const call_ptr& to) {
  of_users(to, [&](const std::string& user) { return user == to->name(0); });
}

/// Nothing, and 400, when the body has no number or the limit no known name.
std::optional<int64_t> value_of(const call_ptr& from, std::string_view kind,
                                std::initializer_list<std::string_view> known) {
  const auto given = object_of(from, {"value"});
  if (!given)
    return {};
  const auto& name = from->name(1);
  const json& value = (*given)["value"];
  if (std::find(known.begin(), known.end(), name) == known.end())
    return bad_request(from, "Validation failed\n\nUnrecognised terms [{<<\"" + name + "\">>," + value.dump() + "}] in "
                               + std::string{kind} + "\n"),
           std::nullopt;
  if (!value.is_number_integer())
    return bad_request(from,
                       "Validation failed\n\n" + name + " should be a number, actually was " + value.dump() + "\n"),
           std::nullopt;
  return value.get<int64_t>();
}

void set_vhost_limit(const call_ptr& to) {
  const auto value = value_of(to, "limits", {"max-connections", "max-queues"});
  const auto vhost = to->metadata->find_vhost(to->name(0));
  if (!value)
    return;
  if (!vhost)
    return not_found(to);
  set_vhost_limits change{vhost->name, vhost->limits};
  change.limits[to->name(1)] = *value;
  propose(to, std::move(change));
}

void clear_vhost_limit(const call_ptr& to) {
  const auto vhost = to->metadata->find_vhost(to->name(0));
  if (!vhost || !vhost->limits.contains(to->name(1)))
    return not_found(to);
  set_vhost_limits change{vhost->name, vhost->limits};
  change.limits.erase(to->name(1));
  propose(to, std::move(change));
}

void set_user_limit(const call_ptr& to) {
  const auto value = value_of(to, "user-limits", {"max-connections", "max-channels"});
  if (!value)
    return;
  const auto user = to->metadata->find_user(to->name(0));
  if (!user)
    return fail_json(to, 400, "bad_request",
                     json{"no_such_user", to->name(0)}.dump(-1, ' ', false, json::error_handler_t::replace));
  set_user_limits change{user->name, user->limits};
  change.limits[to->name(1)] = *value;
  propose(to, std::move(change));
}

void clear_user_limit(const call_ptr& to) {
  const auto user = to->metadata->find_user(to->name(0));
  if (!user || !user->limits.contains(to->name(1)))
    return not_found(to);
  set_user_limits change{user->name, user->limits};
  change.limits.erase(to->name(1));
  propose(to, std::move(change));
}

} // namespace
} // namespace limits_part

std::span<const route> limit_routes() {
  using namespace limits_part;
  static constexpr route all[] = {
    {"GET", "vhost-limits", rule::management, all_vhost_limits},
    {"GET", "vhost-limits/*", rule::vhost_monitor, vhost_limits},
    {"PUT", "vhost-limits/*/*", rule::administrator, set_vhost_limit},
    {"DELETE", "vhost-limits/*/*", rule::administrator, clear_vhost_limit},
    {"GET", "user-limits", rule::management, all_user_limits},
    {"GET", "user-limits/*", rule::management, user_limits},
    {"PUT", "user-limits/*/*", rule::administrator, set_user_limit},
    {"DELETE", "user-limits/*/*", rule::administrator, clear_user_limit},
  };
  return all;
}

} // namespace broker::management
