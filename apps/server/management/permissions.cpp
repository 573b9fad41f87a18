// Permissions and topic permissions (features.md O17, S12).
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace permissions_part {
namespace {

using nlohmann::json;

struct permission_row {
  std::string vhost;
  std::string user;
  std::string exchange; ///< of topic permissions
  permission rights;
};

template<bool Topic>
std::vector<permission_row> rows_of(const call& from,
                                    const std::function<bool(std::string_view vhost, std::string_view user)>& wanted) {
  std::vector<permission_row> rows;
  if constexpr (Topic)
    from.metadata->for_each_topic_permission(
      [&](std::string_view vhost, std::string_view user, const topic_permission& rights) {
        if (wanted(vhost, user))
          rows.push_back({std::string{vhost}, std::string{user}, rights.exchange, {"", rights.write, rights.read}});
      });
  else
    from.metadata->for_each_permission([&](std::string_view vhost, std::string_view user, const permission& rights) {
      if (wanted(vhost, user))
        rows.push_back({std::string{vhost}, std::string{user}, "", rights});
    });
  return rows;
}

template<bool Topic>
void write_row(object_writer& to, const permission_row& from) {
  to.add("user", from.user);
  to.add("vhost", from.vhost);
  if constexpr (Topic)
    to.add("exchange", from.exchange);
  else
    to.add("configure", from.rights.configure);
  to.add("write", from.rights.write);
  to.add("read", from.rights.read);
}

template<bool Topic>
void answer_rows(const call_ptr& to, const std::vector<permission_row>& rows) {
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].user}; };
  source.write = [&](size_t i, object_writer& out) { write_row<Topic>(out, rows[i]); };
  answer_list(to, source);
}

template<bool Topic>
void all_permissions(const call_ptr& to) {
  answer_rows<Topic>(to, rows_of<Topic>(*to, [](std::string_view, std::string_view) { return true; }));
}

template<bool Topic>
void of_vhost(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(0)))
    return not_found(to);
  answer_rows<Topic>(
    to, rows_of<Topic>(*to, [&](std::string_view vhost, std::string_view) { return vhost == to->name(0); }));
}

template<bool Topic>
void of_user(const call_ptr& to) {
  if (!to->metadata->find_user(to->name(0)))
    return not_found(to);
  answer_rows<Topic>(to,
                     rows_of<Topic>(*to, [&](std::string_view, std::string_view user) { return user == to->name(0); }));
}

template<bool Topic>
std::vector<permission_row> of_both(const call& from) {
  return rows_of<Topic>(
    from, [&](std::string_view vhost, std::string_view user) { return vhost == from.name(0) && user == from.name(1); });
}

void one(const call_ptr& to) {
  const auto rows = of_both<false>(*to);
  if (rows.empty())
    return not_found(to);
  answer_object(to, [&](object_writer& out) { write_row<false>(out, rows.front()); });
}

void topic_rows(const call_ptr& to) {
  const auto rows = of_both<true>(*to);
  rows.empty() ? not_found(to) : answer_rows<true>(to, rows);
}

/// False, and 400, when a member is no text, or no regular expression.
bool take_pattern(const call_ptr& to, const json& given, const char* name, std::string& into) {
  if (!given[name].is_string()) {
    bad_request(to, std::string{name} + " is not a string");
    return false;
  }
  into = given[name].get<std::string>();
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  quiet.set_max_mem(limits::pattern_memory_bytes);
  const re2::RE2 compiled{into, quiet};
  if (compiled.ok())
    return true;
  fail_json(to, 400, "bad_request",
            json{"invalid_regexp", into, compiled.error()}.dump(-1, ' ', false, json::error_handler_t::replace));
  return false;
}

bool both_exist(const call_ptr& to) {
  if (to->metadata->vhost_exists(to->name(0)) && to->metadata->find_user(to->name(1)))
    return true;
  bad_request(to, "vhost_or_user_not_found");
  return false;
}

void set(const call_ptr& to) {
  const auto given = object_of(to, {"configure", "write", "read"});
  if (!given || !both_exist(to))
    return;
  set_permission change{to->name(0), to->name(1), {}};
  if (take_pattern(to, *given, "configure", change.rights.configure)
      && take_pattern(to, *given, "write", change.rights.write) && take_pattern(to, *given, "read", change.rights.read))
    propose(to, std::move(change), of_both<false>(*to).empty());
}

void set_topic(const call_ptr& to) {
  const auto given = object_of(to, {"exchange", "write", "read"});
  if (!given || !both_exist(to))
    return;
  if (!(*given)["exchange"].is_string())
    return bad_request(to, "exchange is not a string");
  set_topic_permission change{to->name(0), to->name(1), {(*given)["exchange"].get<std::string>(), "", ""}};
  const auto rows = of_both<true>(*to);
  const bool known = std::any_of(rows.begin(), rows.end(),
                                 [&](const permission_row& each) { return each.exchange == change.rights.exchange; });
  if (take_pattern(to, *given, "write", change.rights.write) && take_pattern(to, *given, "read", change.rights.read))
    propose(to, std::move(change), !known);
}

void clear(const call_ptr& to) {
  of_both<false>(*to).empty() ? not_found(to) : propose(to, clear_permission{to->name(0), to->name(1)});
}

void clear_topics(const call_ptr& to) {
  of_both<true>(*to).empty() ? not_found(to) : propose(to, clear_topic_permission{to->name(0), to->name(1), ""});
}

void clear_topic(const call_ptr& to) {
  const auto rows = of_both<true>(*to);
  const bool known =
    std::any_of(rows.begin(), rows.end(), [&](const permission_row& each) { return each.exchange == to->name(2); });
  known ? propose(to, clear_topic_permission{to->name(0), to->name(1), to->name(2)}) : not_found(to);
}

} // namespace
} // namespace permissions_part

std::span<const route> permission_routes() {
  using namespace permissions_part;
  static constexpr route all[] = {
    {"GET", "permissions", rule::administrator, all_permissions<false>},
    {"GET", "permissions/*/*", rule::administrator, one},
    {"PUT", "permissions/*/*", rule::administrator, set},
    {"DELETE", "permissions/*/*", rule::administrator, clear},
    {"GET", "vhosts/*/permissions", rule::administrator, of_vhost<false>},
    {"GET", "users/*/permissions", rule::administrator, of_user<false>},
    {"GET", "topic-permissions", rule::administrator, all_permissions<true>},
    {"GET", "topic-permissions/*/*", rule::administrator, topic_rows},
    {"PUT", "topic-permissions/*/*", rule::administrator, set_topic},
    {"DELETE", "topic-permissions/*/*", rule::administrator, clear_topics},
    {"DELETE", "topic-permissions/*/*/*", rule::administrator, clear_topic},
    {"GET", "vhosts/*/topic-permissions", rule::administrator, of_vhost<true>},
    {"GET", "users/*/topic-permissions", rule::administrator, of_user<true>},
  };
  return all;
}

} // namespace broker::management
