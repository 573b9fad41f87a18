// Policies and operator policies (features.md O18, O29-O31).
#include <nlohmann/json.hpp>

#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace policies_part {
namespace {

using nlohmann::json;

void write_policy(object_writer& to, const policy_record& from) {
  to.add("vhost", from.vhost);
  to.add("name", from.name);
  to.add("pattern", from.pattern);
  to.add("apply-to", from.apply_to);
  to.add_raw("definition", from.definition);
  to.add("priority", from.priority);
}

template<bool Operators>
void list(const call_ptr& to, const std::function<bool(const policy_record&)>& wanted) {
  std::vector<policy_record> rows;
  to->metadata->for_each_policy(Operators, [&](const policy_record& each) {
    if (wanted(each))
      rows.push_back(each);
  });
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].name}; };
  source.write = [&](size_t i, object_writer& out) { write_policy(out, rows[i]); };
  answer_list(to, source);
}

template<bool Operators>
void all_policies(const call_ptr& to) {
  list<Operators>(to, [&](const policy_record& each) { return sees_vhost(*to, each.vhost); });
}

template<bool Operators>
void of_vhost(const call_ptr& to) {
  list<Operators>(to, [&](const policy_record& each) { return each.vhost == to->name(0); });
}

template<bool Operators>
std::optional<policy_record> find_policy(const call& from) {
  std::optional<policy_record> found;
  from.metadata->for_each_policy(Operators, [&](const policy_record& each) {
    if (each.vhost == from.name(0) && each.name == from.name(1))
      found = each;
  });
  return found;
}

template<bool Operators>
void one(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(0)))
    return not_found(to);
  const auto found = find_policy<Operators>(*to);
  found ? answer_object(to, [&](object_writer& out) { write_policy(out, *found); }) : not_found(to);
}

template<bool Operators>
void put(const call_ptr& to) {
  const auto given = object_of(to, {"pattern", "definition"});
  if (!given)
    return;
  if (!to->metadata->vhost_exists(to->name(0)))
    return fail(to, 404, "not_found", "vhost_not_found");
  const json& pattern = (*given)["pattern"];
  const json& definition = (*given)["definition"];
  if (!pattern.is_string() || !definition.is_object())
    return bad_request(to, "pattern is not a string, or definition is no object");
  put_policy change;
  change.operator_policy = Operators;
  change.policy.vhost = to->name(0);
  change.policy.name = to->name(1);
  change.policy.pattern = pattern.get<std::string>();
  change.policy.definition = definition.dump(-1, ' ', false, json::error_handler_t::replace);
  if (const auto where = given->find("apply-to"); where != given->end() && where->is_string())
    change.policy.apply_to = where->get<std::string>();
  if (const auto priority = given->find("priority"); priority != given->end() && !priority->is_null()) {
    if (!priority->is_number_integer())
      return bad_request(to, "priority is not an integer");
    change.policy.priority = priority->get<int64_t>();
  }
  propose(to, std::move(change), !find_policy<Operators>(*to));
}

template<bool Operators>
void remove(const call_ptr& to) {
  find_policy<Operators>(*to) ? propose(to, delete_policy{to->name(0), to->name(1), Operators}) : not_found(to);
}

} // namespace
} // namespace policies_part

std::span<const route> policy_routes() {
  using namespace policies_part;
  static constexpr route all[] = {
    {"GET", "policies", rule::management, all_policies<false>},
    {"GET", "policies/*", rule::vhost, of_vhost<false>},
    {"GET", "policies/*/*", rule::vhost_policy, one<false>},
    {"PUT", "policies/*/*", rule::vhost_policy, put<false>},
    {"DELETE", "policies/*/*", rule::vhost_policy, remove<false>},
    {"GET", "operator-policies", rule::management, all_policies<true>},
    {"GET", "operator-policies/*", rule::vhost, of_vhost<true>},
    {"GET", "operator-policies/*/*", rule::administrator, one<true>},
    {"PUT", "operator-policies/*/*", rule::administrator, put<true>},
    {"DELETE", "operator-policies/*/*", rule::administrator, remove<true>},
  };
  return all;
}

} // namespace broker::management
