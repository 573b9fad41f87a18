#include "model/routed_message.hpp"

namespace broker {

routed_message::routed_message(const message& what) : properties_(what.property_bytes()) {
  keys_.push_back(what.routing_key());
  if (!what.has(message::has_headers))
    return;
  scan_table(find_headers(properties_), headers_);
  sort_by_name(headers_);
  for (const std::string_view name : {"CC", "BCC"})
    if (const raw_field* extra = find_field(headers_, name))
      collect_array_texts(*extra, keys_);
}

} // namespace broker
