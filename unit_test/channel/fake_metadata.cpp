#include "channel/fake_metadata.hpp"

#include <algorithm>

#include "amqp/properties.hpp"
#include "amqp/reply.hpp"
#include "replication/placement.hpp"

namespace broker {

namespace test {
namespace {

void add_extra_keys(const amqp::field_table& headers, std::set<std::string>& keys) {
  for (const auto* name : {"CC", "BCC"})
    if (const auto* value = headers.find(name))
      if (const auto* array = std::get_if<amqp::field_array>(&value->value))
        for (const auto& key : array->values)
          keys.insert(*key.as_string());
}

} // namespace

fake_metadata::fake_metadata() {
  add_exchange("", exchange_type::direct);
  add_exchange("amq.direct", exchange_type::direct);
  add_exchange("amq.fanout", exchange_type::fanout);
}

queue_id fake_metadata::add_queue(const std::string& name) {
  queue_record queue;
  queue.name = name;
  return add_queue(std::move(queue));
}

queue_id fake_metadata::add_queue(queue_record queue) {
  queue.id = next_queue_++;
  queue.vhost = "/";
  if (!queue.options)
    queue.options = std::make_shared<const queue_options>(options_of_arguments(queue.arguments));
  const auto added = std::make_shared<const queue_record>(std::move(queue));
  queues_[added->name] = added;
  ++version_;
  return added->id;
}

void fake_metadata::remove_queue(const std::string& name) {
  queues_.erase(name);
  std::erase_if(bindings_, [&](const binding& bound) { return bound.queue == name; });
  ++version_;
}

void fake_metadata::set_master(const std::string& name, epoch mastership, const std::string& node) {
  auto& known = queues_.at(name);
  auto changed = std::make_shared<queue_record>(*known);
  changed->mastership = mastership;
  changed->node = node;
  changed->placement = std::make_shared<const replication::placement>();
  known = std::move(changed);
  ++version_;
}

void fake_metadata::add_exchange(const std::string& name, exchange_type kind) {
  exchange_record exchange;
  exchange.name = name;
  exchange.kind = kind;
  exchange.durable = true;
  add_exchange(std::move(exchange));
}

void fake_metadata::add_exchange(exchange_record exchange) {
  constexpr std::string_view types[] = {"direct", "fanout", "topic", "headers"};
  exchange.vhost = "/";
  exchange.type = types[static_cast<size_t>(exchange.kind)];
  const std::string name = exchange.name;
  exchanges_[name] = std::make_shared<const exchange_record>(std::move(exchange));
  ++version_;
}

void fake_metadata::bind(const std::string& exchange, const std::string& key, const std::string& queue) {
  bindings_.push_back({exchange, key, false, queue});
  ++version_;
}

void fake_metadata::bind_by_header(const std::string& exchange, const std::string& header, const std::string& queue) {
  bindings_.push_back({exchange, header, true, queue});
  ++version_;
}

void fake_metadata::set_tracing(bool on) {
  tracing_ = on;
  ++version_;
}

void fake_metadata::refuse(resource_kind kind, const std::string& name, access how) {
  refused_.insert({kind, name, how});
  ++version_;
}

void fake_metadata::refuse_topic(const std::string& exchange, const std::string& key, access how) {
  refused_topics_.insert({exchange, key, how});
  ++version_;
}

result<void> fake_metadata::authorise_topic(const login&, const exchange_record& exchange, access how,
                                            std::string_view routing_key) const {
  if (exchange.kind != exchange_type::topic
      || !refused_topics_.contains({exchange.name, std::string{routing_key}, how}))
    return {};
  return amqp::access_refused("topic '" + std::string{routing_key} + "' is not allowed");
}

command_result fake_metadata::apply(const command& what) {
  command_result done;
  if (const auto* declared = std::get_if<declare_queue>(&what)) {
    add_queue(declared->queue);
    done.created = true;
    done.queue = find_queue("/", declared->queue.name);
  } else if (const auto* deleted = std::get_if<delete_queue>(&what)) {
    remove_queue(deleted->name);
  } else if (const auto* exchange = std::get_if<declare_exchange>(&what)) {
    add_exchange(exchange->exchange);
    done.created = true;
  } else if (const auto* bound = std::get_if<broker::bind>(&what)) {
    bind(bound->binding.source, bound->binding.routing_key, bound->binding.destination);
  }
  return done;
}

queue_ptr fake_metadata::find_queue(std::string_view, std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second;
}

exchange_ptr fake_metadata::find_exchange(std::string_view, std::string_view name) const {
  const auto found = exchanges_.find(name);
  return found == exchanges_.end() ? nullptr : found->second;
}

routed_by fake_metadata::route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const {
  ++const_cast<fake_metadata*>(this)->lookups;
  std::set<std::string> keys{std::string{what.routing_key()}};
  amqp::field_table headers;
  if (what.has(message::has_headers))
    headers = amqp::decode_properties(what.property_bytes())->headers.value_or(amqp::field_table{});
  add_extra_keys(headers, keys);
  const auto add = [&](const std::string& name) {
    const auto queue = find_queue("/", name);
    if (queue && std::find(to.begin(), to.end(), queue) == to.end())
      to.push_back(queue);
  };
  for (const auto& key : keys)
    if (from.name.empty())
      add(key);
  routed_by by = routed_by::keys;
  for (const auto& bound : bindings_) {
    if (bound.exchange != from.name)
      continue;
    by = std::max(by, bound.by_header ? routed_by::headers : routed_by::keys);
    if (bound.by_header ? headers.find(bound.key) != nullptr
                        : from.kind == exchange_type::fanout || keys.contains(bound.key))
      add(bound.queue);
  }
  if (to.empty() && !from.alternate_exchange.empty())
    if (const auto alternate = find_exchange("/", from.alternate_exchange))
      by = std::max(by, route(*alternate, what, to));
  return by;
}

result<login> fake_metadata::authenticate(std::string_view, std::string_view, bool) const {
  return amqp::access_refused("not part of these tests");
}

result<void> fake_metadata::authorise(const login& who, std::string_view vhost, resource_kind kind,
                                      std::string_view name, access how) const {
  if (!refused_.contains({kind, std::string{name}, how}))
    return {};
  std::string text{how == access::configure ? "configure" : how == access::write ? "write" : "read"};
  text.append(" access to ");
  text.append(kind == resource_kind::queue ? "queue '" : "exchange '").append(name).append("' in vhost '");
  text.append(vhost).append("' refused for user '").append(who.user).append("'");
  return amqp::access_refused(text);
}

void fake_metadata::for_each_queue(const std::function<void(const queue_ptr&)>& visit) const {
  for (const auto& [name, queue] : queues_)
    visit(queue);
}

void fake_metadata::for_each_exchange(const std::function<void(const exchange_ptr&)>& visit) const {
  for (const auto& [name, exchange] : exchanges_)
    visit(exchange);
}

} // namespace test
} // namespace broker
