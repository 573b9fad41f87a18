// The consensus group behind the metadata (../docs/internals/consensus.md; architecture.md D9). Sans-IO: a step gives
// `effects`, the host carries them out in the order of the members and reports back. Single-threaded, no clock, no I/O;
// one actor owns it. A single node is a group of one with the same persistence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace broker::consensus {

using node_id = uint64_t; ///< never reused: a wiped node joins under a new one
using ticket = uint64_t;  ///< chosen by the proposer, unique among its outstanding proposals
using time_ms = uint64_t; ///< monotonic

struct entry {
  enum class kind : uint8_t { command, noop, config };
  uint64_t index = 0;
  uint64_t term = 0;
  kind type = kind::command;
  std::string data;
  friend bool operator==(const entry&, const entry&) = default;
};

struct hard_state {
  uint64_t term = 0;
  node_id vote = 0; ///< 0 = none
  friend bool operator==(const hard_state&, const hard_state&) = default;
};

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

enum class outcome : uint8_t {
  ok,
  not_leader,
  lost,        ///< outcome unknown
  overloaded,  ///< limits::metadata_proposals_max are outstanding; nothing was proposed
  unsupported, ///< this group cannot do that (a group of one has no other members)
};
struct completion {
  ticket id = 0;
  outcome what = outcome::ok;
  uint64_t index = 0; ///< where the proposal was applied, when ok
};

struct snapshot_request {
  node_id to = 0;
  uint64_t offset = 0;
};

/// Carried out in this order by the host.
struct effects {
  std::optional<hard_state> state;       ///< durable before any message leaves
  std::optional<uint64_t> truncate_from; ///< drop stored entries from this index on
  std::vector<entry> append;             ///< then call persisted(index, term) once durable
  std::vector<std::pair<node_id, std::string>> messages;
  std::vector<entry> apply;     ///< committed, in order; then call applied(index)
  std::vector<completion> done; ///< after `apply`
  bool take_snapshot = false;   ///< the log is long: write one, then snapshot_stored
  std::optional<snapshot_request> send_snapshot;
  std::optional<std::string> install; ///< then snapshot_installed
};

enum class role : uint8_t { follower, candidate, leader, learner };

class group {
public:
  virtual ~group() = default;
  virtual effects tick(time_ms now) = 0;
  virtual effects recv(node_id from, std::string_view message) = 0;
  virtual effects propose(ticket id, std::string command) = 0;
  virtual effects read_barrier(ticket id) = 0;
  virtual effects add_learner(ticket id, node_id who) = 0;
  virtual effects promote(ticket id, node_id who) = 0;
  virtual effects remove(ticket id, node_id who) = 0;
  virtual effects transfer(node_id to) = 0;
  virtual effects persisted(uint64_t index, uint64_t term) = 0;
  virtual effects applied(uint64_t index) = 0;
  virtual effects snapshot_stored(const snapshot_meta& meta) = 0;
  virtual effects snapshot_installed(const snapshot_meta& meta) = 0;
  virtual role state() const = 0;
  virtual uint64_t term() const = 0;
  virtual std::optional<node_id> leader() const = 0;
};

} // namespace broker::consensus
