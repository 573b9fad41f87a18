// What replicas of one queue tell each other (replication.md section 2). Plain structs; on the wire: wire.hpp.
// Between two nodes they arrive in the order they were sent, or not at all after a disconnect.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "replication/log_write.hpp"

namespace broker::replication {

/// Master to any other replica. Without runs it is a probe: where do our logs part?
struct append {
  log_position prev;                  ///< the entry before the first run
  std::optional<uint32_t> prev_chain; ///< crc chain there, when the master has it at hand
  std::vector<log_run> runs;          ///< behind prev, without gaps
  seqno commit = 0;
  seqno delivered_upto = 0; ///< below it everything has been delivered once (G2)
  bool ends = false;        ///< behind these the master's log had nothing when this was sent
};
/// Everything up to `upto` is equal to the master's and on my disk.
struct append_ok {
  seqno upto = 0;
};
struct append_reject {
  enum class reason : uint8_t {
    stale,        ///< I know a later master: of the epoch this comes in
    gap,          ///< your prev is not here: try behind `hint`
    copy_refused, ///< a gap; and my log is not empty, so a copy has no place in it
    damaged,      ///< the crc chains differ: my log is verified, quarantined if need be, and comes back
  };
  reason why = reason::gap;
  seqno hint = 0;
};
/// Master to a joiner with an empty log: the tail follows from behind `base`, what lies below comes in chunks (R4).
struct copy_begin {
  log_base base;
};
/// Messages of [from, upto] that are live.
struct copy_chunk {
  seqno from = 0;
  seqno upto = 0;
  std::vector<live_run> live;
};
/// Joiner to master: up to here the copy has arrived.
struct copy_ok {
  seqno upto = 0;
};
/// Master to a replica that is not in the in-sync set and is too far behind: empty your log and come again (T19).
/// `whom`: the receiver's incarnation the master decided about. A later one may have caught up and be in sync when this
/// arrives.
struct start_over {
  incarnation whom = 0;
};

using content = std::variant<append, append_ok, append_reject, copy_begin, copy_chunk, copy_ok, start_over>;

struct envelope {
  queue_id queue = 0;
  broker::epoch mastership = 0; ///< of the sender
  incarnation inc = 0;          ///< of the sender
  content what;
};

/// Appends canonical bytes (describe.hpp).
void describe(const envelope& message, std::string& out);

} // namespace broker::replication
