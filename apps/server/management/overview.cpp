// GET /api/overview, whoami, cluster-name, extensions and the like (features.md O14, O22).
#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "cluster_name.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/shown_samples.hpp"
#include "version.hpp"

namespace broker::management {

namespace overview_part {
namespace {

using nlohmann::json;

/// Numbers add up, lists of samples member by member; what is no number stays as it was first.
void add_up(json& sum, const json& more) {
  if (sum.is_null()) {
    sum = more;
  } else if (sum.is_number_integer() && more.is_number_integer()) {
    sum = sum.get<int64_t>() + more.get<int64_t>();
  } else if (sum.is_number() && more.is_number()) {
    sum = sum.get<double>() + more.get<double>();
  } else if (sum.is_object() && more.is_object()) {
    for (const auto& [name, value] : more.items())
      if (name != "timestamp")
        add_up(sum[name], value);
      else if (!sum.contains(name))
        sum[name] = value;
  } else if (sum.is_array() && more.is_array()) {
    for (size_t i = 0; i < std::min(sum.size(), more.size()); ++i)
      add_up(sum[i], more[i]);
  }
}

size_t visible_queues(const call& from) {
  size_t count = 0;
  vhost_sight sight{from};
  from.metadata->for_each_queue([&](const queue_ptr& each) { count += sight.sees(each->vhost) ? 1 : 0; });
  return count;
}

size_t visible_exchanges(const call& from) {
  size_t count = 0;
  vhost_sight sight{from};
  from.metadata->for_each_exchange([&](const exchange_ptr& each) { count += sight.sees(each->vhost) ? 1 : 0; });
  return count;
}

void write_exchange_types(json_writer& out, const metadata_snapshot& metadata) {
  out.begin_array();
  for (const auto& each : metadata.exchange_types().all()) {
    const std::string name{each->name()};
    object_writer type{out, {}};
    type.add("name", name);
    type.add("description", "AMQP " + name + " exchange, as per the AMQP specification");
    type.add("enabled", true);
  }
  out.end_array();
}

/// What nodes say, put together.
struct whole_cluster {
  json stats = json::object(); ///< message_stats, churn_rates, queue_totals, object_totals
  json listeners = json::array();
  json contexts = json::array();
};

whole_cluster put_together(const std::map<std::string, std::string>& nodes) {
  whole_cluster sum;
  for (const auto& [name, text] : nodes) {
    json node = json::parse(text, nullptr, false);
    if (!node.is_object() || !node.contains("stats"))
      continue;
    add_up(sum.stats, node["stats"]);
    for (auto& each : node["listeners"])
      sum.listeners.push_back(std::move(each));
    for (auto& each : node["contexts"]) {
      each["node"] = name;
      each["ssl_opts"] = json::array();
      sum.contexts.push_back(std::move(each));
    }
  }
  return sum;
}

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void write_overview(const call_ptr& to, const std::map<std::string, std::string>& nodes, object_writer& out) {
  const bool stats = to->target.find("disable_stats") == nullptr || *to->target.find("disable_stats") != "true";
  const bool totals = stats || (to->target.find("enable_queue_totals") != nullptr);
  auto cluster = put_together(nodes);
  out.add("management_version", rabbitmq_version);
  out.add("rates_mode", "basic");
  out.add_raw("sample_retention_policies", R"({"global":[600,3600,28800,86400],"basic":[600,3600],"detailed":[600]})");
  if (out.wants("exchange_types")) {
    out.out().key("exchange_types");
    write_exchange_types(out.out(), *to->metadata);
  }
  out.add("product_version", warren_version);
  out.add("product_name", "Warren");
  out.add("rabbitmq_version", rabbitmq_version);
  const auto name = cluster_name_of(*to->metadata);
  out.add("cluster_name", name.empty() ? to->in_service.around.node.name() : name);
  out.add("erlang_version", "none");
  out.add("erlang_full_version", "Warren " + std::string{warren_version} + " (C++)");
  out.add("release_series_support_status", "supported");
  out.add("disable_stats", !stats);
  out.add("enable_queue_totals", totals && !stats);
  json& sums = cluster.stats;
  if (stats) {
    out.add_raw("message_stats", text_of(sums["message_stats"]));
    out.add_raw("churn_rates", text_of(sums["churn_rates"]));
  }
  if (totals)
    out.add_raw("queue_totals", text_of(sums["queue_totals"]));
  if (out.wants("object_totals")) {
    json counts = sums["object_totals"].is_object() ? sums["object_totals"] : json::object();
    counts["queues"] = visible_queues(*to);
    counts["exchanges"] = visible_exchanges(*to);
    out.add_raw("object_totals", text_of(counts));
  }
  out.add("statistics_db_event_queue", 0);
  out.add("node", to->in_service.around.node.name());
  if (to->by.monitoring) { // addresses and ports are not everybody's business
    out.add_raw("listeners", text_of(cluster.listeners));
    out.add_raw("contexts", text_of(cluster.contexts));
  } else {
    out.add_raw("listeners", "[]");
    out.add_raw("contexts", "[]");
  }
}

void overview(const call_ptr& to) {
  if (answer_again(to))
    return;
  const auto asked = asked_ranges(to);
  if (!asked)
    return;
  const auto range = asked->msg_rates ? asked->msg_rates : asked->lengths;
  to->in_service.nodes(range, [to, range](const std::shared_ptr<const std::map<std::string, std::string>>& nodes) {
    answer_object(
      to, [&](object_writer& out) { write_overview(to, *nodes, out); }, to->in_service.nodes_good_until(range));
  });
}

void whoami(const call_ptr& to) {
  answer_object(to, [&](object_writer& out) {
    out.add("name", to->by.who.user);
    out.add_raw("tags", json(to->by.who.tags).dump());
  });
}

void cluster_name(const call_ptr& to) {
  const auto name = cluster_name_of(*to->metadata);
  answer_object(to,
                [&](object_writer& out) { out.add("name", name.empty() ? to->in_service.around.node.name() : name); });
}

void set_cluster_name(const call_ptr& to) {
  const auto given = object_of(to, {"name"});
  if (!given)
    return;
  if (!(*given)["name"].is_string())
    return bad_request(to, "name is not a string");
  propose(to, name_cluster((*given)["name"].get<std::string>()));
}

void extensions(const call_ptr& to) {
  answer(to, 200, std::string{"[]"});
}

void auth_settings(const call_ptr& to) {
  answer(to, 200, std::string{R"({"enable_uaa":false,"uaa_client_id":"","uaa_location":"","oauth_enabled":false})"});
}

/// All of them are on, and stay on.
constexpr std::string_view flags[] = {"classic_mirrored_queue_version",
                                      "drop_unroutable_metric",
                                      "empty_basic_get_metric",
                                      "implicit_default_bindings",
                                      "maintenance_mode_status",
                                      "quorum_queue",
                                      "user_limits",
                                      "virtual_host_metadata"};

void feature_flags(const call_ptr& to) {
  json all = json::array();
  for (const auto name : flags)
    all.push_back({{"name", name},
                   {"desc", ""},
                   {"doc_url", ""},
                   {"state", "enabled"},
                   {"stability", "stable"},
                   {"provided_by", "rabbit"}});
  answer(to, 200, all.dump());
}

void enable_feature_flag(const call_ptr& to) {
  std::find(std::begin(flags), std::end(flags), to->name(0)) == std::end(flags) ? bad_request(to, "unsupported")
                                                                                : answer(to, 204);
}

void deprecated_features(const call_ptr& to) {
  answer(to, 200, std::string{"[]"});
}

/// Answered when it begins, as RabbitMQ does; one that is under way already is as good.
void rebalance(const call_ptr& to) {
  to->in_service.around.node.rebalance([](const queue_record&) { return true; }, [](const result<void>&) {});
  answer(to, 204);
}

void version(const call_ptr& to) {
  answer(to, 200, '"' + std::string{rabbitmq_version} + '"');
}

} // namespace
} // namespace overview_part

std::span<const route> overview_routes() {
  using namespace overview_part;
  static constexpr route all[] = {
    {"GET", "overview", rule::management, overview},
    {"GET", "whoami", rule::management, whoami},
    {"GET", "cluster-name", rule::management, cluster_name},
    {"PUT", "cluster-name", rule::administrator, set_cluster_name},
    {"GET", "extensions", rule::management, extensions},
    {"GET", "auth", rule::anyone, auth_settings},
    {"GET", "version", rule::management, version},
    {"GET", "feature-flags", rule::administrator, feature_flags},
    {"PUT", "feature-flags/*/enable", rule::administrator, enable_feature_flag},
    {"GET", "deprecated-features", rule::administrator, deprecated_features},
    {"GET", "deprecated-features/used", rule::administrator, deprecated_features},
    {"POST", "rebalance/queues", rule::administrator, rebalance},
  };
  return all;
}

} // namespace broker::management
