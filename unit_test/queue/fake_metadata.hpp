// Exchanges and bindings for the dead letters of one queue: key to queues, "#" for every key.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "amqp/properties.hpp"
#include "metadata/snapshot.hpp"

namespace test {

using namespace broker;

class fake_metadata final : public metadata_snapshot {
public:
  void bind(const std::string& exchange, const std::string& key, queue_id id, const std::string& name) {
    auto& made = exchanges_[exchange];
    if (!made) {
      auto described = std::make_shared<exchange_record>();
      described->vhost = "/";
      described->name = exchange;
      made = described;
    }
    auto queue = std::make_shared<queue_record>();
    queue->id = id;
    queue->name = name;
    bindings_[exchange].emplace_back(key, queue);
  }

  uint64_t version() const override { return 1; }
  bool vhost_exists(std::string_view) const override { return true; }
  queue_ptr find_queue(std::string_view, std::string_view) const override { return nullptr; }
  exchange_ptr find_exchange(std::string_view, std::string_view name) const override {
    const auto found = exchanges_.find(std::string{name});
    return found == exchanges_.end() ? nullptr : found->second;
  }
  routed_by route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const override {
    std::vector<std::string> keys{std::string{what.routing_key()}};
    if (what.has(message::has_headers)) {
      const auto properties = amqp::decode_properties(what.property_bytes());
      const auto* copies = properties->headers->find("CC");
      if (const auto* listed = copies ? std::get_if<amqp::field_array>(&copies->value) : nullptr)
        for (const auto& one : listed->values)
          keys.push_back(*one.as_string());
    }
    for (const auto& [key, queue] : bindings_.at(from.name))
      if (key == "#" || std::find(keys.begin(), keys.end(), key) != keys.end())
        to.push_back(queue);
    return routed_by::keys;
  }
  result<login> authenticate(std::string_view, std::string_view, bool) const override { return error{403, ""}; }
  result<void> open_vhost(const login&, std::string_view) const override { return {}; }
  result<void> authorise(const login&, std::string_view, resource_kind, std::string_view,
                         broker::access) const override {
    return {};
  }
  void for_each_queue(const std::function<void(const queue_ptr&)>&) const override {}
  void for_each_exchange(const std::function<void(const exchange_ptr&)>&) const override {}
  void for_each_binding(const std::function<void(std::string_view, const binding_record&)>&) const override {}
  void for_each_user(const std::function<void(const user_record&)>&) const override {}
  void for_each_permission(
    const std::function<void(std::string_view, std::string_view, const permission&)>&) const override {}

private:
  std::map<std::string, exchange_ptr> exchanges_;
  std::map<std::string, std::vector<std::pair<std::string, queue_ptr>>> bindings_;
};

} // namespace test
