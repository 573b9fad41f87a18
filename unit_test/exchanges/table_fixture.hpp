// What the tests of exchange types share: a type's table with bindings by name, and publishes to route through it.
#pragma once

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "amqp/properties.hpp"
#include "exchanges/standard_types.hpp"
#include "model/exchange_router.hpp"

namespace exchange_test {

using namespace broker;

inline amqp::field_value text(std::string value) {
  return {amqp::longstr{std::move(value)}};
}

/// Property flags and values, without the header in front of them.
inline std::string encoded(const amqp::properties& properties) {
  byte_buffer frame;
  amqp::encode_content_header(frame, 1, 0, properties);
  return std::string{frame.view().substr(7 + 12, frame.size() - 7 - 12 - 1)};
}

class exchange_under_test {
public:
  explicit exchange_under_test(const std::string& type, amqp::field_table arguments = {}) {
    record_.name = "x";
    record_.vhost = "/";
    record_.type = type;
    record_.arguments = std::move(arguments);
    BOOST_REQUIRE(resolve_type(record_, *types_).ok());
    if (auto valid = plugin().validate(record_, *types_); !valid)
      refusal_ = valid.error().text;
    else
      router_.emplace(record_, *types_);
  }

  /// Why it may not be declared; empty if it may.
  const std::string& refusal() const { return refusal_; }
  std::string refusal(const std::string& key) const {
    const auto valid = plugin().validate_binding(record_, binding("q", key), *types_);
    return valid ? std::string{} : valid.error().text;
  }

  void bind(const std::string& queue, const std::string& key, amqp::field_table arguments = {}) {
    auto made = std::make_shared<bound>();
    made->record = binding(queue, key, std::move(arguments));
    made->identity = binding_identity(made->record);
    auto to = std::make_shared<queue_record>();
    to->name = queue;
    made->to.queue = std::move(to);
    BOOST_REQUIRE_EQUAL(refusal(key), "");
    BOOST_REQUIRE(router_->bind(std::move(made)));
  }
  void unbind(const std::string& queue, const std::string& key, amqp::field_table arguments = {}) {
    BOOST_REQUIRE(router_->unbind(binding_identity(binding(queue, key, std::move(arguments)))) != nullptr);
  }

  std::set<std::string> route(const std::string& key, const amqp::properties& properties = {}) const {
    const std::string bytes = encoded(properties);
    const std::pmr::vector<std::string_view> keys{key};
    raw_fields headers;
    scan_table(find_headers(bytes), headers);
    sort_by_name(headers);
    std::vector<std::shared_ptr<const queue_record>> queues;
    found_destinations found{queues, {}};
    router_->route({keys, headers, bytes}, found);
    std::set<std::string> names;
    for (const auto& queue : queues)
      names.insert(queue->name);
    return names;
  }
  /// Of a type that chooses exactly one.
  std::string choice(const std::string& key, const amqp::properties& properties = {}) const {
    const auto names = route(key, properties);
    BOOST_REQUIRE_EQUAL(names.size(), 1u);
    return *names.begin();
  }
  routed_by looks_at() const { return router_->looks_at(); }

private:
  static binding_record binding(const std::string& queue, const std::string& key, amqp::field_table arguments = {}) {
    binding_record out;
    out.source = "x";
    out.destination = queue;
    out.routing_key = key;
    out.arguments = std::move(arguments);
    return out;
  }
  const exchange_plugin& plugin() const { return *types_->find(record_.type); }

  exchange_types_ptr types_ = standard_exchange_types();
  exchange_record record_;
  std::optional<exchange_router> router_;
  std::string refusal_;
};

} // namespace exchange_test
