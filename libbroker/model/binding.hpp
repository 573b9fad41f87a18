// One binding of an exchange, and what a publish offers to whoever routes by bindings.
#pragma once

#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/records.hpp"
#include "model/destination_set.hpp"
#include "model/header_match.hpp"

namespace broker {

/// One binding with its far end resolved. Immutable.
struct bound {
  binding_record record;
  std::string identity; ///< see binding_identity
  destination to;
};
using bound_ptr = std::shared_ptr<const bound>;

/// What makes two bindings of one exchange the same: destination, routing key, and arguments whatever their order.
/// Its arguments are sorted by name (sort_arguments).
std::string binding_identity(const binding_record& record);
void sort_arguments(amqp::field_table& arguments);

/// What a publish offers to routing. Valid during the call only.
struct routing_input {
  const std::pmr::vector<std::string_view>& keys; ///< the routing key, then those of CC and BCC (W47); never empty
  const raw_fields& headers;                      ///< sorted by name
  std::string_view properties; ///< encoded (message::property_bytes); see find_property in header_match.hpp
};

/// What of a message routing looks at; each includes the ones before it. Decides for how long an answer is good: by
/// `keys`, for every message of that routing key without CC and BCC; by `headers`, for those without headers besides;
/// by `properties`, for this message only.
enum class routed_by : uint8_t { keys, headers, properties };

} // namespace broker
