// The content of the metadata: what metadata_state changes and a snapshot shares. All containers are persistent
// (model/persistent_map.hpp), so that a copy of `metadata_tables` is a snapshot. Internal to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref_counted.hpp"
#include "metadata/access_rules.hpp"
#include "metadata/records.hpp"
#include "model/exchange_router.hpp"
#include "model/persistent_map.hpp"
#include "model/policy.hpp"

namespace broker {

/// An exchange with its bindings. Changed only while nobody else has it (own_node), else copied.
struct exchange_node final : ref_counted {
  exchange_node(std::shared_ptr<const exchange_record> what, exchange_router how)
    : record(std::move(what)), router(std::move(how)) {}

  std::shared_ptr<const exchange_record> record;
  exchange_router router;
};

/// A runtime parameter under "component\0name".
struct parameter_entry {
  explicit parameter_entry(parameter_record what) : key(what.component + '\0' + what.name), record(std::move(what)) {}
  std::string key;
  parameter_record record;
};
struct parameter_by_key {
  static std::string_view key(const std::shared_ptr<const parameter_entry>& entry) { return entry->key; }
};
using parameter_table = persistent_map<std::shared_ptr<const parameter_entry>, parameter_by_key>;

struct vhost_tables final : ref_counted {
  struct queue_by_name {
    static std::string_view key(const std::shared_ptr<const queue_record>& entry) { return entry->name; }
  };
  struct exchange_by_name {
    static std::string_view key(const ref<exchange_node>& entry) { return entry->record->name; }
  };
  struct rights_by_user {
    static std::string_view key(const std::shared_ptr<const user_rights>& entry) { return entry->user; }
  };
  struct topic_rights_by_key {
    static std::string_view key(const std::shared_ptr<const topic_rights>& entry) { return entry->key; }
  };

  const std::string& name() const noexcept { return record->name; }

  std::shared_ptr<const vhost_record> record;
  persistent_map<std::shared_ptr<const queue_record>, queue_by_name> queues;
  persistent_map<ref<exchange_node>, exchange_by_name> exchanges;
  persistent_map<std::shared_ptr<const user_rights>, rights_by_user> permissions;
  persistent_map<std::shared_ptr<const topic_rights>, topic_rights_by_key> topic_permissions;
  /// Few, and read as a whole: a change copies the list.
  std::shared_ptr<const policy_list> policies = std::make_shared<const policy_list>();
  std::shared_ptr<const policy_list> operator_policies = policies;
  parameter_table parameters;

  const policy_list& list_of(bool operators) const { return operators ? *operator_policies : *policies; }
};

struct metadata_tables {
  struct vhost_by_name {
    static std::string_view key(const ref<vhost_tables>& entry) { return entry->name(); }
  };
  struct user_by_name {
    static std::string_view key(const std::shared_ptr<const user_record>& entry) { return entry->name; }
  };

  persistent_map<ref<vhost_tables>, vhost_by_name> vhosts;
  persistent_map<std::shared_ptr<const user_record>, user_by_name> users;
  parameter_table global_parameters;
  /// Few, and read as a whole: a change copies the list. By id.
  std::shared_ptr<const std::vector<node_ptr>> nodes = std::make_shared<const std::vector<node_ptr>>();
  uint64_t cluster = 0; ///< random number of the cluster

  const vhost_tables* find_vhost(std::string_view name) const {
    const ref<vhost_tables>* found = vhosts.find(name);
    return found ? found->get() : nullptr;
  }
};

/// "queue 'q' in vhost '/'", "exchange 'x' in vhost '/'": how RabbitMQ names a resource.
std::string resource_text(std::string_view kind, std::string_view name, std::string_view vhost);

} // namespace broker
