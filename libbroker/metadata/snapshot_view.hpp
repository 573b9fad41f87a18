// The metadata_snapshot that metadata_state hands out: a copy of its tables, which share everything unchanged.
#pragma once

#include <memory>

#include "metadata/metadata_state.hpp"
#include "metadata/snapshot.hpp"
#include "metadata/tables.hpp"

namespace broker {

class snapshot_view final : public metadata_snapshot {
public:
  snapshot_view(metadata_tables tables, uint64_t version, queue_id next_queue,
                std::shared_ptr<const metadata_settings> settings);

  uint64_t version() const override { return version_; }
  queue_id next_queue_id() const override { return next_queue_; }
  bool vhost_exists(std::string_view vhost) const override;
  queue_ptr find_queue(std::string_view vhost, std::string_view name) const override;
  exchange_ptr find_exchange(std::string_view vhost, std::string_view name) const override;
  routed_by route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const override;
  bool tracing(std::string_view vhost) const override;
  bool any_tracing() const override;
  const broker::exchange_types& exchange_types() const override { return *settings_->exchange_types; }

  result<login> authenticate(std::string_view user, std::string_view password, bool loopback) const override;
  result<void> open_vhost(const login& who, std::string_view vhost) const override;
  result<void> authorise(const login& who, std::string_view vhost, resource_kind kind, std::string_view name,
                         access how) const override;
  result<void> authorise_topic(const login& who, const exchange_record& exchange, access how,
                               std::string_view routing_key) const override;
  result<void> admit_connection(const login& who, std::string_view vhost, uint64_t of_vhost,
                                uint64_t of_user) const override;
  result<void> admit_channel(const login& who, uint64_t of_user) const override;

  queue_options options_of(const queue_record& wanted) const override;
  // Each in the order of vhost, then name.
  void for_each_queue(const std::function<void(const queue_ptr&)>& visit) const override;
  void visit_queues(const std::function<void(const queue_ptr&)>& visit) const override;
  void visit_queues(size_t part, size_t parts, const std::function<void(const queue_ptr&)>& visit) const override;
  uint64_t queue_count() const override;
  void for_each_exchange(const std::function<void(const exchange_ptr&)>& visit) const override;
  /// Not the default exchange's implicit ones.
  void for_each_binding(const std::function<void(std::string_view, const binding_record&)>& visit) const override;
  void for_each_user(const std::function<void(const user_record&)>& visit) const override;
  void for_each_permission(
    const std::function<void(std::string_view, std::string_view, const permission&)>& visit) const override;
  std::shared_ptr<const vhost_record> find_vhost(std::string_view vhost) const override;
  std::shared_ptr<const user_record> find_user(std::string_view user) const override;
  void for_each_vhost(const std::function<void(const vhost_record&)>& visit) const override;
  void for_each_policy(bool operators, const std::function<void(const policy_record&)>& visit) const override;
  void for_each_topic_permission(
    const std::function<void(std::string_view, std::string_view, const topic_permission&)>& visit) const override;
  void for_each_parameter(const std::function<void(const parameter_record&)>& visit) const override;
  void for_each_global_parameter(const std::function<void(const parameter_record&)>& visit) const override;
  std::string find_global_parameter(std::string_view name) const override;
  void for_each_node(const std::function<void(const node_ptr&)>& visit) const override;
  uint64_t cluster() const override { return tables_.cluster; }

private:
  const metadata_tables tables_;
  const uint64_t version_;
  const queue_id next_queue_;
  const std::shared_ptr<const metadata_settings> settings_;
};

/// Every queue a publish to `from` reaches, appended once each (W43, W46, W47); see metadata_snapshot::route.
routed_by route_message(const vhost_tables& vhost, const exchange_record& from, const message& what,
                        std::vector<queue_ptr>& to);

} // namespace broker
