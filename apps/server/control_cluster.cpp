// What concerns all nodes: the cluster's name, and taking a node in and out of service (features.md O01, O10).
#include <nlohmann/json.hpp>

#include "cluster_name.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

constexpr std::string_view parameter_name = "cluster_name";

using control::reply;
using control::request;

void set_cluster_name(node_view& node, const request& what, reply done) {
  propose_and_answer(node, name_cluster(what.arguments[0]), exit_with::unavailable, std::move(done));
}

void suspend_listeners(node_view& node, const request&, reply done) {
  node.suspend_listeners(answer_order(std::move(done)));
}

void resume_listeners(node_view& node, const request&, reply done) {
  node.resume_listeners(answer_order(std::move(done)));
}

void drain(node_view& node, const request&, reply done) {
  node.drain(answer_order(std::move(done)));
}

void revive(node_view& node, const request&, reply done) {
  node.revive(answer_order(std::move(done)));
}

} // namespace

std::string cluster_name_of(const metadata_snapshot& metadata) {
  std::string name;
  metadata.for_each_global_parameter([&](const parameter_record& each) {
    if (each.name != parameter_name)
      return;
    const auto value = nlohmann::json::parse(each.value, nullptr, false);
    if (value.is_string())
      name = value.get<std::string>();
  });
  return name;
}

command name_cluster(const std::string& name) {
  using nlohmann::json;
  const std::string text = json(name).dump(-1, ' ', false, json::error_handler_t::replace);
  return set_parameter{{"", "", std::string{parameter_name}, text}};
}

std::span<const verb> cluster_verbs() {
  static constexpr verb verbs[] = {
    {"set_cluster_name", 1, 1, set_cluster_name},
    {"suspend_listeners", 0, 0, suspend_listeners},
    {"resume_listeners", 0, 0, resume_listeners},
    {"drain", 0, 0, drain},
    {"revive", 0, 0, revive},
  };
  return verbs;
}

} // namespace broker
