// How many copies of a queue there shall be and on which nodes: RabbitMQ's ha-* policies and quorum queues (features.md
// Q03, Q10, Q20, S22). Pure and deterministic: the metadata asks when it applies a command, so that every node comes to
// the same answer. Who is in sync is not decided here (replication/placement.hpp).
//
//   ha-mode all       every node that has ever been up
//   ha-mode exactly   that many, or as many as there are nodes: those that have copies first, then the nodes that are
//                     up and have the fewest copies, ties by id
//   ha-mode nodes     the listed ones; and the master, as long as it is another one
//   quorum            three, or x-quorum-initial-group-size, or what an operator has made of it; else as exactly
//
// The master's node always holds a copy. A node that is down keeps its copy: it may be back in a moment. That it is not
// is for the supervisor to say (queue_supervisor.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "metadata/records.hpp"
#include "replication/placement.hpp"

namespace broker {

/// A node that may hold copies: one that has been up, under the number it has in placements.
struct copy_holder {
  node_ptr node;
  uint64_t load = 0; ///< queues that have a copy there, unreplicated ones included
  replication::node_id id() const { return static_cast<replication::node_id>(node->id); }
};

struct wanted_copies {
  std::vector<replication::node_id> nodes; ///< in order of preference; the master's is among them
  /// R7: 2 of three copies and more, else 1. Quorum queues: the majority.
  uint32_t min_in_sync = 1;
  friend bool operator==(const wanted_copies&, const wanted_copies&) = default;
};

/// Copies of a quorum queue that names no number (RabbitMQ: quorum_cluster_size).
inline constexpr uint32_t quorum_copies = 3;

/// Shall there be copies? Exclusive queues have none (Q19), nor has the hidden queue of a delaying exchange (P07).
/// Queues that are not durable may be mirrored, as in RabbitMQ. `queue.options` must be there.
bool asks_for_copies(const queue_record& queue);

/// What is wanted of a queue that asks for copies, and is mastered and listed as `present` says. `holders` rises by id
/// and has the master's node.
wanted_copies copies_of(const queue_record& queue, const replication::placement& present,
                        const std::vector<copy_holder>& holders);

/// May the supervisor move a copy of it from a node that is down to another one? Where the nodes follow from the policy
/// alone there is nothing to choose.
bool copies_may_move(const queue_record& queue);

/// A queue that has more wanted of it than it has in sync goes on confirming until it has them: min_in_sync rises when
/// that many are in sync, and from then on it holds.
uint32_t rising_min_in_sync(uint32_t wanted, const replication::placement& present);

/// Of a queue that is new, and has nothing yet that could make anybody wait: what is wanted, but a mirrored queue does
/// not wait for nodes that are down. A quorum queue does.
uint32_t first_min_in_sync(const queue_record& queue, const wanted_copies& wanted,
                           const std::vector<copy_holder>& holders);

} // namespace broker
