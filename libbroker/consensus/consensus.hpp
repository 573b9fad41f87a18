// The consensus group behind the metadata (../docs/internals/consensus.md; architecture.md D9). Sans-IO: a step gives
// `effects`, the host carries them out in the order of the members and reports back. Single-threaded, no clock, no I/O;
// one actor owns it. A single node is a group of one with the same persistence.
//
// The host's store works in order: what a later step hands out is never durable before what an earlier one did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace broker::consensus {

using node_id = uint64_t; ///< never 0, never reused: a wiped node joins under a new one
using ticket = uint64_t;  ///< chosen by the proposer, unique among its outstanding proposals
using time_ms = uint64_t; ///< monotonic

struct entry {
  enum class kind : uint8_t { command, noop, config };
  uint64_t index = 0;
  uint64_t term = 0;
  kind type = kind::command;
  std::string data; ///< kind config: a membership, see raft/membership.hpp
  friend bool operator==(const entry&, const entry&) = default;
};

struct hard_state {
  uint64_t term = 0;
  node_id vote = 0; ///< 0 = none
  friend bool operator==(const hard_state&, const hard_state&) = default;
};

/// Both lists sorted, without duplicates and disjoint.
struct membership {
  std::vector<node_id> voters;
  std::vector<node_id> learners;
  friend bool operator==(const membership&, const membership&) = default;
};

struct snapshot_meta {
  uint64_t index = 0;
  uint64_t term = 0;
  membership members; ///< committed membership only
  friend bool operator==(const snapshot_meta&, const snapshot_meta&) = default;
};

/// What a start finds on disk (see broker::stored_metadata).
struct restart {
  hard_state state;
  std::optional<snapshot_meta> snapshot; ///< already restored by the host
  std::vector<entry> log;                ///< dense, from the snapshot's index + 1
};

enum class outcome : uint8_t {
  ok,
  not_leader,
  lost,        ///< outcome unknown
  overloaded,  ///< limits::metadata_proposals_max are outstanding; nothing was proposed
  unsupported, ///< this group cannot do that
  busy,        ///< a membership change or a transfer is under way, or the leader is too new; try again
  refused,     ///< makes no sense here: no such member, already one, not caught up, too large, too many
};
struct completion {
  ticket id = 0;
  outcome what = outcome::ok;
  uint64_t index = 0; ///< where the proposal was applied, when ok
};

/// Bytes of a stored snapshot for a member that is too far behind; answered by snapshot_read.
struct snapshot_request {
  node_id to = 0;
  uint64_t index = 0; ///< which snapshot
  uint64_t term = 0;
  uint64_t offset = 0;
  size_t bytes_max = 0;
  friend bool operator==(const snapshot_request&, const snapshot_request&) = default;
};

/// A part of a snapshot being received: written to a temporary file at `offset` (0: start again).
struct snapshot_chunk {
  snapshot_meta meta;
  uint64_t offset = 0;
  std::string data;
  /// The file is whole: make it the snapshot, drop the *whole* stored log, restore the state; durable as one step or
  /// in that order. Then call snapshot_installed.
  bool last = false;
};

enum class role : uint8_t { follower, candidate, leader, learner };

struct leadership {
  uint64_t term = 0;
  node_id leader = 0; ///< 0 = none known
  role self = role::follower;
  friend bool operator==(const leadership&, const leadership&) = default;
};

/// Carried out in this order by the host.
struct effects {
  std::optional<hard_state> state;       ///< durable before any message leaves
  std::optional<uint64_t> truncate_from; ///< drop stored entries from this index on
  /// Then call persisted(last index, term() of now) once durable; only the last of several such calls is needed.
  std::vector<entry> append;
  std::vector<std::pair<node_id, std::string>> messages; ///< need not wait for `append`
  std::vector<entry> apply;     ///< committed, in order; then call applied(index). Kind config: note the members
  std::vector<completion> done; ///< after `apply`; proposals in the order of their entries
  bool take_snapshot = false;   ///< the log is long: write one of snapshot_point(), then snapshot_stored
  std::vector<snapshot_request> send_snapshot;
  std::optional<snapshot_chunk> store_chunk;
  std::optional<leadership> changed; ///< term, leader or own role are new
  /// A member's message contradicts what is committed or certain here. Somebody has lost or invented entries (a wiped
  /// node under its old id?): log it loudly and end the node, as for damage (G7). The message was ignored.
  std::optional<std::string> contradiction;
};

/// How soon a read is wanted: at once costs a round of messages to all members, at leisure waits for the next
/// heartbeat, which carries it.
enum class read_haste : uint8_t { at_once, at_leisure };

class group {
public:
  virtual ~group() = default;
  /// The first step, once.
  virtual effects start() = 0;
  virtual effects tick(time_ms now) = 0;
  /// What is heard from now on is heard at this time, after that of the last tick: who ticks only when something is due
  /// says it before every other call.
  virtual void at(time_ms now) = 0;
  /// When tick() has something to do, as things are. Every other call may move it.
  virtual time_ms next_tick() const = 0;
  virtual effects recv(node_id from, std::string_view message) = 0;
  /// The process of that member has ended, as far as anybody can tell: if it led, nobody waits for it to fall silent.
  virtual effects ended(node_id who) = 0;
  /// Only queues, so that many proposals become one write and one message per member: flush() (or any other step)
  /// hands them out.
  virtual effects propose(ticket id, std::string command) = 0;
  virtual effects flush() = 0;
  /// Completed when everything that was committed before the call is applied and this node still was the leader after
  /// it.
  virtual effects read_barrier(ticket id, read_haste haste = read_haste::at_once) = 0;
  virtual effects add_learner(ticket id, node_id who) = 0;
  virtual effects promote(ticket id, node_id who) = 0;
  virtual effects remove(ticket id, node_id who) = 0;
  /// Ok when this node leads no more; lost when the other did not take over in time (it still may).
  virtual effects transfer(ticket id, node_id to) = 0;
  virtual effects persisted(uint64_t index, uint64_t term) = 0;
  virtual effects applied(uint64_t index) = 0;
  virtual effects snapshot_stored(const snapshot_meta& meta) = 0;
  virtual effects snapshot_installed(const snapshot_meta& meta) = 0;
  /// Bytes from request.offset on, at most bytes_max, of a snapshot of `size` bytes; nullopt: that snapshot is gone.
  virtual effects snapshot_read(const snapshot_request& request, uint64_t size,
                                std::optional<std::string_view> bytes) = 0;
  virtual role state() const = 0;
  virtual uint64_t term() const = 0;
  virtual std::optional<node_id> leader() const = 0;
  /// In force: the newest in the log, committed or not.
  virtual const membership& members() const = 0;
  /// What a snapshot of the state after the last applied() must be stored under.
  virtual snapshot_meta snapshot_point() const = 0;
};

} // namespace broker::consensus
