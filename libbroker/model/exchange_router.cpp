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

exchange_router::exchange_router(const exchange_record& exchange, const exchange_types& types)
  : table_(exchange.kind == exchange_type::plugin ? routing_table{exchange.plugin->make_table(exchange, types)}
                                                  : routing_table{exchange.kind}) {}

bool exchange_router::bind(bound_ptr binding) {
  if (has(binding->identity))
    return false;
  table_.bind(binding);
  bindings_.put(std::move(binding));
  return true;
}

bound_ptr exchange_router::unbind(std::string_view identity) {
  const bound_ptr* present = bindings_.find(identity);
  if (!present)
    return nullptr;
  bound_ptr binding = *present;
  table_.unbind(binding);
  bindings_.erase(binding->identity);
  return binding;
}

} // namespace broker
