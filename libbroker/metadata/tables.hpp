// The content of the metadata: what metadata_state changes and a snapshot shares. All containers are persistent
// (model/persistent_map.hpp), so that a copy of `metadata_tables` is a snapshot. Internal to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/ref_counted.hpp"
#include "metadata/access_rules.hpp"
#include "metadata/records.hpp"
#include "model/exchange_router.hpp"
#include "model/persistent_map.hpp"

namespace broker {

/// An exchange with its bindings. Changed only while nobody else has it (own_node), else copied.
struct exchange_node final : ref_counted {
  exchange_node(std::shared_ptr<const exchange_record> what, exchange_router how)
    : record(std::move(what)), router(std::move(how)) {}

  std::shared_ptr<const exchange_record> record;
  exchange_router router;
};

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

  std::string name;
  persistent_map<std::shared_ptr<const queue_record>, queue_by_name> queues;
  persistent_map<ref<exchange_node>, exchange_by_name> exchanges;
  persistent_map<std::shared_ptr<const user_rights>, rights_by_user> permissions;
};

struct metadata_tables {
  struct vhost_by_name {
    static std::string_view key(const ref<vhost_tables>& entry) { return entry->name; }
  };
  struct user_by_name {
    static std::string_view key(const std::shared_ptr<const user_record>& entry) { return entry->name; }
  };

  persistent_map<ref<vhost_tables>, vhost_by_name> vhosts;
  persistent_map<std::shared_ptr<const user_record>, user_by_name> users;

  const vhost_tables* find_vhost(std::string_view name) const {
    const ref<vhost_tables>* found = vhosts.find(name);
    return found ? found->get() : nullptr;
  }
};

/// "queue 'q' in vhost '/'", "exchange 'x' in vhost '/'": how RabbitMQ names a resource.
std::string resource_text(std::string_view kind, std::string_view name, std::string_view vhost);

} // namespace broker
