// Runtime parameters (features.md O18). Whether one is valid is the metadata's to say.
#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/hex.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "metadata/own_parameters.hpp"

namespace broker::management {

namespace parameters_part {
namespace {

using nlohmann::json;

void write_parameter(object_writer& to, const parameter_record& from) {
  to.add_raw("value", from.value);
  if (!from.component.empty()) {
    to.add("vhost", from.vhost);
    to.add("component", from.component);
  }
  to.add("name", from.name);
}

using parameter_filter = std::function<bool(const parameter_record&)>;

/// RabbitMQ keeps its cluster's id as a global parameter, and tools look for it there.
parameter_record internal_cluster_id(const metadata_snapshot& metadata) {
  byte_buffer id;
  id.put_u64(metadata.cluster());
  return {"", "", "internal_cluster_id", "\"rabbitmq-cluster-id-" + to_hex(id.view()) + '"'};
}

std::vector<parameter_record> rows_of(const call& from, bool global, const parameter_filter& wanted) {
  std::vector<parameter_record> rows;
  const auto take = [&](const parameter_record& each) {
    if (wanted(each))
      rows.push_back(each);
  };
  if (!global) {
    from.metadata->for_each_parameter(take);
    return rows;
  }
  auto id = internal_cluster_id(*from.metadata);
  from.metadata->for_each_global_parameter([&](const parameter_record& each) {
    if (each.name >= id.name && !id.name.empty()) {
      if (each.name != id.name) // else it came with definitions of RabbitMQ's
        take(id);
      id.name.clear();
    }
    take(each);
  });
  if (!id.name.empty())
    take(id);
  return rows;
}

void list(const call_ptr& to, bool global, const parameter_filter& wanted) {
  const auto rows = rows_of(*to, global, wanted);
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].name}; };
  source.write = [&](size_t i, object_writer& out) { write_parameter(out, rows[i]); };
  answer_list(to, source);
}

void all_parameters(const call_ptr& to) {
  list(to, false, [&](const parameter_record& each) { return sees_vhost(*to, each.vhost); });
}

void of_component(const call_ptr& to) {
  list(to, false,
       [&](const parameter_record& each) { return each.component == to->name(0) && sees_vhost(*to, each.vhost); });
}

/// False, and answered, when the vhost is not there or not the caller's.
bool may_use_vhost(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(1)))
    return not_found(to), false;
  if (sees_vhost(*to, to->name(1)))
    return true;
  return fail(to, 401, "not_authorised", "User not authorised to access object"), false;
}

void of_vhost(const call_ptr& to) {
  if (may_use_vhost(to))
    list(to, false,
         [&](const parameter_record& each) { return each.component == to->name(0) && each.vhost == to->name(1); });
}

std::vector<parameter_record> find_one(const call& from) {
  return rows_of(from, false, [&](const parameter_record& each) {
    return each.component == from.name(0) && each.vhost == from.name(1) && each.name == from.name(2);
  });
}

std::vector<parameter_record> find_global(const call& from) {
  return rows_of(from, true, [&](const parameter_record& each) { return each.name == from.name(0); });
}

void answer_found(const call_ptr& to, const std::vector<parameter_record>& rows) {
  rows.empty() ? not_found(to) : answer_object(to, [&](object_writer& out) { write_parameter(out, rows.front()); });
}

void one(const call_ptr& to) {
  if (may_use_vhost(to))
    answer_found(to, find_one(*to));
}

void put(const call_ptr& to) {
  if (!may_use_vhost(to))
    return;
  const auto given = object_of(to, {"value"});
  if (!given)
    return;
  parameter_record what{to->name(1), to->name(0), to->name(2),
                        (*given)["value"].dump(-1, ' ', false, json::error_handler_t::replace)};
  propose(to, set_parameter{std::move(what)}, find_one(*to).empty());
}

void remove(const call_ptr& to) {
  if (!may_use_vhost(to))
    return;
  find_one(*to).empty() ? not_found(to) : propose(to, clear_parameter{to->name(1), to->name(0), to->name(2)});
}

void all_globals(const call_ptr& to) {
  list(to, true, [](const parameter_record&) { return true; });
}

void one_global(const call_ptr& to) {
  answer_found(to, find_global(*to));
}

void put_global(const call_ptr& to) {
  if (is_own_parameter(to->name(0)))
    return bad_request(to, "names that begin with 'warren.' are the nodes' own");
  const auto given = object_of(to, {"value"});
  if (!given)
    return;
  parameter_record what{"", "", to->name(0), (*given)["value"].dump(-1, ' ', false, json::error_handler_t::replace)};
  propose(to, set_parameter{std::move(what)}, find_global(*to).empty());
}

void remove_global(const call_ptr& to) {
  find_global(*to).empty() ? not_found(to) : propose(to, clear_parameter{"", "", to->name(0)});
}

/// Plug-ins that do not exist here have nothing to show (features.md O19).
void nothing(const call_ptr& to) {
  answer(to, 200, std::string{"[]"});
}

} // namespace
} // namespace parameters_part

std::span<const route> parameter_routes() {
  using namespace parameters_part;
  static constexpr route all[] = {
    {"GET", "parameters", rule::policymaker, all_parameters},
    {"GET", "parameters/*", rule::policymaker, of_component},
    {"GET", "parameters/*/*", rule::policymaker, of_vhost},
    {"GET", "parameters/*/*/*", rule::policymaker, one},
    {"PUT", "parameters/*/*/*", rule::policymaker, put},
    {"DELETE", "parameters/*/*/*", rule::policymaker, remove},
    {"GET", "global-parameters", rule::policymaker, all_globals},
    {"GET", "global-parameters/*", rule::policymaker, one_global},
    {"PUT", "global-parameters/*", rule::policymaker, put_global},
    {"DELETE", "global-parameters/*", rule::policymaker, remove_global},
    {"GET", "federation-links", rule::monitoring, nothing},
    {"GET", "federation-links/*", rule::monitoring, nothing},
    {"GET", "shovels", rule::monitoring, nothing},
    {"GET", "shovels/*", rule::monitoring, nothing},
  };
  return all;
}

} // namespace broker::management
