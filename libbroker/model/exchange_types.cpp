#include "model/exchange_types.hpp"

#include "amqp/reply.hpp"
#include "model/routing_table.hpp"

namespace broker {
namespace {

/// A type of AMQP in the form of a plug-in, for types that build on it. Exchanges of the type itself do without the
/// virtual call (exchange_router.hpp).
class builtin_type final : public exchange_plugin {
public:
  builtin_type(exchange_type kind, std::string_view name, std::string_view description)
    : kind_(kind), name_(name), description_(description) {}

  std::string_view name() const override { return name_; }
  std::string_view description() const override { return description_; }
  result<void> validate_binding(const exchange_record&, const binding_record& binding,
                                const exchange_types&) const override {
    if (kind_ != exchange_type::headers)
      return {};
    const auto pattern = header_pattern::compile(binding.arguments);
    return pattern ? result<void>{} : pattern.error();
  }
  ref<exchange_table> make_table(const exchange_record&, const exchange_types&) const override {
    return make_ref<exchange_table_of<routing_table>>(routing_table{kind_});
  }

private:
  const exchange_type kind_;
  const std::string_view name_;
  const std::string_view description_;
};

} // namespace

exchange_types::exchange_types() {
  const auto add_builtin = [this](exchange_type kind, std::string_view name, std::string_view description) {
    add(std::make_shared<const builtin_type>(kind, name, description));
  };
  add_builtin(exchange_type::direct, "direct", "AMQP direct exchange, as per the AMQP specification");
  add_builtin(exchange_type::fanout, "fanout", "AMQP fanout exchange, as per the AMQP specification");
  add_builtin(exchange_type::topic, "topic", "AMQP topic exchange, as per the AMQP specification");
  add_builtin(exchange_type::headers, "headers", "AMQP headers exchange, as per the AMQP specification");
}

bool exchange_types::add(exchange_plugin_ptr type) {
  BROKER_ASSERT(type, "a type is an object");
  const std::string_view name = type->name();
  return types_.emplace(name, std::move(type)).second;
}

exchange_plugin_ptr exchange_types::find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

std::vector<exchange_plugin_ptr> exchange_types::all() const {
  std::vector<exchange_plugin_ptr> out;
  for (const auto& [name, type] : types_)
    out.push_back(type);
  return out;
}

error unknown_exchange_type(std::string_view name) {
  std::string text{"unknown exchange type '"};
  return amqp::precondition_failed(text.append(name).append("'"));
}

exchange_type exchange_kind(std::string_view name) noexcept {
  constexpr std::pair<std::string_view, exchange_type> builtin[] = {{"direct", exchange_type::direct},
                                                                    {"fanout", exchange_type::fanout},
                                                                    {"topic", exchange_type::topic},
                                                                    {"headers", exchange_type::headers}};
  for (const auto& [text, kind] : builtin)
    if (text == name)
      return kind;
  return exchange_type::plugin;
}

result<void> resolve_type(exchange_record& record, const exchange_types& types) {
  record.kind = exchange_kind(record.type);
  record.plugin = record.kind == exchange_type::plugin ? types.find(record.type) : nullptr;
  if (record.kind == exchange_type::plugin && !record.plugin)
    return unknown_exchange_type(record.type);
  return {};
}

} // namespace broker
