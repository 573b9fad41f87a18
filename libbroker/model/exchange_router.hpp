// The bindings of one exchange and the structure that routes by them (features.md W35). A value: copying is a few
// references, changing a copy leaves the original alone (persistent_map.hpp).
#pragma once

#include <string_view>
#include <vector>

#include "model/binding.hpp"
#include "model/exchange_types.hpp"
#include "model/persistent_map.hpp"
#include "model/routing_table.hpp"

namespace broker {

class exchange_router {
public:
  /// `exchange` has its type resolved (resolve_type).
  exchange_router(const exchange_record& exchange, const exchange_types& types);

  /// False if it is there already. The type has agreed to the binding before.
  bool bind(bound_ptr binding);
  /// Null if there is none.
  bound_ptr unbind(std::string_view identity);
  bool has(std::string_view identity) const { return bindings_.find(identity) != nullptr; }
  size_t size() const noexcept { return bindings_.size(); }

  void route(const routing_input& what, found_destinations& into) const { table_.route(what, into); }
  routed_by looks_at() const { return table_.looks_at(); }

  template<class Visit>
  void for_each(Visit&& visit) const {
    bindings_.for_each(visit);
  }
  std::vector<bound_ptr> sorted() const { return bindings_.sorted(); }

private:
  struct by_identity {
    static std::string_view key(const bound_ptr& entry) { return entry->identity; }
  };

  persistent_map<bound_ptr, by_identity> bindings_;
  routing_table table_;
};

} // namespace broker
