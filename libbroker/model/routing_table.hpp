// The structures that route by bindings, one alternative per built-in exchange type and one for plug-ins (features.md
// W43-W45). A value: copying is a few references, changing a copy leaves the original alone (persistent_map.hpp).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "model/binding.hpp"
#include "model/destination_set.hpp"
#include "model/exchange_plugin.hpp"
#include "model/persistent_map.hpp"
#include "model/topic_trie.hpp"

namespace broker {

class routing_table {
public:
  /// Of a built-in type.
  explicit routing_table(exchange_type kind);
  /// Of a plug-in. Not null.
  explicit routing_table(ref<exchange_table> table);

  /// The caller binds equal bindings once only. Headers: the arguments have been checked (header_pattern::compile).
  void bind(const bound_ptr& binding);
  void unbind(const bound_ptr& binding);
  void route(const routing_input& what, found_destinations& into) const;
  routed_by looks_at() const;

private:
  struct key_slot final : ref_counted {
    std::string key;
    destination_set to;
  };
  struct by_key {
    static std::string_view key(const ref<key_slot>& entry) { return entry->key; }
  };
  using direct_table = persistent_map<ref<key_slot>, by_key>;
  using fanout_table = destination_set;
  struct header_binding final : ref_counted {
    explicit header_binding(bound_ptr what);
    bound_ptr binding;
    header_pattern pattern;
  };
  struct by_identity {
    static std::string_view key(const ref<header_binding>& entry) { return entry->binding->identity; }
  };
  using headers_table = persistent_map<ref<header_binding>, by_identity>;
  using plugin_table = ref<exchange_table>;

  static void add(direct_table& table, const bound& what);
  static void remove(direct_table& table, const bound& what);
  /// The plug-in's table, which from now on nobody else sees.
  static exchange_table& own(plugin_table& slot);

  std::variant<direct_table, fanout_table, topic_trie, headers_table, plugin_table> table_;
};

} // namespace broker
