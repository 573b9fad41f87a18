// A node's membership as the life thread changes it: cluster_operations over the control endpoints of other nodes and
// the metadata's table of nodes.
#pragma once

#include "cluster_operations.hpp"
#include "node_view.hpp"

namespace broker {

class node_cluster final : public cluster_operations {
public:
  /// Both outlive this.
  node_cluster(const node_config& config, node_view& node) : config_(config), node_(node) {}

  result<join_outcome> join(const std::string& seed) override;
  result<void> leave() override;
  result<void> go_alone() override;
  result<void> forget_offline(const std::string& node) override;
  std::vector<std::string> stored_members() const override;
  std::vector<cluster_member> nodes() const override;
  void forget(const std::string& node, std::function<void(result<void>)> done) override;

private:
  const node_config& config_;
  node_view& node_;
};

} // namespace broker
