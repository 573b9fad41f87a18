#include "model/exchange_router.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace broker {

void sort_arguments(amqp::field_table& arguments) {
  std::stable_sort(arguments.entries.begin(), arguments.entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::string binding_identity(const binding_record& record) {
  byte_buffer out;
  out.put_u8(record.to_exchange ? 1 : 0);
  out.put_u32(static_cast<uint32_t>(record.destination.size()));
  out.put(record.destination);
  out.put_u32(static_cast<uint32_t>(record.routing_key.size()));
  out.put(record.routing_key);
  amqp::encode_table(out, record.arguments);
  return std::string{out.view()};
}

exchange_router::exchange_router(exchange_type type) {
  switch (type) {
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
  }
}

void exchange_router::add(direct_table& table, const bound& what) {
  auto slot = make_ref<key_slot>();
  slot->key = what.record.routing_key;
  if (const ref<key_slot>* present = table.find(slot->key))
    slot->to = (*present)->to;
  slot->to.add(what.to);
  table.put(std::move(slot));
}

void exchange_router::remove(direct_table& table, const bound& what) {
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

bool exchange_router::bind(bound_ptr binding) {
  if (has(binding->identity))
    return false;
  if (auto* direct = std::get_if<direct_table>(&table_))
    add(*direct, *binding);
  else if (auto* fanout = std::get_if<fanout_table>(&table_))
    fanout->add(binding->to);
  else if (auto* topic = std::get_if<topic_trie>(&table_))
    topic->add(binding->record.routing_key, binding->to);
  bindings_.put(std::move(binding));
  return true;
}

bound_ptr exchange_router::unbind(std::string_view identity) {
  const bound_ptr* present = bindings_.find(identity);
  if (!present)
    return nullptr;
  const bound_ptr binding = *present;
  if (auto* direct = std::get_if<direct_table>(&table_))
    remove(*direct, *binding);
  else if (auto* fanout = std::get_if<fanout_table>(&table_))
    fanout->remove(binding->to);
  else if (auto* topic = std::get_if<topic_trie>(&table_))
    topic->remove(binding->record.routing_key, binding->to);
  bindings_.erase(binding->identity);
  return binding;
}

void exchange_router::route(const routing_input& what, found_destinations& into) const {
  if (const auto* direct = std::get_if<direct_table>(&table_)) {
    for (const std::string_view key : what.keys)
      if (const ref<key_slot>* slot = direct->find(key))
        (*slot)->to.collect(into);
  } else if (const auto* fanout = std::get_if<fanout_table>(&table_)) {
    fanout->collect(into);
  } else if (const auto* topic = std::get_if<topic_trie>(&table_)) {
    for (const std::string_view key : what.keys)
      topic->match(key, into);
  } else {
    bindings_.for_each([&](const bound_ptr& binding) {
      if (binding->pattern->matches(what.headers))
        into.add(binding->to);
    });
  }
}

} // namespace broker
