// What a node does to become, and to stop being, a member of a cluster (features.md S05-S07, S15). Behind an interface,
// so that the verbs and their tests know nothing of consensus and transport. node_cluster.cpp has the real one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace broker {

struct cluster_member {
  std::string node;
  bool running = false;
};

/// Errors carry texts for operators in RabbitMQ's words, and the exit code in `code` (0: unavailable).
class cluster_operations {
public:
  /// `error::code` of a running member that does not want this node.
  static constexpr uint16_t refused = 70;
  enum class join_outcome : uint8_t { joined, already_member };

  virtual ~cluster_operations() = default;

  // -- on the life thread, while the app is stopped; may take seconds --
  /// Asks a running member to admit this node, deletes this node's own data, and notes whom it belongs to; the app's
  /// next start fetches what the cluster knows. Error: the seed cannot be reached or refuses; nothing has changed then.
  virtual result<join_outcome> join(const std::string& seed) = 0;
  /// Has the other members remove this node; nothing to do for one that is alone. Error: none of them answers.
  virtual result<void> leave() = 0;

  /// A majority of the members is gone for good: this node becomes the only member of a new cluster with what it has.
  /// Others that come back are not listened to and must be reset. Nothing to do for a node that is alone.
  virtual result<void> go_alone() = 0;
  /// That member is gone for good: it is forgotten when the app is up again. When no other member is left that has not
  /// been named so, this node goes alone at once. Error: it is no member.
  virtual result<void> forget_offline(const std::string& node) = 0;

  // -- on the control thread --
  /// Names as this node knew them last, whether its app runs or not.
  virtual std::vector<std::string> stored_members() const = 0;
  /// While the app runs: by name, this node among them.
  virtual std::vector<cluster_member> nodes() const = 0;
  /// While the app runs: removes a stopped node and what only it had.
  virtual void forget(const std::string& node, std::function<void(result<void>)> done) = 0;
};

} // namespace broker
