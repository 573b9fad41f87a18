#include "model/routing_table.hpp"

#include "base/overloaded.hpp"

namespace broker {
namespace {

header_pattern compiled(const amqp::field_table& arguments) {
  auto pattern = header_pattern::compile(arguments);
  BROKER_ASSERT(pattern.ok(), "the arguments of a binding are checked before it is made");
  return std::move(*pattern);
}

} // namespace

routing_table::header_binding::header_binding(bound_ptr what)
  : binding(std::move(what)), pattern(compiled(binding->record.arguments)) {}

routing_table::routing_table(exchange_type kind) {
  switch (kind) {
  case exchange_type::direct:
    break;
  case exchange_type::fanout:
    table_.emplace<fanout_table>();
    break;
  case exchange_type::topic:
    table_.emplace<topic_trie>();
    break;
  case exchange_type::headers:
    table_.emplace<headers_table>();
    break;
  case exchange_type::plugin:
    BROKER_ASSERT(false, "a plug-in makes its table itself");
  }
}

routing_table::routing_table(ref<exchange_table> table) : table_(std::move(table)) {
  BROKER_ASSERT(std::get<plugin_table>(table_), "a plug-in makes a table");
}

void routing_table::add(direct_table& table, const bound& what) {
  auto slot = make_ref<key_slot>();
  slot->key = what.record.routing_key;
  if (const ref<key_slot>* present = table.find(slot->key))
    slot->to = (*present)->to;
  slot->to.add(what.to);
  table.put(std::move(slot));
}

void routing_table::remove(direct_table& table, const bound& what) {
  const ref<key_slot>* present = table.find(what.record.routing_key);
  BROKER_ASSERT(present != nullptr, "unbinding what was never bound");
  auto slot = make_ref<key_slot>();
  slot->key = what.record.routing_key;
  slot->to = (*present)->to;
  slot->to.remove(what.to);
  if (slot->to.empty())
    table.erase(slot->key);
  else
    table.put(std::move(slot));
}

exchange_table& routing_table::own(plugin_table& slot) {
  if (!slot->unique())
    slot = slot->copy();
  return *slot;
}

void routing_table::bind(const bound_ptr& binding) {
  std::visit(overloaded{
               [&](direct_table& direct) { add(direct, *binding); },
               [&](fanout_table& fanout) { fanout.add(binding->to); },
               [&](topic_trie& topic) { topic.add(binding->record.routing_key, binding->to); },
               [&](headers_table& headers) { headers.put(make_ref<header_binding>(binding)); },
               [&](plugin_table& plugin) { own(plugin).bind(binding); },
             },
             table_);
}

void routing_table::unbind(const bound_ptr& binding) {
  std::visit(overloaded{
               [&](direct_table& direct) { remove(direct, *binding); },
               [&](fanout_table& fanout) { fanout.remove(binding->to); },
               [&](topic_trie& topic) { topic.remove(binding->record.routing_key, binding->to); },
               [&](headers_table& headers) { headers.erase(binding->identity); },
               [&](plugin_table& plugin) { own(plugin).unbind(binding); },
             },
             table_);
}

void routing_table::route(const routing_input& what, found_destinations& into) const {
  if (const auto* direct = std::get_if<direct_table>(&table_)) {
    for (const std::string_view key : what.keys)
      if (const ref<key_slot>* slot = direct->find(key))
        (*slot)->to.collect(into);
  } else if (const auto* fanout = std::get_if<fanout_table>(&table_)) {
    fanout->collect(into);
  } else if (const auto* topic = std::get_if<topic_trie>(&table_)) {
    for (const std::string_view key : what.keys)
      topic->match(key, into);
  } else if (const auto* headers = std::get_if<headers_table>(&table_)) {
    headers->for_each([&](const ref<header_binding>& one) {
      if (one->pattern.matches(what.headers))
        into.add(one->binding->to);
    });
  } else {
    std::get<plugin_table>(table_)->route(what, into);
  }
}

routed_by routing_table::looks_at() const {
  if (std::holds_alternative<headers_table>(table_))
    return routed_by::headers;
  const auto* plugin = std::get_if<plugin_table>(&table_);
  return plugin ? (*plugin)->looks_at() : routed_by::keys;
}

} // namespace broker
