#include "prefix_exchange.hpp"

#include "amqp/reply.hpp"
#include "model/destination_set.hpp"
#include "model/persistent_map.hpp"

namespace examples {

namespace {

/// The bindings by their keys. A copy of it is one reference, and changing a copy leaves the original alone.
class prefix_table {
public:
  void bind(const broker::bound_ptr& binding) {
    auto changed = copy_of(binding->record.routing_key);
    changed->to.add(binding->to);
    prefixes_.put(std::move(changed));
  }
  void unbind(const broker::bound_ptr& binding) {
    auto changed = copy_of(binding->record.routing_key);
    changed->to.remove(binding->to);
    if (changed->to.empty())
      prefixes_.erase(changed->prefix);
    else
      prefixes_.put(std::move(changed));
  }
  void route(const broker::routing_input& what, broker::found_destinations& into) const {
    for (const std::string_view key : what.keys)
      for (size_t length = key.size() + 1; length-- > 0;)
        if (const auto* found = prefixes_.find(key.substr(0, length))) {
          (*found)->to.collect(into);
          break;
        }
  }
  broker::routed_by looks_at() const { return broker::routed_by::keys; }

private:
  struct entry final : broker::ref_counted {
    std::string prefix;
    broker::destination_set to;
  };
  struct by_prefix {
    static std::string_view key(const broker::ref<entry>& one) { return one->prefix; }
  };

  broker::ref<entry> copy_of(const std::string& prefix) const {
    auto made = broker::make_ref<entry>();
    made->prefix = prefix;
    if (const auto* present = prefixes_.find(prefix))
      made->to = (*present)->to;
    return made;
  }

  broker::persistent_map<broker::ref<entry>, by_prefix> prefixes_;
};

class longest_prefix_type final : public broker::exchange_plugin {
public:
  std::string_view name() const override { return "x-longest-prefix"; }
  std::string_view description() const override { return "the longest binding key that the routing key begins with"; }

  broker::result<void> validate_binding(const broker::exchange_record&, const broker::binding_record& binding,
                                        const broker::exchange_types&) const override {
    if (binding.routing_key.find_first_of("*#") == std::string::npos)
      return {};
    return broker::amqp::precondition_failed("x-longest-prefix knows no wildcards: '" + binding.routing_key + "'");
  }
  broker::ref<broker::exchange_table> make_table(const broker::exchange_record&,
                                                 const broker::exchange_types&) const override {
    return broker::make_ref<broker::exchange_table_of<prefix_table>>(prefix_table{});
  }
};

} // namespace

broker::exchange_plugin_ptr make_longest_prefix_type() {
  return std::make_shared<const longest_prefix_type>();
}

} // namespace examples
