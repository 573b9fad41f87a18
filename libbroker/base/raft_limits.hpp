// The limits of the consensus core (libbroker/raft), beside base/limits.hpp so that not the whole broker is compiled
// again for one of them. Unit last in the name; default and origin with each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace broker::limits {

/// Pause between two heartbeats of a leader (own choice: each wakes three threads of every node, and idle ones should
/// sleep).
inline constexpr uint32_t raft_heartbeat_ms = 100;
/// A follower that has not heard of a leader for a random time between these asks for votes, so that a heartbeat may be
/// a quarter of a second late (own choice); a leader without answers of a majority for the longer one steps down. Of a
/// leader whose process ends the links tell sooner.
inline constexpr uint32_t raft_election_min_ms = 350;
inline constexpr uint32_t raft_election_max_ms = 650;
/// Pause after which an unanswered snapshot chunk is sent again.
inline constexpr uint32_t raft_snapshot_retry_ms = 1'000;
/// Message between two nodes (architecture.md D8) and what an entry or chunk may take of it.
inline constexpr size_t raft_message_max_bytes = 1024 * 1024;
inline constexpr size_t raft_entry_max_bytes = raft_message_max_bytes - 16 * 1024;
inline constexpr size_t raft_chunk_bytes = raft_message_max_bytes - 16 * 1024;
/// Entries of one append; one larger entry travels alone.
inline constexpr size_t raft_append_bytes = 256 * 1024;
/// Appends to one member that it has not answered.
inline constexpr size_t raft_inflight_appends_max = 64;
inline constexpr size_t raft_inflight_bytes = 4 * 1024 * 1024;
/// Commands of proposals that have no answer yet; beyond it they are refused as overloaded.
inline constexpr size_t raft_proposal_bytes = 32 * 1024 * 1024;
/// Entries kept in memory behind a snapshot for members that are a little late.
inline constexpr size_t raft_trailing_entries = 1'000;
/// Members of a group (architecture.md D9: five voters, the rest learners; room to replace some).
inline constexpr size_t raft_voters_max = 9;
inline constexpr size_t raft_learners_max = 128;
/// Nodes that vote; later ones are learners until one of them is forgotten (architecture.md D9).
inline constexpr size_t metadata_voters_max = 5;
/// A change of the metadata without a majority is refused after this long (G5; own choice: clients wait longer).
inline constexpr uint32_t metadata_proposal_ms = 5'000;
/// What was sent to the leader and is not applied after this long is sent again.
inline constexpr uint32_t metadata_resend_ms = 500;
/// An answer waits this long for a node that has not applied the change; after that the node is not waited for until it
/// has caught up (own choice: longer than a disk or a scheduler stalls; who stood still for longer finds out before it
/// drops a publish).
inline constexpr uint32_t metadata_shown_ms = 500;
/// A node that has joined serves clients once it votes, so that the loss of another is no longer the loss of a
/// majority; or after this long (own choice: it may have much to catch up with).
inline constexpr uint32_t metadata_vote_wait_ms = 5'000;
/// Proposals in one message to the leader.
inline constexpr size_t metadata_forward_bytes = 256 * 1024;
/// How often the leader looks whether the group's members are those of the table of nodes.
inline constexpr uint32_t metadata_keeper_ms = 100;
/// How often a node that hears of no leader asks the others whether it still is a member.
inline constexpr uint32_t metadata_hello_ms = 1'000;
/// For so long a node must have reached others but not the leader before one of them leads (own choice: links that come
/// up one after the other take less).
inline constexpr uint32_t metadata_stranded_ms = 2'000;
/// A node that the leader cannot reach for this long is marked as down (as RabbitMQ's net_ticktime).
inline constexpr uint32_t metadata_node_down_ms = 60'000;
/// A snapshot that a member offers (own choice: 100,000 queues take 50 MB).
inline constexpr uint64_t raft_snapshot_max_bytes = uint64_t{16} * 1024 * 1024 * 1024;

} // namespace broker::limits
