// What each node of a cluster tells the others about itself: that it is short of memory or disk, which blocks
// publishers on all nodes until it is over or its node can no longer be reached (features.md O46), and that it is
// drained, so that no queue is placed there (O10).
//
// Sans-IO. A node's condition travels in a frame of cluster_service::control when a session begins and whenever it
// changes; a frame says all of it, so that only the last one counts. Each is answered when it is in effect, so that a
// node can say of itself what all others know. Single-threaded.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace broker::cluster {

struct node_condition {
  bool memory = false; ///< alarm
  bool disk = false;   ///< alarm
  bool drained = false;

  bool alarmed() const { return memory || disk; }
  friend bool operator==(const node_condition&, const node_condition&) = default;
};

/// What blocked clients are told: "low on memory", "low on disk", "low on memory & disk"; "" without an alarm.
std::string blocked_reason(const node_condition& what);
/// For people, as RabbitMQ's tools word it: "Memory alarm on node rabbit@a".
std::vector<std::string> alarm_texts(const std::string& node, const node_condition& what);

class node_conditions {
public:
  using by_node = std::map<std::string, node_condition>;

  void set_own(const node_condition& now);
  const node_condition& own() const noexcept { return own_; }

  // -- other nodes --
  /// Connected. `fresh`: a new session, in which nothing has been said yet.
  void reached(const std::string& node, bool fresh);
  /// The connection is broken. What the node has said is remembered, but does not count: a dead node must not block
  /// the living, and a living one that cannot be reached is not protected by blocking.
  void unreachable(const std::string& node);
  /// The session is over: what it has said is void.
  void lost(const std::string& node);
  /// A frame. Unknown kinds, of a newer version, are ignored; so are damaged ones.
  void received(const std::string& node, std::string_view frame);

  /// Conditions of other nodes that count; only of nodes that have something to say.
  by_node others() const;

  /// A frame with this node's condition.
  std::string frame() const;
  /// Nodes with a session that have not been told the present state.
  std::vector<std::string> untold() const;
  void told(const std::string& node);
  /// Nodes that can be reached and have not answered that they know the present state.
  size_t unaware() const;

  /// The answer to a frame, and the nodes it is owed to.
  static std::string answer();
  std::vector<std::string> unanswered() const;
  void answered(const std::string& node);

private:
  struct peer {
    node_condition says;
    bool reached = false;
    bool session = false;
    bool told = false;
    size_t asks = 0; ///< frames to it that it has not answered
    size_t owed = 0; ///< answers to its frames
  };

  node_condition own_;
  std::map<std::string, peer> peers_;
};

} // namespace broker::cluster
