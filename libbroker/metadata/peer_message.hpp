// Messages between the metadata hosts of two nodes. Raft's own travel as datagrams, the rest in order. Every message
// names its cluster and its sender's id in the group: what is left of another cluster, or of a node that was reset, is
// ignored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "consensus/consensus.hpp"
#include "replication/types.hpp"

namespace broker {

struct peer_message {
  struct raft {
    std::string bytes;
  };
  /// To the leader: proposals of the sender's run, by sequence without gaps. Not answered: whoever proposed sees them
  /// applied, or sends them again.
  struct forwarded {
    uint64_t run = 0;
    std::vector<std::pair<uint64_t, std::string>> commands;
  };
  /// To the leader: what must be applied here before a read sees everything that was answered before it?
  struct read {
    uint64_t id = 0;
    consensus::read_haste haste = consensus::read_haste::at_once;
  };
  struct read_answer {
    uint64_t id = 0;
    bool ok = false; ///< false: not the leader, or not any more
    uint64_t index = 0;
  };
  /// To those whose changes it has applied: whatever the sender's clients ask from now on is answered with all entries
  /// up to there.
  struct applied {
    uint64_t index = 0;
  };
  /// From the leader to the node of a queue's master: it is to hand over to the replica on node `to` (U05). Not
  /// answered: the placement changes, or nothing has happened.
  struct move_master {
    queue_id queue = 0;
    epoch mastership = 0; ///< of the master that is meant
    replication::node_id to = 0;
    friend bool operator==(const move_master&, const move_master&) = default;
  };
  /// To the leader: a node that hears of no leader has said hello to the sender. If the leader cannot reach it, and the
  /// sender reaches everybody whom the leader reaches, the sender should lead. A wish: it may get lost.
  struct stranded {
    consensus::node_id node = 0;
    std::vector<consensus::node_id> reached; ///< by the sender
  };
  /// From a node that hears of no leader: perhaps it was forgotten while it was down.
  struct hello {};
  /// The receiver is no member any more and never will be under its id.
  struct forgotten {};

  uint64_t cluster = 0;
  consensus::node_id from = 0;
  std::variant<raft, forwarded, read, read_answer, hello, forgotten, applied, move_master, stranded> body;
};

std::string encode(const peer_message& what);
/// Error: malformed.
result<peer_message> decode_peer_message(std::string_view bytes);

} // namespace broker
