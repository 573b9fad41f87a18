// Metadata small enough to see through: what a channel's tests declare, and nothing else.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "metadata/snapshot.hpp"

namespace broker::test {

/// One vhost "/". Routing: direct and topic by equal keys, fanout to all, headers by one equal entry; CC and BCC are
/// extra keys; an alternate exchange is tried when nothing matched.
class fake_metadata final : public metadata_snapshot {
public:
  fake_metadata();

  // -- what a test sets up; each raises the version --
  queue_id add_queue(const std::string& name);
  queue_id add_queue(queue_record queue);
  void remove_queue(const std::string& name);
  /// The queue is replicated, and this is its present master.
  void set_master(const std::string& name, epoch mastership, const std::string& node = "rabbit@here");
  void add_exchange(const std::string& name, exchange_type kind);
  void add_exchange(exchange_record exchange);
  void bind(const std::string& exchange, const std::string& key, const std::string& queue);
  void bind_by_header(const std::string& exchange, const std::string& header, const std::string& queue);
  void set_tracing(bool on);
  void refuse(resource_kind kind, const std::string& name, access how);
  void refuse_topic(const std::string& exchange, const std::string& key, access how);
  /// Applies what a channel proposed, as far as these tests need it.
  command_result apply(const command& what);

  size_t lookups = 0; ///< calls of route()
  std::vector<node_ptr> nodes;
  queue_id next_id = UINT64_MAX; ///< as next_queue_id gives it

  // -- metadata_snapshot --
  uint64_t version() const override { return version_; }
  queue_id next_queue_id() const override { return next_id; }
  bool vhost_exists(std::string_view vhost) const override { return vhost == "/"; }
  queue_ptr find_queue(std::string_view vhost, std::string_view name) const override;
  exchange_ptr find_exchange(std::string_view vhost, std::string_view name) const override;
  routed_by route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const override;
  bool tracing(std::string_view) const override { return tracing_; }
  bool any_tracing() const override { return tracing_; }
  result<login> authenticate(std::string_view, std::string_view, bool) const override;
  result<void> open_vhost(const login&, std::string_view) const override { return {}; }
  result<void> authorise(const login& who, std::string_view vhost, resource_kind kind, std::string_view name,
                         access how) const override;
  /// Refused are the keys of refuse_topic.
  result<void> authorise_topic(const login& who, const exchange_record& exchange, access how,
                               std::string_view routing_key) const override;
  void for_each_queue(const std::function<void(const queue_ptr&)>& visit) const override;
  void for_each_exchange(const std::function<void(const exchange_ptr&)>& visit) const override;
  void for_each_node(const std::function<void(const node_ptr&)>& visit) const override {
    for (const node_ptr& each : nodes)
      visit(each);
  }
  void for_each_binding(const std::function<void(std::string_view, const binding_record&)>&) const override {}
  void for_each_user(const std::function<void(const user_record&)>&) const override {}
  void for_each_permission(
    const std::function<void(std::string_view, std::string_view, const permission&)>&) const override {}

private:
  struct binding {
    std::string exchange;
    std::string key;
    bool by_header;
    std::string queue;
  };

  bool tracing_ = false;
  uint64_t version_ = 1;
  queue_id next_queue_ = 1;
  std::map<std::string, queue_ptr, std::less<>> queues_;
  std::map<std::string, exchange_ptr, std::less<>> exchanges_;
  std::vector<binding> bindings_;
  std::set<std::tuple<resource_kind, std::string, access>> refused_;
  std::set<std::tuple<std::string, std::string, access>> refused_topics_;
};

} // namespace broker::test
