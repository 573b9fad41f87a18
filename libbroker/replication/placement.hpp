// Who holds a queue: the part of the metadata that replication stands on, and the commands that change it
// (docs/internals/replication.md section 3). Plain values and pure functions: the metadata state machine embeds a
// `node_table` and one `placement` per replicated queue and applies these when its log applies them, so that every node
// comes to the same answer.
#pragma once

#include <variant>
#include <vector>

#include "base/result.hpp"
#include "replication/types.hpp"

namespace broker::replication {

struct node_status {
  node_id node = 0;
  incarnation inc = 0; ///< the registered one
  bool live = false;   ///< its session has not expired; expiry is final for an incarnation
  friend bool operator==(const node_status&, const node_status&) = default;
};

/// Every node that ever registered, rising by number.
struct node_table {
  std::vector<node_status> nodes;

  const node_status* find(node_id node) const;
  incarnation registered(node_id node) const; ///< 0 = never
  bool live(node_id node) const;
  /// True if `who` is registered under exactly this incarnation.
  bool current(member who) const { return who.inc != 0 && registered(who.node) == who.inc; }
  bool current_and_live(member who) const { return current(who) && live(who.node); }
  friend bool operator==(const node_table&, const node_table&) = default;
};

/// What a listed replica tells when nobody in sync is alive (T18).
struct inventory {
  member who;         ///< under the incarnation it is registered with
  log_position last;  ///< of its last entry, not of the epoch it has heard of (C10)
  bool clean = true;  ///< the log verified
  bool empty = false; ///< it was emptied, by damage or for a copy, after the incarnation that is listed
  friend bool operator==(const inventory&, const inventory&) = default;
};

/// One queue. Invariant (checked by every command): the in-sync set is not empty, rises by node, holds the master's
/// node and no node twice.
struct placement {
  queue_id queue = 0;
  broker::epoch mastership = 1; ///< E
  isr_version version = 1;      ///< V
  node_id master = 0;
  std::vector<member> isr;            ///< entries may be of incarnations that are gone
  std::vector<node_id> nodes;         ///< who shall hold a copy, in order of preference
  uint32_t min_in_sync = 1;           ///< below it nothing is confirmed (R7, T11)
  std::vector<inventory> inventories; ///< of this mastership; for `recover`
  /// Nodes that have lost their copy, each with the incarnation that it has been to this queue since, unless it has
  /// come under a later session (`note_lost`). Rising by node.
  std::vector<member> lost;

  const member* listed(node_id node) const;
  bool lists(member who) const;
  bool places(node_id node) const;
  /// Has it a copy, or is it to have one? Who has not drops what it has of the queue.
  bool holds(node_id node) const { return places(node) || listed(node) != nullptr; }
  /// What a node with this session is to this queue: another incarnation since it has lost its copy.
  incarnation incarnation_of(node_id node, incarnation session) const;
  /// Does the copy of a node with this session count as in sync?
  bool in_sync(node_id node, incarnation session) const { return lists({node, incarnation_of(node, session)}); }
  friend bool operator==(const placement&, const placement&) = default;
};

/// Names each node once, in the order of their numbers?
bool rising(const std::vector<member>& members);

/// The nodes as the replicas of `queue` see them, of the nodes' sessions. Everything here takes such a table.
node_table nodes_of(const placement& queue, node_table sessions);

/// A replica sees the metadata as one queue and the nodes, version by version.
struct metadata_view {
  placement queue;
  node_table nodes; ///< `nodes_of` it
  friend bool operator==(const metadata_view&, const metadata_view&) = default;
};

// -- commands on nodes: they touch no queue (M1) --

/// A node's process starts, or returns after its session expired. Error: not above the registered incarnation.
result<void> register_node(node_table& nodes, member who);
/// Error: not the registered incarnation.
result<void> session_expired(node_table& nodes, member who);

// -- commands on one queue --

/// By its master only, compare-and-set on E and V. V moves even when the set is refused, so that the proposer learns
/// the outcome by applying (M2).
struct alter_isr {
  broker::epoch mastership = 0;
  isr_version version = 0;
  std::vector<member> isr;
  friend bool operator==(const alter_isr&, const alter_isr&) = default;
};
/// By the queue supervisor: the master is gone, an in-sync replica takes its place (R3).
struct promote {
  broker::epoch mastership = 0;
  node_id candidate = 0;
  friend bool operator==(const promote&, const promote&) = default;
};
/// By the master itself, on drain or to balance: everything it has is on `to`.
struct hand_over {
  broker::epoch mastership = 0;
  member to;
  friend bool operator==(const hand_over&, const hand_over&) = default;
};
/// By a listed replica: nobody in sync is alive (T18).
struct report_inventory {
  broker::epoch mastership = 0;
  inventory what;
  friend bool operator==(const report_inventory&, const report_inventory&) = default;
};
/// By the queue supervisor after a loss of power (R6). `grace_over`: recovery_grace_s has passed, do not wait for all.
/// `accept_data_loss`: an operator takes the loss (warrenctl promote --accept-data-loss); audited by who proposes it.
struct recover {
  broker::epoch mastership = 0;
  node_id candidate = 0;
  bool grace_over = false;
  bool accept_data_loss = false;
  friend bool operator==(const recover&, const recover&) = default;
};
/// Where copies shall be (policies, grow, shrink). Who is in sync is the master's to change.
struct place {
  std::vector<node_id> nodes;
  uint32_t min_in_sync = 1;
  friend bool operator==(const place&, const place&) = default;
};
using placement_command = std::variant<alter_isr, promote, hand_over, report_inventory, recover, place>;

/// Applies one command to `queue` as `nodes` stand at this point of the log. Error: refused, with the reason; only V
/// may then have changed (alter_isr).
result<void> apply(placement& queue, const node_table& nodes, const placement_command& what);

/// C19. `queue` has followed `before`: whoever has a copy no more drops its log, and what it had acknowledged must not
/// count when it is given one again. So from now on it is another incarnation there, `fresh`, which is above all that
/// were ever given out. `sessions` are those of the nodes that are. False: nobody has lost a copy.
bool note_lost(placement& queue, const placement& before, const node_table& sessions, incarnation fresh);

/// Aborts if `queue` breaks its invariant.
void check(const placement& queue);
/// The same of bytes that were read; and min_in_sync is to be had.
bool is_sound(const placement& queue);

/// Is any entry of the in-sync set current and live?
bool anyone_in_sync_alive(const placement& queue, const node_table& nodes);
/// Is the node listed, wanted, or heard of anywhere in it?
bool concerns(const placement& queue, node_id node);

/// An operator has removed a node for ever: its disk will never be asked again, so that it may leave the in-sync set
/// without a master's doing (M1 keeps those whose disks may). `nodes` are those that remain. If it was the master, the
/// one that comes nearest takes its place in a new epoch; if nobody in sync is alive, that one only stands for the
/// queue until somebody is recovered (R6), exactly as if it had been promoted and had died at once. False, and nothing
/// changed: nobody else was listed. What the queue held has gone with the node.
bool forget(placement& queue, const node_table& nodes, node_id gone);

} // namespace broker::replication
