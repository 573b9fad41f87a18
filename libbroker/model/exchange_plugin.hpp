// How an exchange type of one's own enters the broker (docs/extending.md; features.md P06, P07). A type is one
// `exchange_plugin`, registered by name in `exchange_types` before the node starts; each exchange of that type has one
// `exchange_table`, the structure that routes by its bindings.
//
// Rules. A plug-in is immutable and called from any thread. A table is a value: the metadata changes it on one thread,
// snapshots of it are read on all others, so `route` is const, takes no lock, waits for nothing and does not throw.
// Everything is deterministic and depends on the set of bindings alone, not on the order they came in: every node of a
// cluster, and a node that starts again, must route alike. All nodes of a cluster register the same types; a node whose
// metadata names a type it does not know refuses to start.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "amqp/properties.hpp"
#include "base/ref_counted.hpp"
#include "base/result.hpp"
#include "metadata/records.hpp"
#include "model/binding.hpp"

namespace broker {

class exchange_types;

/// The bindings of one exchange in the form its type routes by. Most plug-ins write a value and let exchange_table_of
/// do the rest.
class exchange_table : public ref_counted {
public:
  virtual ref<exchange_table> copy() const = 0;
  virtual void bind(const bound_ptr& binding) = 0;
  /// Takes back a `bind` of an equal binding.
  virtual void unbind(const bound_ptr& binding) = 0;
  /// Adds the destinations of one publish to `into`; adding one twice is harmless (W43).
  virtual void route(const routing_input& what, found_destinations& into) const = 0;
  virtual routed_by looks_at() const = 0;
};

/// Makes a table of a value type with the members bind, unbind, route and looks_at. The value is copied whenever a
/// snapshot holds on to it while it changes, so its containers should be persistent (persistent_map.hpp,
/// destination_set.hpp); small vectors will do where bindings are few.
template<class Value>
class exchange_table_of final : public exchange_table {
public:
  explicit exchange_table_of(Value value) : value_(std::move(value)) {}

  ref<exchange_table> copy() const override { return make_ref<exchange_table_of>(value_); }
  void bind(const bound_ptr& binding) override { value_.bind(binding); }
  void unbind(const bound_ptr& binding) override { value_.unbind(binding); }
  void route(const routing_input& what, found_destinations& into) const override { value_.route(what, into); }
  routed_by looks_at() const override { return value_.looks_at(); }

private:
  Value value_;
};

class exchange_plugin {
public:
  virtual ~exchange_plugin() = default;

  /// What clients write into exchange.declare. Types that are not the broker's own begin with "x-", as in RabbitMQ.
  virtual std::string_view name() const = 0;
  /// One line for operators.
  virtual std::string_view description() const = 0;

  /// May this exchange be declared? Error: 406 (amqp::precondition_failed); the client reads the text. Arguments nobody
  /// knows should be ignored, as RabbitMQ does. `types` is for types that build on others.
  virtual result<void> validate(const exchange_record& exchange, const exchange_types& types) const {
    static_cast<void>(exchange);
    static_cast<void>(types);
    return {};
  }
  /// May this binding be made? `exchange` has been validated. Error: 406.
  virtual result<void> validate_binding(const exchange_record& exchange, const binding_record& binding,
                                        const exchange_types& types) const {
    static_cast<void>(exchange);
    static_cast<void>(binding);
    static_cast<void>(types);
    return {};
  }
  /// The empty table of a validated exchange.
  virtual ref<exchange_table> make_table(const exchange_record& exchange, const exchange_types& types) const = 0;

  // -- types that keep some publishes back (libbroker/queue/delay_queue.hpp does the keeping) --

  /// Each exchange of such a type has a hidden queue. Its tables look at headers or properties (looks_at).
  virtual bool delays() const { return false; }
  /// Milliseconds this publish is kept back before it is routed by the table; 0 = none. Error: 406 to the publisher.
  virtual result<uint64_t> delay_ms(const routing_input& what) const {
    static_cast<void>(what);
    return uint64_t{0};
  }
  /// The time has come: changes the message so that delay_ms now gives 0, or it would be kept back again.
  virtual void released(amqp::properties& what) const { static_cast<void>(what); }
};
using exchange_plugin_ptr = std::shared_ptr<const exchange_plugin>;

} // namespace broker
