#include <nlohmann/json.hpp>

#include "metadata/definitions.hpp"
#include "model/json_table.hpp"

namespace broker {
namespace {

using nlohmann::json;

json parsed(const std::string& text) {
  return json::parse(text, nullptr, false); // canonical since it was accepted
}

json limits_to_json(const limit_table& limits) {
  json out = json::object();
  for (const auto& [name, value] : limits)
    out[name] = value;
  return out;
}

bool is_built_in(const std::string& exchange) {
  return exchange.empty() || exchange.starts_with("amq.");
}

/// Collects the parts; `vhost` empty: all of them.
class exporter {
public:
  exporter(const metadata_snapshot& from, std::string_view vhost) : from_(from), vhost_(vhost) {}

  void topology(json& out) const {
    for (const char* part : {"queues", "exchanges", "bindings", "policies", "parameters"})
      out[part] = json::array();
    from_.for_each_queue([&](const queue_ptr& one) {
      if (wanted(one->vhost) && !one->exclusive)
        out["queues"].push_back(in_vhost(one->vhost, {{"name", one->name},
                                                      {"durable", one->durable},
                                                      {"auto_delete", one->auto_delete},
                                                      {"arguments", table_to_json(one->arguments)}}));
    });
    from_.for_each_exchange([&](const exchange_ptr& one) {
      if (wanted(one->vhost) && !one->internal && !is_built_in(one->name))
        out["exchanges"].push_back(in_vhost(one->vhost, {{"name", one->name},
                                                         {"type", one->type},
                                                         {"durable", one->durable},
                                                         {"auto_delete", one->auto_delete},
                                                         {"internal", one->internal},
                                                         {"arguments", table_to_json(one->arguments)}}));
    });
    from_.for_each_binding([&](std::string_view vhost, const binding_record& one) {
      if (wanted(vhost) && is_exported(vhost, one))
        out["bindings"].push_back(in_vhost(vhost, {{"source", one.source},
                                                   {"destination", one.destination},
                                                   {"destination_type", one.to_exchange ? "exchange" : "queue"},
                                                   {"routing_key", one.routing_key},
                                                   {"arguments", table_to_json(one.arguments)}}));
    });
  }

  void rules(json& out) const {
    from_.for_each_policy(false, [&](const policy_record& one) {
      if (wanted(one.vhost))
        out["policies"].push_back(in_vhost(one.vhost, policy_body(one, {{"name", one.name}})));
    });
    from_.for_each_parameter(
      [&](const parameter_record& one) { parameter(out, one.vhost, one.component, one.name, parsed(one.value)); });
    from_.for_each_policy(true, [&](const policy_record& one) {
      parameter(out, one.vhost, "operator_policy", one.name, policy_body(one, json::object()));
    });
    from_.for_each_vhost([&](const vhost_record& one) {
      if (!one.limits.empty())
        parameter(out, one.name, "vhost-limits", "limits", limits_to_json(one.limits));
    });
  }

  void cluster(json& out) const {
    for (const char* part : {"users", "vhosts", "permissions", "topic_permissions", "global_parameters"})
      out[part] = json::array();
    from_.for_each_user([&](const user_record& one) {
      out["users"].push_back({{"name", one.name},
                              {"password_hash", one.password_hash},
                              {"hashing_algorithm", one.hashing},
                              {"tags", one.tags},
                              {"limits", limits_to_json(one.limits)}});
    });
    from_.for_each_vhost([&](const vhost_record& one) {
      json metadata = {{"description", one.description}, {"tags", one.tags}};
      if (!one.default_queue_type.empty())
        metadata["default_queue_type"] = one.default_queue_type;
      out["vhosts"].push_back(
        {{"name", one.name}, {"description", one.description}, {"tags", one.tags}, {"metadata", std::move(metadata)}});
    });
    from_.for_each_permission([&](std::string_view vhost, std::string_view user, const permission& one) {
      out["permissions"].push_back(
        {{"user", user}, {"vhost", vhost}, {"configure", one.configure}, {"write", one.write}, {"read", one.read}});
    });
    from_.for_each_topic_permission([&](std::string_view vhost, std::string_view user, const topic_permission& one) {
      out["topic_permissions"].push_back(
        {{"user", user}, {"vhost", vhost}, {"exchange", one.exchange}, {"write", one.write}, {"read", one.read}});
    });
    from_.for_each_global_parameter([&](const parameter_record& one) {
      out["global_parameters"].push_back({{"name", one.name}, {"value", parsed(one.value)}});
    });
  }

private:
  bool wanted(std::string_view vhost) const { return vhost_.empty() || vhost == vhost_; }
  json in_vhost(std::string_view vhost, json entry) const {
    if (vhost_.empty())
      entry["vhost"] = vhost;
    return entry;
  }
  static json policy_body(const policy_record& one, json entry) {
    entry["pattern"] = one.pattern;
    entry["apply-to"] = one.apply_to;
    entry["priority"] = one.priority;
    entry["definition"] = parsed(one.definition);
    return entry;
  }
  void parameter(json& out, const std::string& vhost, const std::string& component, const std::string& name,
                 json value) const {
    if (wanted(vhost))
      out["parameters"].push_back(
        in_vhost(vhost, {{"component", component}, {"name", name}, {"value", std::move(value)}}));
  }
  /// Both ends are, or are there in any case.
  bool is_exported(std::string_view vhost, const binding_record& one) const {
    const exchange_ptr source = from_.find_exchange(vhost, one.source);
    if (source && source->internal)
      return false;
    if (!one.to_exchange) {
      const queue_ptr queue = from_.find_queue(vhost, one.destination);
      return queue && !queue->exclusive;
    }
    const exchange_ptr exchange = from_.find_exchange(vhost, one.destination);
    return exchange && !exchange->internal;
  }

  const metadata_snapshot& from_;
  const std::string_view vhost_;
};

} // namespace

std::string write_definitions(const metadata_snapshot& from, const definitions_product& product,
                              std::string_view only_vhost) {
  json out = {{"rabbit_version", product.rabbitmq_version},
              {"rabbitmq_version", product.rabbitmq_version},
              {"product_name", product.name},
              {"product_version", product.version}};
  const exporter parts{from, only_vhost};
  parts.topology(out);
  parts.rules(out);
  if (only_vhost.empty())
    parts.cluster(out);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace broker
