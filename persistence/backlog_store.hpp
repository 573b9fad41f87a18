// Where the survivors of retired journal segments live: an ordered map from (queue, sequence number) to a message.
// Production is LevelDB (leveldb_backlog); simulation keeps two images and crashes (apps/sim/sim_backlog).
// Thread-safe. Writes are durable after the next synced write or sync(). A failed write ends the node (guarantees.md
// G6, L3); a failed read is damage (G7).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/message.hpp"
#include "ports/message_store.hpp"

namespace broker {

class backlog_store {
public:
  struct entry {
    queue_id queue = 0;
    seqno seq = 0;
    std::string value;
  };
  /// Returns false to stop.
  using visitor = std::function<bool(queue_id, seqno, std::string_view value)>;

  virtual ~backlog_store() = default;
  virtual result<void> put(std::span<const entry> entries, bool sync) = 0;
  virtual result<void> erase(queue_id queue, std::span<const seq_range> gone) = 0;
  virtual result<void> erase_queue(queue_id queue) = 0;
  virtual result<void> sync() = 0;
  /// Visits what is stored of `range`, rising.
  virtual result<void> read(queue_id queue, seq_range range, const visitor& each) = 0;
  /// Visits everything, rising.
  virtual result<void> scan(const visitor& each) = 0;
};

/// A message as the backlog keeps it: checksum over key and content, then the journal's form of one message.
std::string encode_backlog_value(queue_id queue, seqno seq, const message& content, bool transient,
                                 message_facts facts);
struct backlog_value {
  bool transient = false;
  message_facts facts;
  message content; ///< points into the value
};
/// An error when checksum or shape are wrong.
result<backlog_value> decode_backlog_value(queue_id queue, seqno seq, std::string_view value);

} // namespace broker
