#include "exchanges/delayed_message.hpp"

#include <string>

#include "amqp/reply.hpp"
#include "base/limits.hpp"
#include "model/exchange_types.hpp"

namespace broker {
namespace {

constexpr std::string_view delayed_message = "x-delayed-message";
constexpr std::string_view delay_header = "x-delay";

/// Another type's table; only what it is asked for differs.
class delayed_table {
public:
  explicit delayed_table(ref<exchange_table> inner) : inner_(std::move(inner)) {}

  void bind(const bound_ptr& binding) { own().bind(binding); }
  void unbind(const bound_ptr& binding) { own().unbind(binding); }
  void route(const routing_input& what, found_destinations& into) const { inner_->route(what, into); }
  routed_by looks_at() const { return std::max(routed_by::headers, inner_->looks_at()); }

private:
  exchange_table& own() {
    if (!inner_->unique())
      inner_ = inner_->copy();
    return *inner_;
  }

  ref<exchange_table> inner_;
};

class delayed_message_type final : public exchange_plugin {
public:
  std::string_view name() const override { return delayed_message; }
  std::string_view description() const override { return "Delayed Message Exchange."; }

  result<void> validate(const exchange_record& exchange, const exchange_types& types) const override {
    const amqp::field_value* value = exchange.arguments.find("x-delayed-type");
    const std::string* inner = value ? value->as_string() : nullptr;
    if (!inner)
      return amqp::precondition_failed("Invalid argument, 'x-delayed-type' must be an existing exchange type");
    if (*inner == delayed_message)
      return amqp::precondition_failed("Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
    const auto type = types.find(*inner);
    return type ? type->validate(exchange, types) : unknown_exchange_type(*inner);
  }
  result<void> validate_binding(const exchange_record& exchange, const binding_record& binding,
                                const exchange_types& types) const override {
    return inner_type(exchange, types).validate_binding(exchange, binding, types);
  }
  ref<exchange_table> make_table(const exchange_record& exchange, const exchange_types& types) const override {
    return make_ref<exchange_table_of<delayed_table>>(
      delayed_table{inner_type(exchange, types).make_table(exchange, types)});
  }

  bool delays() const override { return true; }
  result<uint64_t> delay_ms(const routing_input& what) const override {
    const raw_field* header = find_field(what.headers, delay_header);
    const auto delay = header ? integer_value(*header) : std::nullopt;
    if (!delay || *delay <= 0)
      return uint64_t{0};
    if (static_cast<uint64_t>(*delay) > limits::message_delay_max_ms)
      return amqp::precondition_failed("invalid x-delay " + std::to_string(*delay) + ": the longest delay is "
                                       + std::to_string(limits::message_delay_max_ms) + " ms");
    return static_cast<uint64_t>(*delay);
  }
  /// The negative delay tells consumers how long the message was kept.
  void released(amqp::properties& what) const override {
    if (!what.headers)
      return;
    const amqp::field_value* header = what.headers->find(delay_header);
    int64_t delay = 0;
    if (header && header->as_integer(delay) && delay > 0)
      what.headers->set(delay_header, negative(delay));
  }

private:
  /// A signedint as in the plug-in, where it fits.
  static amqp::field_value negative(int64_t delay) {
    if (delay <= INT32_MAX)
      return {static_cast<int32_t>(-delay)};
    return {-delay};
  }
  static const exchange_plugin& inner_type(const exchange_record& exchange, const exchange_types& types) {
    const amqp::field_value* value = exchange.arguments.find("x-delayed-type");
    const std::string* inner = value ? value->as_string() : nullptr;
    const auto type = inner ? types.find(*inner) : nullptr;
    BROKER_ASSERT(type, "the arguments of an exchange are checked before it is made");
    return *type; // the registry keeps it
  }
};

} // namespace

exchange_plugin_ptr make_delayed_message_type() {
  return std::make_shared<const delayed_message_type>();
}

} // namespace broker
