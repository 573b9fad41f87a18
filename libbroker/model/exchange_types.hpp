// The exchange types a node knows, by name: the four of AMQP (features.md W35) and plug-ins. Part of the broker's
// configuration: filled before the node starts, immutable and thread-safe from then on.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "model/exchange_plugin.hpp"

namespace broker {

class exchange_types {
public:
  /// direct, fanout, topic and headers.
  exchange_types();

  /// False if the name is taken.
  bool add(exchange_plugin_ptr type);
  /// Null if nobody knows it. The four of AMQP answer too, so that another type can build on any of them.
  exchange_plugin_ptr find(std::string_view name) const;
  /// In the order of their names.
  std::vector<exchange_plugin_ptr> all() const;

private:
  std::map<std::string_view, exchange_plugin_ptr> types_;
};
using exchange_types_ptr = std::shared_ptr<const exchange_types>;

/// 406 "unknown exchange type 'x'" (W28).
error unknown_exchange_type(std::string_view name);
/// The built-in type of that name, or exchange_type::plugin.
exchange_type exchange_kind(std::string_view name) noexcept;

/// Sets what `record` derives from its type: kind and, for types that are not built in, the plug-in. Error: 406 for an
/// unknown type.
result<void> resolve_type(exchange_record& record, const exchange_types& types);

} // namespace broker
