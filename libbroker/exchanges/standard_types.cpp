#include "exchanges/standard_types.hpp"

#include "exchanges/consistent_hash.hpp"
#include "exchanges/delayed_message.hpp"

namespace broker {

std::shared_ptr<exchange_types> make_standard_exchange_types() {
  auto types = std::make_shared<exchange_types>();
  for (auto type : {make_consistent_hash_type(), make_delayed_message_type()}) {
    const bool added = types->add(std::move(type));
    BROKER_ASSERT(added, "every standard type has a name of its own");
  }
  return types;
}

exchange_types_ptr standard_exchange_types() {
  static const exchange_types_ptr types = make_standard_exchange_types();
  return types;
}

} // namespace broker
