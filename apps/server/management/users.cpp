// Users (features.md O17).
#include <set>

#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/message_fields.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "metadata/access_rules.hpp"

namespace broker::management {

namespace users_part {
namespace {

using nlohmann::json;

void write_user(object_writer& to, const user_record& from) {
  to.add("name", from.name);
  to.add("password_hash", from.password_hash);
  to.add("hashing_algorithm", from.hashing);
  to.add_raw("tags", json(from.tags).dump(-1, ' ', false, json::error_handler_t::replace));
  to.add_raw("limits", json(from.limits).dump());
}

void list(const call_ptr& to, const std::function<bool(const user_record&)>& wanted) {
  std::vector<user_record> rows;
  to->metadata->for_each_user([&](const user_record& each) {
    if (wanted(each))
      rows.push_back(each);
  });
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].name}; };
  source.write = [&](size_t i, object_writer& out) { write_user(out, rows[i]); };
  answer_list(to, source);
}

void all_users(const call_ptr& to) {
  list(to, [](const user_record&) { return true; });
}

void without_permissions(const call_ptr& to) {
  std::set<std::string, std::less<>> with;
  to->metadata->for_each_permission(
    [&](std::string_view, std::string_view user, const permission&) { with.emplace(user); });
  list(to, [&](const user_record& each) { return !with.contains(each.name); });
}

void one_user(const call_ptr& to) {
  const auto found = to->metadata->find_user(to->name(0));
  if (!found)
    return not_found(to);
  answer_object(to, [&](object_writer& out) { write_user(out, *found); });
}

/// The password of a PUT: clear or hashed; false, and 400, when it makes no sense.
bool take_password(const call_ptr& to, const json& given, put_user& change) {
  const auto refuse = [&](std::string_view reason) {
    bad_request(to, reason);
    return false;
  };
  if (const auto hash = given.find("password_hash"); hash != given.end()) {
    if (!hash->is_string())
      return refuse("password_hash is not a string");
    change.user.password_hash = hash->get<std::string>();
    if (!from_base64(change.user.password_hash)) {
      fail_json(to, 400, "bad_request", json{"not_base64", *hash}.dump(-1, ' ', false, json::error_handler_t::replace));
      return false;
    }
    if (const auto kind = given.find("hashing_algorithm"); kind != given.end() && kind->is_string())
      change.user.hashing = kind->get<std::string>();
    return is_known_hashing(change.user.hashing) ? true : refuse("unknown hashing algorithm");
  }
  if (const auto password = given.find("password"); password != given.end()) {
    if (!password->is_string() || password->get_ref<const std::string&>().empty())
      return refuse("password is not a string, or empty");
    change.user.password_hash = to->in_service.around.node.hash_password(password->get_ref<const std::string&>());
  }
  return true; // none: no login by password
}

void put(const call_ptr& to) {
  const auto given = object_of(to);
  if (!given)
    return;
  if (to->name(0).size() > limits::name_max_bytes)
    return bad_request(to, "user names have 1 to 255 bytes");
  const auto tags = given->find("tags") != given->end() ? given->find("tags") : given->find("administrator");
  if (tags == given->end())
    return bad_request(to, "[{key_missing,tags}]");
  auto list_of_tags = tags_of(*tags);
  if (!list_of_tags)
    return bad_request(to, "tags are no texts");
  put_user change;
  change.user.name = to->name(0);
  change.user.tags = *std::move(list_of_tags);
  if (!take_password(to, *given, change))
    return;
  propose(to, std::move(change), to->metadata->find_user(to->name(0)) == nullptr);
}

void remove(const call_ptr& to) {
  if (!to->metadata->find_user(to->name(0)))
    return not_found(to);
  propose(to, delete_user{to->name(0)});
}

void remove_many(const call_ptr& to) {
  const auto given = object_of(to, {"users"});
  if (!given)
    return;
  if (!(*given)["users"].is_array())
    return bad_request(to, "users is no list");
  // Like RabbitMQ: the answer does not wait, and those that are not there are none's mistake.
  for (const auto& each : (*given)["users"])
    if (each.is_string() && to->metadata->find_user(each.get<std::string>()))
      to->in_service.around.node.propose(delete_user{each.get<std::string>()}, [](const command_result&) {});
  answer(to, 204);
}

} // namespace
} // namespace users_part

std::span<const route> user_routes() {
  using namespace users_part;
  static constexpr route all[] = {
    {"GET", "users", rule::administrator, all_users},
    {"POST", "users/bulk-delete", rule::administrator, remove_many},
    {"GET", "users/without-permissions", rule::administrator, without_permissions},
    {"GET", "users/*", rule::administrator, one_user},
    {"PUT", "users/*", rule::administrator, put},
    {"DELETE", "users/*", rule::administrator, remove},
  };
  return all;
}

} // namespace broker::management
