// The bindings of one exchange and the structure that routes by them (features.md W35, W43-W45). A value: copying is a
// few references, changing a copy leaves the original alone (persistent_map.hpp).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "metadata/records.hpp"
#include "model/destination_set.hpp"
#include "model/header_match.hpp"
#include "model/persistent_map.hpp"
#include "model/topic_trie.hpp"

namespace broker {

/// One binding with its far end resolved. Immutable.
struct bound {
  binding_record record;
  std::string identity; ///< see binding_identity
  destination to;
  std::shared_ptr<const header_pattern> pattern; ///< only of headers exchanges
};
using bound_ptr = std::shared_ptr<const bound>;

/// What makes two bindings of one exchange the same: destination, routing key, and arguments whatever their order.
/// Its arguments are sorted by name (sort_arguments).
std::string binding_identity(const binding_record& record);
void sort_arguments(amqp::field_table& arguments);

/// What a publish offers to routing: its key and the CC and BCC keys (W47); headers sorted by name.
struct routing_input {
  const std::pmr::vector<std::string_view>& keys;
  const raw_fields& headers;
};

class exchange_router {
public:
  explicit exchange_router(exchange_type type);

  /// False if it is there already.
  bool bind(bound_ptr binding);
  /// Null if there is none.
  bound_ptr unbind(std::string_view identity);
  bool has(std::string_view identity) const { return bindings_.find(identity) != nullptr; }
  size_t size() const noexcept { return bindings_.size(); }

  void route(const routing_input& what, found_destinations& into) const;

  template<class Visit>
  void for_each(Visit&& visit) const {
    bindings_.for_each(visit);
  }
  std::vector<bound_ptr> sorted() const { return bindings_.sorted(); }

private:
  struct by_identity {
    static std::string_view key(const bound_ptr& entry) { return entry->identity; }
  };
  struct key_slot final : ref_counted {
    std::string key;
    destination_set to;
  };
  struct by_key {
    static std::string_view key(const ref<key_slot>& entry) { return entry->key; }
  };
  using direct_table = persistent_map<ref<key_slot>, by_key>;
  using fanout_table = destination_set;
  struct headers_table {}; ///< goes through the bindings

  static void add(direct_table& table, const bound& what);
  static void remove(direct_table& table, const bound& what);

  persistent_map<bound_ptr, by_identity> bindings_;
  std::variant<direct_table, fanout_table, topic_trie, headers_table> table_;
};

} // namespace broker
